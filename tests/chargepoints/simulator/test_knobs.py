"""Each knob does what it says, and only that."""

import asyncio
from typing import Any

import pytest

from chargepoints.simulator import Answer, Clear, Composite, Knobs, SimulatedChargePoint

from .conftest import Connect
from .csms import CentralSystem
from .messages import composite, set_profile

pytestmark = pytest.mark.once
DEFAULT = set_profile((0, 16), purpose="TxDefaultProfile")


@pytest.mark.parametrize(
    ("knobs", "answer"),
    [
        (Knobs(answer=Answer.REJECTED), {"status": "Rejected"}),
        (Knobs(answer=Answer.NOT_SUPPORTED), {"status": "NotSupported"}),
        (Knobs(answer=Answer.PRETEND), {"status": "Accepted"}),
        (Knobs(answer=Answer.MALFORMED), {"status": "Perhaps"}),
        (Knobs(answer=Answer.NOT_IMPLEMENTED), ["NotImplemented", "", {}]),
        (
            Knobs(answer=Answer.CALL_ERROR, error_code="GenericError", error_description="no", error_details="why"),
            ["GenericError", "no", "why"],
        ),
    ],
)
async def test_an_answer_without_effect(csms: CentralSystem, connect: Connect, knobs: Knobs, answer: Any) -> None:
    cp = await connect(knobs=knobs)
    assert await csms.call("SetChargingProfile", DEFAULT) == answer
    assert (cp.profiles, cp.current_limit()) == ((), 32)
    assert await csms.call("ClearCache", {}) == {"status": "Accepted"}
    keys = await csms.call("GetConfiguration", {"key": ["SupportedFeatureProfiles"]})
    assert keys["configurationKey"][0]["value"] == "Core,RemoteTrigger,SmartCharging"


async def test_the_concerned_actions_can_be_others(csms: CentralSystem, connect: Connect) -> None:
    knobs = Knobs(answer=Answer.NOT_IMPLEMENTED, actions=frozenset({"GetCompositeSchedule"}))
    await connect(knobs=knobs)
    assert await csms.call("SetChargingProfile", DEFAULT) == {"status": "Accepted"}
    assert await csms.call("GetCompositeSchedule", composite()) == ["NotImplemented", "", {}]


async def test_rubbish_instead_of_an_answer(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.RUBBISH))
    answer = csms.ask("SetChargingProfile", DEFAULT)
    await csms.until(lambda: csms.rubbish == ["}{ this is not OCPP"])
    await cp.send_text("[2,")
    await csms.until(lambda: csms.rubbish[1:] == ["[2,"])
    assert not answer.done()


async def test_a_hang_takes_effect_and_never_answers(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.NEVER))
    answer = csms.ask("SetChargingProfile", DEFAULT)
    await cp.until(lambda: cp.current_limit() == 16)
    assert await csms.call("ClearCache", {}) == {"status": "Accepted"}
    assert not answer.done()


async def test_a_held_answer_comes_late(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.HELD))
    answer = csms.ask("SetChargingProfile", DEFAULT)
    await cp.until(lambda: cp.current_limit() == 16)
    assert (await csms.call("GetCompositeSchedule", composite()))["status"] == "Accepted"
    assert not answer.done()
    await cp.release_answers()
    assert await answer == {"status": "Accepted"}
    assert [action for action, _ in csms.results] == ["GetCompositeSchedule", "SetChargingProfile"]


async def test_a_slow_answer_lets_others_pass(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(answer_delay_s=0.2))
    answer = csms.ask("SetChargingProfile", DEFAULT)
    await cp.until(lambda: cp.current_limit() == 16)
    await csms.call("ClearCache", {})
    assert not answer.done()
    assert await asyncio.wait_for(answer, 5) == {"status": "Accepted"}


async def test_closing_instead_of_answering(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.CLOSE))
    answer = csms.ask("SetChargingProfile", DEFAULT)
    await csms.until(lambda: len(csms.payloads("BootNotification")) == 2)
    assert csms.sockets[0].close_code == 1006
    assert (cp.profiles, answer.done()) == ((), False)


async def test_a_reboot_before_the_answer_loses_the_profile(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.REBOOT))
    assert await csms.call("SetChargingProfile", DEFAULT) == {"status": "Accepted"}
    assert (csms.actions()[-1], len(csms.sockets)) == ("BootNotification", 1)
    assert cp.profiles == ()


@pytest.mark.parametrize(("takes", "refuses"), [("W", "A"), ("A", "W")])
async def test_it_takes_only_the_other_unit(csms: CentralSystem, connect: Connect, takes: str, refuses: str) -> None:
    cp = await connect(unit=refuses, knobs=Knobs(accepts_only_unit=takes))
    refused = set_profile((0, 10), purpose="TxDefaultProfile", unit=refuses)
    taken = set_profile((0, 6900), purpose="TxDefaultProfile", unit=takes)
    assert await csms.call("SetChargingProfile", refused) == {"status": "Rejected"}
    assert await csms.call("SetChargingProfile", taken) == {"status": "Accepted"}
    assert [p.wire["chargingSchedule"]["chargingRateUnit"] for p in cp.profiles] == [takes]


@pytest.mark.parametrize("variant", Composite)
async def test_which_composites_break_the_schema(csms: CentralSystem, connect: Connect, variant: Composite) -> None:
    await connect(knobs=Knobs(composite=variant))
    await csms.call("SetChargingProfile", set_profile((0, 6.1), purpose="TxDefaultProfile"))
    await csms.call("GetCompositeSchedule", composite())
    assert bool(csms.violations) is (variant in (Composite.FLOAT_NOISE, Composite.FLOAT_START))


@pytest.mark.parametrize(("clear", "status"), [(Clear.ALWAYS_UNKNOWN, "Unknown"), (Clear.PRETEND, "Accepted")])
async def test_clear_without_effect(csms: CentralSystem, connect: Connect, clear: Clear, status: str) -> None:
    cp = await connect(knobs=Knobs(clear=clear))
    await csms.call("SetChargingProfile", DEFAULT)
    assert await csms.call("ClearChargingProfile", {"id": 7}) == {"status": status}
    assert len(cp.profiles) == 1


async def reconnected(cp: SimulatedChargePoint, csms: CentralSystem) -> None:
    before = len(csms.sockets)
    cp.drop()
    await cp.until(lambda: not cp.connected)
    await cp.wait_booted()
    assert len(csms.sockets) == before + 1


async def test_reconnect_without_boot(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(boot_on_reconnect=False))
    await reconnected(cp, csms)
    assert csms.actions() == ["BootNotification", "StatusNotification", "StatusNotification"]


async def test_without_boot_a_status_that_changed_offline_is_told(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(boot_on_reconnect=False))
    cp.drop(stay_away=True)
    await cp.until(lambda: not cp.connected)
    await cp.plug_in()
    cp.come_back()
    await cp.wait_booted()
    assert [p["status"] for p in csms.payloads("StatusNotification")] == ["Available", "Available", "Preparing"]
    assert len(csms.payloads("BootNotification")) == 1


@pytest.mark.parametrize(("drops", "left"), [(False, 1), (True, 0)])
async def test_profiles_across_a_reconnect(csms: CentralSystem, connect: Connect, drops: bool, left: int) -> None:
    cp = await connect(knobs=Knobs(drop_profiles_on_reconnect=drops))
    await csms.call("SetChargingProfile", DEFAULT)
    await reconnected(cp, csms)
    assert len(cp.profiles) == left


async def test_message_ids_begin_at_1_on_every_connection(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(restart_message_ids=True))
    await reconnected(cp, csms)
    assert [message_id for message_id, _, _ in csms.calls] == ["1", "2", "3"] * 2


async def test_message_ids_are_otherwise_unique(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await reconnected(cp, csms)
    assert len({message_id for message_id, _, _ in csms.calls}) == 6


async def test_offline_messages_can_get_lost(csms: CentralSystem, connect: Connect, events: Any) -> None:
    cp = await connect(knobs=Knobs(lose_offline_messages=True))
    await cp.plug_in()
    await cp.start()
    cp.drop(stay_away=True)
    await cp.until(lambda: not cp.connected)
    await cp.stop_transaction()
    assert cp.queued == ()
    cp.come_back()
    await cp.wait_booted()
    assert csms.payloads("StopTransaction") == []
    assert ("message_lost", {"action": "StopTransaction"}) in events


async def test_a_wrong_clock_moves_timestamps_and_schedules(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(clock_skew_s=-90))
    assert csms.payloads("StatusNotification")[0]["timestamp"] == "2024-05-01T11:58:30.000Z"
    await csms.call("SetChargingProfile", DEFAULT)
    assert cp.current_limit() == 32
    cp.set_knobs(clock_skew_s=0)
    assert cp.current_limit() == 16


async def test_a_charge_point_that_lives_in_1970(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(epoch_timestamps=True))
    await cp.plug_in()
    await cp.start()
    await cp.send_meter_values()
    await cp.stop_transaction()
    assert csms.payloads("StartTransaction")[0]["timestamp"] == "1970-01-01T00:00:00.000Z"
    assert csms.payloads("MeterValues")[0]["meterValue"][0]["timestamp"] == "1970-01-01T00:00:00.000Z"
    assert csms.payloads("StopTransaction")[0]["timestamp"] == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("knobs", "value", "unit"),
    [
        (Knobs(), "22080", "Wh"),
        (Knobs(energy_in_kwh=True), "22.080", "kWh"),
        (Knobs(omit_meter_units=True), "22080", None),
    ],
)
async def test_units_of_energy(
    csms: CentralSystem, connect: Connect, clock: Any, knobs: Knobs, value: str, unit: str | None
) -> None:
    cp = await connect(knobs=knobs)
    await cp.plug_in()
    await cp.start()
    clock.advance(3600)
    await cp.send_meter_values()
    energy = csms.payloads("MeterValues")[0]["meterValue"][0]["sampledValue"][0]
    assert (energy["value"], energy.get("unit")) == (value, unit)


async def test_meter_values_out_of_order(csms: CentralSystem, connect: Connect, clock: Any) -> None:
    cp = await connect(knobs=Knobs(repeat_old_meter_values=True))
    await cp.plug_in()
    await cp.start()
    for _ in range(2):
        clock.advance(1800)
        await cp.send_meter_values()
    told = [payload["meterValue"][0] for payload in csms.payloads("MeterValues")]
    assert [value["sampledValue"][0]["value"] for value in told] == ["11040", "22080", "11040"]
    assert [value["timestamp"][11:16] for value in told] == ["12:30", "13:00", "12:30"]
