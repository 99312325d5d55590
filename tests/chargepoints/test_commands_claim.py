"""Sending: a waiting command is claimed once, in time, by the one socket that speaks for its charge point."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from chargepoints import commands, presence
from chargepoints.models import ChargePointCommand, ChargingSession
from chargepoints.values import ClearProfile, CommandOutcome, GetComposite, OutcomeStatus, RateUnit, RawCall, SetProfile
from tests.chargepoints.command_steps import ask, ask_clear, ask_composite, claim, installed, profile_of, status_of
from tests.support import factories
from tests.support.factories import CHANNEL, NOW, SOCKET, at, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def session(db):
    return factories.session()


def call(session, action="Reset", **fields):
    defaults = {"payload": {"type": "Soft"}, "requested_by": "operator", "now": NOW}
    return commands.request_call(charge_point=session.charge_point, action=action, **(defaults | fields))


def test_a_claimed_command_is_sent_and_this_sockets(session):
    command = ask(session)
    assert claim(session, now=at(2)).command_id == command.pk
    command.refresh_from_db()
    assert (command.status, command.connection_id, command.sent_at) == ("SENT", SOCKET, at(2))


def test_a_claimed_command_gets_what_remains_of_its_time(session):
    ask(session, timeout_s=20)
    assert claim(session, now=at(12.5)).timeout_s == 7.5


def test_a_command_is_claimed_once(session):
    command = ask(session)
    assert claim(session) is not None
    assert claim(session, now=at(1)) is None
    command.refresh_from_db()
    assert command.sent_at == NOW


def test_the_oldest_command_leaves_first(session):
    first, second = call(session), call(session)
    assert [claim(session).command_id, claim(session).command_id] == [first.pk, second.pk]


@pytest.mark.parametrize("seconds", [30, 31])
def test_an_expired_command_is_not_claimed(session, seconds):
    command = ask(session, timeout_s=30)
    assert claim(session, now=at(seconds)) is None
    assert status_of(command) == "QUEUED"


def test_a_command_is_claimed_until_the_last_moment(session):
    ask(session, timeout_s=30)
    assert claim(session, now=at(29.9)).timeout_s == pytest.approx(0.1)


def test_a_replaced_socket_claims_nothing(session):
    command = ask(session)
    replaced = presence.connect(
        session.charge_point_id, connection_id="socket-2", channel_name=CHANNEL, ocpp_version="1.6", now=NOW
    )
    assert replaced == (CHANNEL, SOCKET)
    assert claim(session, socket=SOCKET) is None
    assert status_of(command) == "QUEUED"
    assert claim(session, socket="socket-2").command_id == command.pk


def test_nobody_claims_for_a_charge_point_that_is_offline(session):
    command = ask(session)
    presence.disconnect(session.charge_point_id, connection_id=SOCKET, now=NOW)
    assert claim(session, socket=SOCKET) is None
    assert status_of(command) == "QUEUED"


def test_another_charge_points_mail_is_not_claimed(session):
    command, other = ask(session), factories.session(factories.evse(factories.charge_point(connection_id="socket-9")))
    assert claim(other, socket="socket-9") is None
    assert status_of(command) == "QUEUED"


def test_a_profile_for_a_session_that_ended_is_rejected_without_being_sent(session, heard):
    command = ask(session)
    ChargingSession.objects.filter(pk=session.pk).update(state="COMPLETED")
    assert claim(session) is None
    command.refresh_from_db()
    assert (command.status, command.sent_at) == ("REJECTED", None)
    assert command.detail == "session_not_active: it ended before this was sent"
    assert heard.finished == [(command.pk, "REJECTED", False)]


def test_what_is_pointless_does_not_hold_up_the_next_command(session):
    ask(session)
    next_one = call(session)
    ChargingSession.objects.filter(pk=session.pk).update(state="COMPLETED")
    assert claim(session).command_id == next_one.pk


# --- the row as a request -------------------------------------------------------------------------------------------


def test_a_set_profile_row_is_the_schedule_for_that_transaction(session):
    ask(session, schedule(16, 10, duration_s=7200))
    request = claim(session).request
    assert request == SetProfile(
        profile_id=profile_of(session).pk, stack_level=0, evse_id=1, transaction_id=session.ocpp_transaction_id,
        schedule=request.schedule,
    )  # fmt: skip
    assert [str(period.limit) for period in request.schedule.periods] == ["16.0", "10.0"]
    assert request.schedule.duration_s == 7200


def test_a_clear_row_names_its_profile(session):
    installed(session)
    ask_clear(session)
    assert claim(session).request == ClearProfile(profile_id=profile_of(session).pk)


def test_a_composite_row_carries_its_unit(session):
    ask_composite(session)
    ChargePointCommand.objects.update(payload={"evse_id": 1, "duration_s": 60, "unit": "W"})
    assert claim(session).request == GetComposite(evse_id=1, duration_s=60, unit=RateUnit.WATT)


def test_any_other_row_is_the_call_as_given(session):
    call(session, "Reset", payload={"type": "Hard"})
    assert claim(session).request == RawCall(action="Reset", payload={"type": "Hard"})


# --- at the same time -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_claims_at_the_same_time_claim_each_command_once(transactional_db, published):
    session = factories.session()
    queued = {call(session).pk for _ in range(3)}
    claimants = 4
    together = Barrier(claimants)

    def claim_all() -> list[int]:
        try:
            together.wait(10)
            return [found.command_id for found in iter(lambda: claim(session), None)]
        finally:
            connection.close()

    with ThreadPoolExecutor(claimants) as pool:
        claimed = [pk for future in [pool.submit(claim_all) for _ in range(claimants)] for pk in future.result(30)]
    assert sorted(claimed) == sorted(queued)
    assert set(ChargePointCommand.objects.values_list("status", flat=True)) == {"SENT"}


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_the_end_of_the_time_at_once_end_a_command_once(transactional_db, published, heard):
    session = factories.session()
    commands_sent = [call(session) for _ in range(5)]
    while claim(session):
        pass
    together = Barrier(2)

    def answer() -> None:
        try:
            together.wait(10)
            for command in commands_sent:
                commands.record_outcome(command.pk, CommandOutcome(OutcomeStatus.ACCEPTED), now=at(40))
        finally:
            connection.close()

    def expire() -> int:
        try:
            together.wait(10)
            return commands.expire_overdue(now=at(40))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answered, expired = pool.submit(answer), pool.submit(expire)
        answered.result(30)
        counted = expired.result(30)
    rows = list(ChargePointCommand.objects.all())
    assert counted == sum(row.status == "EXPIRED" for row in rows)
    assert all(row.status == "ACCEPTED" or row.late_status == "ACCEPTED" for row in rows)
    assert sorted(f.command_id for f in heard.finished if not f.late) == sorted(row.pk for row in rows)
