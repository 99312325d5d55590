"""Short transactions of threads: committed when the function returns."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection, transaction

from chargepoints.group_commit import writer

P = ParamSpec("P")
T = TypeVar("T")


def committed(function: Callable[P, T]) -> Callable[P, T]:
    """The function in a transaction; inside another it is part of that.

    On SQLite it runs on the writer thread. There is one writer at a time: threads that wait for its lock poll for it,
    out of turn, and each flushes the disk for itself. PostgreSQL takes them side by side and groups their flushes.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if connection.vendor == "sqlite" and not connection.in_atomic_block and not writer.is_current_thread:
            return writer.run(function, *args, **kwargs)
        with transaction.atomic():
            return function(*args, **kwargs)

    return run
