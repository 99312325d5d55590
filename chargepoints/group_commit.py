"""Runs the short database functions of many sockets in one transaction, and resolves each after COMMIT.

A commit costs a disk flush; a hundred meter values in one transaction cost one. A function that fails takes its batch
down with it, so each of the batch is then retried alone and only the guilty one gets its exception.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, transaction

T = TypeVar("T")
logger = logging.getLogger(__name__)
MAX_BATCH = 200


@dataclass(slots=True)
class Job:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    value: Any = None

    def run(self) -> None:
        self.value = self.function(*self.args, **self.kwargs)

    def resolve(self, error: BaseException | None = None) -> None:
        try:
            self.loop.call_soon_threadsafe(self._set, error)
        except RuntimeError:  # its loop has closed: the work is committed, nobody is left to tell
            logger.debug("nobody waits for %s any more", self.function)

    def _set(self, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(error)


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
        self._start()
        self._jobs.put(Job(function, args, kwargs, future, loop))
        return future

    def stop(self) -> None:
        """Finishes what was submitted, then ends the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread:
            self._jobs.put(None)
            thread.join()

    def _start(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._write, name="group-commit", daemon=True)
                    self._thread.start()

    def _write(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                batch, last = self._batch(job)
                commit(batch)
                if last:
                    return
        finally:
            connection.close()

    def _batch(self, first: Job) -> tuple[list[Job], bool]:
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                job = self._jobs.get_nowait()
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
        for job in batch:
            job.resolve()
    elif len(batch) == 1:
        batch[0].resolve(error)
    else:
        for job in batch:
            job.resolve(_commit_together([job]))


def _commit_together(batch: list[Job]) -> BaseException | None:
    try:
        with transaction.atomic():
            for job in batch:
                job.run()
    except Exception as error:  # whatever it is belongs to the caller of submit()
        connection.close_if_unusable_or_obsolete()
        return error
    return None


writer = GroupCommit()
