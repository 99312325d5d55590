"""Transactions of the simulated charge point: start, metering, limits, stop, offline."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chargepoints.simulator import Car, NotAuthorized, NotPossible
from chargepoints.simulator.charge_point import utc_now
from chargepoints.simulator.wire import wire_time

from .conftest import Clock, Connect, charging
from .csms import CentralSystem
from .messages import set_profile

pytestmark = pytest.mark.once


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


async def test_a_single_phase_car_draws_on_one_phase(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await cp.plug_in(car=Car(phases=1, max_amps=Decimal(16)))
    await cp.start()
    await cp.send_meter_values()
    seen = values(csms.payloads("MeterValues")[0])
    assert [seen[f"Current.ImportL{n}"] for n in (1, 2, 3)] == ["16.0 A", "0.0 A", "0.0 A"]
    assert (seen["Power.Active.Import"], seen["Current.Offered"]) == ("3680.0 W", "32.0 A")


async def test_meter_values_come_by_themselves_and_only_during_a_transaction(
    csms: CentralSystem, connect: Connect
) -> None:
    cp = await connect(meter_interval_s=1, time_scale=100)
    await cp.plug_in()
    await cp.start()
    await csms.until(lambda: len(csms.payloads("MeterValues")) >= 3)
    await cp.stop_transaction()
    assert csms.actions()[-1] in ("StopTransaction", "StatusNotification")
    assert cp.queued == ()


async def test_a_changed_interval_holds_at_once(csms: CentralSystem, connect: Connect) -> None:
    await charging(connect, time_scale=100)
    change = {"key": "MeterValueSampleInterval", "value": "1"}
    assert await csms.call("ChangeConfiguration", change) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("MeterValues")) >= 2)


async def test_energy_flows_by_the_time_scale(csms: CentralSystem, connect: Connect, clock: Clock) -> None:
    cp = await charging(connect, time_scale=60)
    clock.advance(60)
    await cp.stop_transaction()
    assert csms.payloads("StopTransaction")[0]["meterStop"] == 22080


async def test_a_limit_of_0_suspends_and_a_clear_resumes(
    csms: CentralSystem, connect: Connect, clock: Clock, events: Any
) -> None:
    cp = await charging(connect)
    await csms.call("SetChargingProfile", set_profile((0, 0), transaction_id=1001))
    await csms.until(lambda: statuses(csms)[-1] == "SuspendedEVSE")
    clock.advance(3600)
    await cp.send_meter_values()
    assert values(csms.payloads("MeterValues")[0])["Energy.Active.Import.Register"] == "0 Wh"
    await csms.call("ClearChargingProfile", {"id": 7})
    await csms.until(lambda: statuses(csms)[-1] == "Charging")
    changes = [fields["amps"] for name, fields in events if name == "limit_changed"]
    assert changes == [Decimal(32), Decimal(0), Decimal(32)]


async def test_below_six_amps_the_car_stops(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect)
    await csms.call("SetChargingProfile", set_profile((0, 5.9), transaction_id=1001))
    await csms.until(lambda: statuses(csms)[-1] == "SuspendedEVSE")
    assert (cp.current_limit(), cp.drawn_amps()) == (Decimal("5.9"), 0)


async def test_meter_values_follow_the_schedule(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await cp.plug_in()
    await cp.start()
    await csms.call("SetChargingProfile", set_profile((0, 16), (3600, 0), start=None, transaction_id=1001))
    await cp.send_meter_values()
    assert cp.drawn_amps() == 16
    cp.set_knobs(clock_skew_s=3600)
    await cp.send_meter_values()
    assert (cp.drawn_amps(), cp.status()) == (0, "SuspendedEVSE")


async def test_the_schedule_is_followed_without_being_told(csms: CentralSystem, connect: Connect) -> None:
    """On the real clock, with a second period that begins 0 to 1 s after the first."""
    await charging(connect, clock=utc_now)
    start = wire_time(utc_now() - timedelta(seconds=1))
    await csms.call("SetChargingProfile", set_profile((0, 16), (2, 0), start=start, transaction_id=1001))
    await csms.until(lambda: statuses(csms)[-1] == "SuspendedEVSE")
    assert csms.payloads("MeterValues") == []


async def test_a_full_car_suspends_by_itself(csms: CentralSystem, connect: Connect, clock: Clock) -> None:
    cp = await connect()
    await cp.plug_in(car=Car(capacity_wh=Decimal(10_000), charge_wh=Decimal(9_000)))
    await cp.start()
    clock.advance(3600)
    await cp.send_meter_values()
    await csms.until(lambda: statuses(csms)[-1] == "SuspendedEV")
    assert values(csms.payloads("MeterValues")[0])["SoC"] == "100 Percent"


async def test_the_tx_profile_goes_with_the_transaction(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect)
    await csms.call("SetChargingProfile", set_profile((0, 9), profile_id=1, purpose="TxDefaultProfile"))
    await csms.call("SetChargingProfile", set_profile((0, 10), profile_id=2, transaction_id=1001))
    await cp.stop_transaction()
    assert [p.profile_id for p in cp.profiles] == [1]


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


async def test_remote_stop(csms: CentralSystem, connect: Connect) -> None:
    await charging(connect)
    assert await csms.call("RemoteStopTransaction", {"transactionId": 1001}) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("StopTransaction")) == 1)
    assert csms.payloads("StopTransaction")[0]["reason"] == "Remote"


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


async def test_a_refused_tag_starts_nothing(csms: CentralSystem, connect: Connect) -> None:
    csms.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    cp = await connect()
    await cp.plug_in()
    with pytest.raises(NotAuthorized, match="Blocked"):
        await cp.start()
    assert csms.payloads("StartTransaction") == []
    assert cp.transaction_id() is None


async def test_a_tag_refused_at_the_start_stops_the_transaction(csms: CentralSystem, connect: Connect) -> None:
    csms.answers["StartTransaction"] = {"transactionId": 1001, "idTagInfo": {"status": "Invalid"}}
    cp = await connect()
    await cp.plug_in()
    with pytest.raises(NotAuthorized, match="Invalid"):
        await cp.start()
    await csms.until(lambda: len(csms.payloads("StopTransaction")) == 1)
    assert csms.payloads("StopTransaction")[0]["reason"] == "DeAuthorized"
    assert csms.payloads("StopTransaction")[0]["transactionId"] == 1001


async def test_what_is_not_possible(connect: Connect) -> None:
    cp = await connect()
    with pytest.raises(NotPossible, match="connector 1 cannot start: it is Available"):
        await cp.start()
    with pytest.raises(NotPossible, match="connector 1 has no transaction"):
        await cp.stop_transaction()
    await cp.plug_in()
    with pytest.raises(NotPossible, match="connector 1 has a car already"):
        await cp.plug_in()


async def test_transaction_data_when_asked_for(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect, configuration={"StopTxnSampledData": "Energy.Active.Import.Register"})
    await cp.stop_transaction()
    (data,) = csms.payloads("StopTransaction")[0]["transactionData"]
    assert {row["context"] for row in data["sampledValue"]} == {"Transaction.End"}
    assert csms.violations == []
