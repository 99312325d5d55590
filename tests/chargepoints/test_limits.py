"""Limits of operators: what is sent, what is kept, when it ends, and what replaces what."""

from datetime import timedelta
from decimal import Decimal

import pytest

from chargepoints import inventory, limits, tasks
from chargepoints.commands import to_request
from chargepoints.models import ChargePointCommand, OperatorLimit
from chargepoints.models.limits import LARGEST_EVSE_ID, profile_id
from chargepoints.values import (
    BootFacts,
    ChargingSchedule,
    ProfilePurpose,
    RateUnit,
    SchedulePeriod,
    ScheduleRefused,
    SetProfile,
)
from tests.chargepoints.command_steps import EXPIRED, FAILED, REJECTED, UNKNOWN, installed, status_of
from tests.chargepoints.limit_steps import answered, call_of, fresh, installed_limit, remove, set_online, want, wish
from tests.support import factories
from tests.support.factories import NOW, at, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def evse(db):
    return factories.evse(factories.charge_point(max_stack_level=8), number=2)


@pytest.fixture
def charge_point(evse):
    return evse.charge_point


def states():
    """Oldest first."""
    return list(OperatorLimit.objects.order_by("pk").values_list("state", flat=True))


def waiting():
    return ChargePointCommand.objects.open().filter(limit__isnull=False)


def boot(charge_point, *, now=NOW):
    inventory.boot(charge_point.pk, BootFacts(), questions=(), now=now)


# --- ids ------------------------------------------------------------------------------------------------------------


@pytest.mark.pure
def test_the_profile_ids_of_limits_begin_above_the_keys_of_charging_profiles_and_fit_31_bits():
    assert [profile_id(0), profile_id(2)] == [2_000_000_000, 2_000_000_002]
    assert profile_id(LARGEST_EVSE_ID) == 2**31 - 1
    for number in (-1, LARGEST_EVSE_ID + 1):
        with pytest.raises(ValueError, match="no profile id"):
            profile_id(number)


def test_an_evse_number_beyond_all_ids_is_refused_with_nothing_written(charge_point):
    with pytest.raises(ScheduleRefused, match="no charging profile id") as caught:
        want(factories.evse(charge_point, number=LARGEST_EVSE_ID + 1))
    assert caught.value.code == "evse_id_too_large"
    assert not OperatorLimit.objects.exists()


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_the_limit_of_a_charge_point_is_its_maximum_until_the_end(charge_point):
    limit = want(charge_point, 10, ends_at=at(7200))
    periods = (SchedulePeriod(0, Decimal("10.0"), 3),)
    assert to_request(call_of(limit)) == SetProfile(
        profile_id=2_000_000_000, stack_level=8, evse_id=0, transaction_id="",
        schedule=ChargingSchedule(RateUnit.AMPERE, periods, at(-86400), 86400 + 7200),
        purpose=ProfilePurpose.CHARGE_POINT_MAX, valid_to=at(7200),
    )  # fmt: skip
    assert call_of(limit).requested_by == "operator noor"


def test_the_limit_of_an_evse_is_the_default_of_its_transactions(evse):
    request = to_request(call_of(want(evse)))
    assert (request.purpose, request.profile_id, request.evse_id) == (ProfilePurpose.TX_DEFAULT, 2_000_000_002, 2)
    assert (request.valid_to, request.schedule.duration_s, request.transaction_id) == (None, None, "")


def test_a_limit_is_sent_in_a_unit_that_the_charge_point_takes_and_says_why():
    place = factories.evse(factories.charge_point(rate_units="A"))
    limit = want(place, 11000, unit=RateUnit.WATT)
    assert to_request(call_of(limit)).schedule.periods[0].limit == Decimal("15.9")
    assert fresh(limit).notes == call_of(limit).notes == ["11000 W -> 15.9 A: 3 phases, 230 V, rounded down"]


def test_a_limit_above_the_hardware_is_the_hardwares():
    place = factories.evse(max_current_a=16)
    limit = want(place, 40)
    assert to_request(call_of(limit)).schedule.periods[0].limit == 16
    assert fresh(limit).notes == ["40 A -> 16 A: the connector's maximum"]


def test_a_charge_point_gives_what_its_evses_give_together(evse, charge_point):
    factories.evse(charge_point, number=3, phases=1)
    assert to_request(call_of(want(charge_point, 100))).schedule.periods[0].limit == 64


def test_watts_of_several_evses_are_spread_over_three_phases():
    charge_point = factories.charge_point(rate_units="A")
    for number in (1, 2):
        factories.evse(charge_point, number=number, phases=1)
    assert to_request(call_of(want(charge_point, 6900, unit=RateUnit.WATT))).schedule.periods[0].limit == 10


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"smart_charging": False}, "smart_charging_unsupported"), ({"rate_units": "A"}, "unit_unsupported")],
)
def test_what_the_charge_point_cannot_do_is_refused_with_nothing_written(fields, code):
    place = factories.evse(factories.charge_point(**fields), current_type="DC")
    with pytest.raises(ScheduleRefused) as caught:
        want(place, 5000, unit=RateUnit.WATT)
    assert caught.value.code == code
    assert not OperatorLimit.objects.exists()
    assert not ChargePointCommand.objects.exists()


def test_an_end_in_the_past_and_a_charge_point_without_evses_are_refused(evse):
    for place, fields, code in [
        (evse, {"ends_at": at(-60)}, "profile_in_the_past"),
        (factories.charge_point(), {}, "no_evses"),
    ]:
        with pytest.raises(ScheduleRefused) as caught:
            want(place, **fields)
        assert caught.value.code == code


# --- what came of it ------------------------------------------------------------------------------------------------


def test_an_accepted_limit_is_installed_and_affected_sessions_are_looked_at(evse):
    session = factories.session(evse)
    elsewhere = factories.session(factories.evse(evse.charge_point, number=5))
    for each in (session, elsewhere):
        installed(each, schedule(8))
    limit = want(evse)
    ChargePointCommand.objects.open().filter(limit=None).delete()
    limit = answered(limit, now=at(1))
    assert (limit.state, limit.installed_at) == ("INSTALLED", at(1))
    looks = ChargePointCommand.objects.filter(kind="GET_COMPOSITE", status="QUEUED")
    assert list(looks.values_list("session", flat=True)) == [session.pk]


def test_after_the_limit_of_the_whole_charge_point_all_its_sessions_are_looked_at(evse, charge_point):
    both = [factories.session(evse), factories.session(factories.evse(charge_point, number=5))]
    for each in both:
        installed(each, schedule(8))
    limit = answered(want(charge_point))
    for outcome in ("set", "clear"):
        looks = ChargePointCommand.objects.filter(kind="GET_COMPOSITE", status="QUEUED")
        assert set(looks.values_list("session", flat=True)) == {each.pk for each in both}, outcome
        looks.delete()
        if outcome == "set":
            remove(limit)
            answered(limit)


def test_a_refused_limit_is_wanted_still_and_not_sent_again(evse):
    limit = answered(want(evse), REJECTED)
    assert (limit.state, limit.ended_at) == ("REJECTED", None)
    assert limits.send_due(now=at(60)) == 0


def test_a_limit_without_an_answer_is_sent_again_three_times_at_most(evse):
    limit = want(evse)
    for outcome in (EXPIRED, FAILED):
        assert answered(limit, outcome).state == "UNCERTAIN"
        assert limits.send_due(now=at(60)) == 1
        assert limits.send_due(now=at(60)) == 0, "one on its way is enough"
    assert call_of(limit).requested_by == "system"
    answered(limit, EXPIRED)
    assert limits.send_due(now=at(90)) == 0
    assert limit.commands.count() == 3


def test_a_late_answer_settles_it_unless_a_later_call_did(evse):
    limit = want(evse)
    first = call_of(limit)
    assert answered(limit, EXPIRED).state == "UNCERTAIN"
    late(first, "ACCEPTED")
    assert fresh(limit).state == "INSTALLED"

    remove(limit)
    second = call_of(limit)
    answered(limit, EXPIRED)
    limits.send_due(now=at(60))
    assert answered(limit).state == "REMOVED"
    late(second, "ACCEPTED")
    assert fresh(limit).state == "REMOVED"


def late(command, status):
    from chargepoints import commands
    from chargepoints.values import CommandOutcome, OutcomeStatus

    assert commands.record_outcome(command.pk, CommandOutcome(OutcomeStatus(status)), now=at(50))


# --- offline and reboot ---------------------------------------------------------------------------------------------


def test_for_an_offline_charge_point_it_is_kept_and_sent_when_it_connects(evse, charge_point):
    set_online(charge_point, online=False)
    limit = want(evse)
    assert (limit.state, limit.commands.count()) == ("REQUESTED", 0)
    assert limits.send_due(now=at(3600)) == 0
    set_online(charge_point, online=True)
    assert limits.send_due(now=at(7200)) == 1
    assert to_request(call_of(limit)).schedule.start_at == NOW - timedelta(days=1)


def test_a_call_that_never_left_is_no_try(evse):
    from chargepoints import commands

    limit = want(evse)
    for _ in range(4):
        assert commands.expire_overdue(now=at(10_000)) == 1
        assert fresh(limit).tries == 0
        assert limits.send_due(now=NOW) == 1


def test_after_a_reboot_it_is_in_doubt_and_sent_once_more(evse, charge_point):
    limit = installed_limit(evse)
    boot(charge_point)
    assert fresh(limit).state == "UNCERTAIN"
    assert limits.send_due(now=at(10)) == 1
    answered(limit, EXPIRED)
    assert limits.send_due(now=at(60)) == 0


def test_a_reboot_changes_nothing_for_what_is_not_there(evse, charge_point):
    limit = answered(want(evse), REJECTED)
    boot(charge_point)
    assert fresh(limit).state == "REJECTED"
    assert limits.send_due(now=at(10)) == 0


def test_a_limit_that_does_not_fit_any_more_is_refused_with_the_reason(evse, charge_point):
    limit = installed_limit(evse)
    type(charge_point).objects.update(smart_charging=False)
    boot(charge_point)
    assert limits.send_due(now=at(10)) == 0
    assert (fresh(limit).state, fresh(limit).notes) == ("REJECTED", ["the charge point has no smart charging"])


def test_beat_looks_after_limits(evse, charge_point):
    set_online(charge_point, online=False)
    limit = want(evse)
    set_online(charge_point, online=True)
    tasks.watch_sessions()
    assert call_of(limit).status == "QUEUED"


# --- the end --------------------------------------------------------------------------------------------------------


def test_at_its_end_nobody_wants_it_and_the_sessions_are_looked_at(evse):
    session = factories.session(evse)
    installed(session, schedule(8))
    limit = installed_limit(evse, ends_at=at(600))
    ChargePointCommand.objects.open().delete()
    assert limits.end_over(now=at(599)) == 0
    assert limits.end_over(now=at(600)) == 1
    limit = fresh(limit)
    assert (limit.state, limit.ended_at, limit.ended_by) == ("REMOVED", at(600), "")
    assert [c.kind for c in ChargePointCommand.objects.open()] == ["GET_COMPOSITE"]
    assert limits.end_over(now=at(700)) == 0


def test_a_limit_that_ended_before_it_was_sent_is_not_sent(evse, charge_point):
    set_online(charge_point, online=False)
    limit = want(evse, ends_at=at(600))
    set_online(charge_point, online=True)
    limits.watch(now=at(601))
    assert (fresh(limit).state, limit.commands.count()) == ("REMOVED", 0)


def test_what_still_waits_at_its_end_is_not_sent(evse):
    limit = want(evse, ends_at=at(10))
    limits.watch(now=at(10))
    assert status_of(call_of(limit)) == "REJECTED"
    assert fresh(limit).state == "REMOVED"


def test_an_answer_after_its_end_does_not_bring_it_back(evse):
    limit = want(evse, ends_at=at(10))
    ChargePointCommand.objects.update(status="SENT", sent_at=NOW)
    limits.end_over(now=at(10))
    assert answered(limit, now=at(11)).state == "REMOVED"


# --- replacing ------------------------------------------------------------------------------------------------------


def test_a_new_limit_replaces_the_one_before_with_the_same_id_and_level(evse, charge_point):
    first = installed_limit(evse, 16)
    type(charge_point).objects.update(max_stack_level=3)
    second = want(evse, 8, now=at(60))
    assert (fresh(first).ended_at, fresh(first).ended_by) == (at(60), "operator noor")
    assert states() == ["INSTALLED", "REQUESTED"]
    assert call_of(second).payload["stack_level"] == 8
    assert call_of(second).payload["profile_id"] == call_of(first).payload["profile_id"]
    answered(second)
    assert states() == ["REMOVED", "INSTALLED"]


def test_when_the_new_one_is_refused_the_one_before_is_there_still_and_goes_with_it(evse):
    first = installed_limit(evse, 16)
    second = answered(want(evse, 8, now=at(60)), REJECTED)
    assert states() == ["INSTALLED", "REJECTED"]
    assert limits.send_due(now=at(90)) == 0
    remove(second, now=at(120))
    answered(first)
    assert states() == ["REMOVED", "REMOVED"]


def test_what_waits_is_superseded_and_what_was_sent_is_followed(evse):
    first = want(evse, 16)
    want(evse, 12)
    assert status_of(call_of(first)) == "REJECTED"
    ChargePointCommand.objects.open().update(status="SENT", sent_at=NOW)
    want(evse, 8)
    assert list(waiting().order_by("pk").values_list("status", flat=True)) == ["SENT", "QUEUED"]


def test_exactly_what_is_installed_is_not_written_again(evse):
    limit = installed_limit(evse, 10, ends_at=at(600))
    assert want(evse, "10.0", ends_at=at(600), now=at(60)) == limit
    assert OperatorLimit.objects.count() == limit.commands.count() == 1


@pytest.mark.parametrize("settle", [fresh, answered], ids=["never answered", "installed"])
def test_after_one_that_is_over_another_can_be_set_before_beat_has_come(evse, settle):
    before = settle(want(evse, 10, ends_at=at(60)))
    after = want(evse, 12, now=at(61))
    assert (fresh(before).state, fresh(before).ended_at) == ("REMOVED", at(60))
    assert [limit.pk for limit in OperatorLimit.objects.filter(ended_at=None)] == [after.pk]
    assert to_request(call_of(after)).schedule.periods[0].limit == 12


def test_the_charge_point_and_each_evse_have_limits_of_their_own(evse, charge_point):
    other = factories.evse(charge_point, number=3)
    for place in (evse, charge_point, other):
        installed_limit(place)
    assert OperatorLimit.objects.wanted(now=NOW).count() == 3
    assert states() == ["INSTALLED"] * 3


# --- removing -------------------------------------------------------------------------------------------------------


def test_removing_clears_exactly_its_profile(evse):
    limit = installed_limit(evse)
    remove(limit, now=at(60))
    command = call_of(limit)
    assert (command.action, command.payload["profile_id"]) == ("ClearChargingProfile", 2_000_000_002)
    assert (fresh(limit).state, fresh(limit).ended_at) == ("INSTALLED", at(60))
    assert answered(limit).state == "REMOVED"


def test_a_profile_that_the_charge_point_does_not_know_is_removed(evse):
    limit = installed_limit(evse)
    remove(limit)
    assert answered(limit, UNKNOWN).state == "REMOVED"


def test_what_was_never_sent_is_removed_without_a_call(evse):
    limit = want(evse)
    remove(limit)
    assert fresh(limit).state == "REMOVED"
    assert not waiting().exists()


def test_what_was_sent_without_an_answer_yet_is_cleared_after_it(evse):
    limit = want(evse)
    ChargePointCommand.objects.update(status="SENT", sent_at=NOW)
    remove(limit)
    assert list(waiting().order_by("pk").values_list("action", "status")) == [
        ("SetChargingProfile", "SENT"), ("ClearChargingProfile", "QUEUED"),
    ]  # fmt: skip


def test_at_an_offline_charge_point_it_is_cleared_when_it_connects(evse, charge_point):
    limit = installed_limit(evse)
    set_online(charge_point, online=False)
    remove(limit)
    assert limits.send_due(now=at(60)) == 0
    set_online(charge_point, online=True)
    assert limits.send_due(now=at(120)) == 1
    assert call_of(limit).kind == "CLEAR_PROFILE"
    assert limits.send_due(now=at(120)) == 0


def test_a_clear_that_comes_to_nothing_is_tried_three_times(evse):
    limit = installed_limit(evse)
    remove(limit)
    for outcome in (REJECTED, EXPIRED):
        answered(limit, outcome)
        assert limits.send_due(now=at(60)) == 1
    assert answered(limit, EXPIRED).state == "UNCERTAIN"
    assert limits.send_due(now=at(90)) == 0


def test_a_limit_set_while_the_one_before_is_cleared_stays(evse):
    first = installed_limit(evse, 16)
    remove(first)
    ChargePointCommand.objects.open().update(status="SENT", sent_at=NOW)
    second = want(evse, 8)
    answered(first)
    answered(second)
    assert states() == ["REMOVED", "INSTALLED"]


def test_a_clear_that_waits_is_superseded_by_a_new_limit(evse):
    first = installed_limit(evse, 16)
    remove(first)
    want(evse, 8)
    assert list(waiting().values_list("action", flat=True)) == ["SetChargingProfile"]


def test_the_draft_is_not_wanted(evse):
    wish(evse)
    assert not OperatorLimit.objects.exists()
