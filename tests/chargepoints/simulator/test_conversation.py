"""The simulated charge point against a central system on a real socket, where both versions are alike."""

import asyncio
from typing import Any

import pytest

from chargepoints.simulator import CallRefused, LinkLost, SimulatedChargePoint

from .conftest import Clock, Connect, both_versions
from .csms import PASSWORD, CentralSystem, central_system
from .talk import Talk

pytestmark = [pytest.mark.once, both_versions]


@pytest.mark.parametrize(("password", "gets_in"), [(PASSWORD, True), ("wrong", False), ("", False)])
async def test_it_proves_itself_by_http_basic(version: str, password: str, gets_in: bool) -> None:
    names: list[str] = []
    async with central_system(version, with_password=True) as csms:
        cp = SimulatedChargePoint(
            csms.url,
            "CP 1/a",
            version=version,
            password=password,
            backoff_s=(0.01,),
            on_event=lambda name, _: names.append(name),
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


async def test_a_profile_shows_in_the_composite_until_cleared(
    csms: CentralSystem, connect: Connect, talk: Talk
) -> None:
    cp = await connect()
    profile = talk.set_profile((0, 16), (1800, 8), purpose="TxDefaultProfile")
    assert await csms.call("SetChargingProfile", profile) == {"status": "Accepted"}
    assert [p.wire for p in cp.profiles] == [profile.get("csChargingProfiles") or profile["chargingProfile"]]
    assert cp.current_limit() == 16
    assert talk.periods(await csms.call("GetCompositeSchedule", talk.composite())) == [(0, 16), (1800, 8)]
    assert await csms.call("ClearChargingProfile", talk.clear(7)) == {"status": "Accepted"}
    assert await csms.call("ClearChargingProfile", talk.clear(7)) == {"status": "Unknown"}
    assert (cp.profiles, cp.current_limit()) == ((), 32)
    assert csms.violations == []


@pytest.mark.parametrize(
    ("takes", "sent", "status"), [("A", "W", "Rejected"), ("W", "A", "Rejected"), ("AW", "W", "Accepted")]
)
async def test_a_unit_that_it_does_not_take(
    csms: CentralSystem, connect: Connect, talk: Talk, takes: str, sent: str, status: str
) -> None:
    cp = await connect(unit=takes)
    answer = await csms.call("SetChargingProfile", talk.set_profile((0, 10), purpose="TxDefaultProfile", unit=sent))
    assert answer["status"] == status
    assert len(cp.profiles) == (1 if status == "Accepted" else 0)


async def test_a_tx_profile_without_a_transaction_is_rejected(
    csms: CentralSystem, connect: Connect, talk: Talk
) -> None:
    cp = await connect()
    answer = await csms.call("SetChargingProfile", talk.set_profile((0, 10)))
    assert answer["status"] == "Rejected"
    assert cp.profiles == ()


async def test_a_dropped_connection_is_made_again(
    csms: CentralSystem, connect: Connect, talk: Talk, events: Any
) -> None:
    cp = await connect()
    cp.drop()
    await cp.until(lambda: [name for name, _ in events].count("ready") == 2)
    assert csms.actions() == talk.greeting * 2


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


async def test_stop_ends_a_charge_point_that_never_connected(version: str) -> None:
    cp = SimulatedChargePoint("ws://127.0.0.1:9", "CP-1", version=version, backoff_s=(60,))
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


async def test_its_clock_is_that_of_whoever_drives_it(
    csms: CentralSystem, connect: Connect, talk: Talk, clock: Clock
) -> None:
    cp = await connect()
    await csms.call("SetChargingProfile", talk.set_profile((0, 16), (60, 6), purpose="TxDefaultProfile"))
    clock.advance(59)
    assert cp.current_limit() == 16
    clock.advance(1)
    assert cp.current_limit() == 6
