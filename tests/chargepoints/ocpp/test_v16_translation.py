"""OCPP 1.6: commands to calls, answers to outcomes, schedules there and back, capabilities, answers."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path

import jsonschema_rs
import ocpp.v16
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoints.ocpp.v16.translation import (
    SMART_CHARGING_KEYS,
    LearnedCapabilities,
    authorize_answer,
    boot_answer,
    composite,
    configuration_of,
    from_profile,
    start_answer,
    to_call,
    to_capabilities,
    to_outcome,
)
from chargepoints.values import (
    AuthorizationStatus,
    ChargingSchedule,
    ClearProfile,
    GetComposite,
    OutcomeStatus,
    RateUnit,
    RawCall,
    SchedulePeriod,
    SetProfile,
    StartAnswer,
)

pytestmark = pytest.mark.pure

NOW = datetime(2025, 3, 4, 18, 0, 7, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "ocpp"
SCHEMAS = Path(ocpp.v16.__file__).parent / "schemas"
ACCEPTED, REJECTED, UNKNOWN = OutcomeStatus.ACCEPTED, OutcomeStatus.REJECTED, OutcomeStatus.UNKNOWN


@cache
def validator(name):
    return jsonschema_rs.validator_for(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8-sig")))


def assert_valid(name, payload):
    """What is on the wire, not what is in memory, must pass the strict schema."""
    validator(name).validate(json.loads(json.dumps(payload)))


def answer_of(name):
    return json.loads((FIXTURES / f"{name}.json").read_text())[2]


def a_schedule(*periods, unit=RateUnit.AMPERE, **fields):
    return ChargingSchedule(unit, tuple(SchedulePeriod(start, Decimal(limit)) for start, limit in periods), **fields)


def set_profile(schedule=None, *, evse_id=1, transaction_id="481516234"):
    schedule = schedule or a_schedule((0, "16"))
    return SetProfile(7, stack_level=3, evse_id=evse_id, transaction_id=transaction_id, schedule=schedule)


def wire_schedule(schedule):
    return to_call(set_profile(schedule))[1]["csChargingProfiles"]["chargingSchedule"]


# --- calls


def test_set_profile_is_an_absolute_tx_profile_when_the_schedule_has_a_start():
    schedule = ChargingSchedule(
        RateUnit.AMPERE,
        (SchedulePeriod(0, Decimal("31.8"), phases=3), SchedulePeriod(1800, Decimal(0), phases=3)),
        start_at=datetime(2025, 3, 4, 19, 30, 0, 987_654, tzinfo=timezone(timedelta(hours=1))),
        duration_s=3600,
        min_rate=Decimal(6),
    )

    action, payload = to_call(set_profile(schedule))

    assert action == "SetChargingProfile"
    assert payload == {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 7,
            "transactionId": 481516234,
            "stackLevel": 3,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "duration": 3600,
                "startSchedule": "2025-03-04T18:30:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 31.8, "numberPhases": 3},
                    {"startPeriod": 1800, "limit": 0.0, "numberPhases": 3},
                ],
                "minChargingRate": 6.0,
            },
        },
    }
    assert_valid("SetChargingProfile", payload)


def test_set_profile_is_relative_and_bare_when_the_schedule_has_no_start():
    profile = to_call(set_profile(a_schedule((0, "22000"), unit=RateUnit.WATT)))[1]["csChargingProfiles"]

    assert profile["chargingProfileKind"] == "Relative"
    assert profile["chargingSchedule"] == {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 22000.0}],
    }


@pytest.mark.parametrize(
    ("limit", "sent"), [("31.88", "31.8"), ("6.1", "6.1"), ("31.7999999999", "31.7"), ("0", "0.0")]
)
def test_a_limit_is_sent_with_one_decimal_and_never_above_what_was_asked(limit, sent):
    assert json.dumps(wire_schedule(a_schedule((0, limit)))["chargingSchedulePeriod"][0]["limit"]) == sent


@pytest.mark.parametrize("limit", ["-1", "NaN", "Infinity"])
def test_a_limit_that_is_no_limit_is_refused(limit):
    with pytest.raises(ValueError, match="cannot be sent"):
        to_call(set_profile(a_schedule((0, limit))))


def test_a_start_without_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        to_call(set_profile(a_schedule((0, "16"), start_at=NOW.replace(tzinfo=None))))


@pytest.mark.parametrize("request_", [set_profile(evse_id=0), GetComposite(0, 600), set_profile(evse_id=-1)])
def test_connector_0_is_refused_for_a_session(request_):
    with pytest.raises(ValueError, match="connector 0"):
        to_call(request_)


@pytest.mark.parametrize("transaction_id", ["", "abc", "1.5", "-1", "0x1f", " 12", "12\n", "٣", "9" * 5000])
def test_a_transaction_id_that_is_not_an_integer_is_refused(transaction_id):
    with pytest.raises(ValueError, match="is an integer"):
        to_call(set_profile(transaction_id=transaction_id))


def test_clear_profile_names_the_id_and_nothing_else():
    assert to_call(ClearProfile(7)) == ("ClearChargingProfile", {"id": 7})
    assert_valid("ClearChargingProfile", {"id": 7})


def test_get_composite_names_the_unit_only_when_asked():
    assert to_call(GetComposite(2, 3600)) == ("GetCompositeSchedule", {"connectorId": 2, "duration": 3600})
    call = to_call(GetComposite(2, 3600, RateUnit.WATT))
    assert call == ("GetCompositeSchedule", {"connectorId": 2, "duration": 3600, "chargingRateUnit": "W"})
    assert_valid("GetCompositeSchedule", call[1])


def test_a_raw_call_goes_as_it_is():
    payload = {"requestedMessage": "MeterValues", "connectorId": 0}
    assert to_call(RawCall("TriggerMessage", payload)) == ("TriggerMessage", payload)


# --- schedules there and back

rates = st.integers(0, 10_000_000).map(lambda tenths: Decimal(tenths) / 10)
schedules = st.builds(
    ChargingSchedule,
    unit=st.sampled_from(RateUnit),
    periods=st.dictionaries(
        st.integers(0, 10**8), st.tuples(rates, st.sampled_from([None, 1, 2, 3])), min_size=1, max_size=30
    ).map(lambda found: tuple(SchedulePeriod(start, *found[start]) for start in sorted(found))),
    start_at=st.none()
    | st.integers(0, 80 * 365 * 86_400).map(lambda seconds: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(0, seconds)),
    duration_s=st.none() | st.integers(1, 10**8),
    min_rate=st.none() | rates,
)


@settings(max_examples=100, deadline=None)
@given(schedules)
def test_a_schedule_loses_nothing_on_the_wire_and_passes_the_strict_schema(schedule):
    _, payload = to_call(set_profile(schedule))

    assert_valid("SetChargingProfile", payload)
    assert from_profile(json.loads(json.dumps(payload))["csChargingProfiles"]) == schedule


@pytest.mark.parametrize(("limit", "valid"), [(31.8, True), (6.1, True), (4.11, False), (6.1000000000000005, False)])
def test_the_strict_schema_tells_one_decimal_from_float_noise(limit, valid):
    """Guards the property above: multipleOf 0.1 must mean something in the validator that is used."""
    payload = to_call(set_profile())[1]
    payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] = limit
    assert validator("SetChargingProfile").is_valid(payload) is valid


def test_a_relative_profile_has_no_start_even_with_a_start_schedule():
    wire = {"chargingRateUnit": "A", "startSchedule": "2025-03-04T18:00:00Z", "chargingSchedulePeriod": []}
    assert from_profile({"chargingProfileKind": "Relative", "chargingSchedule": wire}) == a_schedule()


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({}, "chargingSchedule is missing"),
        ({"chargingSchedule": {"chargingRateUnit": "A"}}, "not a list"),
        ({"chargingSchedule": {"chargingRateUnit": "V", "chargingSchedulePeriod": []}}, "'V'"),
        ({"chargingSchedule": {"startSchedule": "soon", "chargingSchedulePeriod": []}}, "startSchedule is not a time"),
    ],
)
def test_a_profile_that_cannot_be_read_is_refused(profile, message):
    with pytest.raises(ValueError, match=message):
        from_profile(profile)


# --- outcomes

STATUSES = {
    "Accepted": ACCEPTED, "AcceptedCanceled": ACCEPTED, "RebootRequired": ACCEPTED, "Scheduled": ACCEPTED,
    "Unlocked": ACCEPTED,
    "Unknown": UNKNOWN, "NotFound": UNKNOWN,
    "Rejected": REJECTED, "NotSupported": REJECTED, "NotImplemented": REJECTED, "UnlockFailed": REJECTED,
    "Failed": REJECTED, "UnknownVendorId": REJECTED, "UnknownMessageId": REJECTED, "VersionMismatch": REJECTED,
    "Occupied": REJECTED, "Faulted": REJECTED, "Unavailable": REJECTED, "InvalidCertificate": REJECTED,
    "RevokedCertificate": REJECTED,
}  # fmt: skip

CSMS_ACTIONS = (
    "CancelReservation", "CertificateSigned", "ChangeAvailability", "ChangeConfiguration", "ClearCache",
    "ClearChargingProfile", "DataTransfer", "DeleteCertificate", "ExtendedTriggerMessage", "GetCompositeSchedule",
    "GetConfiguration", "GetDiagnostics", "GetInstalledCertificateIds", "GetLocalListVersion", "GetLog",
    "InstallCertificate", "RemoteStartTransaction", "RemoteStopTransaction", "ReserveNow", "Reset", "SendLocalList",
    "SetChargingProfile", "SignedUpdateFirmware", "TriggerMessage", "UnlockConnector", "UpdateFirmware",
)  # fmt: skip


def statuses_of(action):
    schema = json.loads((SCHEMAS / f"{action}Response.json").read_text("utf-8-sig"))
    status = schema.get("properties", {}).get("status")
    if status is not None and "$ref" in status:
        status = schema["definitions"][status["$ref"].rpartition("/")[2]]
    return [None] if status is None else status["enum"]


@pytest.mark.parametrize(
    ("action", "status"), [(action, status) for action in CSMS_ACTIONS for status in statuses_of(action)]
)
def test_every_status_a_1_6_charge_point_can_answer_has_its_outcome(action, status):
    answer = {} if status is None else {"status": status}
    outcome = to_outcome(RawCall(action, {}), answer, received_at=NOW)
    assert outcome.status == (ACCEPTED if status is None else STATUSES[status])
    assert outcome.answer == answer


@pytest.mark.parametrize(
    ("request_", "status", "expected", "detail"),
    [
        (set_profile(), "Accepted", ACCEPTED, ""),
        (set_profile(), "Rejected", REJECTED, "charge point answered Rejected"),
        (set_profile(), "NotSupported", REJECTED, "charge point answered NotSupported"),
        (ClearProfile(7), "Accepted", ACCEPTED, ""),
        (ClearProfile(7), "Unknown", UNKNOWN, "charge point answered Unknown"),
        (GetComposite(1, 600), "Rejected", REJECTED, "charge point answered Rejected"),
        (RawCall("Reset", {}), "Perhaps", REJECTED, "charge point answered Perhaps"),
        (RawCall("ChangeConfiguration", {}), "RebootRequired", ACCEPTED, "charge point answered RebootRequired"),
    ],
)
def test_the_detail_says_what_the_charge_point_answered(request_, status, expected, detail):
    outcome = to_outcome(request_, {"status": status}, received_at=NOW)
    assert (outcome.status, outcome.detail, outcome.schedule) == (expected, detail, None)


@pytest.mark.parametrize("request_", [set_profile(), ClearProfile(7), GetComposite(1, 600)])
@pytest.mark.parametrize("answer", [{}, {"status": None}, {"status": ["Accepted"]}, {"status": True}])
def test_nonsense_is_never_taken_for_consent(request_, answer):
    assert to_outcome(request_, answer, received_at=NOW).status is REJECTED


def test_the_kept_answer_has_nothing_a_database_refuses():
    answer = {"status": "Rejected\x00", "no\x00te": ["a\ud800b", float("nan"), 6.1, "line\nline"]}
    outcome = to_outcome(RawCall("DataTransfer", {}), answer, received_at=NOW)
    assert outcome.answer == {"status": "Rejected", "note": ["ab", None, 6.1, "line\nline"]}
    assert outcome.detail == "charge point answered Rejected"


def test_the_kept_answer_is_not_deeper_than_20_levels():
    deep = []
    for _ in range(500):
        deep = [deep]
    kept = to_outcome(RawCall("DataTransfer", {}), {"data": deep}, received_at=NOW).answer
    assert json.dumps(kept) == '{"data": ' + "[" * 19 + "null" + "]" * 19 + "}"


# --- composite schedules


def test_the_composite_schedule_starts_at_schedule_start():
    outcome = to_outcome(GetComposite(1, 3600), answer_of("v16_get_composite_schedule_conf"), received_at=NOW)

    assert outcome.status is ACCEPTED
    assert outcome.schedule == ChargingSchedule(
        RateUnit.AMPERE,
        (
            SchedulePeriod(0, Decimal("31.8"), 3),
            SchedulePeriod(1795, Decimal(0), 3),
            SchedulePeriod(3595, Decimal("14.4")),
        ),
        start_at=datetime(2025, 3, 4, 18, 0, 5, tzinfo=UTC),
        duration_s=3600,
        min_rate=Decimal(6),
    )


def composite_of(*periods, start=None, **schedule):
    answer = {"status": "Accepted", "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": s, "limit": limit} for s, limit in periods],
    } | schedule} | ({"scheduleStart": start} if start else {})  # fmt: skip
    return composite(answer, received_at=NOW)


@pytest.mark.parametrize(
    ("schedule_start", "start_schedule", "expected"),
    [
        ("2025-03-04T18:00:05Z", "2025-03-04T17:00:00Z", datetime(2025, 3, 4, 18, 0, 5, tzinfo=UTC)),
        (None, "2025-03-04T17:00:00Z", datetime(2025, 3, 4, 17, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", "2025-03-04T17:00:00Z", datetime(2025, 3, 4, 17, tzinfo=UTC)),
        ("garbage", None, NOW),
        (None, None, NOW),
    ],
)
def test_a_missing_or_impossible_composite_start_falls_back(schedule_start, start_schedule, expected):
    assert composite_of((0, 16), start=schedule_start, startSchedule=start_schedule).start_at == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (6.1000000000000005, "6.1"), (Decimal("6.0999999999999996"), "6.1"), (6.1, "6.1"), (6.19, "6.1"), (48, "48"),
        (-1, "-1"), (-1.0, "-1"), (0, "0"), (31.799999999999997, "31.8"),
    ],
)  # fmt: skip
def test_a_composite_limit_is_rounded_down_but_not_by_float_noise(limit, expected):
    assert composite_of((0, limit)).periods == (SchedulePeriod(0, Decimal(expected)),)


def test_composite_periods_are_sorted_and_a_float_start_is_whole_seconds():
    assert composite_of((1800.0, 6), (0, 16), (900.7, 8)).periods == (
        SchedulePeriod(0, Decimal(16)), SchedulePeriod(900, Decimal(8)), SchedulePeriod(1800, Decimal(6)),
    )  # fmt: skip


def test_a_composite_schedule_in_the_other_unit_keeps_its_unit():
    schedule = composite_of((0, 11040), chargingRateUnit="W")
    assert (schedule.unit, schedule.periods[0].limit) == (RateUnit.WATT, Decimal(11040))


@pytest.mark.parametrize("duration", [None, 0])
def test_a_composite_schedule_without_duration_is_open_ended(duration):
    assert composite_of((0, 16), duration=duration).duration_s is None


@pytest.mark.parametrize("phases", [0, 4, -1, "three", None])
def test_impossible_phases_in_a_composite_schedule_are_unknown(phases):
    wire = [{"startPeriod": 0, "limit": 16, "numberPhases": phases}]
    assert composite_of(chargingSchedulePeriod=wire).periods == (SchedulePeriod(0, Decimal(16)),)


@pytest.mark.parametrize("answer", [
    {"status": "Accepted"},
    {"status": "Accepted", "chargingSchedule": None},
    {"status": "Accepted", "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": []}},
])  # fmt: skip
def test_no_schedule_in_force_is_an_accepted_answer_without_schedule(answer):
    outcome = to_outcome(GetComposite(1, 600), answer, received_at=NOW)
    assert (outcome.status, outcome.schedule) == (ACCEPTED, None)


def _garbage(**changes):
    period = {"startPeriod": 0, "limit": 16} | changes
    return {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}


@pytest.mark.parametrize("schedule", [
    _garbage(limit="sixteen"), _garbage(limit="16"), _garbage(limit=None), _garbage(limit=True),
    _garbage(limit=float("nan")), _garbage(limit=float("inf")), _garbage(limit=1e300), _garbage(limit=10**400),
    _garbage(startPeriod="0"), _garbage(startPeriod=-5), _garbage(startPeriod=10**12), _garbage(startPeriod=None),
    _garbage() | {"chargingRateUnit": "V"}, _garbage() | {"duration": "long"},
    {"chargingRateUnit": "A", "chargingSchedulePeriod": "0:16"},
    {"chargingRateUnit": "A", "chargingSchedulePeriod": [1]},
    "garbage",
    [1],
])  # fmt: skip
def test_a_composite_schedule_that_cannot_be_read_is_none_and_a_rejection(schedule):
    answer = {"status": "Accepted", "chargingSchedule": schedule}
    assert composite(answer, received_at=NOW) is None
    outcome = to_outcome(GetComposite(1, 600), answer, received_at=NOW)
    assert (outcome.status, outcome.schedule) == (REJECTED, None)
    assert outcome.detail == "charge point answered a schedule that cannot be read"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("2025-03-04T18:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({}, optional={
    "status": st.just("Accepted") | json_values,
    "scheduleStart": json_values,
    "chargingSchedule": json_values | st.fixed_dictionaries({}, optional={
        "chargingRateUnit": st.sampled_from(["A", "W", "a", 5]),
        "duration": json_values,
        "chargingSchedulePeriod": json_values | st.lists(st.fixed_dictionaries(
            {"startPeriod": json_values, "limit": json_values}, optional={"numberPhases": json_values}), max_size=3),
    }),
}))  # fmt: skip
def test_no_composite_answer_raises(answer):
    outcome = to_outcome(GetComposite(1, 600), answer, received_at=NOW)
    if outcome.schedule:
        starts = [period.start_s for period in outcome.schedule.periods]
        assert starts == sorted(set(starts))


# --- capabilities


def test_capabilities_are_learned_from_get_configuration():
    assert to_capabilities(configuration_of(answer_of("v16_get_configuration_conf"))) == LearnedCapabilities(
        supported=True,
        units=frozenset({RateUnit.AMPERE, RateUnit.WATT}),
        max_periods=24,
        max_stack_level=10,
        max_profiles=20,
        connector_count=2,
        phase_switching=None,
    )


def test_what_the_charge_point_did_not_say_is_unknown():
    assert to_capabilities({}) == LearnedCapabilities()
    assert LearnedCapabilities().supported is None


@pytest.mark.parametrize(
    ("profiles", "supported"),
    [("Core,SmartCharging", True), ("core, SMARTCHARGING ", True), ("Core,RemoteTrigger", False), ("", None)],
)
def test_smart_charging_is_supported_when_listed_unsupported_when_not_and_unknown_when_absent(profiles, supported):
    assert to_capabilities({"SupportedFeatureProfiles": profiles}).supported is supported


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Current", {RateUnit.AMPERE}), ("power", {RateUnit.WATT}), ("Current,Power", set(RateUnit)),
        (" current ; POWER", set(RateUnit)), ("A,W", set(RateUnit)), ("Voltage", set()), ("", set()),
    ],
)  # fmt: skip
def test_allowed_units_are_read_in_any_case_and_spacing(text, units):
    assert to_capabilities({"ChargingScheduleAllowedChargingRateUnit": text}).units == units


@pytest.mark.parametrize("text", ["many", "", "-1", "1.5", "99999999999", "NaN", "\u0663x"])
def test_garbage_numbers_are_unknown(text):
    assert to_capabilities(dict.fromkeys(SMART_CHARGING_KEYS[1:], text)) == LearnedCapabilities()


def test_zero_is_a_stack_level_but_not_a_number_of_periods():
    learned = to_capabilities({"ChargeProfileMaxStackLevel": "0", "ChargingScheduleMaxPeriods": "0"})
    assert (learned.max_stack_level, learned.max_periods) == (0, None)


@pytest.mark.parametrize(("text", "switching"), [("true", True), ("False", False), ("maybe", None)])
def test_phase_switching_is_a_boolean_or_unknown(text, switching):
    assert to_capabilities({"ConnectorSwitch3to1PhaseSupported": text}).phase_switching is switching


@pytest.mark.parametrize("answer", [{}, {"configurationKey": None}, {"configurationKey": [1, {"key": "A"}, {}]}])
def test_a_configuration_without_values_is_empty(answer):
    assert configuration_of(answer) == {}


def test_the_keys_asked_for_fit_the_schema():
    assert_valid("GetConfiguration", {"key": list(SMART_CHARGING_KEYS)})


# --- answers


@pytest.mark.parametrize("status", AuthorizationStatus)
def test_authorize_answer(status):
    assert authorize_answer(status) == {"idTagInfo": {"status": status.value}}
    assert_valid("AuthorizeResponse", authorize_answer(status))


def test_start_answer_carries_the_transaction_id_as_an_integer():
    answer = start_answer(StartAnswer("481516234", AuthorizationStatus.ACCEPTED))
    assert answer == {"transactionId": 481516234, "idTagInfo": {"status": "Accepted"}}
    assert_valid("StartTransactionResponse", answer)


def test_boot_answers_carry_utc_in_whole_seconds():
    moment = datetime(2025, 3, 4, 19, 0, 7, 999_000, tzinfo=timezone(timedelta(hours=1)))
    boot = boot_answer("Accepted", 300, moment)
    assert boot == {"status": "Accepted", "currentTime": "2025-03-04T18:00:07Z", "interval": 300}
    assert_valid("BootNotificationResponse", boot)


def test_a_boot_status_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="Perhaps"):
        boot_answer("Perhaps", 300, NOW)
