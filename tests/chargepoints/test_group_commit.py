"""Many short functions, one transaction: resolved after COMMIT, in order, and one that fails harms only itself."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from chargepoints.group_commit import MAX_BATCH, GroupCommit
from chargepoints.models import DriverToken, Location

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 10


@pytest.fixture
def writer() -> Iterator[GroupCommit]:
    writer = GroupCommit()
    yield writer
    writer.stop()


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of the thread of each COMMIT."""
    counted: list[str] = []
    commit = BaseDatabaseWrapper._commit

    def counting(wrapper: BaseDatabaseWrapper) -> None:
        counted.append(threading.current_thread().name)
        commit(wrapper)

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", counting)
    return counted


class Gate:
    """Holds the writer thread inside a job, so that what is submitted meanwhile makes one batch."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def job(self) -> None:
        self.reached.set()
        assert self.opened.wait(PATIENCE_S)

    async def hold(self, writer: GroupCommit) -> "asyncio.Future[None]":
        held = writer.submit(self.job)
        await asyncio.to_thread(self.reached.wait, PATIENCE_S)
        return held


def add(name: str) -> str:
    Location.objects.create(name=name)
    return f"added {name}"


def names() -> list[str]:
    return list(Location.objects.order_by("pk").values_list("name", flat=True))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def elsewhere(function: Callable[[], Any]) -> Any:
    """On a connection of its own."""

    def on_own_connection() -> Any:
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(on_own_connection).result(PATIENCE_S)


def in_one_batch(writer: GroupCommit, *jobs: Callable[[], Any]) -> list[Any]:
    """The value or exception of each job, all submitted while the writer was busy."""

    async def submit_all() -> list[Any]:
        gate = Gate()
        held = await gate.hold(writer)
        results = [writer.submit(job) for job in jobs]
        gate.opened.set()
        await held
        return await asyncio.gather(*results, return_exceptions=True)

    return asyncio.run(submit_all())


def test_a_function_gets_its_arguments_and_its_value_comes_back(writer):
    async def submit() -> Any:
        return await writer.submit(lambda *args, **kwargs: (args, kwargs), 1, function=2)

    assert asyncio.run(submit()) == ((1,), {"function": 2})


def test_all_that_waits_is_one_transaction(writer, commits):
    results = in_one_batch(writer, *(lambda n=n: add(f"L{n}") for n in range(20)))
    assert results == [f"added L{n}" for n in range(20)]
    assert commits == ["group-commit"] * 2  # that of the gate, and that of the twenty
    assert len(names()) == 20


def test_a_batch_has_a_limit(writer, commits):
    in_one_batch(writer, *(lambda: None for _ in range(MAX_BATCH + 1)))
    assert len(commits) == 3


def test_the_order_of_submission_is_the_order_of_execution(writer):
    in_one_batch(writer, *(lambda n=n: add(f"L{n}") for n in range(MAX_BATCH + 50)))
    assert names() == [f"L{n}" for n in range(MAX_BATCH + 50)]


def test_one_that_fails_gets_its_exception_and_harms_nobody_else(writer):
    DriverToken.objects.create(uid="TAKEN")
    results = in_one_batch(
        writer,
        lambda: add("before"),
        lambda: (add("half done"), DriverToken.objects.create(uid="TAKEN")),
        lambda: 1 / 0,
        lambda: add("after"),
    )
    assert results[0] == "added before"
    assert isinstance(results[1], IntegrityError)
    assert isinstance(results[2], ZeroDivisionError)
    assert results[3] == "added after"
    assert names() == ["before", "after"]


def test_one_that_fails_alone_leaves_nothing_and_the_writer_goes_on(writer):
    [failed] = in_one_batch(writer, lambda: (add("half done"), 1 / 0))
    assert isinstance(failed, ZeroDivisionError)
    assert in_one_batch(writer, lambda: add("next")) == ["added next"]
    assert names() == ["next"]


class Contested:
    """Ends `times` with an error of the database, and then adds a location."""

    def __init__(self, times: int, sqlstate: str = "40P01") -> None:
        self.left, self.cause = times, psycopg.errors.lookup(sqlstate)("deadlock detected")

    def __call__(self) -> str:
        added = add("contested")
        if self.left:
            self.left -= 1
            raise OperationalError("deadlock detected") from self.cause
        return added


async def _kept(writer: GroupCommit, function: Contested) -> str | None:
    try:
        return await writer.submit(function)
    except OperationalError:
        return None


@pytest.mark.parametrize(("times", "sqlstate", "kept"), [(3, "40P01", True), (4, "40P01", False), (1, "08006", False)])
def test_one_that_loses_against_another_transaction_is_run_again_a_few_times(writer, times, sqlstate, kept):
    assert asyncio.run(_kept(writer, Contested(times, sqlstate))) == ("added contested" if kept else None)
    assert Location.objects.count() == kept


def test_a_result_comes_only_after_the_commit(writer, monkeypatch):
    """While COMMIT is held back, nobody is told and another connection sees nothing."""
    at_commit, go_on = threading.Event(), threading.Event()
    commit = BaseDatabaseWrapper._commit

    def held_back(wrapper: BaseDatabaseWrapper) -> None:
        at_commit.set()
        assert go_on.wait(PATIENCE_S)
        commit(wrapper)

    async def submit() -> tuple[bool, list[str], str, list[str]]:
        monkeypatch.setattr(BaseDatabaseWrapper, "_commit", held_back)
        result = asyncio.ensure_future(writer.submit(add, "L"))
        await asyncio.to_thread(at_commit.wait, PATIENCE_S)
        told, seen = result.done(), elsewhere(names)
        go_on.set()
        return told, seen, await result, elsewhere(names)

    told, seen, value, seen_after = asyncio.run(submit())
    assert (told, seen) == (False, [])
    assert (value, seen_after) == ("added L", ["L"])


def test_a_failed_commit_is_told_to_everyone_in_it(writer, monkeypatch):
    def broken(wrapper: BaseDatabaseWrapper) -> None:
        raise IntegrityError("deferred constraint")

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", broken)

    async def submit() -> list[Any]:
        return await asyncio.gather(writer.submit(add, "A"), writer.submit(add, "B"), return_exceptions=True)

    assert [type(result) for result in asyncio.run(submit())] == [IntegrityError, IntegrityError]
    monkeypatch.undo()
    assert names() == []


def test_sockets_of_many_loops_share_one_writer(writer):
    def loop(number: int) -> list[str]:
        async def submit() -> list[str]:
            return await asyncio.gather(*(writer.submit(add, f"{number}.{n}") for n in range(10)))

        return asyncio.run(submit())

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(loop, range(4)))
    assert results == [[f"added {number}.{n}" for n in range(10)] for number in range(4)]
    assert [name for name in names() if name.startswith("2.")] == [f"2.{n}" for n in range(10)]
    assert len(names()) == 40


def test_a_caller_that_was_cancelled_disturbs_nobody(writer):
    async def submit() -> str:
        gate = Gate()
        held = await gate.hold(writer)
        given_up, other = asyncio.ensure_future(writer.submit(add, "given up")), writer.submit(add, "other")
        given_up.cancel()
        gate.opened.set()
        await held
        return await other

    assert asyncio.run(submit()) == "added other"
    assert names() == ["given up", "other"]


def test_work_of_a_loop_that_has_closed_is_done_all_the_same(writer):
    gate = Gate()

    async def leave() -> None:
        await gate.hold(writer)
        writer.submit(add, "left behind")

    asyncio.run(leave())
    gate.opened.set()
    assert in_one_batch(writer, lambda: add("next")) == ["added next"]
    assert names() == ["left behind", "next"]


# --- stop -----------------------------------------------------------------------------------------------------------


def test_stop_finishes_what_was_submitted_and_ends_the_thread(writer):
    async def submit() -> tuple[list[str], bool]:
        gate = Gate()
        held = await gate.hold(writer)
        thread = writer._thread
        assert thread is not None
        results = [writer.submit(add, f"L{n}") for n in range(5)]
        stopping = asyncio.create_task(asyncio.to_thread(writer.stop))
        gate.opened.set()
        await held
        await stopping
        return await asyncio.gather(*results), thread.is_alive()

    assert asyncio.run(submit()) == ([f"added L{n}" for n in range(5)], False)


def test_what_is_submitted_while_it_stops_is_done_too(writer):
    async def submit() -> str:
        gate = Gate()
        held = await gate.hold(writer)
        stopping = threading.Thread(target=writer.stop, daemon=True)
        stopping.start()
        await asyncio.to_thread(until, lambda: writer._thread is None)
        late = writer.submit(add, "late")
        gate.opened.set()
        await held
        await asyncio.to_thread(stopping.join, PATIENCE_S)
        assert not stopping.is_alive()
        async with asyncio.timeout(PATIENCE_S):
            return await late

    assert asyncio.run(submit()) == "added late"


def test_it_starts_again_after_a_stop(writer):
    in_one_batch(writer, lambda: add("one"))
    writer.stop()
    assert in_one_batch(writer, lambda: add("two")) == ["added two"]


def test_stopping_what_never_started_is_nothing():
    GroupCommit().stop()
