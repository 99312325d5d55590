"""A profile for a session that has not begun: kept, sent when it begins in time, else refused."""

import pytest

from chargepoints import commands, sessions
from chargepoints.models import ChargePointCommand, ChargingSession
from ocpi import profile_requests
from ocpi.models import OutboxMessage, ProfileRequest
from ocpi.profile_requests import Kind
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import later

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


@pytest.fixture
def session(db):
    return make.session(state="PENDING")


def ask(session, kind=Kind.SET, *, at=0, party=None) -> ProfileRequest:
    return profile_requests.receive(party or make.party(), make.wish(session, kind), now=later(at))


def claim(session, *, at):
    return commands.claim_next(session.charge_point_id, session.charge_point.connection_id, now=later(at))


def begin(session) -> None:
    ChargingSession.objects.filter(pk=session.pk).update(state="ACTIVE")


def results() -> list[str]:
    return [message.body["result"] for message in OutboxMessage.objects.filter(kind="RESULT")]


def test_it_is_accepted_and_nothing_leaves_for_the_charge_point_yet(session):
    assert ask(session).response == "ACCEPTED"
    assert claim(session, at=1) is None
    assert ChargePointCommand.objects.get().status == "QUEUED"


def test_it_leaves_when_the_session_begins(session):
    request = ask(session)
    begin(session)
    assert claim(session, at=5).command_id == request.command_id


def test_one_that_does_not_begin_in_time_is_rejected_with_the_reason(session):
    request = ask(session)
    assert commands.expire_overdue(now=later(20)) == 1
    command = ChargePointCommand.objects.get(pk=request.command_id)
    assert (command.status, command.detail) == ("EXPIRED", "session_not_active: it did not begin in time")
    assert results() == ["REJECTED"]


def test_one_that_becomes_invalid_is_rejected_when_it_would_be_sent(session):
    ask(session)
    ChargingSession.objects.filter(pk=session.pk).update(state="INVALID")
    assert claim(session, at=5) is None
    assert results() == ["REJECTED"]


def test_a_delete_takes_it_back(session):
    party = make.party()
    ask(session, party=party)
    assert ask(session, Kind.CLEAR, at=1, party=party).response == "ACCEPTED"
    begin(session)
    assert claim(session, at=5) is None
    assert sorted(results()) == ["REJECTED", "UNKNOWN"]


def test_other_mail_does_not_wait_behind_it(session):
    ask(session)
    other = commands.request_call(
        charge_point=session.charge_point,
        action="Reset",
        payload={"type": "Soft"},
        requested_by="operator",
        now=later(1),
    )
    assert claim(session, at=2).command_id == other.pk


def test_one_whose_session_times_out_is_told_and_leaves_nothing_requested(session):
    ask(session)
    assert sessions.invalidate_pending(now=later(4000)) == 1
    assert results() == ["REJECTED"]
    assert session.profiles.get().state == "CLEARED"
