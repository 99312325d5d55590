"""What the simulated charge point says and answers in OCPP 1.6, outside transactions."""

from typing import Any

import pytest

from chargepoints.simulator import Knobs

from .conftest import Connect
from .csms import CentralSystem
from .talk import TALKS

pytestmark = pytest.mark.once
composite = TALKS["1.6"].composite
set_profile = TALKS["1.6"].set_profile


async def test_it_boots_and_tells_the_status_of_every_connector(csms: CentralSystem, connect: Connect) -> None:
    await connect(evses=2)
    assert csms.actions() == ["BootNotification", *["StatusNotification"] * 3]
    statuses = [(p["connectorId"], p["status"], p["timestamp"]) for p in csms.payloads("StatusNotification")]
    assert statuses == [(n, "Available", "2024-05-01T12:00:00.000Z") for n in (0, 1, 2)]
    assert csms.violations == []
    assert csms.sockets[0].subprotocol == "ocpp1.6"
    assert csms.sockets[0].request is not None
    assert csms.sockets[0].request.path == "/ocpp/CP-1"


async def test_heartbeats_follow_the_interval_and_its_change(csms: CentralSystem, connect: Connect) -> None:
    await connect(time_scale=100)
    change = {"key": "HeartbeatInterval", "value": "1"}
    assert csms.payloads("Heartbeat") == []
    assert await csms.call("ChangeConfiguration", change) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("Heartbeat")) >= 3)


async def test_the_configuration_tells_what_it_can(csms: CentralSystem, connect: Connect) -> None:
    await connect(evses=2, unit="AW", configuration={"ChargingScheduleMaxPeriods": "6"})
    wanted = [
        "SupportedFeatureProfiles", "ChargeProfileMaxStackLevel", "ChargingScheduleAllowedChargingRateUnit",
        "ChargingScheduleMaxPeriods", "MaxChargingProfilesInstalled", "NumberOfConnectors", "HeartbeatInterval", "Nope",
    ]  # fmt: skip
    answer = await csms.call("GetConfiguration", {"key": wanted})
    assert [(e["value"], e["readonly"]) for e in answer["configurationKey"]] == [
        ("Core,RemoteTrigger,SmartCharging", True), ("10", True), ("Current,Power", True), ("6", True), ("10", True),
        ("2", True), ("300", False),
    ]  # fmt: skip
    assert answer["unknownKey"] == ["Nope"]
    assert len((await csms.call("GetConfiguration", {}))["configurationKey"]) == 15


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("MeterValueSampleInterval", "10", "Accepted"),
        ("MeterValueSampleInterval", "often", "Rejected"),
        ("NumberOfConnectors", "9", "Rejected"),
        ("Nope", "1", "NotSupported"),
    ],
)
async def test_change_configuration(csms: CentralSystem, connect: Connect, key: str, value: str, status: str) -> None:
    await connect()
    assert await csms.call("ChangeConfiguration", {"key": key, "value": value}) == {"status": status}


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("ClearCache", {}, {"status": "Accepted"}),
        ("DataTransfer", {"vendorId": "x"}, {"status": "UnknownVendorId"}),
        ("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}),
        ("UnlockConnector", {"connectorId": 7}, {"status": "NotSupported"}),
        ("ChangeAvailability", {"connectorId": 7, "type": "Operative"}, {"status": "Rejected"}),
        ("GetCompositeSchedule", {"connectorId": 7, "duration": 60}, {"status": "Rejected"}),
        ("GetCompositeSchedule", {"connectorId": 1, "duration": 60, "chargingRateUnit": "W"}, {"status": "Rejected"}),
        ("ClearChargingProfile", {"id": 1}, {"status": "Unknown"}),
        ("RemoteStopTransaction", {"transactionId": 5}, {"status": "Rejected"}),
        ("RemoteStartTransaction", {"idTag": "T", "connectorId": 7}, {"status": "Rejected"}),
        ("TriggerMessage", {"requestedMessage": "Heartbeat", "connectorId": 7}, {"status": "Rejected"}),
        ("GetDiagnostics", {"location": "x"}, ["NotImplemented", "GetDiagnostics is not implemented", {}]),
        ("Reset", {"type": "Gentle"}, ["FormationViolation", '"Gentle" is not one of "Hard" or "Soft"', {}]),
    ],
)
async def test_plain_answers(csms: CentralSystem, connect: Connect, action: str, payload: Any, answer: Any) -> None:
    cp = await connect()
    assert await csms.call(action, payload) == answer
    assert [(call.action, call.payload) for call in cp.received] == [(action, payload)]
    assert csms.violations == []


@pytest.mark.parametrize(
    ("message", "action", "expected"),
    [
        ("BootNotification", "BootNotification", 2),
        ("Heartbeat", "Heartbeat", 1),
        ("StatusNotification", "StatusNotification", 5),
        ("MeterValues", "MeterValues", 2),
        ("FirmwareStatusNotification", "FirmwareStatusNotification", 1),
        ("DiagnosticsStatusNotification", "DiagnosticsStatusNotification", 1),
    ],
)
async def test_trigger_message(csms: CentralSystem, connect: Connect, message: str, action: str, expected: int) -> None:
    await connect(evses=2)
    assert await csms.call("TriggerMessage", {"requestedMessage": message}) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads(action)) == expected)
    assert csms.violations == []


async def test_two_decimals_are_a_violation(csms: CentralSystem, connect: Connect) -> None:
    await connect()
    answer = await csms.call("SetChargingProfile", set_profile((0, 10.25), purpose="TxDefaultProfile"))
    assert answer[0] == "FormationViolation"


async def test_without_smart_charging_it_says_so(csms: CentralSystem, connect: Connect) -> None:
    await connect(knobs=Knobs(smart_charging=False))
    answer = await csms.call("GetConfiguration", {"key": ["SupportedFeatureProfiles", "ChargeProfileMaxStackLevel"]})
    assert answer["configurationKey"][0]["value"] == "Core,RemoteTrigger"
    assert answer["unknownKey"] == ["ChargeProfileMaxStackLevel"]
    assert (await csms.call("GetCompositeSchedule", composite()))[0] == "NotSupported"


async def test_availability_changes_the_status_and_stays(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(evses=2)
    request = {"connectorId": 0, "type": "Inoperative"}
    assert await csms.call("ChangeAvailability", request) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("StatusNotification")) == 5)
    assert [p["status"] for p in csms.payloads("StatusNotification")[3:]] == ["Unavailable"] * 2
    await cp.plug_in(1)
    assert cp.status(1) == "Unavailable"


async def test_reset_closes_and_boots_anew(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await csms.call("SetChargingProfile", set_profile((0, 16), purpose="TxDefaultProfile"))
    cp.set_knobs(boot_on_reconnect=False)
    assert await csms.call("Reset", {"type": "Soft"}) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("BootNotification")) == 2)
    assert len(csms.sockets) == 2
    assert csms.sockets[0].close_code == 1000
    assert len(cp.profiles) == 1  # a TxDefaultProfile outlives a reset
