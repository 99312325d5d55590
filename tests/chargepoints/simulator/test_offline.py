"""What a transaction had to say while nobody listened (OCPP 1.6 section 3.7)."""

import asyncio

import pytest

from .conftest import Clock, Connect, charging
from .csms import CentralSystem

pytestmark = pytest.mark.once


async def test_a_transaction_runs_on_and_is_told_after_a_lost_connection(
    csms: CentralSystem, connect: Connect, clock: Clock
) -> None:
    cp = await charging(connect)
    cp.drop(stay_away=True)
    await cp.until(lambda: not cp.connected)
    clock.advance(1800)
    await cp.send_meter_values()
    await cp.stop_transaction()
    assert cp.queued == ("MeterValues", "StopTransaction")
    cp.come_back()
    await csms.until(lambda: len(csms.payloads("StopTransaction")) == 1)
    assert csms.actions()[-2:] == ["MeterValues", "StopTransaction"]
    assert csms.payloads("StopTransaction")[0] == {
        "transactionId": 1001, "idTag": "TAG-1", "meterStop": 11040, "reason": "Local",
        "timestamp": "2024-05-01T12:30:00.000Z",
    }  # fmt: skip
    await cp.until(lambda: cp.queued == ())


async def test_a_transaction_started_and_stopped_offline_uses_the_id_it_gets_later(
    csms: CentralSystem, connect: Connect, clock: Clock
) -> None:
    cp = await connect()
    cp.drop(stay_away=True)
    await cp.until(lambda: not cp.connected)
    await cp.plug_in()
    assert await cp.start() is None
    clock.advance(60)
    await cp.send_meter_values()
    await cp.stop_transaction()
    cp.come_back()
    await csms.until(lambda: len(csms.payloads("StopTransaction")) == 1)
    assert csms.actions()[-3:] == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert csms.payloads("MeterValues")[0]["transactionId"] == 1001
    assert csms.payloads("StopTransaction")[0]["transactionId"] == 1001
    assert csms.payloads("Authorize") == []


async def test_a_refused_transaction_message_is_tried_again_and_then_given_up(
    csms: CentralSystem, connect: Connect
) -> None:
    cp = await charging(connect, time_scale=1000)
    csms.answers["MeterValues"] = ["InternalError", "", {}]
    await cp.send_meter_values()
    assert len(csms.payloads("MeterValues")) == 3
    await cp.stop_transaction()
    assert len(csms.payloads("StopTransaction")) == 1


async def test_a_lost_answer_makes_a_second_start_transaction(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await cp.plug_in()
    csms.answers["StartTransaction"] = lambda _: cp.drop()
    starting = cp._simulation.spawn(cp.start())
    await csms.until(lambda: len(csms.payloads("StartTransaction")) == 1)
    csms.answers["StartTransaction"] = {"transactionId": 42, "idTagInfo": {"status": "Accepted"}}
    assert await starting == 42
    first, second = csms.payloads("StartTransaction")
    assert first == second


async def test_a_car_is_gone_although_the_server_is_silent(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect, call_timeout_s=0.1)
    csms.answers["StopTransaction"] = None
    with pytest.raises(TimeoutError):
        await cp.unplug()
    assert (cp.status(), cp.transaction_id()) == ("Available", None)


async def test_one_that_stays_away_can_be_stopped(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    cp.drop(stay_away=True)
    await cp.until(lambda: not cp.connected)
    await asyncio.wait_for(cp.stop(), 5)
    assert not cp.connected
    assert len(csms.payloads("BootNotification")) == 1
