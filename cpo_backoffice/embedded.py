"""Worker and beat as threads of the server process, for when it is the only one."""

import threading
from collections.abc import Callable
from typing import Any

from celery.beat import EmbeddedService, Scheduler
from celery.worker import state as worker_state

from cpo_backoffice.celery import app

# Deliveries wait for partners: they have threads of their own, so that a slow partner delays no charge point.
WORKERS = ({"queues": ["commands", "periodic"], "concurrency": 4}, {"queues": ["deliveries"], "concurrency": 16})


class EmbeddedWorkers:
    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._beat = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)

    def start(self) -> None:
        worker_state.should_stop = None
        for number, options in enumerate(WORKERS):
            ready = threading.Event()
            self._spawn(self._work, number, ready, options)
            ready.wait(10)
        self._beat.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Lets running tasks finish, within `timeout_s`; what is left over is found by the next start's beat."""
        self._beat.stop()
        worker_state.should_stop = 0
        for thread in self._threads:
            thread.join(timeout_s)

    def _spawn(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, name=f"celery-{args[0]}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self, number: int, ready: threading.Event, options: dict[str, Any]) -> None:
        worker = app.WorkController(
            hostname=f"embedded{number}@localhost", pool_cls="threads", loglevel="WARNING", logfile=None,
            without_heartbeat=True, without_mingle=True, without_gossip=True, **options,
        )  # fmt: skip
        ready.set()
        worker.start()
