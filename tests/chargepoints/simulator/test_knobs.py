"""Each knob does what it says, and only that, in both versions."""

import asyncio
from typing import Any

import pytest

from chargepoints.simulator import Answer, Car, Clear, Composite, Knobs, SimulatedChargePoint

from .conftest import Clock, Connect, both_versions, charging
from .csms import CentralSystem
from .talk import Talk

pytestmark = [pytest.mark.once, both_versions]
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def default(talk: Talk) -> dict[str, Any]:
    """SetChargingProfile: 16 A for whatever runs on connector 1."""
    return talk.set_profile((0, 16), purpose="TxDefaultProfile")


@pytest.mark.parametrize(
    ("knobs", "answer"),
    [
        (Knobs(answer=Answer.REJECTED), {"status": "Rejected"}),
        (Knobs(answer=Answer.NOT_SUPPORTED), {"status": "NotSupported"}),
        (Knobs(answer=Answer.PRETEND), ACCEPTED),
        (Knobs(answer=Answer.MALFORMED), {"status": "Perhaps"}),
        (Knobs(answer=Answer.NOT_IMPLEMENTED), ["NotImplemented", "", {}]),
        (
            Knobs(answer=Answer.CALL_ERROR, error_code="OutOfCheese", error_description="no", error_details="why"),
            ["OutOfCheese", "no", "why"],
        ),
    ],
)
async def test_an_answer_without_effect_while_smart_charging_is_advertised(
    csms: CentralSystem, connect: Connect, talk: Talk, default: Any, knobs: Knobs, answer: Any
) -> None:
    cp = await connect(knobs=knobs, unit="AW")
    assert await csms.call("SetChargingProfile", default) == answer
    assert (cp.profiles, cp.current_limit()) == ((), 32)
    assert await csms.call("ClearCache", {}) == ACCEPTED
    assert talk.units(await csms.call(*talk.ask_units())) == {"A", "W"}


async def test_the_concerned_actions_can_be_others(
    csms: CentralSystem, connect: Connect, talk: Talk, default: Any
) -> None:
    await connect(knobs=Knobs(answer=Answer.NOT_IMPLEMENTED, actions=frozenset({"GetCompositeSchedule"})))
    assert await csms.call("SetChargingProfile", default) == ACCEPTED
    assert await csms.call("GetCompositeSchedule", talk.composite()) == ["NotImplemented", "", {}]


async def test_only_the_first_answers_can_be_wrong(csms: CentralSystem, connect: Connect, default: Any) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.REJECTED, answer_times=2))
    statuses = [(await csms.call("SetChargingProfile", default))["status"] for _ in range(3)]
    assert statuses == ["Rejected", "Rejected", "Accepted"]
    assert cp.current_limit() == 16


async def test_rubbish_instead_of_an_answer(csms: CentralSystem, connect: Connect, default: Any) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.RUBBISH))
    answer = csms.ask("SetChargingProfile", default)
    await csms.until(lambda: csms.rubbish == ["}{ this is not OCPP"])
    await cp.send_text("[2,")
    await csms.until(lambda: csms.rubbish[1:] == ["[2,"])
    assert not answer.done()


async def test_a_hang_takes_effect_and_never_answers(csms: CentralSystem, connect: Connect, default: Any) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.NEVER))
    answer = csms.ask("SetChargingProfile", default)
    await cp.until(lambda: cp.current_limit() == 16)
    assert await csms.call("ClearCache", {}) == ACCEPTED
    assert not answer.done()


async def test_a_held_answer_comes_late(csms: CentralSystem, connect: Connect, talk: Talk, default: Any) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.HELD))
    answer = csms.ask("SetChargingProfile", default)
    await cp.until(lambda: cp.current_limit() == 16)
    assert (await csms.call("GetCompositeSchedule", talk.composite()))["status"] == "Accepted"
    assert not answer.done()
    await cp.release_answers()
    assert await answer == ACCEPTED
    assert [action for action, _ in csms.results] == ["GetCompositeSchedule", "SetChargingProfile"]


async def test_a_slow_answer_lets_others_pass(csms: CentralSystem, connect: Connect, default: Any) -> None:
    cp = await connect(knobs=Knobs(answer_delay_s=0.2))
    answer = csms.ask("SetChargingProfile", default)
    await cp.until(lambda: cp.current_limit() == 16)
    await csms.call("ClearCache", {})
    assert not answer.done()
    assert await asyncio.wait_for(answer, 5) == ACCEPTED


@pytest.mark.parametrize(("mode", "installed"), [(Answer.CLOSE, 0), (Answer.TAKEN_AND_CLOSED, 1)])
async def test_closing_instead_of_answering(
    csms: CentralSystem, connect: Connect, default: Any, mode: Answer, installed: int
) -> None:
    cp = await connect(knobs=Knobs(answer=mode))
    answer = csms.ask("SetChargingProfile", default)
    await csms.until(lambda: len(csms.payloads("BootNotification")) == 2)
    assert csms.sockets[0].close_code == 1006
    assert (len(cp.profiles), answer.done()) == (installed, False)


async def test_a_reboot_before_the_answer_loses_the_profile(
    csms: CentralSystem, connect: Connect, default: Any
) -> None:
    cp = await connect(knobs=Knobs(answer=Answer.REBOOT))
    assert await csms.call("SetChargingProfile", default) == ACCEPTED
    assert (csms.actions()[-1], len(csms.sockets)) == ("BootNotification", 1)
    assert cp.profiles == ()


@pytest.mark.parametrize(("takes", "refuses"), [("W", "A"), ("A", "W")])
async def test_it_takes_only_one_unit_whatever_it_advertises(
    csms: CentralSystem, connect: Connect, talk: Talk, takes: str, refuses: str
) -> None:
    cp = await connect(unit="AW", knobs=Knobs(accepts_only_unit=takes))
    refused = talk.set_profile((0, 10), purpose="TxDefaultProfile", unit=refuses)
    taken = talk.set_profile((0, 6900), purpose="TxDefaultProfile", unit=takes)
    assert (await csms.call("SetChargingProfile", refused))["status"] == "Rejected"
    assert await csms.call("SetChargingProfile", taken) == ACCEPTED
    assert [p.periods[0][1].unit for p in cp.profiles] == [takes]
    assert talk.units(await csms.call(*talk.ask_units())) == {"A", "W"}


@pytest.mark.parametrize("variant", Composite)
async def test_which_composites_break_the_schema(
    csms: CentralSystem, connect: Connect, talk: Talk, variant: Composite
) -> None:
    await connect(knobs=Knobs(composite=variant))
    await csms.call("SetChargingProfile", talk.set_profile((0, 6.1), purpose="TxDefaultProfile"))
    await csms.call("GetCompositeSchedule", talk.composite())
    assert bool(csms.violations) is (variant in talk.broken_composites)


@pytest.mark.parametrize(("clear", "status"), [(Clear.ALWAYS_UNKNOWN, "Unknown"), (Clear.PRETEND, "Accepted")])
async def test_clear_without_effect(
    csms: CentralSystem, connect: Connect, talk: Talk, default: Any, clear: Clear, status: str
) -> None:
    cp = await connect(knobs=Knobs(clear=clear))
    await csms.call("SetChargingProfile", default)
    assert await csms.call("ClearChargingProfile", talk.clear(7)) == {"status": status}
    assert len(cp.profiles) == 1


async def test_profiles_can_be_lost_without_a_word(csms: CentralSystem, connect: Connect, default: Any) -> None:
    cp = await connect()
    await csms.call("SetChargingProfile", default)
    said = len(cp.sent)
    cp.lose_profiles()
    assert (cp.profiles, cp.current_limit(), len(cp.sent)) == ((), 32, said)


async def reconnected(cp: SimulatedChargePoint, csms: CentralSystem) -> None:
    before = len(csms.sockets)
    cp.drop()
    await cp.until(lambda: not cp.connected)
    await cp.wait_booted()
    assert len(csms.sockets) == before + 1


async def away(cp: SimulatedChargePoint) -> None:
    cp.drop(stay_away=True)
    await cp.until(lambda: not cp.connected)


async def test_reconnect_without_boot(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    cp = await connect(knobs=Knobs(boot_on_reconnect=False))
    await reconnected(cp, csms)
    assert csms.actions() == talk.greeting


async def test_without_boot_a_status_that_changed_offline_is_told(
    csms: CentralSystem, connect: Connect, talk: Talk
) -> None:
    cp = await connect(knobs=Knobs(boot_on_reconnect=False))
    await away(cp)
    await cp.plug_in()
    cp.come_back()
    await cp.wait_booted()
    assert talk.statuses(csms) == ["Available", talk.plugged_in]
    assert len(csms.payloads("BootNotification")) == 1


@pytest.mark.parametrize(("drops", "left"), [(False, 1), (True, 0)])
async def test_profiles_across_a_reconnect(
    csms: CentralSystem, connect: Connect, default: Any, drops: bool, left: int
) -> None:
    cp = await connect(knobs=Knobs(drop_profiles_on_reconnect=drops))
    await csms.call("SetChargingProfile", default)
    await reconnected(cp, csms)
    assert len(cp.profiles) == left


@pytest.mark.parametrize("restart", [True, False])
async def test_message_ids_begin_at_1_on_every_connection_or_are_unique(
    csms: CentralSystem, connect: Connect, talk: Talk, restart: bool
) -> None:
    cp = await connect(knobs=Knobs(restart_message_ids=restart))
    await reconnected(cp, csms)
    ids = [message_id for message_id, _, _ in csms.calls]
    counted = [str(n) for n in range(1, len(talk.greeting) + 1)]
    assert ids == counted * 2 if restart else len(set(ids)) == 2 * len(counted)


async def test_offline_messages_can_get_lost(csms: CentralSystem, connect: Connect, talk: Talk, events: Any) -> None:
    cp = await charging(connect, knobs=Knobs(lose_offline_messages=True))
    await away(cp)
    await cp.stop_transaction()
    assert cp.queued == ()
    cp.come_back()
    await cp.wait_booted()
    assert talk.ends(csms) == []
    assert "message_lost" in [name for name, _ in events]


async def test_late_meter_values_come_after_the_end_and_newest_first(
    csms: CentralSystem, connect: Connect, talk: Talk, clock: Clock
) -> None:
    cp = await charging(connect, knobs=Knobs(late_meter_values=True))
    await away(cp)
    for _ in range(2):
        clock.advance(1800)
        await cp.send_meter_values()
    await cp.stop_transaction()
    cp.come_back()
    await cp.until(lambda: cp.online and cp.queued == ())
    assert [stamp[11:16] for stamp, _ in talk.meter_values(csms)] == ["13:00", "12:30"]
    position = csms.calls.index(next(call for call in csms.calls if call[2] in talk.ends(csms)))
    assert [action for _, action, _ in csms.calls[position + 1 :]] == [talk.metering] * 2


async def test_a_wrong_clock_moves_timestamps_and_schedules(
    csms: CentralSystem, connect: Connect, default: Any
) -> None:
    cp = await connect(knobs=Knobs(clock_skew_s=-5 * 3600))
    assert csms.payloads("StatusNotification")[0]["timestamp"] == "2024-05-01T07:00:00.000Z"
    await csms.call("SetChargingProfile", default)
    assert cp.current_limit() == 32
    cp.set_knobs(clock_skew_s=0)
    assert cp.current_limit() == 16


async def test_a_charge_point_that_lives_in_1970(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    cp = await charging(connect, knobs=Knobs(epoch_timestamps=True))
    await cp.send_meter_values()
    await cp.stop_transaction()
    stamps = [payload["timestamp"] for _, _, payload in csms.calls if "timestamp" in payload]
    stamps += [stamp for stamp, _ in talk.meter_values(csms)]
    assert set(stamps) == {"1970-01-01T00:00:00.000Z"}


@pytest.mark.parametrize(
    ("knobs", "value", "unit"),
    [
        (Knobs(), 22080, "Wh"),
        (Knobs(energy_in_kwh=True), 22.08, "kWh"),
        (Knobs(omit_meter_units=True), 22080, None),
    ],
)
async def test_units_of_energy(
    csms: CentralSystem, connect: Connect, talk: Talk, clock: Clock, knobs: Knobs, value: float, unit: str | None
) -> None:
    cp = await charging(connect, knobs=knobs)
    clock.advance(3600)
    await cp.send_meter_values()
    ((_, (energy, *_)),) = talk.meter_values(csms)
    said = energy.get("unit") or energy.get("unitOfMeasure", {}).get("unit")
    assert (float(energy["value"]), said) == (value, unit)


async def test_meter_values_out_of_order(csms: CentralSystem, connect: Connect, talk: Talk, clock: Clock) -> None:
    cp = await charging(connect, knobs=Knobs(repeat_old_meter_values=True))
    for _ in range(2):
        clock.advance(1800)
        await cp.send_meter_values()
    told = talk.meter_values(csms)
    assert [float(values[0]["value"]) for _, values in told] == [11040, 22080, 11040]
    assert [stamp[11:16] for stamp, _ in told] == ["12:30", "13:00", "12:30"]


async def test_without_smart_charging_the_profile_of_a_remote_start_is_passed_over(
    csms: CentralSystem, connect: Connect, talk: Talk
) -> None:
    cp = await connect(knobs=Knobs(smart_charging=False))
    await cp.plug_in(car=Car())
    profile = talk.set_profile((0, 8), start=None)
    assert (await csms.call("SetChargingProfile", profile))[0] == "NotSupported"
    await csms.call(*talk.remote_start(profile))
    await cp.until(lambda: cp.status() == "Charging")
    assert cp.drawn_amps() == 32
