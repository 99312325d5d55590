"""Smart-charging self-tests: each step with what may come of it, and that a session is never left worse than it was."""

from datetime import timedelta
from decimal import Decimal

import pytest

from chargepoints import commands, self_tests
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingSession, MeterValue, SmartChargingTest
from chargepoints.self_tests import CannotTest
from chargepoints.values import (
    ChargingSchedule,
    CommandOutcome,
    OutcomeStatus,
    RateUnit,
    SchedulePeriod,
    ScheduleRefused,
)
from tests.support.factories import NOW, at
from tests.support.factories import charge_point as a_charge_point
from tests.support.factories import evse as an_evse
from tests.support.factories import schedule as a_schedule
from tests.support.factories import session as a_session

pytestmark = pytest.mark.django_db
OWNER = "NL*JED"
ACCEPTED, REJECTED, EXPIRED = OutcomeStatus.ACCEPTED, OutcomeStatus.REJECTED, OutcomeStatus.EXPIRED


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr("chargepoints.commands._ring", lambda *_: None)


@pytest.fixture
def session():
    return a_session(an_evse(a_charge_point(ocpp_version="1.6", max_stack_level=8)))


def begin(session) -> SmartChargingTest:
    return self_tests.start(session, requested_by="operator noor", now=NOW)


def answer(
    test: SmartChargingTest, status: OutcomeStatus, plan_a: str | None = None, *, seconds: float = 1, **fields
) -> SmartChargingTest:
    """The charge point answers what the test waits for."""
    test.refresh_from_db()
    plan = None if plan_a is None else a_schedule(plan_a, start_at=at(seconds), duration_s=300)
    ChargePointCommand.objects.filter(pk=test.command_id).update(status="SENT", sent_at=at(seconds))
    assert commands.record_outcome(test.command_id, CommandOutcome(status, schedule=plan, **fields), now=at(seconds))
    test.refresh_from_db()
    return test


def measured(session, seconds: float, *, current_a: str | None = None, power_w: str | None = None) -> None:
    """Sums over three phases."""
    MeterValue.objects.create(
        charge_point=session.charge_point, evse=session.evse, session=session, measured_at=at(seconds),
        received_at=at(seconds), current_a=current_a, power_w=power_w,
    )  # fmt: skip


def install(session, *limits: str, owner: str = OWNER, **fields) -> None:
    command = commands.request_set_profile(
        session=session, owner=owner, schedule=a_schedule(*limits, **fields), requested_by=owner, now=NOW,
        expires_at=at(30),
    )  # fmt: skip
    ChargePointCommand.objects.filter(pk=command.pk).update(status="SENT", sent_at=NOW)
    commands.record_outcome(command.pk, CommandOutcome(ACCEPTED), now=NOW)
    ChargePointCommand.objects.filter(kind="GET_COMPOSITE").delete()


def tones(test: SmartChargingTest) -> list[tuple[str, str]]:
    return [(finding["step"], finding["tone"]) for finding in test.findings]


# --- what is set ----------------------------------------------------------------------------------------------------


def test_it_sets_6_a_for_five_minutes_above_all_others(session):
    install(session, "16")
    payload = begin(session).command.payload
    assert (payload["stack_level"], payload["transaction_id"]) == (8, session.ocpp_transaction_id)
    schedule = ChargingSchedule.from_json(payload["schedule"])
    assert schedule.periods == (SchedulePeriod(0, Decimal("6.0"), 3),)
    assert (schedule.unit, schedule.start_at, schedule.duration_s) == (RateUnit.AMPERE, at(-60), 360)


def test_it_never_allows_more_than_what_is_in_force_at_any_moment(session):
    install(session, "16", "0", "32", step_s=120, start_at=at(-30))
    schedule = self_tests.wish(session, now=NOW)
    assert [(period.start_s, period.limit) for period in schedule.periods] == [(0, 6), (150, 0), (270, 6)]


@pytest.mark.parametrize("limit", ["0", "5"])
def test_where_less_is_in_force_nothing_is_set(session, limit):
    install(session, limit)
    with pytest.raises(CannotTest, match="a limit below 6 A is in force"):
        begin(session)
    assert not SmartChargingTest.objects.exists()


def test_it_takes_no_stack_level_away_from_partners(session):
    begin(session)
    install(session, "16")
    install(session, "20", owner="NL*ABC")
    levels = dict(session.profiles.values_list("owner", "stack_level"))
    assert levels == {"self-test": 8, "NL*JED": 0, "NL*ABC": 1}


def test_where_all_levels_are_taken_nothing_is_set(session):
    ChargePoint.objects.update(max_stack_level=1)
    session.charge_point.refresh_from_db()
    install(session, "16")
    install(session, "16", owner="NL*ABC")
    with pytest.raises(ScheduleRefused):
        begin(session)
    assert not SmartChargingTest.objects.exists()


@pytest.mark.parametrize(
    ("of_session", "of_charge_point", "why"),
    [
        ({"state": "COMPLETED"}, {}, "the session is COMPLETED"),
        ({}, {"connection_id": ""}, "the charge point is offline"),
        ({}, {"smart_charging": False}, "the charge point has no smart charging"),
        ({}, {"max_stack_level": 0}, "the charge point has one stack level only"),
    ],
)
def test_where_it_makes_no_sense_it_says_why_and_sends_nothing(session, of_session, of_charge_point, why):
    ChargingSession.objects.update(**({"state": "ACTIVE"} | of_session))
    ChargePoint.objects.update(**({"max_stack_level": 8} | of_charge_point))
    fresh = ChargingSession.objects.get()
    with pytest.raises(CannotTest, match=why):
        begin(fresh)
    assert not ChargePointCommand.objects.exists()


def test_there_is_one_at_a_time(session):
    begin(session)
    with pytest.raises(CannotTest, match="a self-test is running"):
        begin(session)


# --- what is found --------------------------------------------------------------------------------------------------


def up_to_measuring(session) -> SmartChargingTest:
    test = begin(session)
    answer(test, ACCEPTED)
    return answer(test, ACCEPTED, "6", seconds=2)


def up_to_clearing(session) -> SmartChargingTest:
    test = up_to_measuring(session)
    measured(session, 10, current_a="17.7")
    self_tests.watch(now=at(11))
    test.refresh_from_db()
    return test


def test_one_that_does_all_as_told_passes(session):
    install(session, "16")
    test = up_to_clearing(session)
    assert test.step == "CLEARING"
    assert test.command.payload == {"profile_id": session.profiles.get(owner="self-test").pk}
    answer(test, ACCEPTED, seconds=12)
    answer(test, ACCEPTED, "16", seconds=13)
    assert (test.verdict, test.step, test.ended_at) == ("PASSED", "DONE", at(13))
    assert [finding["words"] for finding in test.findings] == [
        "It accepted a limit of 6 A per phase.",
        "Its plan allows 6 A per phase.",
        "The car takes 5.9 A per phase.",
        "The limit was taken away.",
        "Its plan allows 16 A per phase again.",
    ]
    assert session.profiles.get(owner=OWNER).state == "INSTALLED"


def test_the_plan_afterwards_is_asked_for_in_the_partners_unit(session):
    install(session, "11000", unit=RateUnit.WATT)
    test = up_to_clearing(session)
    ChargePointCommand.objects.filter(kind="GET_COMPOSITE").delete()
    answer(test, ACCEPTED, seconds=12)
    asked = ChargePointCommand.objects.filter(kind="GET_COMPOSITE").values_list("requested_by", "payload__unit")
    assert set(asked) == {("system", "W"), ("self-test", "W")}


def test_a_refused_limit_fails_and_nothing_is_cleared(session):
    test = answer(begin(session), REJECTED, detail="Rejected")
    assert (test.verdict, tones(test)) == ("FAILED", [("SETTING", "bad")])
    assert not ChargePointCommand.objects.filter(kind="CLEAR_PROFILE").exists()


def test_silence_may_mean_that_it_is_there_so_it_is_cleared(session):
    test = answer(begin(session), EXPIRED, seconds=30)
    assert (test.step, test.command.kind) == ("CLEARING", "CLEAR_PROFILE")


def test_a_plan_above_the_limit_is_bad_and_the_test_goes_on(session):
    test = begin(session)
    answer(test, ACCEPTED)
    answer(test, ACCEPTED, "32", seconds=2)
    assert (test.step, tones(test)[-1]) == ("MEASURING", ("PLAN", "bad"))


@pytest.mark.parametrize("status", [REJECTED, EXPIRED, ACCEPTED])
def test_without_a_plan_the_current_must_tell(session, status):
    test = begin(session)
    answer(test, ACCEPTED)
    answer(test, status, seconds=2)
    assert (test.step, tones(test)[-1]) == ("MEASURING", ("PLAN", "warn"))


def test_a_higher_current_may_still_come_down_until_its_time_is_over(session):
    test = up_to_measuring(session)
    measured(session, 10, power_w="11000")
    self_tests.watch(now=at(20))
    test.refresh_from_db()
    assert test.step == "MEASURING"
    self_tests.watch(now=at(93))
    test.refresh_from_db()
    assert (test.step, test.findings[-1]["words"]) == ("CLEARING", "The car still takes 15.9 A per phase.")


def test_what_was_measured_before_the_limit_counts_for_nothing(session):
    test = up_to_measuring(session)
    measured(session, 1, current_a="3")
    self_tests.watch(now=at(8))
    test.refresh_from_db()
    assert test.step == "MEASURING"


def test_meter_values_are_asked_for_once(session):
    up_to_measuring(session)
    for seconds in (3, 8, 11, 14):
        self_tests.watch(now=at(seconds))
    [asked] = ChargePointCommand.objects.filter(action="TriggerMessage")
    assert asked.created_at == at(8)


def test_a_car_that_takes_nothing_proves_little(session):
    test = up_to_measuring(session)
    measured(session, 10, current_a="0")
    self_tests.watch(now=at(11))
    test.refresh_from_db()
    assert tones(test)[-1] == ("MEASURING", "warn")


def test_a_plan_that_stays_low_afterwards_is_bad(session):
    test = up_to_clearing(session)
    answer(test, ACCEPTED, seconds=12)
    answer(test, ACCEPTED, "6", seconds=13)
    assert test.verdict == "FAILED"
    assert test.findings[-1]["words"] == "Its plan still allows only 6 A per phase; without the test it is 32 A."


def test_a_limit_that_is_not_taken_away_ends_by_itself_and_fails(session):
    test = up_to_clearing(session)
    answer(test, REJECTED, seconds=12)
    answer(test, ACCEPTED, "32", seconds=13)
    assert test.verdict == "FAILED"
    assert "by itself it drops it at 12:05:00 UTC" in test.findings[3]["words"]


# --- what comes between ---------------------------------------------------------------------------------------------


def test_the_end_of_the_session_ends_it(session):
    test = up_to_measuring(session)
    ChargingSession.objects.update(state="COMPLETED")
    self_tests.watch(now=at(20))
    test.refresh_from_db()
    assert (test.verdict, test.ended_at) == ("DOUBTFUL", at(20))


def test_a_step_that_nobody_carries_on_is_ended_by_clearing(session):
    test = begin(session)
    ChargePointCommand.objects.update(status="SENT", sent_at=NOW)
    SmartChargingTest.objects.update(command=None)
    self_tests.watch(now=at(60))
    test.refresh_from_db()
    assert test.step == "SETTING"
    self_tests.watch(now=at(121))
    test.refresh_from_db()
    assert test.step == "CLEARING"


def test_an_answer_whose_signal_was_lost_is_found_by_beat(session):
    test = begin(session)
    ChargePointCommand.objects.filter(pk=test.command_id).update(status="ACCEPTED")
    self_tests.watch(now=at(5))
    test.refresh_from_db()
    assert test.step == "PLAN"


def test_two_that_carry_it_on_at_once_do_it_once(session):
    test = up_to_measuring(session)
    measured(session, 10, current_a="17.7")
    stale = SmartChargingTest.objects.select_related("session__evse", "session__charge_point").get(pk=test.pk)
    self_tests.watch(now=at(11))
    self_tests._look(stale, now=at(11) + timedelta(seconds=1))
    assert ChargePointCommand.objects.filter(kind="CLEAR_PROFILE").count() == 1


def test_an_operator_may_stop_it(session):
    test = up_to_measuring(session)
    assert self_tests.stop(test, by="operator noor", now=at(6))
    test.refresh_from_db()
    assert (test.step, test.findings[-1]["words"]) == ("CLEARING", "Stopped by operator noor.")
    assert not self_tests.stop(test, by="operator noor", now=at(7))


def test_stopped_before_the_limit_has_left_nothing_is_set_and_nothing_cleared(session):
    test = begin(session)
    self_tests.stop(test, by="operator noor", now=at(1))
    test.refresh_from_db()
    assert test.step == "AFTERWARDS"
    assert dict(ChargePointCommand.objects.values_list("kind", "status")) == {
        "SET_PROFILE": "REJECTED", "CLEAR_PROFILE": "UNKNOWN", "GET_COMPOSITE": "QUEUED",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["set", "clear"])
def test_it_makes_room_when_a_partner_asks_for_something_else_meanwhile(session, kind):
    install(session, "16")
    test = up_to_measuring(session)
    asking = {"session": session, "owner": OWNER, "requested_by": OWNER, "now": at(4), "expires_at": at(30)}
    if kind == "set":
        commands.request_set_profile(schedule=a_schedule("0"), **asking)
    else:
        commands.request_clear_profile(**asking)
    self_tests.watch(now=at(5))
    test.refresh_from_db()
    assert (test.step, test.command.kind) == ("CLEARING", "CLEAR_PROFILE")
    assert test.findings[-1]["words"] == "NL*JED asked for another profile meanwhile: the test makes room."


def test_others_commands_carry_nothing_on(session):
    test = begin(session)
    install(session, "16")
    test.refresh_from_db()
    assert test.step == "SETTING"
