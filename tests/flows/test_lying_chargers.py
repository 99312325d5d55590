"""Charge points that answer what is not so: the partner gets one result in time, and is told what is really planned."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chargepoints.simulator import Answer, Clear, Composite
from tests.flows.test_set_profile import ACCEPTED, REJECTED, both_versions, settled
from tests.flows.told import Plan, plan_of, pushed, sent_limits, standing
from tests.support.bay import FULL_W, MakeBay
from tests.support.charger import PATIENCE_S
from tests.support.processes import until
from tests.support.server import Server

pytestmark = pytest.mark.once  # what charge points do to the rules, not to the database

UNKNOWN = {"result": "UNKNOWN"}
FULL: Plan = [(0, FULL_W)]
ASKED: Plan = [(0, 11000)]
INSTALLED = ("INSTALLED", 0, "")


# --- Accepted, and nothing done -------------------------------------------------------------------------------------


@both_versions
def test_accepted_and_nothing_done_is_sent_twice_more_then_shown_as_drift_and_the_real_plan_is_pushed(
    bay: MakeBay, version: str
):
    b = bay(version=version).plug_in()
    b.charger.set_knobs(answer=Answer.PRETEND)
    call = b.put(11000)
    assert b.result(call) == ACCEPTED
    until(lambda: b.profile.state == "DRIFTED", timeout_s=PATIENCE_S, what="the drift")
    settled(b)
    assert standing(b) == ("DRIFTED", 2, "it plans 22080 W instead of 11000 W")
    assert sent_limits(b) == [[("W", 11000)]] * 3
    assert (pushed(b), b.results(call)) == ([FULL], [ACCEPTED])


@both_versions
def test_a_change_that_is_accepted_and_not_done_is_told_although_the_plan_is_the_one_told_before(
    bay: MakeBay, version: str
):
    b = bay(version=version).plug_in()
    assert b.result(b.put(11000)) == ACCEPTED
    until(lambda: pushed(b) == [ASKED], what="the first plan")
    b.charger.set_knobs(answer=Answer.PRETEND)
    call = b.put(7000)
    assert b.result(call) == ACCEPTED
    until(lambda: b.profile.state == "DRIFTED", timeout_s=PATIENCE_S, what="the drift")
    settled(b)
    assert standing(b) == ("DRIFTED", 2, "it plans 11000 W instead of 7000 W")
    assert sent_limits(b) == [[("W", 11000)]] + [[("W", 7000)]] * 3
    assert (pushed(b), b.results(call)) == ([ASKED, ASKED], [ACCEPTED])


@both_versions
def test_a_drift_ends_when_the_charge_point_does_it_after_all(bay: MakeBay, version: str):
    b = bay(version=version).plug_in()
    b.charger.set_knobs(answer=Answer.PRETEND, answer_times=2)
    assert b.result(b.put(11000)) == ACCEPTED
    until(lambda: standing(b) == INSTALLED, timeout_s=PATIENCE_S, what="the third time")
    settled(b)
    assert (len(sent_limits(b)), pushed(b)) == (3, [FULL, ASKED])


# --- no answer that means yes ---------------------------------------------------------------------------------------

REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "an error nobody knows, with a string for details": (
        {
            "answer": Answer.CALL_ERROR,
            "error_code": "VendorMood",
            "error_description": "no",
            "error_details": "why not",
        },
        "charge point answered CALLERROR VendorMood: no",
    ),
    "NotImplemented, and advertised": (
        {"answer": Answer.NOT_IMPLEMENTED},
        "charge point answered CALLERROR NotImplemented",
    ),
    "a status nobody knows": ({"answer": Answer.MALFORMED}, "charge point answered nonsense: "),
}


@both_versions
@pytest.mark.parametrize("refusal", REFUSALS)
def test_an_answer_that_makes_no_sense_is_rejected_at_once(bay: MakeBay, version: str, refusal: str):
    knobs, detail = REFUSALS[refusal]
    b = bay(version=version).plug_in()
    b.charger.set_knobs(**knobs)
    call = b.put(11000)
    assert b.result(call, timeout_s=5) == REJECTED
    settled(b)
    assert b.request(call).command.detail.startswith(detail)
    assert standing(b) == ("REJECTED", 0, "")
    assert (len(sent_limits(b)), pushed(b), b.results(call)) == (1, [], [REJECTED])
    assert b.charge_point.smart_charging is True  # as it said itself


# --- plans nobody can read literally --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What is put, and what the partner is told of it then: by push, and when it asks."""

    composite: Composite
    plan: Plan | None
    periods: list[tuple[int, float]] = field(default_factory=lambda: [(0, 11000)])
    options: dict[str, Any] = field(default_factory=dict)
    cleared: Plan = field(default_factory=lambda: FULL)


HALF_AN_HOUR = {"duration": 1800}
PLANS = {
    "no schedule": Told(Composite.NO_SCHEDULE, ASKED),
    "no periods": Told(Composite.EMPTY_PERIODS, ASKED),
    "refused": Told(Composite.REJECTED, None),
    "-1 where nothing limits": Told(Composite.MINUS_ONE, [*ASKED, (30, FULL_W)], options=HALF_AN_HOUR),
    "48 A where nothing limits": Told(Composite.FILLER_48A, [*ASKED, (30, FULL_W)], options=HALF_AN_HOUR),
    "the other unit": Told(Composite.OTHER_UNIT, [(0, 10971)]),  # 11000 W is 15.9 A
    "starts with decimals": Told(Composite.FLOAT_START, [*ASKED, (30, 0)], periods=[(0, 11000), (1800, 0)]),
    "6.1000000000000005": Told(
        Composite.FLOAT_NOISE, [(0, 6.1)], periods=[(0, 6.1)], options={"unit": "A"}, cleared=[(0, 32)]
    ),
    "a second ago": Told(Composite.ONE_SECOND_EARLY, ASKED),
}


@both_versions
@pytest.mark.parametrize("words", PLANS)
def test_a_plan_is_told_as_it_is_meant(bay: MakeBay, version: str, words: str):
    told = PLANS[words]
    b = bay(version=version).plug_in()
    b.charger.set_knobs(composite=told.composite)
    put = b.scsp.put_profile(b.session_id, told.periods, **told.options)
    assert b.result(put) == ACCEPTED
    settled(b)
    get = b.get()
    body = b.result(get)
    settled(b)
    assert plan_of(body["profile"]) == told.plan if told.plan else body == REJECTED
    assert pushed(b) == ([told.plan] if told.plan else [])
    assert standing(b) == INSTALLED
    delete = b.delete()
    assert b.result(delete) == ACCEPTED
    settled(b)
    assert pushed(b) == ([told.plan, told.cleared] if told.plan else [])
    assert standing(b) == ("CLEARED", 0, "")
    assert [len(b.results(call)) for call in (put, get, delete)] == [1, 1, 1]
    assert (len(sent_limits(b)), len(b.charger.calls("ClearChargingProfile"))) == (1, 1)


@both_versions
def test_no_schedule_from_one_that_has_given_some_means_that_nothing_limits(bay: MakeBay, version: str):
    b = bay(version=version).plug_in()
    assert b.result(b.put(11000)) == ACCEPTED
    until(lambda: pushed(b) == [ASKED], what="the first plan")
    b.charger.set_knobs(composite=Composite.NO_SCHEDULE)
    assert plan_of(b.result(b.get())["profile"]) == FULL
    until(lambda: b.profile.state == "DRIFTED", timeout_s=PATIENCE_S, what="the drift")
    settled(b)
    assert standing(b) == ("DRIFTED", 2, "it plans 22080 W instead of 11000 W")
    assert (len(sent_limits(b)), pushed(b)) == (3, [ASKED, FULL])


# --- a clear that is none -------------------------------------------------------------------------------------------


@both_versions
@pytest.mark.parametrize(("lie", "answer"), [(Clear.ALWAYS_UNKNOWN, UNKNOWN), (Clear.PRETEND, ACCEPTED)])
def test_a_profile_that_is_still_planned_after_its_clear_is_cleared_twice_more_then_shown_as_drift_and_told(
    bay: MakeBay, version: str, lie: Clear, answer: dict[str, str]
):
    b = bay(version=version).plug_in()
    assert b.result(b.put(11000)) == ACCEPTED
    until(lambda: pushed(b) == [ASKED], what="the first plan")
    b.charger.set_knobs(clear=lie)
    call = b.delete()
    assert b.result(call) == answer
    until(lambda: b.profile.state == "DRIFTED", timeout_s=PATIENCE_S, what="the drift")
    settled(b)
    assert standing(b) == ("DRIFTED", 2, "it was cleared, and is planned all the same: 11000 W")
    assert len(b.charger.calls("ClearChargingProfile")) == 3
    assert (len(sent_limits(b)), pushed(b), b.results(call)) == (1, [ASKED, ASKED], [answer])


# --- no answer at all -----------------------------------------------------------------------------------------------


@both_versions
@pytest.mark.parametrize("answer", [Answer.NEVER, Answer.RUBBISH])
def test_a_clear_without_an_answer_is_rejected_in_time_and_the_plan_tells_what_came_of_it(
    bay: MakeBay, hasty: Server, version: str, answer: Answer
):
    b = bay(hasty, version=version).plug_in()
    assert b.result(b.put(11000)) == ACCEPTED
    until(lambda: pushed(b) == [ASKED], what="the first plan")
    b.charger.set_knobs(answer=answer, actions=frozenset({"ClearChargingProfile"}))
    call = b.delete()
    assert (b.result(call), call.timeout_s) == (REJECTED, 4)
    assert b.scsp.results[-1].received_at - call.sent_at < timedelta(seconds=4)
    done = answer is Answer.NEVER
    until(lambda: standing(b) == (("CLEARED", 0, "") if done else INSTALLED), timeout_s=PATIENCE_S, what="its plan")
    settled(b)
    assert (pushed(b), b.results(call)) == ([ASKED, FULL] if done else [ASKED], [REJECTED])
    assert (len(b.charger.calls("ClearChargingProfile")), len(sent_limits(b))) == (1, 1)


@both_versions
def test_a_plan_that_is_never_told_is_rejected_in_time_and_doubts_nothing(bay: MakeBay, hasty: Server, version: str):
    b = bay(hasty, version=version).plug_in()
    b.charger.set_knobs(answer=Answer.RUBBISH, actions=frozenset({"GetCompositeSchedule"}), answer_times=1)
    call = b.get()
    assert b.result(call) == REJECTED
    assert b.scsp.results[-1].received_at - call.sent_at < timedelta(seconds=4)
    b.charger.set_knobs(answer=Answer.CALL_ERROR, answer_times=None)
    assert b.result(b.put(11000)) == ACCEPTED
    assert b.result(b.get()) == REJECTED
    settled(b)
    assert (standing(b), pushed(b), len(sent_limits(b))) == (INSTALLED, [], 1)
