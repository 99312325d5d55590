"""The simulated charge point against a central system on a real socket: connection and conversation."""

import asyncio
from typing import Any

import pytest

from chargepoints.simulator import CallRefused, Knobs, LinkLost, SimulatedChargePoint

from .conftest import Clock, Connect
from .csms import PASSWORD, CentralSystem, central_system
from .messages import composite, set_profile

pytestmark = pytest.mark.once


async def test_it_boots_and_tells_the_status_of_every_connector(csms: CentralSystem, connect: Connect) -> None:
    await connect(evses=2)
    assert csms.actions() == ["BootNotification", *["StatusNotification"] * 3]
    statuses = [(p["connectorId"], p["status"], p["timestamp"]) for p in csms.payloads("StatusNotification")]
    assert statuses == [(n, "Available", "2024-05-01T12:00:00.000Z") for n in (0, 1, 2)]
    assert csms.violations == []
    assert csms.sockets[0].subprotocol == "ocpp1.6"
    assert csms.sockets[0].request is not None
    assert csms.sockets[0].request.path == "/ocpp/CP-1"


@pytest.mark.parametrize(("password", "gets_in"), [(PASSWORD, True), ("wrong", False), ("", False)])
async def test_it_proves_itself_by_http_basic(password: str, gets_in: bool) -> None:
    names: list[str] = []
    async with central_system(with_password=True) as csms:
        cp = SimulatedChargePoint(
            csms.url, "CP 1/a", password=password, backoff_s=(0.01,), on_event=lambda name, _: names.append(name)
        )
        task = asyncio.create_task(cp.run())
        await cp.until(lambda: cp.online if gets_in else names.count("connect_failed") >= 2)
        await cp.stop()
        await asyncio.wait_for(task, 5)
        assert len(csms.sockets) == (1 if gets_in else 0)
        assert not csms.sockets or csms.sockets[0].request.path == "/ocpp/CP%201%2Fa"  # type: ignore[union-attr]


async def test_it_asks_again_until_the_boot_is_accepted(csms: CentralSystem, connect: Connect, events: Any) -> None:
    answers = iter(["Pending", "Rejected", "Accepted"])
    csms.answers["BootNotification"] = lambda _: {
        "status": next(answers), "currentTime": "2024-05-01T12:00:00Z", "interval": 1
    }  # fmt: skip
    await connect(time_scale=100)
    assert csms.actions()[:4] == [*["BootNotification"] * 3, "StatusNotification"]
    assert [f["status"] for name, f in events if name == "boot_postponed"] == ["Pending", "Rejected"]


async def test_a_boot_that_is_answered_by_an_error_is_repeated(csms: CentralSystem, connect: Connect) -> None:
    answers = iter([["InternalError", "no", {}], csms.answers["BootNotification"]])
    csms.answers["BootNotification"] = lambda _: next(answers)
    await connect(time_scale=10_000)
    assert len(csms.payloads("BootNotification")) == 2


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


async def test_a_profile_shows_in_the_composite_until_cleared(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    profile = set_profile((0, 16), (1800, 8), purpose="TxDefaultProfile")
    assert await csms.call("SetChargingProfile", profile) == {"status": "Accepted"}
    assert [p.wire for p in cp.profiles] == [profile["csChargingProfiles"]]
    assert cp.current_limit() == 16
    schedule = (await csms.call("GetCompositeSchedule", composite()))["chargingSchedule"]
    assert [(p["startPeriod"], p["limit"]) for p in schedule["chargingSchedulePeriod"]] == [(0, 16), (1800, 8)]
    assert await csms.call("ClearChargingProfile", {"id": 7}) == {"status": "Accepted"}
    assert await csms.call("ClearChargingProfile", {"id": 7}) == {"status": "Unknown"}
    assert (cp.profiles, cp.current_limit()) == ((), 32)
    assert csms.violations == []


@pytest.mark.parametrize(
    ("takes", "sent", "status"), [("A", "W", "Rejected"), ("W", "A", "Rejected"), ("AW", "W", "Accepted")]
)
async def test_a_unit_that_it_does_not_take(
    csms: CentralSystem, connect: Connect, takes: str, sent: str, status: str
) -> None:
    cp = await connect(unit=takes)
    answer = await csms.call("SetChargingProfile", set_profile((0, 10), purpose="TxDefaultProfile", unit=sent))
    assert answer == {"status": status}
    assert len(cp.profiles) == (1 if status == "Accepted" else 0)


async def test_a_tx_profile_without_a_transaction_is_rejected(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    assert await csms.call("SetChargingProfile", set_profile((0, 10))) == {"status": "Rejected"}
    assert cp.profiles == ()


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


async def test_a_dropped_connection_is_made_again(csms: CentralSystem, connect: Connect, events: Any) -> None:
    cp = await connect()
    cp.drop()
    await cp.until(lambda: [name for name, _ in events].count("ready") == 2)
    assert csms.actions() == ["BootNotification", *["StatusNotification"] * 2] * 2


async def test_it_comes_back_to_a_server_that_went_away(csms: CentralSystem, connect: Connect, events: Any) -> None:
    cp = await connect()
    await csms.sockets[0].close(1012)
    await cp.until(lambda: [name for name, _ in events].count("ready") == 2)
    assert len(csms.sockets) == 2


async def test_staying_away_until_told_to_come_back(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    cp.drop(stay_away=True)
    await cp.until(lambda: not cp.connected)
    with pytest.raises(LinkLost):
        await cp.call("Heartbeat", {})
    assert len(csms.sockets) == 1
    cp.come_back()
    await cp.wait_booted()
    assert len(csms.sockets) == 2


async def test_stop_ends_a_charge_point_that_never_connected() -> None:
    cp = SimulatedChargePoint("ws://127.0.0.1:9", "CP-1", backoff_s=(60,))
    task = asyncio.create_task(cp.run())
    await asyncio.sleep(0)
    await cp.stop()
    await asyncio.wait_for(task, 5)
    assert not cp.connected


async def test_one_call_at_a_time(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    csms.answers["Heartbeat"] = None
    waiting = asyncio.create_task(cp.call("Heartbeat", {}))
    await csms.until(lambda: len(csms.payloads("Heartbeat")) == 1)
    other = asyncio.create_task(cp.call("DataTransfer", {"vendorId": "x"}))
    assert await csms.call("ClearCache", {}) == {"status": "Accepted"}
    assert csms.payloads("DataTransfer") == []
    message_id = next(i for i, action, _ in csms.calls if action == "Heartbeat")
    csms.answers["DataTransfer"] = {"status": "Accepted"}
    await csms.sockets[0].send(f'[3, "{message_id}", {{}}]')
    assert await waiting == {}
    assert await other == {"status": "Accepted"}


async def test_a_silent_server_is_a_timeout_and_an_error_an_exception(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(call_timeout_s=0.1)
    csms.answers |= {"Heartbeat": None, "DataTransfer": ["GenericError", "no", {}]}
    with pytest.raises(TimeoutError):
        await cp.call("Heartbeat", {})
    with pytest.raises(CallRefused, match="GenericError: no"):
        await cp.call("DataTransfer", {"vendorId": "x"})


async def test_frames_that_are_no_ocpp_are_passed_over(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    for text in ("}{", "[]", "17", '{"a": 1}', '[2, {}, "Reset", {}]', '[3, "unasked", {}]', '[2, "x"]'):
        await csms.sockets[0].send(text)
    assert await csms.call("ClearCache", {}) == {"status": "Accepted"}
    assert [call.action for call in cp.received] == ["ClearCache"]


async def test_its_clock_is_that_of_whoever_drives_it(csms: CentralSystem, connect: Connect, clock: Clock) -> None:
    cp = await connect()
    await csms.call("SetChargingProfile", set_profile((0, 16), (60, 6), purpose="TxDefaultProfile"))
    clock.advance(59)
    assert cp.current_limit() == 16
    clock.advance(1)
    assert cp.current_limit() == 6
