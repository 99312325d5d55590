"""Forms from the schemas of OCPP, and the payloads that are read from them."""

import pytest

from chargepoints.admin import schema_form
from chargepoints.admin.console import read_payload
from chargepoints.ocpp import registry
from chargepoints.ocpp.schemas import Schemas

pytestmark = pytest.mark.pure
EVERY_CALL = [(version.number, action) for version in registry.VERSIONS for action in version.calls]


def schema(action: str, version: str = "2.0.1") -> dict:
    return Schemas.for_version(version).request_schema(action)


def nodes(action: str, version: str = "2.0.1", **given: str) -> dict[str, schema_form.Node]:
    found, waiting = {}, schema_form.fields(schema(action, version), given)
    while waiting:
        node = waiting.pop()
        found[node.path] = node
        waiting.extend(node.children)
    return found


def test_calls_of_a_version_are_those_that_no_charge_point_sends():
    by_number = {version.number: version.calls for version in registry.VERSIONS}
    assert (len(by_number["1.6"]), len(by_number["2.0.1"])) == (26, 40)
    assert "SetVariables" in by_number["2.0.1"]
    assert {"BootNotification", "MeterValues", "TransactionEvent"}.isdisjoint(by_number["1.6"] + by_number["2.0.1"])


@pytest.mark.parametrize(("version", "action"), EVERY_CALL)
def test_every_call_has_a_form_whose_required_fields_are_there(version: str, action: str) -> None:
    found = nodes(action, version)
    assert set(schema(action, version).get("required", [])) <= set(found)
    assert not any("customData" in path for path in found)


def test_enums_are_choices_and_lists_that_must_be_there_have_one_item():
    found = nodes("SetVariables")
    assert found["setVariableData"].kind == "array"
    assert found["setVariableData.0.attributeType"].choices == ("Actual", "Target", "MinSet", "MaxSet")
    assert found["setVariableData.0.attributeValue"].required
    assert nodes("SetVariables", **{"count:setVariableData": "2"})["setVariableData.1.component.name"].kind == "string"


def test_a_list_never_has_more_items_than_a_page_can_show():
    found = nodes("SetVariables", **{"count:setVariableData": "999"})
    assert len(found["setVariableData"].children) == schema_form.MOST_ITEMS


def test_what_was_filled_in_becomes_the_payload_and_what_was_not_is_left_out():
    given = {
        "connectorId": "1", "csChargingProfiles.chargingProfileId": "7", "csChargingProfiles.stackLevel": "0",
        "csChargingProfiles.chargingProfilePurpose": "TxProfile", "csChargingProfiles.chargingProfileKind": "Relative",
        "csChargingProfiles.chargingSchedule.chargingRateUnit": "A",
        "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.startPeriod": "0",
        "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit": "6.1",
        "count:csChargingProfiles.chargingSchedule.chargingSchedulePeriod": "2",
    }  # fmt: skip
    filled = schema_form.read(schema("SetChargingProfile", "1.6"), given)
    assert filled.errors == {}
    assert filled.payload == {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 7, "stackLevel": 0, "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.1}],
            },
        },
    }  # fmt: skip


def test_an_optional_group_in_which_nothing_was_filled_in_is_left_out():
    given = {"requestedMessage": "Heartbeat", "evse.id": "", "evse.connectorId": " "}
    assert schema_form.read(schema("TriggerMessage"), given).payload == {"requestedMessage": "Heartbeat"}


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("false", False)])
def test_truth_is_chosen(text: str, expected: bool):
    given = {"requestId": "1", "report": text, "clear": "false"}
    assert schema_form.read(schema("CustomerInformation"), given).payload["report"] is expected


@pytest.mark.parametrize("text", ["x", "1.5", "NaN", "1e400", "Infinity"])
def test_what_is_no_number_is_an_error_at_its_field(text: str):
    filled = schema_form.read(schema("TriggerMessage"), {"requestedMessage": "Heartbeat", "evse.id": text})
    assert filled.errors == {"evse.id": "It must be a whole number."}


def test_json_counts_before_the_fields():
    filled = read_payload(schema("Reset"), {"raw": '{"type": "OnIdle"}', "type": "Immediate"})
    assert (filled.payload, filled.errors) == ({"type": "OnIdle"}, {})


@pytest.mark.parametrize("text", ["{", "[]", '{"a": NaN}', '{"a": "\\u0000"}', "[" * 100_000])
def test_what_is_no_json_object_is_an_error_at_the_json(text: str):
    assert list(read_payload(schema("Reset"), {"raw": text}).errors) == ["raw"]


def test_the_schema_tells_every_place_that_is_wrong():
    errors = Schemas.for_version("2.0.1").request_errors("SetVariables", {"setVariableData": [{"attributeValue": 1}]})
    assert {place for place, _ in errors} == {
        ("setVariableData", 0, "attributeValue"),
        ("setVariableData", 0, "component"),
        ("setVariableData", 0, "variable"),
    }
