"""A server process registers, keeps its heartbeat, listens at its doorbell, and signs off."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from django.conf import settings

from chargepoints import doorbell, message_log, presence
from chargepoints.group_commit import writer

logger = logging.getLogger(__name__)


def now() -> datetime:
    return datetime.now(UTC)


class Companion(Protocol):
    """Lives as long as the process serves. `stop` may take its time: it has a thread."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


class Lifespan:
    """The ASGI lifespan application (ASGI specification, Lifespan Protocol)."""

    def __init__(self, *companions: Companion) -> None:
        self._companions = companions

    async def __call__(
        self, _scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        tasks: list[asyncio.Task[None]] = []
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await writer.submit(
                    presence.process_started, doorbell.PROCESS_CHANNEL, alone=settings.EMBEDDED, now=now()
                )
                tasks = [asyncio.create_task(doorbell.listen()), asyncio.create_task(_beat())]
                for companion in self._companions:
                    companion.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                for task in tasks:
                    await _end(task)
                for companion in self._companions:
                    await asyncio.to_thread(companion.stop)
                await writer.submit(presence.process_stopped, doorbell.PROCESS_CHANNEL, now=now())
                await asyncio.to_thread(message_log.log.stop)  # on SQLite it writes through the writer
                await asyncio.to_thread(writer.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _end(task: asyncio.Task[None]) -> None:
    """Repeated: the Redis client swallows a cancellation that comes while it connects."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.5)


async def _beat() -> None:
    while True:
        await asyncio.sleep(presence.PROCESS_BEAT.total_seconds())
        try:
            alive = await writer.submit(presence.process_alive, doorbell.PROCESS_CHANNEL, now=now())
            if not alive:
                await _return_from_the_dead()
        except Exception:  # the database is away; the next beat tries again
            logger.exception("the heartbeat of this process could not be written")


async def _return_from_the_dead() -> None:
    """Others took this process for dead and marked its charge points offline: they must connect anew."""
    logger.warning("this process was taken for dead; its sockets are closed so that they register again")
    await writer.submit(presence.process_started, doorbell.PROCESS_CHANNEL, alone=False, now=now())
    for connection_id in doorbell.local_connections():
        doorbell.ring(doorbell.PROCESS_CHANNEL, connection_id, doorbell.Ring.REPLACED)
