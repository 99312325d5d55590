"""A partner that is down for an hour has everything a minute after it is back, and got no storm."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from chargepoints.models import ChargingSession, MeterValue
from ocpi import charging_periods, deliveries, outbox, pushes
from ocpi.client import close_connections
from ocpi.models import DeliveryAttempt, OutboxMessage, PartnerEndpoint
from ocpi.simulator.session_rules import SessionKey, patch_session, put_session
from ocpi.v2_2_1.session_objects import session_object
from tests.support import ocpi_factories as make
from tests.support.far_end import FarEnd, Handler
from tests.support.ocpi_factories import START

pytestmark = [pytest.mark.django_db(transaction=True)]
SESSIONS, WORKERS = 10, 4


class Clock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> Any:
        return self.at


class World:
    """Beat and workers, on a clock that the test turns; the partner's server is real."""

    def __init__(self, clock: Clock, rung: list[int], far_end: FarEnd) -> None:
        self.clock, self.rung, self.far_end = clock, rung, far_end
        self.at_once, self.most_at_once, self.lock = 0, 0, threading.Lock()
        self.sessions: list[ChargingSession] = []

    def live(self, seconds: int, *, tick_s: int = 10) -> None:
        for _ in range(0, seconds, tick_s):
            self.clock.at += timedelta(seconds=tick_s)
            outbox.watch(now=self.clock.at)
            self.work()

    def work(self) -> None:
        ids, self.rung[:] = list(self.rung), []
        with ThreadPoolExecutor(WORKERS) as workers:
            list(workers.map(self._deliver, ids))

    def _deliver(self, message_id: int) -> None:
        try:
            outbox.deliver(message_id, now=self.clock.at)
        finally:
            close_connections()
            connection.close()

    def answer(self, how: Any) -> None:
        def counted(handler: Handler) -> None:
            with self.lock:
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                how(handler)
            finally:
                with self.lock:
                    self.at_once -= 1

        self.most_at_once, self.far_end.answer = 0, counted

    def begin(self) -> None:
        session = make.session(f"CP{len(self.sessions)}", ocpp_transaction_id=str(len(self.sessions)))
        self.sessions.append(session)
        ChargingSession.objects.filter(pk=session.pk).update(started_at=self.clock.at)
        session.refresh_from_db()
        pushes.session_changed(session, now=self.clock.at)

    def charge(self, wh: int) -> None:
        for session in self.sessions:
            if session.state == "ACTIVE":
                self.measure(session, wh)
        pushes.sessions_metered(self.sessions)

    def measure(self, session: ChargingSession, wh: int) -> None:
        session.kwh += Decimal(wh) / 1000
        session.measured_at = session.last_updated = self.clock.at
        session.save()
        MeterValue.objects.create(
            charge_point=session.charge_point, session=session, measured_at=self.clock.at, received_at=self.clock.at,
            energy_wh=session.kwh * 1000, power_w=7000,
        )  # fmt: skip

    def end(self, session: ChargingSession) -> None:
        session.state, session.ended_at, session.last_updated = "COMPLETED", self.clock.at, self.clock.at
        session.save()
        pushes.session_changed(session, now=self.clock.at)


@pytest.fixture
def world(far_end: FarEnd, enqueued: list[int], monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[World]:
    clock = Clock()
    monkeypatch.setattr(outbox, "timezone", clock)
    monkeypatch.setattr(deliveries, "timezone", clock)
    settings.OCPI_REQUEST_TIMEOUT_S = 0.4
    make.party(allow_insecure_urls=True)
    PartnerEndpoint.objects.filter(identifier="sessions").update(url=f"{far_end.url}/sessions")
    return World(clock, enqueued, far_end)


def received(far_end: FarEnd, since: int) -> dict[str, dict[str, Any]]:
    """What it has, by the specification's rules, from what it answered with success."""
    found: dict[str, dict[str, Any]] = {}
    for method, path, _, body in far_end.seen[since:]:
        uid = path.rpartition("/")[2]
        change = put_session if method == "PUT" else patch_session
        found[uid] = change(found.get(uid), body, SessionKey("NL", "CPO", uid))
    return {uid: {name: value for name, value in has.items() if value != []} for uid, has in found.items()}


def truth() -> dict[str, dict[str, Any]]:
    sessions = list(ChargingSession.objects.select_related("evse__charge_point__location", "connector"))
    periods = charging_periods.of(sessions)
    return {session.uid: session_object(session, periods[session.pk]) for session in sessions}


def hang(handler: Handler) -> None:
    handler.server.over.wait(0.7)
    handler.hang_up()


def test_after_an_hour_down_everything_converges_by_itself(world: World):
    world.answer(Handler.reply)
    for _ in range(SESSIONS - 2):
        world.begin()
    world.work()
    world.charge(500)
    world.live(60)
    assert received(world.far_end, 0) == truth()

    before = DeliveryAttempt.objects.count()
    world.answer(hang)
    world.charge(500)
    world.live(60)
    world.answer(lambda handler: handler.reply(500, b"{}"))
    for part in range(6):
        world.charge(600)
        world.end(world.sessions[part])
        if part < 2:
            world.begin()
        world.live(600, tick_s=60)
    attempts = DeliveryAttempt.objects.count() - before
    assert attempts < SESSIONS * 20  # about 14 of each in an hour of doubling pauses, and one for each new state
    assert OutboxMessage.objects.filter(status="DELIVERED").count() == 0

    seen = len(world.far_end.seen)
    world.answer(Handler.reply)
    world.live(80)
    assert received(world.far_end, seen) == truth()
    assert {has["status"] for has in received(world.far_end, seen).values()} == {"ACTIVE", "COMPLETED"}
    assert world.most_at_once <= WORKERS
    puts = [path.rpartition("/")[2] for method, path, _, _ in world.far_end.seen[seen:] if method == "PUT"]
    assert sorted(puts) == sorted(session.uid for session in world.sessions)  # each once
    assert set(OutboxMessage.objects.values_list("status", "failures")) == {("DELIVERED", 0)}
    assert not PartnerEndpoint.objects.filter(failing_since__isnull=False).exists()
