"""The tasks: fetch an id, call a function; beat finds what a lost message or a dead process left."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chargepoints import doorbell, presence, tasks
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile
from chargepoints.presence import PROCESS_DEAD
from tests.chargepoints.command_steps import ask, installed, send, status_of
from tests.support import factories
from tests.support.factories import CHANNEL, SOCKET, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def rings(monkeypatch):
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(doorbell, "ring", lambda *args: heard.append(args))
    return heard


@pytest.fixture
def session(db):
    return factories.session()


def ask_now(session, **fields) -> ChargePointCommand:
    return ask(session, now=timezone.now(), **fields)


def test_dispatch_rings_the_socket_of_a_waiting_command(session, rings):
    tasks.dispatch_command(ask_now(session).pk)
    assert rings == [(CHANNEL, SOCKET)]


def test_dispatch_rings_nobody_for_a_charge_point_that_is_offline(session, rings):
    command = ask_now(session)
    presence.disconnect(session.charge_point_id, connection_id=SOCKET, now=timezone.now())
    tasks.dispatch_command(command.pk)
    assert rings == []
    assert status_of(command) == "QUEUED"


def test_a_redelivered_dispatch_of_what_was_sent_is_overdue_or_is_gone_rings_nobody(session, rings):
    sent, overdue = ask_now(session), ask(factories.session())
    send(sent, now=timezone.now())
    for command_id in (sent.pk, overdue.pk, 987654321):
        tasks.dispatch_command(command_id)
    assert rings == []


def test_the_watch_rings_once_for_each_socket_with_waiting_mail(session, rings):
    ask_now(session)
    ask_now(session, owner="operator")
    idle = factories.charge_point(connection_id="idle")
    away = factories.session(factories.evse(factories.charge_point(online=False)))
    ask_now(away)
    tasks.watch_commands()
    assert rings == [(CHANNEL, SOCKET)]
    assert idle.is_online


def test_the_watch_ends_what_is_overdue_and_does_not_ring_for_it(session, rings):
    overdue = ask(session)
    tasks.watch_commands()
    assert status_of(overdue) == "EXPIRED"
    assert rings == []


def test_the_watch_reaps_dead_processes_first_so_that_nobody_rings_at_their_doors(session, rings):
    presence.process_started(CHANNEL, alone=False, now=timezone.now() - PROCESS_DEAD - timedelta(seconds=1))
    command = ask_now(session)
    tasks.watch_commands()
    assert not ChargePoint.objects.get(pk=session.charge_point_id).is_online
    assert rings == []
    assert status_of(command) == "QUEUED"


def test_the_watch_of_sessions_sends_follow_ups_and_ends_what_never_began(session):
    installed(session, schedule(16))
    ChargingProfile.objects.update(follow_up_at=timezone.now() - timedelta(seconds=1))
    ChargePointCommand.objects.filter(kind="SET_PROFILE").update(
        payload={**ChargePointCommand.objects.get(kind="SET_PROFILE").payload, "wish": schedule(10).to_json()}
    )
    pending = factories.session(state="PENDING", ocpp_transaction_id="")
    tasks.watch_sessions()
    pending.refresh_from_db()
    assert pending.state == "INVALID"
    assert ChargePointCommand.objects.get(status="QUEUED", kind="SET_PROFILE").requested_by == "system"


def test_what_is_wrong_with_one_step_does_not_stop_the_others(db, monkeypatch):
    done = []

    def broken(*, now):
        raise RuntimeError

    monkeypatch.setattr("chargepoints.limits.watch", broken)
    monkeypatch.setattr("chargepoints.sessions.invalidate_pending", lambda *, now: done.append(now))
    tasks.watch_sessions()
    assert len(done) == 1
