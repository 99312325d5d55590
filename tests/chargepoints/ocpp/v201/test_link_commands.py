"""An OCPP 2.0.1 link: commands become CALLs, answers become outcomes, and what they teach."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from chargepoints import commands, inventory
from chargepoints.ocpp.v201.device_model import CAPABILITY_QUESTIONS, full_report
from chargepoints.values import (
    ChargingSchedule,
    CommandCall,
    CommandOutcome,
    GetComposite,
    OutcomeStatus,
    RateUnit,
    RawCall,
    SchedulePeriod,
    SetProfile,
)
from tests.chargepoints.ocpp.peer import settle
from tests.chargepoints.ocpp.v16_charger import NOW, POINT_ID
from tests.chargepoints.ocpp.v201.charger import Charger
from tests.chargepoints.ocpp.v201.messages import report, reported, variable_result

pytestmark = pytest.mark.pure  # the writer is a list here
(QUESTION,) = CAPABILITY_QUESTIONS
SCHEDULE = ChargingSchedule(RateUnit.AMPERE, (SchedulePeriod(0, Decimal("6.1"), 3),), start_at=NOW)
PROFILE = SetProfile(profile_id=9, stack_level=0, evse_id=1, transaction_id="TX", schedule=SCHEDULE)


@pytest.fixture
def charger() -> Charger:
    return Charger()


def performing(charger, request, *, timeout_s=5.0) -> "asyncio.Task[CommandOutcome]":
    return asyncio.create_task(charger.link.perform(CommandCall(7, request, timeout_s)))


async def outcome(charger, request, *answer) -> CommandOutcome:
    """That of `request` when the charge point answers with this payload, or with a CALLERROR of these parts."""
    performed = performing(charger, request)
    await settle()
    kind = 3 if isinstance(answer[0], dict) else 4
    await charger.says(kind, charger.frames[-1][1], *answer)
    return await performed


async def test_a_profile_is_sent_and_its_answer_is_the_outcome(charger):
    assert (await outcome(charger, PROFILE, {"status": "Accepted"})).status is OutcomeStatus.ACCEPTED
    assert (charger.frames[0][2], charger.frames[0][3]["chargingProfile"]["transactionId"]) == (
        "SetChargingProfile",
        "TX",
    )


@pytest.mark.parametrize("request_", [SetProfile(9, 0, 0, "TX", SCHEDULE), RawCall("ChangeConfiguration", {})])
async def test_what_ocpp_201_cannot_express_fails_and_nothing_is_sent(charger, request_):
    found = await charger.link.perform(CommandCall(1, request_, 5))
    assert (found.status, charger.frames) == (OutcomeStatus.FAILED, [])
    assert found.detail.startswith("nothing was sent: ")


@pytest.mark.parametrize(
    "schedule",
    [
        {"chargingSchedulePeriod": []}, {"chargingSchedulePeriod": [{"startPeriod": 0.5, "limit": -1}]},
        {"chargingRateUnit": "w", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 48, "numberPhases": None}]},
    ],
)  # fmt: skip
async def test_an_odd_composite_is_judged_where_it_is_read_and_not_as_nonsense(charger, schedule):
    answer = {"status": "Accepted", "schedule": schedule}
    found = await outcome(charger, GetComposite(1, 600), answer)
    assert (found.answer, "nonsense" in found.detail) == (answer, False)


async def test_a_late_answer_is_recorded_for_its_command(charger):
    await performing(charger, PROFILE, timeout_s=0.01)
    charger.now = NOW + timedelta(seconds=40)
    await charger.says(3, charger.frames[-1][1], {"status": "Accepted"})
    accepted = CommandOutcome(OutcomeStatus.ACCEPTED, answer={"status": "Accepted"})
    assert charger.submitted == [(commands.record_outcome, (7, accepted), {"now": NOW + timedelta(seconds=40)})]


# --- capabilities ---------------------------------------------------------------------------------------------------

COMPLETE = [
    variable_result("Enabled", "true"), variable_result("RateUnit", "A"), variable_result("PeriodsPerSchedule", "24"),
    variable_result("ProfileStackLevel", "3"), variable_result("Available", None),
]  # fmt: skip


def learned(charger):
    return [kwargs for function, args, kwargs in charger.submitted if function is inventory.learn]


def asked_again(charger):
    return [args[1] for function, args, _ in charger.submitted if function is inventory.ask_again]


async def test_the_answer_to_our_question_teaches_the_capabilities(charger):
    await outcome(charger, QUESTION, {"getVariableResult": COMPLETE})
    [(function, args, kwargs)] = charger.submitted
    assert (function, args) == (inventory.learn, (POINT_ID,))
    assert kwargs.pop("configuration")["SmartChargingCtrlr.RateUnit"] == "A"
    assert kwargs == {
        "supported": True, "units": frozenset({RateUnit.AMPERE}), "max_periods": 24, "max_stack_level": 3,
        "max_profiles": None, "now": NOW,
    }  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        ({"getVariableResult": COMPLETE[:2]},), ("NotImplemented", "", {}), ("OccurrenceConstraintViolation", "", {}),
        ({"getVariableResult": "nonsense"},),
    ],
)  # fmt: skip
async def test_a_question_that_is_refused_or_half_answered_is_followed_by_one_for_everything(charger, answer):
    await outcome(charger, QUESTION, *answer)
    assert asked_again(charger) == [(full_report(NOW),)]


async def test_a_charge_point_without_smart_charging_says_so_and_is_asked_for_everything_once(charger):
    unknown = [variable_result("Enabled", None, attributeStatus="UnknownComponent")]
    await outcome(charger, QUESTION, {"getVariableResult": unknown})
    assert [kwargs["supported"] for kwargs in learned(charger)] == [False]
    assert len(asked_again(charger)) == 1


async def test_silence_is_not_followed_by_another_question(charger):
    await performing(charger, QUESTION, timeout_s=0.01)
    assert charger.submitted == []


async def test_other_variables_are_learned_and_ask_for_nothing(charger):
    await outcome(
        charger,
        RawCall("GetVariables", QUESTION.payload | {"customData": {"vendorId": "x"}}),
        {"getVariableResult": COMPLETE[:1]},
    )
    assert (len(learned(charger)), asked_again(charger)) == (1, [])


async def test_a_report_is_learned_part_by_part_in_any_order(charger):
    parts = [
        report(reported("RateUnit", "W"), reported("Enabled", "false"), seq_no=1),
        report(reported("Available", "true"), reported("PeriodsPerSchedule", "12"), seq_no=0, tbc=True),
    ]
    for part in parts:
        assert (await charger.reports("NotifyReport", part))[2] == {}
    first, second = learned(charger)
    assert (first["supported"], first["units"], first["max_periods"]) == (False, frozenset({RateUnit.WATT}), None)
    assert (second["supported"], second["units"], second["max_periods"]) == (False, frozenset({RateUnit.WATT}), 12)


async def test_a_report_of_nothing_teaches_nothing(charger):
    empty = {"requestId": 1, "generatedAt": "2024-05-01T12:00:00Z", "seqNo": 0}
    assert (await charger.reports("NotifyReport", empty))[2] == {}
    assert charger.submitted == []


async def test_a_boot_forgets_what_was_said_before(charger):
    charger.values[inventory.boot] = 300
    await charger.reports("NotifyReport", report(reported("RateUnit", "W")))
    boot = {"reason": "PowerUp", "chargingStation": {"vendorName": "A", "model": "B"}}
    await charger.reports("BootNotification", boot)
    await charger.reports("NotifyReport", report(reported("PeriodsPerSchedule", "9")))
    assert learned(charger)[-1]["units"] == frozenset()


# --- proof of life --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [({"getVariableResult": [variable_result("X", None)]},), ("NotImplemented", "", {})])
async def test_any_answer_proves_life(charger, answer):
    asking = asyncio.create_task(charger.link.is_alive(timeout_s=5))
    await settle()
    assert charger.frames[-1][2] == "GetVariables"
    await charger.says(3 if isinstance(answer[0], dict) else 4, charger.frames[-1][1], *answer)
    assert await asking is True
    assert asked_again(charger) == []


async def test_silence_proves_no_life(charger):
    assert await charger.link.is_alive(timeout_s=0.01) is False
