"""What the simulated charge point says and answers in OCPP 2.0.1, outside transactions."""

from typing import Any

import pytest

from chargepoints.simulator import Knobs

from .conftest import Connect, of_2_0_1
from .csms import CentralSystem

pytestmark = [pytest.mark.once, of_2_0_1]


def variable(component: str, name: str, *, instance: str = "", evse: int = 0, **more: Any) -> dict[str, Any]:
    where = {"name": component} | ({"evse": {"id": evse}} if evse else {})
    what = {"name": name} | ({"instance": instance} if instance else {})
    return {"component": where, "variable": what} | more


async def read(csms: CentralSystem, *variables: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Status and value of each."""
    answer = await csms.call("GetVariables", {"getVariableData": list(variables)})
    return [(row["attributeStatus"], row.get("attributeValue")) for row in answer["getVariableResult"]]


async def write(csms: CentralSystem, *variables: dict[str, Any]) -> list[str]:
    answer = await csms.call("SetVariables", {"setVariableData": list(variables)})
    return [row["attributeStatus"] for row in answer["setVariableResult"]]


async def test_it_boots_and_tells_the_status_of_every_connector(csms: CentralSystem, connect: Connect) -> None:
    await connect(evses=2)
    assert csms.payloads("BootNotification") == [
        {"reason": "PowerUp",
         "chargingStation": {"vendorName": "Simulated", "model": "OCPP 2.0.1", "firmwareVersion": "1.0"}}
    ]  # fmt: skip
    assert csms.payloads("StatusNotification") == [
        {"timestamp": "2024-05-01T12:00:00.000Z", "connectorStatus": "Available", "evseId": n, "connectorId": 1}
        for n in (1, 2)
    ]
    assert csms.sockets[0].subprotocol == "ocpp2.0.1"
    assert csms.violations == []


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("ClearCache", {}, {"status": "Accepted"}),
        ("DataTransfer", {"vendorId": "x"}, {"status": "UnknownVendorId"}),
        ("UnlockConnector", {"evseId": 1, "connectorId": 1}, {"status": "Unlocked"}),
        ("UnlockConnector", {"evseId": 1, "connectorId": 2}, {"status": "UnknownConnector"}),
        ("UnlockConnector", {"evseId": 7, "connectorId": 1}, {"status": "UnknownConnector"}),
        ("Reset", {"type": "Immediate", "evseId": 1}, "Rejected UnsupportedParam"),
        ("ChangeAvailability", {"operationalStatus": "Operative", "evse": {"id": 7}}, "Rejected UnknownEvse"),
        ("GetCompositeSchedule", {"evseId": 7, "duration": 60}, "Rejected UnknownEvse"),
        (
            "GetCompositeSchedule",
            {"evseId": 1, "duration": 60, "chargingRateUnit": "W"},
            "Rejected UnsupportedRateUnit",
        ),
        ("ClearChargingProfile", {"chargingProfileId": 1}, {"status": "Unknown"}),
        ("GetChargingProfiles", {"requestId": 1, "chargingProfile": {}}, {"status": "NoProfiles"}),
        ("RequestStopTransaction", {"transactionId": "x"}, "Rejected TxNotFound"),
        ("TriggerMessage", {"requestedMessage": "Heartbeat", "evse": {"id": 7}}, "Rejected UnknownEvse"),
        ("TriggerMessage", {"requestedMessage": "BootNotification"}, "Rejected NoError"),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "evse": {"id": 1}}, "Rejected MissingParam"),
        ("TriggerMessage", {"requestedMessage": "TransactionEvent"}, "Rejected TxNotFound"),
        ("TriggerMessage", {"requestedMessage": "SignCombinedCertificate"}, {"status": "NotImplemented"}),
        ("GetLocalListVersion", {}, ["NotImplemented", "GetLocalListVersion is not implemented", {}]),
        ("Reset", {"type": "Hard"}, ["FormatViolation", '"Hard" is not one of "Immediate" or "OnIdle"', {}]),
    ],
)
async def test_plain_answers(csms: CentralSystem, connect: Connect, action: str, payload: Any, answer: Any) -> None:
    await connect()
    said = await csms.call(action, payload)
    if isinstance(answer, str):
        said = f"{said['status']} {said['statusInfo']['reasonCode']}"
    assert said == answer
    assert csms.violations == []


@pytest.mark.parametrize(
    ("request_", "action", "expected"),
    [
        ({"requestedMessage": "Heartbeat"}, "Heartbeat", 1),
        ({"requestedMessage": "MeterValues"}, "MeterValues", 2),
        ({"requestedMessage": "MeterValues", "evse": {"id": 2}}, "MeterValues", 1),
        ({"requestedMessage": "StatusNotification", "evse": {"id": 2, "connectorId": 1}}, "StatusNotification", 3),
        ({"requestedMessage": "FirmwareStatusNotification"}, "FirmwareStatusNotification", 1),
        ({"requestedMessage": "LogStatusNotification"}, "LogStatusNotification", 1),
    ],
)
async def test_trigger_message(
    csms: CentralSystem, connect: Connect, request_: Any, action: str, expected: int
) -> None:
    await connect(evses=2)
    assert await csms.call("TriggerMessage", request_) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads(action)) == expected)
    assert csms.violations == []


async def test_transaction_events_on_demand(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(evses=2)
    await cp.plug_in(2)
    assert await csms.call("TriggerMessage", {"requestedMessage": "TransactionEvent"}) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("TransactionEvent")) == 2)
    event = csms.payloads("TransactionEvent")[1]
    assert (event["eventType"], event["triggerReason"], event["seqNo"]) == ("Updated", "Trigger", 1)
    assert {v["context"] for v in event["meterValue"][0]["sampledValue"]} == {"Trigger"}
    assert csms.violations == []


async def test_availability_changes_the_status_and_stays(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(evses=2)
    request = {"operationalStatus": "Inoperative"}
    assert await csms.call("ChangeAvailability", request) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("StatusNotification")) == 4)
    assert [p["connectorStatus"] for p in csms.payloads("StatusNotification")[2:]] == ["Unavailable"] * 2
    await cp.plug_in(1)
    assert csms.payloads("TransactionEvent") == []


# --- the device model -------------------------------------------------------------------------------------------------


async def test_the_device_model_tells_what_it_can(csms: CentralSystem, connect: Connect) -> None:
    await connect(evses=2, unit="AW", phases=1, configuration={"SmartChargingCtrlr.PeriodsPerSchedule": "6"})
    entries = {"instance": "ChargingProfiles"}
    assert await read(
        csms,
        variable("SmartChargingCtrlr", "Available"),
        variable("smartchargingctrlr", "RATEUNIT"),
        variable("SmartChargingCtrlr", "PeriodsPerSchedule"),
        variable("SmartChargingCtrlr", "ProfileStackLevel"),
        variable("SmartChargingCtrlr", "Entries", **entries),
        variable("SmartChargingCtrlr", "Entries", attributeType="MaxSet", **entries),
        variable("EVSE", "SupplyPhases", evse=2),
        variable("EVSE", "Power", evse=2),
        variable("TxCtrlr", "TxStartPoint"),
    ) == [
        ("Accepted", "true"), ("Accepted", "A,W"), ("Accepted", "6"), ("Accepted", "10"), ("Accepted", "0"),
        ("Accepted", "10"), ("Accepted", "1"), ("Accepted", "7360"), ("Accepted", "EVConnected"),
    ]  # fmt: skip
    assert csms.violations == []


async def test_what_the_device_model_does_not_have(csms: CentralSystem, connect: Connect) -> None:
    await connect()
    assert await read(
        csms,
        variable("Nope", "Available"),
        variable("SmartChargingCtrlr", "Nope"),
        variable("EVSE", "SupplyPhases", evse=7),
        variable("SmartChargingCtrlr", "RateUnit", attributeType="Target"),
        variable("SecurityCtrlr", "BasicAuthPassword"),
    ) == [
        ("UnknownComponent", None), ("UnknownVariable", None), ("UnknownComponent", None),
        ("NotSupportedAttributeType", None), ("Rejected", None),
    ]  # fmt: skip


async def test_without_smart_charging_there_is_no_such_component(csms: CentralSystem, connect: Connect) -> None:
    await connect(knobs=Knobs(smart_charging=False))
    assert await read(csms, variable("SmartChargingCtrlr", "Available")) == [("UnknownComponent", None)]
    assert (await csms.call("GetCompositeSchedule", {"evseId": 1, "duration": 60}))[0] == "NotSupported"


async def test_variables_are_written_where_they_can_be(csms: CentralSystem, connect: Connect) -> None:
    await connect()
    interval = variable("SampledDataCtrlr", "TxUpdatedInterval")
    assert await write(
        csms,
        interval | {"attributeValue": "10"},
        interval | {"attributeValue": "often"},
        interval | {"attributeValue": "10", "attributeType": "Target"},
        variable("SmartChargingCtrlr", "RateUnit", attributeValue="W"),
        variable("SampledDataCtrlr", "TxEndedMeasurands", attributeValue="SoC,Luck"),
        variable("SampledDataCtrlr", "TxEndedMeasurands", attributeValue="SoC,Voltage"),
        variable("Nope", "Nope", attributeValue="1"),
    ) == ["Accepted", "Rejected", "NotSupportedAttributeType", "Rejected", "Rejected", "Accepted", "UnknownComponent"]
    assert await read(csms, interval) == [("Accepted", "10")]
    assert csms.violations == []


async def test_heartbeats_follow_the_interval_and_its_change(csms: CentralSystem, connect: Connect) -> None:
    await connect(time_scale=100)
    assert csms.payloads("Heartbeat") == []
    assert await write(csms, variable("OCPPCommCtrlr", "HeartbeatInterval", attributeValue="1")) == ["Accepted"]
    await csms.until(lambda: len(csms.payloads("Heartbeat")) >= 3)


async def test_more_variables_than_it_takes_at_once(csms: CentralSystem, connect: Connect) -> None:
    await connect(configuration={"DeviceDataCtrlr.ItemsPerMessage[GetVariables]": "1"})
    asked = [variable("TxCtrlr", "TxStartPoint")] * 2
    answer = await csms.call("GetVariables", {"getVariableData": asked})
    assert answer == ["OccurrenceConstraintViolation", "at most 1 variables at once", {}]


async def test_a_base_report_comes_in_parts(csms: CentralSystem, connect: Connect) -> None:
    await connect()
    request = {"requestId": 42, "reportBase": "FullInventory"}
    assert await csms.call("GetBaseReport", request) == {"status": "Accepted"}
    await csms.until(lambda: any(not p["tbc"] for p in csms.payloads("NotifyReport")))
    parts = csms.payloads("NotifyReport")
    assert len(parts) > 2
    assert [p["seqNo"] for p in parts] == list(range(len(parts)))
    assert [p["tbc"] for p in parts] == [True] * (len(parts) - 1) + [False]
    assert {p["requestId"] for p in parts} == {42}
    rows = [row for p in parts for row in p["reportData"]]
    entries = next(row for row in rows if row["variable"].get("instance") == "ChargingProfiles")
    assert entries == {
        "component": {"name": "SmartChargingCtrlr"},
        "variable": {"name": "Entries", "instance": "ChargingProfiles"},
        "variableAttribute": [{"type": "Actual", "mutability": "ReadOnly", "value": "0"}],
        "variableCharacteristics": {"dataType": "integer", "supportsMonitoring": False, "maxLimit": 10},
    }
    secret = next(row for row in rows if row["variable"]["name"] == "BasicAuthPassword")
    assert secret["variableAttribute"] == [{"type": "Actual", "mutability": "WriteOnly"}]
    assert csms.violations == []


@pytest.mark.parametrize(
    ("action", "more", "names"),
    [
        ("GetBaseReport", {"reportBase": "SummaryInventory"}, {"AvailabilityState", "Available"}),
        (
            "GetReport",
            {"componentVariable": [{"component": {"name": "TxCtrlr"}, "variable": {"name": "TxStopPoint"}}]},
            {"TxStopPoint"},
        ),
        ("GetReport", {"componentVariable": [{"component": {"name": "SecurityCtrlr"}}]},
         {"BasicAuthPassword", "SecurityProfile"}),
        ("GetReport", {"componentVariable": [{"component": {"name": "Nope"}}]}, None),
    ],
)  # fmt: skip
async def test_reports_of_less(csms: CentralSystem, connect: Connect, action: str, more: Any, names: Any) -> None:
    await connect()
    answer = await csms.call(action, {"requestId": 1} | more)
    if names is None:
        assert answer == {"status": "EmptyResultSet"}
        return
    await csms.until(lambda: len(csms.payloads("NotifyReport")) == 1)
    (part,) = csms.payloads("NotifyReport")
    assert {row["variable"]["name"] for row in part["reportData"]} == names
    assert part["tbc"] is False
