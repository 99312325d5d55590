"""A profile with more periods than the charge point takes: the rest follows, while what it follows is in force."""

import pytest

from chargepoints import commands, follow_ups
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.profiles import state
from chargepoints.values import ChargingSchedule
from tests.chargepoints.command_steps import (
    ACCEPTED,
    EXPIRED,
    PARTNER,
    REJECTED,
    ask,
    ask_clear,
    carry,
    installed,
    profile_of,
    send,
)
from tests.support import factories
from tests.support.factories import NOW, at, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
LONG = schedule(16, 14, 12, 10, start_at=NOW)  # 900 s each


@pytest.fixture
def session(db):
    """On a charge point that takes two periods."""
    return factories.session(factories.evse(factories.charge_point(max_periods=2)))


@pytest.fixture
def due(session):
    """The first two periods of LONG are installed; the moment at which the next must follow."""
    return installed(session, LONG).follow_up_at


def sent_limits(command: ChargePointCommand) -> list[str]:
    return [str(period.limit) for period in ChargingSchedule.from_json(command.payload["schedule"]).periods]


def follow_up_of(session) -> ChargePointCommand:
    return ChargePointCommand.objects.get(session=session, kind="SET_PROFILE", status="QUEUED")


def test_the_first_periods_are_installed_above_the_lowest_of_the_rest_and_more_follows_in_time(session, due):
    assert [p.limit for p in profile_of(session).applied_schedule.periods] == [16, 10]
    assert due == at(900)


def test_the_next_part_is_the_same_wish_from_now_on(session, due):
    assert follow_ups.send_due(now=due) == 1
    command = follow_up_of(session)
    assert command.requested_by == commands.SYSTEM
    assert sent_limits(command) == ["14.0", "10.0"]
    assert profile_of(session).desired_schedule == LONG


def test_nothing_follows_before_its_time(session, due):
    assert follow_ups.send_due(now=NOW) == 0
    assert not ChargePointCommand.objects.open().exists()


def test_a_follow_up_is_sent_once_by_however_many_workers(session, due):
    stale = ChargingProfile.objects.get()
    assert state.postpone_follow_up(stale, now=due) is True
    assert state.postpone_follow_up(stale, now=due) is False


def test_a_follow_up_under_way_is_not_sent_again(session, due):
    assert [follow_ups.send_due(now=due), follow_ups.send_due(now=at(940))] == [1, 0]


def test_an_accepted_follow_up_sets_the_next_one(session, due):
    follow_ups.send_due(now=due)
    command = follow_up_of(session)
    carry(command, ACCEPTED, now=due)
    assert profile_of(session).follow_up_at == at(1800)


@pytest.mark.parametrize("outcome", [REJECTED, EXPIRED], ids=lambda outcome: outcome.status)
def test_a_follow_up_that_came_to_nothing_is_tried_again(session, due, outcome):
    follow_ups.send_due(now=due)
    carry(follow_up_of(session), outcome, now=due)
    ChargePointCommand.objects.open().delete()
    assert follow_ups.send_due(now=at(929)) == 0
    assert follow_ups.send_due(now=at(930)) == 1


def test_a_follow_up_is_sent_although_a_boot_put_the_profile_in_doubt(session, due):
    state.doubt_all(session.charge_point_id)
    assert follow_ups.send_due(now=due) == 1


def test_what_follows_is_the_wish_in_force_and_not_a_later_one_that_was_refused(session, due):
    carry(ask(session, schedule(32, start_at=NOW)), REJECTED)
    assert follow_ups.send_due(now=due) == 1
    assert "32.0" not in sent_limits(follow_up_of(session))
    assert profile_of(session).desired_schedule == LONG


def test_a_follow_up_does_not_supersede_a_partners_newer_wish(session, due):
    newer = ask(session, schedule(8, start_at=NOW), now=due)
    assert follow_ups.send_due(now=due) == 0
    newer.refresh_from_db()
    assert newer.status == "QUEUED"


def test_a_newer_wish_that_fits_needs_no_follow_up(session, due):
    carry(ask(session, schedule(8, start_at=NOW)), ACCEPTED)
    assert profile_of(session).follow_up_at is None


def test_nothing_follows_after_a_clear_or_the_end_of_the_session(session, due):
    other = factories.session(factories.evse(session.charge_point, number=2))
    installed(other, LONG)
    carry(ask_clear(session), ACCEPTED)
    ChargingSession.objects.filter(pk=other.pk).update(state="COMPLETED")
    assert follow_ups.send_due(now=due) == 0


def test_a_follow_up_that_is_refused_beforehand_ends_there(session, due):
    ChargePoint.objects.update(smart_charging=False)
    assert follow_ups.send_due(now=due) == 0
    assert (profile_of(session).follow_up_at, profile_of(session).state) == (None, "INSTALLED")


def test_a_late_answer_brings_its_follow_up_with_it(session):
    command = ask(session, LONG)
    send(command)
    commands.record_outcome(command.pk, EXPIRED, now=at(30))
    commands.record_outcome(command.pk, ACCEPTED, now=at(45))
    assert profile_of(session, owner=PARTNER).follow_up_at is not None
    assert state.wish_in_force(profile_of(session)) == LONG
