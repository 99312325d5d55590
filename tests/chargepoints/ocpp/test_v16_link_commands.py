"""An OCPP 1.6 link: commands become CALLs, answers become outcomes, late ones too."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from chargepoints import commands, inventory, sessions
from chargepoints.values import (
    AuthorizationStatus,
    ChargingSchedule,
    ClearProfile,
    CommandCall,
    CommandOutcome,
    GetComposite,
    OutcomeStatus,
    RateUnit,
    RawCall,
    SchedulePeriod,
    SetProfile,
    StartAnswer,
)
from tests.chargepoints.ocpp.peer import settle
from tests.chargepoints.ocpp.v16_charger import NOW, POINT_ID, Charger

pytestmark = pytest.mark.pure  # the writer is a list here
RESET = RawCall("Reset", {"type": "Soft"})
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def charger() -> Charger:
    return Charger()


SCHEDULE = ChargingSchedule(RateUnit.AMPERE, (SchedulePeriod(0, Decimal("6.1"), 3),), start_at=NOW)


def performing(charger, request=RESET, *, command_id=1, timeout_s=5.0) -> "asyncio.Task[CommandOutcome]":
    return asyncio.create_task(charger.link.perform(CommandCall(command_id, request, timeout_s)))


async def outcome(charger, request, answer) -> CommandOutcome:
    """That of `request` when the charge point answers with this payload."""
    performed = performing(charger, request)
    await settle()
    await charger.says(3, charger.frames[-1][1], answer)
    return await performed


async def test_a_profile_is_sent_for_its_transaction_on_its_connector(charger):
    request = SetProfile(profile_id=9, stack_level=2, evse_id=1, transaction_id="4711", schedule=SCHEDULE)
    assert (await outcome(charger, request, ACCEPTED)).status == OutcomeStatus.ACCEPTED
    assert charger.frames[0][2:] == [
        "SetChargingProfile",
        {
            "connectorId": 1,
            "csChargingProfiles": {
                "chargingProfileId": 9, "transactionId": 4711, "stackLevel": 2,
                "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Absolute",
                "chargingSchedule": {
                    "chargingRateUnit": "A", "startSchedule": "2024-05-01T12:00:00Z",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.1, "numberPhases": 3}],
                },
            },
        },
    ]  # fmt: skip


PROFILE = SetProfile(profile_id=9, stack_level=0, evse_id=1, transaction_id="4711", schedule=SCHEDULE)


@pytest.mark.parametrize(
    ("request_", "answer", "status"),
    [
        (PROFILE, "Accepted", "ACCEPTED"), (PROFILE, "Rejected", "REJECTED"), (PROFILE, "NotSupported", "REJECTED"),
        (ClearProfile(9), "Accepted", "ACCEPTED"), (ClearProfile(9), "Unknown", "UNKNOWN"),
        (RESET, "Accepted", "ACCEPTED"), (RESET, "Rejected", "REJECTED"),
    ],
)  # fmt: skip
async def test_the_answer_to_a_call_is_its_outcome(charger, request_, answer, status):
    found = await outcome(charger, request_, {"status": answer})
    assert (found.status, found.answer) == (OutcomeStatus(status), {"status": answer})


async def test_a_composite_schedule_comes_back_as_a_neutral_one(charger):
    answer = {
        "status": "Accepted", "connectorId": 1, "scheduleStart": "2024-05-01T12:00:00Z",
        "chargingSchedule": {
            "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.1, "numberPhases": 3}],
        },
    }  # fmt: skip
    found = await outcome(charger, GetComposite(evse_id=1, duration_s=60), answer)
    assert (found.status, found.schedule) == (OutcomeStatus.ACCEPTED, SCHEDULE)


async def test_a_callerror_is_a_refusal_that_says_what_the_charge_point_said(charger):
    performed = performing(charger)
    await settle()
    await charger.says(4, charger.frames[-1][1], "NotImplemented", "no idea", {})
    found = await performed
    assert found.status == OutcomeStatus.REJECTED
    assert found.detail == "charge point answered CALLERROR NotImplemented: no idea"
    assert found.answer == {"errorCode": "NotImplemented", "errorDescription": "no idea"}


async def test_an_answer_that_makes_no_sense_is_a_refusal(charger):
    found = await outcome(charger, PROFILE, {"status": 1})
    assert found.status == OutcomeStatus.REJECTED
    assert found.detail.startswith("charge point answered nonsense: ")


async def test_silence_until_the_deadline_is_expired_and_no_refusal(charger):
    assert await performing(charger, timeout_s=0.01) == CommandOutcome(OutcomeStatus.EXPIRED, "no answer in time")


async def test_a_lost_connection_fails_what_was_not_answered(charger):
    performed = performing(charger)
    await settle()
    await charger.link.close()
    assert (await performed).status == OutcomeStatus.FAILED


@pytest.mark.parametrize(
    "request_",
    [
        SetProfile(9, 0, 0, "4711", SCHEDULE), SetProfile(9, 0, 1, "abc", SCHEDULE),
        RawCall("Reset", {"type": "Maybe"}), RawCall("NoSuchAction", {}),
    ],
    ids=["connector 0", "transaction id", "payload", "action"],
)  # fmt: skip
async def test_what_ocpp_1_6_cannot_express_fails_and_nothing_is_sent(charger, request_):
    found = await charger.link.perform(CommandCall(1, request_, 5))
    assert found.status == OutcomeStatus.FAILED
    assert found.detail.startswith("nothing was sent: ")
    assert charger.frames == []


async def test_a_profile_waits_until_the_start_that_gave_its_transaction_id_is_answered(charger):
    """OCPP 1.6 section 5.16: the transaction must be known to the charge point."""
    charger.values[sessions.start] = StartAnswer("4711", AuthorizationStatus.ACCEPTED)
    charger.commit = asyncio.Event()
    payload = {"connectorId": 1, "idTag": "CARD", "meterStart": 1000, "timestamp": "2024-05-01T12:00:00Z"}
    await charger.says(2, "m1", "StartTransaction", payload)
    performed = performing(charger, PROFILE)
    await settle()
    assert charger.frames == []
    charger.commit.set()
    await settle()
    assert [frame[0] for frame in charger.frames] == [3, 2]
    await charger.says(3, charger.frames[1][1], ACCEPTED)
    assert (await performed).status == OutcomeStatus.ACCEPTED


# --- capabilities ---------------------------------------------------------------------------------------------------


async def test_a_configuration_teaches_the_capabilities(charger):
    answer = {
        "configurationKey": [
            {"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core,SmartCharging"},
            {"key": "ChargingScheduleAllowedChargingRateUnit", "readonly": True, "value": "Current,Power"},
            {"key": "ChargingScheduleMaxPeriods", "readonly": True, "value": "24"},
            {"key": "ChargeProfileMaxStackLevel", "readonly": True, "value": "3"},
        ],
        "unknownKey": ["MaxChargingProfilesInstalled"],
    }
    found = await outcome(charger, RawCall("GetConfiguration", {}), answer)
    assert (found.status, found.answer) == (OutcomeStatus.ACCEPTED, answer)
    [(function, args, kwargs)] = charger.submitted
    assert (function, args) == (inventory.learn, (POINT_ID,))
    assert kwargs.pop("configuration")["ChargingScheduleMaxPeriods"] == "24"
    assert kwargs == {
        "supported": True, "units": frozenset(RateUnit), "max_periods": 24, "max_stack_level": 3,
        "max_profiles": None, "now": NOW,
    }  # fmt: skip


async def test_any_other_answer_teaches_nothing(charger):
    await outcome(charger, RESET, ACCEPTED)
    assert charger.submitted == []


# --- late answers ---------------------------------------------------------------------------------------------------


async def silent(charger, request=RESET, *, command_id=42) -> str:
    """The message id of a CALL whose time has passed."""
    assert (await performing(charger, request, command_id=command_id, timeout_s=0.01)).status == OutcomeStatus.EXPIRED
    return charger.frames[-1][1]


async def test_a_late_answer_is_recorded_for_its_own_command(charger):
    late, _ = await silent(charger, command_id=42), await silent(charger, command_id=43)
    charger.now = NOW + timedelta(seconds=40)
    await charger.says(3, late, ACCEPTED)
    assert charger.submitted == [
        (
            commands.record_outcome,
            (42, CommandOutcome(OutcomeStatus.ACCEPTED, answer=ACCEPTED)),
            {"now": NOW + timedelta(seconds=40)},
        )
    ]


async def test_a_late_callerror_is_a_late_refusal(charger):
    await charger.says(4, await silent(charger), "InternalError", "", {})
    [(function, (command_id, found), _)] = charger.submitted
    assert (function, command_id, found.status) == (commands.record_outcome, 42, OutcomeStatus.REJECTED)


async def test_a_late_answer_is_recorded_once(charger):
    late = await silent(charger)
    await charger.says(3, late, ACCEPTED)
    await charger.says(3, late, ACCEPTED)
    assert len(charger.submitted) == 1


async def test_an_answer_to_nothing_is_dropped(charger):
    await charger.says(3, "never asked", ACCEPTED)
    assert (charger.submitted, charger.frames) == ([], [])


# --- proof of life --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame", [[3, {"configurationKey": []}], [3, {"unknownKey": 1}], [4, "NotImplemented", "", {}]]
)
async def test_any_answer_proves_life(charger, frame):
    asking = asyncio.create_task(charger.link.is_alive(timeout_s=5))
    await settle()
    assert charger.frames[-1][2:] == ["GetConfiguration", {"key": ["HeartbeatInterval"]}]
    await charger.says(frame[0], charger.frames[-1][1], *frame[1:])
    assert await asking is True


async def test_silence_proves_no_life_nor_does_a_closed_socket(charger):
    assert await charger.link.is_alive(timeout_s=0.01) is False
    await charger.link.close()
    assert await charger.link.is_alive(timeout_s=5) is False
