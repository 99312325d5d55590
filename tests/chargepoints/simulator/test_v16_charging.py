"""Transactions of the simulated charge point in OCPP 1.6: start, metering, stop."""

from typing import Any

import pytest

from chargepoints.simulator import NotAuthorized

from .conftest import Clock, Connect, charging
from .csms import CentralSystem
from .talk import TALKS

pytestmark = pytest.mark.once
set_profile = TALKS["1.6"].set_profile


def statuses(csms: CentralSystem) -> list[str]:
    """Of connector 1, after the greeting."""
    return [p["status"] for p in csms.payloads("StatusNotification") if p["connectorId"] == 1][1:]


def values(payload: dict[str, Any]) -> dict[str, str]:
    """By measurand and phase, with the unit."""
    return {
        row["measurand"] + row.get("phase", ""): f"{row['value']} {row.get('unit', '')}".strip()
        for row in payload["meterValue"][0]["sampledValue"]
    }


async def test_a_transaction_from_cable_to_cable(csms: CentralSystem, connect: Connect, clock: Clock) -> None:
    cp = await charging(connect)
    clock.advance(3600)
    await cp.stop_transaction()
    await cp.unplug()
    assert csms.payloads("Authorize") == [{"idTag": "TAG-1"}]
    assert csms.payloads("StartTransaction") == [
        {"connectorId": 1, "idTag": "TAG-1", "meterStart": 0, "timestamp": "2024-05-01T12:00:00.000Z"}
    ]
    assert csms.payloads("StopTransaction") == [
        {"transactionId": 1001, "idTag": "TAG-1", "meterStop": 22080, "reason": "Local",
         "timestamp": "2024-05-01T13:00:00.000Z"}
    ]  # fmt: skip
    assert statuses(csms) == ["Preparing", "Charging", "Finishing", "Available"]
    assert csms.violations == []


async def test_the_register_goes_on_in_the_next_transaction(
    csms: CentralSystem, connect: Connect, clock: Clock
) -> None:
    cp = await charging(connect)
    clock.advance(1800)
    await cp.unplug()
    clock.advance(1800)
    await cp.plug_in()
    assert await cp.start() == 1002
    assert csms.payloads("StopTransaction")[0]["reason"] == "EVDisconnected"
    assert csms.payloads("StartTransaction")[1]["meterStart"] == 11040


async def test_meter_values_say_what_flows(csms: CentralSystem, connect: Connect, clock: Clock) -> None:
    cp = await charging(connect)
    await csms.call("SetChargingProfile", set_profile((0, 10), transaction_id=1001))
    clock.advance(3600)
    await cp.send_meter_values()
    (payload,) = csms.payloads("MeterValues")
    assert (payload["connectorId"], payload["transactionId"]) == (1, 1001)
    assert payload["meterValue"][0]["timestamp"] == "2024-05-01T13:00:00.000Z"
    assert values(payload) == {
        "Energy.Active.Import.Register": "6900 Wh", "Power.Active.Import": "6900.0 W",
        "Current.ImportL1": "10.0 A", "Current.ImportL2": "10.0 A", "Current.ImportL3": "10.0 A",
        "Current.Offered": "10.0 A", "VoltageL1-N": "230.0 V", "VoltageL2-N": "230.0 V", "VoltageL3-N": "230.0 V",
        "SoC": "41 Percent",
    }  # fmt: skip
    assert csms.violations == []


async def test_a_changed_interval_holds_at_once(csms: CentralSystem, connect: Connect) -> None:
    await charging(connect, time_scale=100)
    change = {"key": "MeterValueSampleInterval", "value": "1"}
    assert await csms.call("ChangeConfiguration", change) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("MeterValues")) >= 2)


@pytest.mark.parametrize(("transaction_id", "status"), [(1001, "Accepted"), (None, "Accepted"), (5, "Rejected")])
async def test_a_tx_profile_must_name_the_running_transaction(
    csms: CentralSystem, connect: Connect, transaction_id: int | None, status: str
) -> None:
    await charging(connect)
    answer = await csms.call("SetChargingProfile", set_profile((0, 10), transaction_id=transaction_id))
    assert answer == {"status": status}


async def test_remote_start_brings_its_profile(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await cp.plug_in()
    profile = set_profile((0, 8), start=None)["csChargingProfiles"]
    request = {"idTag": "APP-1", "connectorId": 1, "chargingProfile": profile}
    assert await csms.call("RemoteStartTransaction", request) == {"status": "Accepted"}
    await cp.until(lambda: cp.status() == "Charging")
    assert csms.payloads("Authorize") == []
    assert csms.payloads("StartTransaction")[0]["idTag"] == "APP-1"
    assert (cp.drawn_amps(), cp.profiles[0].transaction_id) == (8, 1001)


async def test_remote_start_waits_for_the_cable(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    assert await csms.call("RemoteStartTransaction", {"idTag": "APP-1"}) == {"status": "Accepted"}
    assert csms.payloads("StartTransaction") == []
    await cp.plug_in()
    assert cp.transaction_id() == 1001


@pytest.mark.parametrize(
    ("action", "payload", "reason"),
    [("Reset", {"type": "Hard"}, "HardReset"), ("UnlockConnector", {"connectorId": 1}, "UnlockCommand")],
)
async def test_what_else_stops_a_transaction(
    csms: CentralSystem, connect: Connect, action: str, payload: Any, reason: str
) -> None:
    await charging(connect)
    await csms.call(action, payload)
    await csms.until(lambda: len(csms.payloads("StopTransaction")) == 1)
    assert csms.payloads("StopTransaction")[0]["reason"] == reason


async def test_unavailable_only_after_the_transaction(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect)
    request = {"connectorId": 1, "type": "Inoperative"}
    assert await csms.call("ChangeAvailability", request) == {"status": "Scheduled"}
    assert cp.status() == "Charging"
    await cp.stop_transaction()
    assert cp.status() == "Unavailable"


async def test_a_tag_refused_at_the_start_stops_the_transaction(csms: CentralSystem, connect: Connect) -> None:
    csms.answers["StartTransaction"] = {"transactionId": 1001, "idTagInfo": {"status": "Invalid"}}
    cp = await connect()
    await cp.plug_in()
    with pytest.raises(NotAuthorized, match="Invalid"):
        await cp.start()
    await csms.until(lambda: len(csms.payloads("StopTransaction")) == 1)
    assert csms.payloads("StopTransaction")[0]["reason"] == "DeAuthorized"
    assert csms.payloads("StopTransaction")[0]["transactionId"] == 1001


async def test_transaction_data_when_asked_for(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect, configuration={"StopTxnSampledData": "Energy.Active.Import.Register"})
    await cp.stop_transaction()
    (data,) = csms.payloads("StopTransaction")[0]["transactionData"]
    assert {row["context"] for row in data["sampledValue"]} == {"Transaction.End"}
    assert csms.violations == []
