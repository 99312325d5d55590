"""OCPP 2.0.1: commands to calls, answers to outcomes, schedules there and back."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.ocpp.schedules import read_schedule
from chargepoints.ocpp.v201 import translation
from chargepoints.ocpp.v201.operator_calls import V201OperatorCalls
from chargepoints.ocpp.v201.translation import composite, to_call, to_outcome, token_answer
from chargepoints.ocpp.wire import parse_time
from chargepoints.values import (
    AuthorizationStatus,
    ChargingSchedule,
    ClearProfile,
    GetComposite,
    OutcomeStatus,
    ProfilePurpose,
    RateUnit,
    RawCall,
    SchedulePeriod,
    SetProfile,
)
from tests.chargepoints.ocpp.v201.messages import assert_valid, variable_result

pytestmark = pytest.mark.pure
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
ACCEPTED, REJECTED, UNKNOWN = OutcomeStatus.ACCEPTED, OutcomeStatus.REJECTED, OutcomeStatus.UNKNOWN
TX, DEFAULT, MAX = ProfilePurpose.TX, ProfilePurpose.TX_DEFAULT, ProfilePurpose.CHARGE_POINT_MAX
PERIODS = (SchedulePeriod(0, Decimal("6.1"), 3), SchedulePeriod(60, Decimal(0)))
SCHEDULE = ChargingSchedule(RateUnit.AMPERE, PERIODS, NOW)
PROFILE = SetProfile(profile_id=9, stack_level=2, evse_id=1, transaction_id="a1b2", schedule=SCHEDULE)
COMPOSITE = GetComposite(evse_id=1, duration_s=600, unit=RateUnit.AMPERE)


# --- commands -------------------------------------------------------------------------------------------------------


def test_a_tx_profile_names_its_transaction_evse_start_and_phases():
    assert to_call(PROFILE) == (
        "SetChargingProfile",
        {
            "evseId": 1,
            "chargingProfile": {
                "id": 9, "stackLevel": 2, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Absolute",
                "transactionId": "a1b2",
                "chargingSchedule": [
                    {
                        "id": 9, "chargingRateUnit": "A", "startSchedule": "2024-05-01T12:00:00Z",
                        "chargingSchedulePeriod": [
                            {"startPeriod": 0, "limit": 6.1, "numberPhases": 3}, {"startPeriod": 60, "limit": 0.0},
                        ],
                    }
                ],
            },
        },
    )  # fmt: skip


def profile(purpose=TX, evse_id=1, transaction_id="", **fields):
    schedule = fields.pop("schedule", SCHEDULE)
    return SetProfile(9, 0, evse_id, transaction_id, schedule, purpose=purpose, **fields)


def test_without_a_start_a_profile_is_relative():
    relative = ChargingSchedule(RateUnit.WATT, (SchedulePeriod(0, Decimal(11000)),), duration_s=60)
    wire = to_call(profile(transaction_id="T", schedule=relative))[1]["chargingProfile"]
    assert wire["chargingProfileKind"] == "Relative"
    assert wire["chargingSchedule"] == [
        {
            "id": 9,
            "chargingRateUnit": "W",
            "duration": 60,
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11000}],
        }
    ]


@pytest.mark.parametrize(
    ("purpose", "evse_id", "word"),
    [(DEFAULT, 0, "TxDefaultProfile"), (DEFAULT, 2, "TxDefaultProfile"), (MAX, 0, "ChargingStationMaxProfile")],
)
def test_a_profile_of_no_transaction_names_none_and_has_its_end(purpose, evse_id, word):
    action, wire = to_call(profile(purpose, evse_id, valid_to=NOW + timedelta(hours=1)))
    assert_valid(f"{action}Request", wire)
    sent = wire["chargingProfile"]
    assert (wire["evseId"], sent["chargingProfilePurpose"], sent["validTo"]) == (evse_id, word, "2024-05-01T13:00:00Z")
    assert "transactionId" not in sent


@pytest.mark.parametrize(
    ("impossible", "why"),
    [
        (profile(evse_id=0, transaction_id="T"), "EVSE 0"), (profile(), "transaction id"),
        (profile(transaction_id="x" * 37), "transaction id"), (profile(transaction_id="T", valid_to=NOW), "no validTo"),
        (profile(MAX, 1), "EVSE 0"), (profile(MAX, 0, schedule=ChargingSchedule(RateUnit.WATT, ())), "relative"),
        (profile(DEFAULT, -1), "numbered"), (GetComposite(0, 60), "EVSE 0"),
    ],
)  # fmt: skip
def test_what_ocpp_201_cannot_express_is_refused(impossible, why):
    with pytest.raises(ValueError, match=why):
        to_call(impossible)


def test_a_clear_names_the_profile_and_nothing_else():
    assert to_call(ClearProfile(9)) == ("ClearChargingProfile", {"chargingProfileId": 9})


def test_a_composite_is_asked_in_a_unit_or_in_any():
    payload = {"evseId": 1, "duration": 600}
    assert to_call(COMPOSITE) == ("GetCompositeSchedule", payload | {"chargingRateUnit": "A"})
    assert to_call(GetComposite(1, 600)) == ("GetCompositeSchedule", payload)


def test_a_raw_call_goes_as_it_is():
    assert to_call(RawCall("SetVariables", {"x": 1})) == ("SetVariables", {"x": 1})


# --- there and back -------------------------------------------------------------------------------------------------

RATES = st.decimals(0, 1_000_000, places=3)
SCHEDULES = st.builds(
    ChargingSchedule,
    unit=st.sampled_from(RateUnit),
    periods=st.lists(
        st.builds(SchedulePeriod, st.integers(0, 86400), RATES, st.sampled_from([None, 1, 2, 3])),
        min_size=1, max_size=8, unique_by=lambda period: period.start_s,
    ).map(lambda periods: tuple(sorted(periods, key=lambda period: period.start_s))),
    start_at=st.none() | st.integers(0, 2 * 10**9).map(lambda s: datetime.fromtimestamp(s, UTC)),
    duration_s=st.none() | st.integers(1, 10**6),
    min_rate=st.none() | RATES,
)  # fmt: skip


@given(SCHEDULES, st.integers(1, 2**31 - 1), st.integers(0, 99), st.text("abcXYZ019-", min_size=1, max_size=36))
def test_every_profile_is_valid_and_reads_back_as_no_more_than_was_asked(schedule, number, level, transaction_id):
    action, payload = to_call(SetProfile(number, level, 1, transaction_id, schedule))
    assert_valid(f"{action}Request", payload)
    text = json.dumps(payload)
    assert "-0.0" not in text
    (wire,) = json.loads(text)["chargingProfile"]["chargingSchedule"]
    back = read_schedule(wire, start_at=parse_time(wire.get("startSchedule")))
    assert (back.unit, back.duration_s) == (schedule.unit, schedule.duration_s)
    assert back.start_at == schedule.start_at
    assert [(p.start_s, p.phases) for p in back.periods] == [(p.start_s, p.phases) for p in schedule.periods]
    for asked, sent in zip(schedule.periods, back.periods, strict=True):
        assert 0 <= asked.limit - sent.limit < Decimal("0.1")


@pytest.mark.parametrize("limit", [Decimal("-0"), Decimal("-0.0"), Decimal("0.04")])
def test_nothing_is_ever_minus_zero(limit):
    schedule = ChargingSchedule(RateUnit.AMPERE, (SchedulePeriod(0, limit),))
    payload = to_call(SetProfile(9, 0, 1, "T", schedule))[1]
    assert json.dumps(payload["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"]) == (
        '[{"startPeriod": 0, "limit": 0.0}]'
    )


@pytest.mark.parametrize("limit", ["-0.1", "NaN", "Infinity"])
def test_a_rate_that_is_none_is_not_sent(limit):
    limit = Decimal(limit)
    with pytest.raises(ValueError, match="cannot be sent"):
        to_call(profile(transaction_id="T", schedule=ChargingSchedule(RateUnit.WATT, (SchedulePeriod(0, limit),))))


# --- composite schedules --------------------------------------------------------------------------------------------


def answer(**changes):
    schedule = {
        "evseId": 1, "duration": 600, "scheduleStart": "2024-05-01T11:59:58Z", "chargingRateUnit": "A",
        "chargingSchedulePeriod": [
            {"startPeriod": 60, "limit": 6.1000000000000005, "numberPhases": 3}, {"startPeriod": 0.0, "limit": 48},
        ],
    } | changes  # fmt: skip
    return {"status": "Accepted", "schedule": schedule}


def outcome_of(payload, request=COMPOSITE):
    return to_outcome(request, payload, received_at=NOW)


def test_a_composite_is_read_in_order_from_its_own_start():
    found = outcome_of(answer())
    assert (found.status, found.schedule) == (
        ACCEPTED,
        ChargingSchedule(
            RateUnit.AMPERE, (SchedulePeriod(0, Decimal(48)), SchedulePeriod(60, Decimal("6.1"), 3)),
            start_at=NOW - timedelta(seconds=2), duration_s=600,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("start", [None, "1970-01-01T00:00:00Z", "soon"])
def test_a_composite_without_a_start_starts_now(start):
    assert composite(answer(scheduleStart=start), received_at=NOW).start_at == NOW


def test_a_composite_in_the_other_unit_is_in_that_unit():
    assert outcome_of(answer(chargingRateUnit="w")).schedule.unit is RateUnit.WATT


NONE = ({"status": "Accepted"}, {"status": "Accepted", "schedule": None}, answer(chargingSchedulePeriod=[]))


@pytest.mark.parametrize("payload", NONE)
def test_accepted_without_a_schedule_says_that_nothing_limits(payload):
    assert (outcome_of(payload).status, outcome_of(payload).schedule) == (ACCEPTED, None)


UNREADABLE = (
    {"chargingSchedulePeriod": [{"startPeriod": 0}]},
    {"chargingSchedulePeriod": "x"},
    {"chargingRateUnit": "VA"},
)


@pytest.mark.parametrize("changes", UNREADABLE)
def test_a_schedule_that_cannot_be_read_is_no_answer(changes):
    found = outcome_of(answer(**changes))
    assert (found.status, found.detail) == (REJECTED, "charge point answered a schedule that cannot be read")


@pytest.mark.parametrize("evse_id", [0, 2, "x"])
def test_a_schedule_of_another_evse_is_no_answer(evse_id):
    found = outcome_of(answer(evseId=evse_id))
    assert (found.status, found.schedule) == (REJECTED, None)
    assert found.detail == "charge point answered for another EVSE"


def test_a_schedule_that_does_not_say_whose_it_is_is_of_the_evse_asked_for():
    assert outcome_of(answer(evseId=None)).status is ACCEPTED


# --- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "status", "expected"),
    [
        ("Reset", "Scheduled", ACCEPTED), ("UnlockConnector", "Unlocked", ACCEPTED),
        ("UnlockConnector", "OngoingAuthorizedTransaction", REJECTED), ("UnpublishFirmware", "NoFirmware", UNKNOWN),
        ("GetChargingProfiles", "NoProfiles", UNKNOWN), ("GetReport", "EmptyResultSet", UNKNOWN),
        ("GetBaseReport", "NotSupported", REJECTED), ("GetLog", "AcceptedCanceled", ACCEPTED),
        ("TriggerMessage", "NotImplemented", REJECTED), ("GetTransactionStatus", None, ACCEPTED),
    ],
)  # fmt: skip
def test_a_status_of_any_call_is_an_outcome(action, status, expected):
    payload = {} if status is None else {"status": status}
    assert outcome_of(payload, RawCall(action, {})).status is expected


@pytest.mark.parametrize(
    ("request_", "status", "expected"),
    [
        (PROFILE, "Accepted", ACCEPTED), (PROFILE, "Rejected", REJECTED), (PROFILE, None, REJECTED),
        (PROFILE, 7, REJECTED), (ClearProfile(9), "Accepted", ACCEPTED), (ClearProfile(9), "Unknown", UNKNOWN),
    ],
)  # fmt: skip
def test_a_profile_is_only_installed_or_removed_when_the_charge_point_says_so(request_, status, expected):
    assert outcome_of({"status": status}, request_).status is expected


def test_a_refusal_says_why_in_the_words_of_the_charge_point():
    info = {"reasonCode": "InvalidStackLevel", "additionalInfo": "above 3\x00"}
    found = outcome_of({"status": "Rejected", "statusInfo": info}, PROFILE)
    assert found.detail == "charge point answered Rejected: InvalidStackLevel, above 3"


@pytest.mark.parametrize(
    ("action", "statuses", "expected", "detail"),
    [
        ("SetVariables", ["Accepted", "RebootRequired"], ACCEPTED, ""),
        ("SetVariables", ["Accepted", "Rejected"], REJECTED, "charge point refused 1 of 2: Rejected"),
        ("GetVariables", ["Accepted", "UnknownVariable"], ACCEPTED, "charge point refused 1 of 2: UnknownVariable"),
        ("GetVariables", ["UnknownComponent"], REJECTED, "charge point refused 1 of 1: UnknownComponent"),
    ],
)  # fmt: skip
def test_an_answer_about_several_items_refuses_as_a_whole_what_was_refused(action, statuses, expected, detail):
    name = "setVariableResult" if action == "SetVariables" else "getVariableResult"
    items = [variable_result("X", "1", attributeStatus=status) for status in statuses]
    found = outcome_of({name: items}, RawCall(action, {}))
    assert (found.status, found.detail) == (expected, detail)


@pytest.mark.parametrize(
    ("status", "word"),
    [("ACCEPTED", "Accepted"), ("BLOCKED", "Blocked"), ("EXPIRED", "Expired"), ("INVALID", "Unknown"),
     ("CONCURRENT_TX", "ConcurrentTx")],
)  # fmt: skip
def test_every_state_of_a_token_has_its_word(status, word):
    payload = token_answer(AuthorizationStatus[status])
    assert payload == {"idTokenInfo": {"status": word}}
    assert_valid("AuthorizeResponse", payload)
    assert_valid("TransactionEventResponse", payload)


def test_the_other_answers_are_valid():
    assert_valid("BootNotificationResponse", translation.boot_answer(300, NOW))
    assert_valid("AuthorizeResponse", translation.CERTIFICATE_REFUSED)


# --- operators ------------------------------------------------------------------------------------------------------

PLACES = [(1, 1), (1, 2), (2, 1)]


@pytest.mark.parametrize(
    ("message", "evse_id", "evses"),
    [
        ("StatusNotification", None, [{"id": evse, "connectorId": connector} for evse, connector in PLACES]),
        ("MeterValues", 2, [{"id": 2}]), ("MeterValues", None, [None]), ("Heartbeat", None, [None]),
    ],
)  # fmt: skip
def test_a_message_is_triggered_where_it_is_wanted(message, evse_id, evses):
    calls = V201OperatorCalls().trigger_message(message, evse_id, connectors=PLACES)
    assert [call.payload.get("evse") for call in calls] == evses
    for call in calls:
        assert (call.action, call.payload["requestedMessage"]) == ("TriggerMessage", message)
        assert_valid("TriggerMessageRequest", call.payload)


def test_an_operators_other_calls_are_valid():
    calls = V201OperatorCalls()
    for call in (calls.remote_stop("a1b2"), calls.soft_reset(), *calls.get_capabilities()):
        assert_valid(f"{call.action}Request", call.payload)
