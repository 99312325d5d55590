"""The sockets of this process by connection id, and how any process rings one of them.

A ring carries no work, only "look at your row". One channel per process, not per charge point: groups expire, and ten
thousand channels cost ten thousand subscriptions. Losing a ring loses nothing: beat rings again.
"""

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)


class Ring(StrEnum):
    MAIL = "mail"  # a command waits
    REPLACED = "replaced"  # another socket has taken over: close
    PROBE = "probe"  # another socket says it is you: prove that you live, or close


@dataclass(frozen=True, slots=True)
class Socket:
    loop: asyncio.AbstractEventLoop
    on_ring: Callable[[Ring], None]


_sockets: dict[str, Socket] = {}
# The name of this process's channel; the layer's own prefix makes it addressable from elsewhere.
PROCESS_CHANNEL = f"ocpp.{uuid.uuid4().hex}"


def connected(connection_id: str, on_ring: Callable[[Ring], None]) -> None:
    """`on_ring` runs on the loop of the caller."""
    _sockets[connection_id] = Socket(asyncio.get_running_loop(), on_ring)


def disconnected(connection_id: str) -> None:
    _sockets.pop(connection_id, None)


def local_connections() -> list[str]:
    return list(_sockets)


def ring(channel_name: str, connection_id: str, ring: Ring = Ring.MAIL) -> None:
    """Rings a socket, here or in another process. From any thread; never waits, never raises."""
    if ring_here(connection_id, ring):
        return
    if channel_name and channel_name != PROCESS_CHANNEL:
        message = {"type": "ring", "connection_id": connection_id, "ring": ring.value}
        _layer_loop.run(_send(channel_name, message))


def ring_here(connection_id: str, ring: Ring = Ring.MAIL) -> bool:
    """False: this process has no such socket. From any thread; never waits, never raises."""
    socket = _sockets.get(connection_id)
    if socket is None:
        return False
    try:
        socket.loop.call_soon_threadsafe(socket.on_ring, ring)
    except RuntimeError:  # its loop has closed; the disconnect will be recorded, or the process is reaped
        logger.debug("the loop of connection %s has closed", connection_id)
    return True


async def _send(channel_name: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    try:
        await asyncio.wait_for(layer.send(channel_name, message), timeout=5)
    except Exception as error:  # beat rings again
        logger.warning("doorbell of %s is out of order: %s", channel_name, error)


async def listen() -> None:
    """Hands the rings that other processes send to this one to its sockets, until cancelled."""
    layer = get_channel_layer()
    while True:
        try:
            _hear(await layer.receive(PROCESS_CHANNEL))
        except Exception as error:  # the layer is away: rings are lost, rows are not
            logger.warning("the channel layer does not answer: %s", error)
            await _start_over(layer)
            await asyncio.sleep(1)


def _hear(message: dict[str, Any]) -> None:
    try:
        ring_here(message["connection_id"], Ring(message["ring"]))
    except (KeyError, ValueError) as error:  # from a process of another release
        logger.warning("a ring that is not understood: %s", error)


async def _start_over(layer: Any) -> None:
    """A layer that could not subscribe remembers the channel all the same, and would wait for its rings for ever."""
    try:
        await layer.flush()
    except Exception as error:
        logger.debug("the channel layer could not be flushed: %s", error)


class LayerLoop:
    """One event loop on a thread of its own for senders without a loop: a loop per call would connect per call."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, None]) -> "Future[None]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._get())

    def _get(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="doorbell", daemon=True).start()
            return self._loop


_layer_loop = LayerLoop()
