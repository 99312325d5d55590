"""Worker and beat as threads of the server process, for when it is the only one."""

import logging
import threading
from typing import Any

from celery.beat import EmbeddedService, Scheduler
from celery.worker import WorkController
from celery.worker import state as worker_state

from cpo_backoffice.celery import app

logger = logging.getLogger(__name__)
# Deliveries wait for partners: they have threads of their own, so that a slow partner delays no charge point.
WORKERS = ({"queues": ["commands", "periodic"], "concurrency": 4}, {"queues": ["deliveries"], "concurrency": 16})
READY_S = 20.0


class EmbeddedWorkers:
    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._beat = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)

    def start(self) -> None:
        """One after the other: Celery keeps the queues to consume on the app until the worker is ready."""
        worker_state.should_stop = None
        for number, options in enumerate(WORKERS):
            self._start_worker(number, options)
        self._beat.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Lets running tasks finish, within `timeout_s`; what is left over is found by the next start's beat."""
        self._beat.stop()
        worker_state.should_stop = 0
        for thread in self._threads:
            thread.join(timeout_s)

    def _start_worker(self, number: int, options: dict[str, Any]) -> None:
        """Raises RuntimeError if it does not get ready: a server without its worker must not look alive."""
        ready = threading.Event()
        thread = threading.Thread(target=_work, args=(number, ready, options), name=f"celery-{number}", daemon=True)
        thread.start()
        self._threads.append(thread)
        if not ready.wait(READY_S):
            raise RuntimeError(f"the worker for {options['queues']} did not start within {READY_S:.0f} s")


class Worker(WorkController):
    ready: threading.Event

    def on_consumer_ready(self, consumer: Any) -> None:  # noqa: ARG002
        self.ready.set()


def _work(number: int, ready: threading.Event, options: dict[str, Any]) -> None:
    try:
        worker = Worker(
            app, hostname=f"embedded{number}@localhost", pool_cls="threads", loglevel="WARNING", logfile=None,
            without_heartbeat=True, without_mingle=True, without_gossip=True, **options,
        )  # fmt: skip
        worker.ready = ready
        worker.start()
    except Exception:
        logger.exception("the worker for %s ended", options["queues"])
