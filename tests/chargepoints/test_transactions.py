"""Transactions of threads, and functions that are cheaper for many: on SQLite all run on the one writer thread."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from chargepoints.group_commit import Job, commit, together, writer
from chargepoints.models import Location
from chargepoints.transactions import committed

pytestmark = pytest.mark.django_db(transaction=True)


def job(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Job:
    return Job(function, args, kwargs, Future(), None)


def outcomes(batch: list[Job]) -> list[Any]:
    return [each.future.exception() or each.future.result() for each in batch]


def add(name: str) -> str:
    Location.objects.create(name=name)
    return name


def fail_after(name: str) -> None:
    add(name)
    raise ValueError(name)


def names() -> list[str]:
    return list(Location.objects.order_by("name").values_list("name", flat=True))


# --- functions for many ---------------------------------------------------------------------------------------------


def test_functions_for_many_run_once_for_all_and_before_the_rest():
    seen: list[Any] = []

    @together(seen.append, each=lambda number, *, factor: number * factor)
    def note(number: int, *, factor: int) -> None:
        raise AssertionError

    batch = [job(seen.append, "alone"), job(note, 1, factor=10), job(note, 2, factor=10)]
    commit(batch)
    assert seen == [[10, 20], "alone"]
    assert outcomes(batch) == [None, None, None]


def test_of_functions_for_many_too_only_the_guilty_fails():
    kept: list[list[int]] = []

    def for_all(numbers: list[int]) -> None:
        if 0 in numbers:
            raise ValueError
        kept.append(numbers)

    @together(for_all, each=int)
    def keep(number: int) -> None:
        raise AssertionError

    batch = [job(keep, 1), job(keep, 0), job(keep, 2)]
    commit(batch)
    assert kept == [[1], [2]]
    assert [type(outcome) for outcome in outcomes(batch)] == [type(None), ValueError, type(None)]


# --- transactions of threads ----------------------------------------------------------------------------------------


def test_threads_wait_for_the_commit_of_what_they_run():
    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(lambda name: writer.run(add, name), "abcd")) == ["a", "b", "c", "d"]
    assert sorted(names()) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="bad"):
        writer.run(fail_after, "bad")
    assert "bad" not in names()


@committed
def where() -> tuple[str, bool]:
    return threading.current_thread().name, connection.in_atomic_block


def test_on_sqlite_transactions_of_threads_run_on_the_writer_elsewhere_where_they_are():
    here = threading.current_thread().name
    assert where() == ("group-commit" if connection.vendor == "sqlite" else here, True)


def test_inside_a_transaction_it_is_part_of_that():
    with transaction.atomic():
        assert where() == (threading.current_thread().name, True)


def test_on_the_writer_it_does_not_wait_for_itself():
    @committed
    def outer() -> tuple[str, bool]:
        return where()

    assert outer() == where()


def test_what_it_raises_undoes_it_and_reaches_the_caller():
    with pytest.raises(ValueError, match="bad"):
        committed(fail_after)("bad")
    assert names() == []
