"""Runs the short database functions of many sockets and threads in one transaction, and resolves each after COMMIT.

A commit costs a disk flush; a hundred meter values in one transaction cost one. A function that fails takes its batch
down with it, so each of the batch is then retried alone and only the guilty one gets its exception. One that lost to
another transaction is run again.
"""

import asyncio
import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from django.db import connection, transaction

from chargepoints.conflicts import RUNS, is_conflict

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger(__name__)
MAX_BATCH = 200


def together(
    for_all: Callable[[list[T]], None], *, each: Callable[..., T]
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Marks a function that is cheaper for many: those of one batch run as one `for_all` of what `each` makes of their
    arguments, before the rest of the batch.
    """

    def mark(function: Callable[P, None]) -> Callable[P, None]:
        function.together = (for_all, each)  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(slots=True, eq=False)
class Job:
    """`loop` None: a thread waits for the future."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: "asyncio.Future[Any] | Future[Any]"
    loop: asyncio.AbstractEventLoop | None
    value: Any = None
    error: BaseException | None = None

    def run(self) -> None:
        self.value = self.function(*self.args, **self.kwargs)

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class GroupCommit:
    """One writer thread. Functions must be short and must not wait for anything but the database."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Awaitable[T]:
        """Runs `function` on the writer thread; the awaitable ends after its COMMIT, or with its exception."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(Job(function, args, kwargs, future, loop))
        return future

    def run(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """The same for a thread, which waits. Not for the writer's own."""
        future: Future[T] = Future()
        self._put(Job(function, args, kwargs, future, None))
        return future.result()

    @property
    def is_current_thread(self) -> bool:
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """Finishes what was submitted, then ends the thread. The next job starts another."""
        with self._lock:
            thread, self._thread = self._thread, None
            jobs, self._jobs = self._jobs, queue.SimpleQueue()
        if thread:
            jobs.put(None)
            thread.join()

    def _put(self, job: Job) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=_write, args=(self._jobs,), name="group-commit", daemon=True)
                self._thread.start()
            self._jobs.put(job)


def _write(jobs: "queue.SimpleQueue[Job | None]") -> None:
    try:
        while (job := jobs.get()) is not None:
            batch, last = _batch(job, jobs)
            commit(batch)
            if last:
                return
    finally:
        connection.close()


def _batch(first: Job, jobs: "queue.SimpleQueue[Job | None]") -> tuple[list[Job], bool]:
    batch = [first]
    while len(batch) < MAX_BATCH:
        try:
            job = jobs.get_nowait()
        except queue.Empty:
            break
        if job is None:
            return batch, True
        batch.append(job)
    return batch, False


def commit(batch: list[Job]) -> None:
    """One transaction for all; if that fails, one for each."""
    error = _commit_together(batch)
    if error is None:
        _resolve(batch)
    elif len(batch) == 1 and not is_conflict(error):
        batch[0].error = error
        _resolve(batch)
    else:
        for job in batch:
            _commit_alone(job)
            _resolve([job])


def _commit_alone(job: Job) -> None:
    """A message of a charge point is not lost because others wait for the same rows."""
    for _ in range(RUNS):
        job.error = _commit_together([job])
        if not is_conflict(job.error):
            return
        logger.warning("%s run again after a conflict", job.function)


def _commit_together(batch: list[Job]) -> BaseException | None:
    try:
        with transaction.atomic():
            _run(batch)
    except Exception as error:  # whatever it is belongs to the caller of submit()
        connection.close_if_unusable_or_obsolete()
        return error
    return None


def _run(batch: list[Job]) -> None:
    """Functions marked `together` come first: they lock sessions, which all other code locks before anything else."""
    alone = []
    for_all: dict[Callable[[list[Any]], None], list[Any]] = defaultdict(list)
    for job in batch:
        if marked := getattr(job.function, "together", None):
            for_all[marked[0]].append(marked[1](*job.args, **job.kwargs))
        else:
            alone.append(job)
    for function, calls in for_all.items():
        function(calls)
    for job in alone:
        job.run()


def _resolve(batch: list[Job]) -> None:
    """One wake-up for each loop, however many of its futures are done."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[Job]] = defaultdict(list)
    for job in batch:
        by_loop[job.loop].append(job)
    for loop, jobs in by_loop.items():
        if loop is None:
            _settle(jobs)
            continue
        try:
            loop.call_soon_threadsafe(_settle, jobs)
        except RuntimeError:  # the loop has closed: the work is committed, nobody is left to tell
            logger.debug("nobody waits for %s jobs any more", len(jobs))


def _settle(jobs: Iterable[Job]) -> None:
    for job in jobs:
        job.settle()


writer = GroupCommit()
