"""Profiles of running sessions on an EVSE whose limit begins or ends: prepared anew, sent, no request lost."""

import pytest

from chargepoints import capping, follow_ups, limits
from chargepoints.models import ChargePointCommand, ChargingProfile, OperatorLimit
from chargepoints.values import ChargingSchedule
from tests.chargepoints.command_steps import ACCEPTED, EXPIRED, REJECTED, ask, carry, installed, profile_of, status_of
from tests.chargepoints.limit_steps import answered, fresh, installed_limit, remove, set_online, want
from tests.support import factories
from tests.support.factories import NOW, at, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
WISH = schedule(16, start_at=NOW)


@pytest.fixture
def evse(db):
    return factories.evse()


@pytest.fixture
def session(evse):
    return factories.session(evse)


def anew(session) -> ChargePointCommand:
    return ChargePointCommand.objects.get(session=session, kind="SET_PROFILE", status="QUEUED", requested_by="system")


def asked_anew(session) -> bool:
    return session.commands.filter(kind="SET_PROFILE", status="QUEUED", requested_by="system").exists()


def limits_of(command: ChargePointCommand) -> list[str]:
    return [str(period.limit) for period in ChargingSchedule.from_json(command.payload["schedule"]).periods]


def test_a_running_profile_follows_the_limit_after_it_is_sent(session, evse):
    installed(session, WISH)
    limit = want(evse, 10, ends_at=at(600))
    command = anew(session)
    assert limits_of(command) == ["10.0", "16.0"]
    assert command.notes == ["16 A -> 10 A: limited by an operator until 2024-05-01T12:10:00Z"]
    assert command.pk > limit.commands.get().pk
    carry(command)
    assert profile_of(session).desired_schedule == WISH, "what its owner wants stays"


def test_what_a_partner_asks_while_it_lasts_is_capped(session, evse):
    limit = want(evse, 10)
    command = ask(session, schedule(16, 8))
    assert limits_of(command) == ["10.0", "8.0"]
    assert command.payload["capped_by"] == limit.pk


def test_it_caps_although_the_charge_point_refused_the_default(session, evse):
    answered(want(evse, 10), REJECTED)
    assert limits_of(ask(session, schedule(16))) == ["10.0"]


def test_the_limit_of_the_whole_charge_point_is_left_to_the_charge_point(session, evse):
    installed(session, WISH)
    limit = want(evse.charge_point, 10)
    assert not asked_anew(session)
    assert fresh(limit).profiles_in_step
    assert limits_of(ask(session, schedule(16))) == ["16.0"]


def test_another_evse_is_not_capped(session, evse):
    installed(session, WISH)
    want(factories.evse(evse.charge_point, number=2), 10)
    assert not asked_anew(session)
    assert limits_of(ask(session, schedule(20))) == ["20.0"]


def test_a_profile_that_the_limit_does_not_change_is_not_written_again(session, evse):
    installed(session, schedule(8))
    limit = want(evse, 10)
    command = session.commands.filter(requested_by="system").get()
    assert (command.status, command.sent_at) == ("ACCEPTED", None)
    limits.watch(now=at(10))
    assert fresh(limit).profiles_in_step
    assert not asked_anew(session)


def test_once_it_is_sent_nothing_is_left_to_do(session, evse):
    installed(session, WISH)
    limit = want(evse, 10)
    assert not fresh(limit).profiles_in_step
    carry(anew(session))
    limits.watch(now=at(10))
    assert fresh(limit).profiles_in_step
    assert not asked_anew(session)


def test_a_request_on_its_way_is_not_superseded_and_its_profile_follows(session, evse):
    request = ask(session, WISH)
    limit = want(evse, 10)
    assert status_of(request) == "QUEUED"
    limits.watch(now=at(2))
    assert not asked_anew(session)
    carry(request)
    limits.watch(now=at(10))
    assert limits_of(anew(session)) == ["10.0"]
    assert not fresh(limit).profiles_in_step


def test_a_request_that_was_prepared_before_the_limit_and_shows_up_after_it_follows(session, evse):
    """Its transaction had not seen the limit, and the limit's had not seen it."""
    limit = want(evse, 10)
    request = ask(session, WISH)
    uncapped = {**request.payload, "schedule": WISH.to_json(), "capped_by": None}
    ChargePointCommand.objects.filter(pk=request.pk).update(payload=uncapped)
    carry(request)
    assert not fresh(limit).profiles_in_step
    limits.watch(now=at(10))
    assert limits_of(anew(session)) == ["10.0"]


def test_what_was_sent_without_an_answer_may_be_in_force_so_it_follows(session, evse):
    carry(ask(session, WISH), EXPIRED)
    want(evse, 10)
    assert limits_of(anew(session)) == ["10.0"]


def test_a_refused_request_leaves_the_one_before_which_follows(session, evse):
    installed(session, WISH)
    request = ask(session, schedule(20))
    want(evse, 10)
    carry(request, REJECTED)
    limits.watch(now=at(10))
    assert limits_of(anew(session)) == ["10.0"]


def test_a_cleared_profile_is_not_brought_back(session, evse):
    installed(session, WISH)
    ChargingProfile.objects.update(state="CLEARED", applied=None)
    limit = want(evse, 10)
    limits.watch(now=at(10))
    assert not asked_anew(session)
    assert fresh(limit).profiles_in_step


def test_a_session_that_is_over_is_left_alone(session, evse):
    installed(session, WISH)
    session.state = "COMPLETED"
    session.save(update_fields=["state"])
    want(evse, 10)
    assert not asked_anew(session)


def test_for_an_offline_charge_point_it_waits(session, evse):
    installed(session, WISH)
    set_online(evse.charge_point, online=False)
    limit = want(evse, 10)
    limits.watch(now=at(10))
    assert not asked_anew(session)
    set_online(evse.charge_point, online=True)
    limits.watch(now=at(20))
    assert limits_of(anew(session)) == ["10.0"]
    assert not fresh(limit).profiles_in_step


def test_a_refusal_is_not_repeated(session, evse):
    installed(session, WISH)
    limit = want(evse, 10)
    carry(anew(session), REJECTED)
    limits.watch(now=at(10))
    assert fresh(limit).profiles_in_step
    assert not asked_anew(session)


def test_without_an_answer_it_is_tried_three_times(session, evse):
    installed(session, WISH)
    limit = want(evse, 10)
    for second in (10, 20, 30):
        carry(anew(session), EXPIRED)
        limits.watch(now=at(second))
    assert not asked_anew(session)
    assert fresh(limit).profiles_in_step


def test_when_it_is_removed_the_profile_goes_back_to_what_its_owner_wants(session, evse):
    installed(session, WISH)
    limit = installed_limit(evse, 10)
    carry(anew(session))
    remove(limit, now=at(60))
    command = anew(session)
    assert (limits_of(command), command.payload["capped_by"]) == (["16.0"], None)
    assert command.pk > limit.commands.latest("pk").pk
    carry(command, ACCEPTED, now=at(60))
    limits.watch(now=at(70))
    assert fresh(limit).profiles_in_step


def test_at_its_end_nothing_is_sent_for_the_schedule_says_it_already(session, evse):
    installed(session, WISH)
    limit = installed_limit(evse, 10, ends_at=at(600))
    carry(anew(session))
    limits.watch(now=at(60))
    ChargePointCommand.objects.open().delete()
    limits.watch(now=at(600))
    assert fresh(limit).state == "REMOVED"
    assert not asked_anew(session)


def test_a_new_limit_takes_the_place_of_the_one_before(session, evse):
    installed(session, WISH)
    installed_limit(evse, 10)
    carry(anew(session))
    second = want(evse, 12)
    assert limits_of(anew(session)) == ["12.0"]
    assert list(OperatorLimit.objects.filter(profiles_in_step=False)) == [second]


def test_a_follow_up_of_a_long_profile_is_capped_too(evse):
    type(evse.charge_point).objects.update(max_periods=2)
    session = factories.session(evse)
    due = installed(session, schedule(16, 14, 12, start_at=NOW)).follow_up_at
    want(evse, 13)
    ChargePointCommand.objects.open().delete()
    follow_ups.send_due(now=due)
    assert limits_of(anew(session)) == ["13.0", "12.0"]


def test_a_wish_that_is_over_stays_as_it_is(session, evse):
    installed(session, schedule(16, start_at=NOW, duration_s=60))
    limit = want(evse, 10, now=at(120))
    limits.watch(now=at(130))
    assert not asked_anew(session)
    assert fresh(limit).profiles_in_step


def test_profiles_of_running_sessions_are_those_that_may_be_in_force(session, evse):
    profile = installed(session, WISH)
    assert capping.profiles_on(evse.pk) == [profile]
