"""Rings: handed over here on the socket's own loop, or over the channel layer to the process that holds the socket."""

import asyncio
import threading
from typing import Any

import pytest
from channels.layers import get_channel_layer

from chargepoints import doorbell
from chargepoints.doorbell import PROCESS_CHANNEL, Ring
from tests.chargepoints.waiting import elapsed_rounds, eventually

OTHER_PROCESS = "ocpp.other"


class Bell:
    """A socket's end of the bell: what it heard, and on which thread."""

    def __init__(self) -> None:
        self.heard: list[Ring] = []
        self.threads: set[str] = set()

    def __call__(self, ring: Ring) -> None:
        self.heard.append(ring)
        self.threads.add(threading.current_thread().name)


@pytest.fixture
async def bell():
    bell = Bell()
    doorbell.connected("socket-1", bell)
    yield bell
    doorbell.disconnected("socket-1")


class Layer:
    """A channel layer that records, and fails when told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.broken = False
        self.flushed = 0
        self.done = threading.Event()

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        if self.broken:
            raise ConnectionError("away")
        self.sent.append((channel, message))
        self.done.set()

    async def flush(self) -> None:
        self.flushed += 1

    async def receive(self, channel: str) -> Any:
        assert channel == PROCESS_CHANNEL
        message = await self.incoming.get()
        if isinstance(message, Exception):
            raise message
        return message


@pytest.fixture
def layer(monkeypatch):
    layer = Layer()
    monkeypatch.setattr(doorbell, "get_channel_layer", lambda: layer)
    return layer


# --- here -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ring", Ring)
async def test_a_socket_of_this_process_is_rung_here_and_not_over_the_layer(bell, layer, ring):
    doorbell.ring(PROCESS_CHANNEL, "socket-1", ring)
    await eventually(lambda: bell.heard)
    assert bell.heard == [ring]
    assert layer.sent == []


async def test_a_ring_from_any_thread_is_heard_on_the_loop_of_the_socket(bell):
    threads = [threading.Thread(target=doorbell.ring, args=(PROCESS_CHANNEL, "socket-1")) for _ in range(3)]
    for thread in threads:
        thread.start()
    await eventually(lambda: len(bell.heard) == 3)
    assert bell.threads == {threading.current_thread().name}


async def test_only_the_named_socket_is_rung(bell):
    other = Bell()
    doorbell.connected("socket-2", other)
    doorbell.ring(PROCESS_CHANNEL, "socket-2")
    await eventually(lambda: other.heard)
    doorbell.disconnected("socket-2")
    assert bell.heard == []


async def test_a_socket_that_is_gone_hears_nothing_and_nobody_is_told(bell, layer):
    doorbell.disconnected("socket-1")
    doorbell.ring(PROCESS_CHANNEL, "socket-1")
    await elapsed_rounds()
    assert (bell.heard, layer.sent) == ([], [])


async def test_a_socket_that_goes_twice_is_nothing(bell):
    doorbell.disconnected("socket-1")
    doorbell.disconnected("socket-1")
    assert "socket-1" not in doorbell.local_connections()


async def test_the_sockets_of_this_process_are_known(bell):
    assert doorbell.local_connections() == ["socket-1"]


def test_ringing_a_socket_whose_loop_has_closed_raises_nothing(layer):
    async def connect() -> None:
        doorbell.connected("left", Bell())

    asyncio.run(connect())
    doorbell.ring(PROCESS_CHANNEL, "left")
    doorbell.disconnected("left")
    assert layer.sent == []


# --- over the layer -------------------------------------------------------------------------------------------------


def test_a_socket_of_another_process_is_rung_over_the_layer_from_a_thread_without_a_loop(layer):
    doorbell.ring(OTHER_PROCESS, "socket-9", Ring.REPLACED)
    assert layer.done.wait(5)
    assert layer.sent == [(OTHER_PROCESS, {"type": "ring", "connection_id": "socket-9", "ring": "replaced"})]


def test_an_offline_charge_point_has_no_door_to_ring_at(layer):
    doorbell.ring("", "")
    doorbell.ring("", "socket-9")
    assert not layer.done.wait(0.05)


async def test_a_layer_that_is_away_is_logged_and_raises_nothing(layer, caplog):
    layer.broken = True
    doorbell.ring(OTHER_PROCESS, "socket-9")
    await eventually(lambda: f"doorbell of {OTHER_PROCESS} is out of order: away" in caplog.text)
    layer.broken = False
    doorbell.ring(OTHER_PROCESS, "socket-9")
    await eventually(lambda: layer.sent)


@pytest.fixture
async def listening():
    task = asyncio.create_task(doorbell.listen())
    await asyncio.sleep(0)
    yield task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_ring_from_another_process_reaches_the_socket_here(bell, layer, listening):
    layer.incoming.put_nowait({"type": "ring", "connection_id": "socket-1", "ring": "probe"})
    await eventually(lambda: bell.heard)
    assert bell.heard == [Ring.PROBE]


async def test_a_ring_for_a_socket_that_has_left_is_dropped_and_not_sent_back(bell, layer, listening):
    layer.incoming.put_nowait({"type": "ring", "connection_id": "gone", "ring": "mail"})
    layer.incoming.put_nowait({"type": "ring", "connection_id": "socket-1", "ring": "mail"})
    await eventually(lambda: bell.heard)
    assert (bell.heard, layer.sent) == ([Ring.MAIL], [])


async def test_listening_goes_on_after_the_layer_was_away(bell, layer, monkeypatch, caplog):
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda _seconds: sleep(0))
    listener = asyncio.create_task(doorbell.listen())
    for message in (ConnectionError("away"), {"connection_id": "socket-1", "ring": "mail"}):
        layer.incoming.put_nowait(message)
    await eventually(lambda: bell.heard)
    listener.cancel()
    assert (bell.heard, layer.flushed) == ([Ring.MAIL], 1)
    assert caplog.text.count("the channel layer does not answer: away") == 1


@pytest.mark.parametrize("nonsense", [{"type": "ring"}, {"connection_id": "socket-1", "ring": "knock"}])
async def test_a_ring_that_is_not_understood_is_passed_over(bell, layer, listening, caplog, nonsense):
    layer.incoming.put_nowait(nonsense)
    layer.incoming.put_nowait({"connection_id": "socket-1", "ring": "mail"})
    await eventually(lambda: bell.heard)
    assert (bell.heard, layer.flushed) == ([Ring.MAIL], 0)
    assert "a ring that is not understood" in caplog.text


async def test_the_real_layer_carries_a_ring_to_this_process(bell, listening):
    message = {"type": "ring", "connection_id": "socket-1", "ring": "mail"}

    async def rung() -> bool:
        await get_channel_layer().send(PROCESS_CHANNEL, message)
        return bool(bell.heard)

    await eventually(rung)
    assert set(bell.heard) == {Ring.MAIL}
