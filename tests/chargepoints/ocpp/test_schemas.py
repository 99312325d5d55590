"""Strict in what we send, tolerant in what we receive; the fault codes of each version."""

import copy
from typing import Any

import pytest

from chargepoints.ocpp.frames import Call, read_frame
from chargepoints.ocpp.schemas import DESCRIPTION_LIMIT, EVERY_MESSAGE, RELAXED, Schemas
from tests.chargepoints.ocpp.peer import METER_VALUES

pytestmark = pytest.mark.pure

V16, V201 = Schemas.for_version("1.6"), Schemas.for_version("2.0.1")


def test_each_version_is_compiled_once_and_others_are_refused() -> None:
    assert Schemas.for_version("1.6") is V16
    with pytest.raises(ValueError, match=r"no schemas for OCPP 2\.0"):
        Schemas.for_version("2.0")


@pytest.mark.parametrize("schemas", [V16, V201])
def test_every_schema_of_the_version_compiles_both_ways(schemas: Schemas) -> None:
    actions = [name.removesuffix("Response") for name in schemas._sources if name.endswith("Response")]
    assert len(actions) > 35
    for action in actions:
        for strict in (True, False):
            schemas.check_request(action, {}, strict=strict)
            schemas.check_response(action, {}, strict=strict)
        assert schemas.knows(action)


@pytest.mark.parametrize("action", ["", "Nope", "BootNotificationResponse", "BootNotificationRequest", "../v16/Reset"])
def test_an_action_without_a_schema_is_not_implemented(action: str) -> None:
    for schemas in (V16, V201):
        violation = schemas.check_request(action, {}, strict=False)
        assert violation is not None
        assert violation.code == "NotImplemented"


@pytest.mark.parametrize(
    ("schemas", "action", "payload", "code", "description"),
    [
        (V16, "Authorize", {}, "OccurenceConstraintViolation", "idTag is missing"),
        (V201, "Authorize", {}, "ProtocolError", "idToken is missing"),
        (V16, "Authorize", {"idTag": 1}, "TypeConstraintViolation", "idTag must be of type string"),
        (V16, "Authorize", {"idTag": "x" * 21}, "PropertyConstraintViolation", "idTag violates maxLength 20"),
        (V201, "Authorize", {"idToken": {"idToken": "x", "type": "Nope"}}, "PropertyConstraintViolation",
         "idToken.type is not one of the values allowed"),
        (V201, "ReportChargingProfiles",
         {"requestId": 1, "chargingLimitSource": "EMS", "evseId": 1, "chargingProfile": []},
         "OccurrenceConstraintViolation", "chargingProfile violates minItems 1"),
        (V16, "SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [{}]},
         "OccurenceConstraintViolation", "localAuthorizationList.0.idTag is missing"),
        (V16, "MeterValues", {"connectorId": 1}, "OccurenceConstraintViolation", "meterValue is missing"),
        (V16, "MeterValues", {"connectorId": 1, "meterValue": {}}, "TypeConstraintViolation",
         "meterValue must be of type array"),
    ],
)  # fmt: skip
def test_the_code_fits_the_violation_and_the_description_names_the_field(
    schemas: Schemas, action: str, payload: dict[str, Any], code: str, description: str
) -> None:
    assert schemas.check_request(action, payload, strict=False) == (code, description)


def test_a_description_stays_short() -> None:
    violation = V16.check_request("Reset", {"type": "Soft", "x" * 5000: 1}, strict=True)
    assert violation is not None
    assert violation.code == "FormationViolation"
    assert len(violation.description) == DESCRIPTION_LIMIT


def sampled(**changes: Any) -> dict[str, Any]:
    payload = copy.deepcopy(METER_VALUES)
    payload["meterValue"][0]["sampledValue"][0] |= changes
    return payload


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("MeterValues", sampled(measurand="Energy.Vendor", unit="MWh", context="Odd", format="Hex")),
        ("MeterValues", METER_VALUES | {"vendorField": {"deep": [1]}}),
        ("StartTransaction", {"connectorId": 1, "idTag": "x" * 40, "meterStart": 0, "timestamp": "2024-05-01 10:00"}),
        ("StopTransaction", {"transactionId": 1, "meterStop": 9, "timestamp": "1970-01-01T00:00:00", "reason": "Odd"}),
        ("MeterValues", sampled(value=1234.5)),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"sampledValue": []}, *METER_VALUES["meterValue"]]}),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"sampledValue": [{"unit": "Wh"}, {"value": "7"}]}]}),
        ("StopTransaction", {"transactionId": 1, "meterStop": 1234.5, "timestamp": "2024-05-01T10:00:00Z"}),
        ("BootNotification", {"chargePointVendor": "Vendor", "chargePointModel": "A model with a name beyond twenty"}),
        ("StatusNotification", {"connectorId": 1, "errorCode": "E42", "status": "Plugged", "info": "x" * 90}),
    ],
)
def test_what_carries_energy_or_brings_online_is_accepted_from_a_charge_point_and_not_sent_by_us(
    action: str, payload: dict[str, Any]
) -> None:
    assert V16.check_request(action, payload, strict=False) is None
    assert V16.check_request(action, payload, strict=True) is not None


def test_a_sample_keeps_its_type_check_although_a_field_is_called_format() -> None:
    payload = sampled()
    payload["meterValue"][0]["sampledValue"][0]["format"] = 7
    violation = V16.check_request("MeterValues", payload, strict=False)
    assert violation == ("TypeConstraintViolation", "meterValue.0.sampledValue.0.format must be of type string")


def test_other_messages_keep_their_enums() -> None:
    assert V16.check_request("Reset", {"type": "Medium"}, strict=False) is not None
    assert V16.check_response("Reset", {"status": "Perhaps"}, strict=False) is not None


def test_every_relaxation_has_a_reason() -> None:
    assert all(relaxation.reason for relaxation in [EVERY_MESSAGE, *RELAXED.values()])


def test_every_limit_of_one_decimal_may_be_sent() -> None:
    def is_valid(limit: float) -> bool:
        schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
        answer = {"status": "Accepted", "chargingSchedule": schedule}
        return V16.check_response("GetCompositeSchedule", answer, strict=True) is None

    assert all(is_valid(tenths / 10) for tenths in range(0, 220_000, 37))
    assert not is_valid(31.85)


def test_a_whole_number_written_with_a_point_is_an_integer() -> None:
    frame = read_frame('[2,"1","StopTransaction",{"transactionId":7.0,"meterStop":1200.0,"timestamp":"t"}]')
    assert isinstance(frame, Call)
    assert frame.payload == {"transactionId": 7, "meterStop": 1200, "timestamp": "t"}
    assert V16.check_request(frame.action, frame.payload, strict=False) is None


def test_nul_characters_never_reach_the_payload() -> None:
    frame = read_frame('[2,"1","Authorize",{"idTag":"ABC\\u0000\\u0000","other":["\\\\u0000"]}]')
    assert isinstance(frame, Call)
    assert frame.payload == {"idTag": "ABC", "other": ["\\u0000"]}
