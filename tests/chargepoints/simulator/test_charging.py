"""Charging of the simulated charge point, where both versions are alike: limits, the car, stop."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chargepoints.simulator import Car, NotAuthorized, NotPossible, SimulatedChargePoint
from chargepoints.simulator.charge_point import utc_now
from chargepoints.simulator.wire import wire_time

from .conftest import Clock, Connect, both_versions, charging
from .csms import CentralSystem
from .talk import Talk

pytestmark = [pytest.mark.once, both_versions]


def values(talk: Talk, csms: CentralSystem, position: int = 0) -> dict[str, float]:
    """Of one message with meter values: by measurand and phase."""
    _, samples = talk.meter_values(csms)[position]
    return {sample["measurand"] + sample.get("phase", ""): float(sample["value"]) for sample in samples}


async def limit(csms: CentralSystem, talk: Talk, cp: SimulatedChargePoint, *periods: Any, **options: Any) -> None:
    """A TxProfile for the running transaction."""
    profile = talk.set_profile(*periods, transaction_id=cp.transaction_id(), **options)
    assert await csms.call("SetChargingProfile", profile) == {"status": "Accepted"}


async def test_a_single_phase_car_draws_on_one_phase(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    cp = await connect()
    await cp.plug_in(car=Car(phases=1, max_amps=Decimal(16)))
    await cp.start()
    await cp.send_meter_values()
    seen = values(talk, csms)
    assert [seen[f"Current.ImportL{n}"] for n in (1, 2, 3)] == [16, 0, 0]
    assert (seen["Power.Active.Import"], seen["Current.Offered"]) == (3680, 32)


async def test_meter_values_come_by_themselves_and_only_during_a_transaction(
    csms: CentralSystem, connect: Connect, talk: Talk
) -> None:
    cp = await connect(meter_interval_s=1, time_scale=100)
    await cp.plug_in()
    await cp.start()
    await csms.until(lambda: len(talk.meter_values(csms)) >= 3)
    await cp.stop_transaction()
    assert csms.actions()[-1] in ("StopTransaction", "TransactionEvent", "StatusNotification")
    assert cp.queued == ()


async def test_energy_flows_by_the_time_scale(connect: Connect, clock: Clock) -> None:
    cp = await charging(connect, time_scale=60)
    clock.advance(60)
    await cp.stop_transaction()
    assert cp.energy_wh() == 22080


async def test_a_limit_of_0_suspends_and_a_clear_resumes(
    csms: CentralSystem, connect: Connect, talk: Talk, clock: Clock, events: Any
) -> None:
    cp = await charging(connect)
    await limit(csms, talk, cp, (0, 0))
    await cp.until(lambda: cp.status() == "SuspendedEVSE")
    clock.advance(3600)
    await cp.send_meter_values()
    assert values(talk, csms)["Energy.Active.Import.Register"] == 0
    await csms.call("ClearChargingProfile", talk.clear(7))
    await cp.until(lambda: cp.status() == "Charging")
    changes = [fields["amps"] for name, fields in events if name == "limit_changed"]
    assert changes == [Decimal(32), Decimal(0), Decimal(32)]


async def test_below_six_amps_the_car_stops(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    cp = await charging(connect)
    await limit(csms, talk, cp, (0, 5.9))
    await cp.until(lambda: cp.status() == "SuspendedEVSE")
    assert (cp.current_limit(), cp.drawn_amps()) == (Decimal("5.9"), 0)


async def test_meter_values_follow_the_schedule(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    cp = await charging(connect)
    await limit(csms, talk, cp, (0, 16), (3600, 0), start=None)
    await cp.send_meter_values()
    assert cp.drawn_amps() == 16
    cp.set_knobs(clock_skew_s=3600)
    await cp.send_meter_values()
    assert (cp.drawn_amps(), cp.status()) == (0, "SuspendedEVSE")


async def test_the_schedule_is_followed_without_being_told(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    """On the real clock, with a second period that begins 0 to 1 s after the first."""
    cp = await charging(connect, clock=utc_now)
    await limit(csms, talk, cp, (0, 16), (2, 0), start=wire_time(utc_now() - timedelta(seconds=1)))
    await cp.until(lambda: cp.status() == "SuspendedEVSE")
    assert talk.meter_values(csms) == []


async def test_a_full_car_suspends_by_itself(csms: CentralSystem, connect: Connect, talk: Talk, clock: Clock) -> None:
    cp = await connect()
    await cp.plug_in(car=Car(capacity_wh=Decimal(10_000), charge_wh=Decimal(9_000)))
    await cp.start()
    clock.advance(3600)
    await cp.send_meter_values()
    assert cp.status() == "SuspendedEV"
    assert values(talk, csms)["SoC"] == 100


async def test_the_tx_profile_goes_with_the_transaction(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    cp = await charging(connect)
    await csms.call("SetChargingProfile", talk.set_profile((0, 9), profile_id=1, purpose="TxDefaultProfile"))
    await limit(csms, talk, cp, (0, 10), profile_id=2)
    await cp.stop_transaction()
    assert [p.profile_id for p in cp.profiles] == [1]


async def test_an_external_limit_caps_what_is_drawn_until_it_is_released(
    csms: CentralSystem, connect: Connect, talk: Talk, events: Any
) -> None:
    cp = await charging(connect)
    await limit(csms, talk, cp, (0, 16))
    await cp.impose_external_limit(10)
    assert cp.current_limit() == 10
    assert talk.periods(await csms.call("GetCompositeSchedule", talk.composite())) == [(0, 10)]
    await csms.call("ClearChargingProfile", {})
    assert cp.current_limit() == 10
    await cp.impose_external_limit(None)
    await cp.until(lambda: cp.drawn_amps() == 32)
    assert [fields["amps"] for name, fields in events if name == "external_limit"] == [Decimal(10), None]


async def test_remote_stop(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    cp = await charging(connect)
    action, payload = talk.remote_stop(cp.transaction_id())
    assert await csms.call(action, payload) == {"status": "Accepted"}
    await csms.until(lambda: len(talk.ends(csms)) == 1)
    assert (await csms.call(action, payload))["status"] == "Rejected"


async def test_a_refused_tag_starts_nothing(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    csms.answers["Authorize"] = talk.refused_tag()
    cp = await connect()
    await cp.plug_in()
    with pytest.raises(NotAuthorized, match="Blocked"):
        await cp.start()
    assert (cp.status(), cp.drawn_amps()) == ("Preparing", 0)
    assert talk.ends(csms) == []


async def test_what_is_not_possible(connect: Connect) -> None:
    cp = await connect()
    with pytest.raises(NotPossible, match="connector 1 cannot start: it is Available"):
        await cp.start()
    with pytest.raises(NotPossible, match="connector 1 has no transaction"):
        await cp.stop_transaction()
    await cp.plug_in()
    with pytest.raises(NotPossible, match="connector 1 has a car already"):
        await cp.plug_in()
