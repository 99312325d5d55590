"""A server process registers, beats, hears that it was taken for dead, and signs off."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from chargepoints import doorbell, lifespan, presence
from chargepoints.doorbell import PROCESS_CHANNEL, Ring
from chargepoints.group_commit import writer
from chargepoints.lifespan import Lifespan
from chargepoints.models import ChargePoint, ServerProcess
from tests.chargepoints.asgi_socket import in_db
from tests.chargepoints.waiting import PATIENCE_S, eventually
from tests.support import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published", "writer_stopped")]


@pytest.fixture
def writer_stopped():
    yield
    writer.stop()


class Server:
    """What a server says to and hears from a lifespan application."""

    def __init__(self, *companions: Any) -> None:
        self.companions = companions
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: list[str] = []
        self.app: asyncio.Task[None] | None = None

    async def _send(self, message: dict[str, Any]) -> None:
        self.heard.append(message["type"])

    async def starts(self) -> None:
        self.app = asyncio.create_task(Lifespan(*self.companions)({"type": "lifespan"}, self.inbox.get, self._send))
        self.inbox.put_nowait({"type": "lifespan.startup"})
        await eventually(lambda: self.heard or self.app.done())

    async def stops(self) -> None:
        self.inbox.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait_for(self.app, PATIENCE_S)


def a_process(name: str) -> None:
    now = datetime.now(UTC)
    ServerProcess.objects.create(channel_name=name, started_at=now, alive_at=now)
    factories.charge_point(connection_id=f"socket of {name}", channel_name=name)


async def processes() -> set[str]:
    return set(await in_db(lambda: list(ServerProcess.objects.values_list("channel_name", flat=True))))


async def online() -> set[str]:
    return set(await in_db(lambda: list(ChargePoint.objects.online().values_list("channel_name", flat=True))))


async def test_a_process_registers_before_it_says_that_it_is_ready_and_signs_off_at_the_end(transactional_db):
    server = Server()
    await server.starts()
    assert server.heard == ["lifespan.startup.complete"]
    assert await processes() == {PROCESS_CHANNEL}
    await in_db(factories.charge_point, channel_name=PROCESS_CHANNEL)
    await server.stops()
    assert server.heard[-1] == "lifespan.shutdown.complete"
    assert (await processes(), await online()) == (set(), set())


def own_tasks() -> set[str]:
    return {task.get_coro().__name__ for task in asyncio.all_tasks()} & {"listen", "_beat"}


async def test_nothing_of_it_goes_on_after_the_end(transactional_db):
    server = Server()
    await server.starts()
    assert own_tasks() == {"listen", "_beat"}
    await server.stops()
    assert own_tasks() == set()
    assert writer._thread is None


class Companion:
    """Says what it saw of the process at its start and at its end."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def start(self) -> None:
        self.seen.append(("start", 0))

    def stop(self) -> None:
        self.seen.append(("stop", ServerProcess.objects.count()))
        connection.close()


async def test_what_lives_with_the_process_ends_before_the_process_is_signed_off(transactional_db):
    companion = Companion()
    server = Server(companion)
    await server.starts()
    assert companion.seen == [("start", 0)]
    await server.stops()
    assert companion.seen == [("start", 0), ("stop", 1)]


async def test_the_only_process_clears_what_a_killed_one_left(transactional_db, settings):
    settings.EMBEDDED = True
    await in_db(a_process, "killed")
    server = Server()
    await server.starts()
    assert (await processes(), await online()) == ({PROCESS_CHANNEL}, set())
    await server.stops()


async def test_one_of_many_processes_leaves_the_others_alone(transactional_db, settings):
    settings.EMBEDDED = False
    await in_db(a_process, "other")
    server = Server()
    await server.starts()
    assert (await processes(), await online()) == ({PROCESS_CHANNEL, "other"}, {"other"})
    await server.stops()
    assert (await processes(), await online()) == ({"other"}, {"other"})


async def test_a_process_that_cannot_register_does_not_say_that_it_is_ready(transactional_db, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError("the database is away")

    monkeypatch.setattr(presence, "process_started", away)
    server = Server()
    await server.starts()
    assert "lifespan.startup.complete" not in server.heard
    with pytest.raises(ConnectionError):
        await server.app


async def test_it_listens_at_its_own_door(transactional_db, monkeypatch):
    listening = asyncio.Event()

    async def listen() -> None:
        listening.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(doorbell, "listen", listen)
    server = Server()
    await server.starts()
    await asyncio.wait_for(listening.wait(), PATIENCE_S)
    await server.stops()


async def test_its_tasks_end_although_a_cancellation_is_swallowed(transactional_db, monkeypatch):
    async def listen() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    monkeypatch.setattr(doorbell, "listen", listen)
    server = Server()
    await server.starts()
    await asyncio.sleep(0)
    await server.stops()
    assert own_tasks() == set()


# --- the heartbeat --------------------------------------------------------------------------------------------------


@pytest.fixture
def fast_heart(monkeypatch):
    monkeypatch.setattr(presence, "PROCESS_BEAT", timedelta(milliseconds=20))


async def alive_at() -> datetime:
    return (await in_db(ServerProcess.objects.get, pk=PROCESS_CHANNEL)).alive_at


async def test_its_heart_beats(transactional_db, fast_heart):
    server = Server()
    await server.starts()
    first = await alive_at()

    async def later() -> bool:
        return await alive_at() > first

    await eventually(later)
    await server.stops()


async def test_its_heart_beats_on_after_the_database_was_away(transactional_db, fast_heart, monkeypatch, caplog):
    process_alive, failures = presence.process_alive, [1, 2]

    def away_twice(*args, **kwargs):
        if failures:
            failures.pop()
            raise ConnectionError("the database is away")
        return process_alive(*args, **kwargs)

    server = Server()
    await server.starts()
    first = await alive_at()
    monkeypatch.setattr(presence, "process_alive", away_twice)

    async def later() -> bool:
        return not failures and await alive_at() > first

    await eventually(later)
    await server.stops()
    assert caplog.text.count("the heartbeat of this process could not be written") == 2


async def test_taken_for_dead_it_registers_again_and_closes_its_sockets_so_that_they_do_too(
    transactional_db, fast_heart
):
    server = Server()
    await server.starts()
    heard: list[Ring] = []
    doorbell.connected("socket-1", heard.append)
    await in_db(presence.process_stopped, PROCESS_CHANNEL, now=lifespan.now())
    await eventually(lambda: heard)
    doorbell.disconnected("socket-1")
    assert set(heard) == {Ring.REPLACED}
    assert await processes() == {PROCESS_CHANNEL}
    await server.stops()
