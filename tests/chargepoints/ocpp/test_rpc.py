"""The charge point's CALLs: order, answers, faults, repetition (OCPP-J 1.6 section 4; OCPP 2.0.1 Part 4 section 4)."""

import asyncio
import gc
import json
import logging
from decimal import Decimal
from typing import Any

import pytest

from chargepoints.ocpp.incoming import QUEUE_LIMIT, REMEMBERED_ANSWERS
from chargepoints.ocpp.rpc import RpcError
from tests.chargepoints.ocpp.peer import AUTHORIZE_CONF, METER_VALUES, Peer, settle

pytestmark = pytest.mark.pure


async def test_a_call_is_handled_and_confirmed_under_its_id() -> None:
    peer = Peer()
    await peer.says(2, "17", "MeterValues", METER_VALUES)
    assert peer.handled == [("MeterValues", METER_VALUES)]
    assert peer.written == [[3, "17", {}]]


async def test_calls_are_answered_in_order_and_one_at_a_time() -> None:
    peer = Peer()
    peer.gate = asyncio.Event()
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    await peer.says(2, "2", "MeterValues", METER_VALUES | {"connectorId": 2})
    assert len(peer.handled) == 1
    assert peer.written == []
    peer.gate.set()
    await settle()
    assert [payload["connectorId"] for _, payload in peer.handled] == [1, 2]
    assert [message[1] for message in peer.written] == ["1", "2"]


async def test_a_handler_answers_a_callerror_by_raising_it() -> None:
    peer = Peer()

    async def refuse(action: str, payload: dict[str, Any]) -> dict[str, Any]:
        raise RpcError("NotSupported", "not from a charge point")

    peer.handle = refuse
    await peer.says(2, "1", "Reset", {"type": "Soft"})
    assert peer.written == [[4, "1", "NotSupported", "not from a charge point", {}]]


async def test_an_unexpected_error_says_nothing_of_the_inside(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer()

    async def fail(action: str, payload: dict[str, Any]) -> dict[str, Any]:
        raise KeyError(f"row of {payload['idTag']}\n2024 CRITICAL forged")

    peer.handle = fail
    with caplog.at_level(logging.DEBUG, "chargepoints.ocpp.rpc"):
        await peer.says(2, "1", "Authorize", {"idTag": "SECRETTAG"})
    assert peer.written == [[4, "1", "InternalError", "the message could not be processed", {}]]
    assert "Traceback" in caplog.text
    assert "KeyError" in caplog.text
    assert "SECRETTAG" not in caplog.text
    assert "\n2024 CRITICAL" not in caplog.text


async def test_the_next_call_is_handled_after_one_failed() -> None:
    peer = Peer()
    peer.answer = {"nonsense": True}
    await peer.says(2, "1", "Authorize", {"idTag": "A"})
    peer.answer = AUTHORIZE_CONF
    await peer.says(2, "2", "Authorize", {"idTag": "A"})
    assert peer.written == [
        [4, "1", "InternalError", "the message could not be processed", {}],
        [3, "2", AUTHORIZE_CONF],
    ]


async def test_something_cancelled_inside_a_handler_does_not_end_the_conversation() -> None:
    peer = Peer()

    async def awaits_what_was_cancelled(action: str, payload: dict[str, Any]) -> dict[str, Any]:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future
        return {}

    peer.handle = awaits_what_was_cancelled
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    await peer.says(2, "2", "MeterValues", METER_VALUES)
    assert [message[:3] for message in peer.written] == [[4, "1", "InternalError"], [4, "2", "InternalError"]]


async def test_a_confirmation_may_carry_decimals() -> None:
    peer = Peer("1.6")
    peer.answer = {
        "status": "Accepted",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": Decimal("31.8")}],
        },
    }
    await peer.says(2, "1", "GetCompositeSchedule", {"connectorId": 1, "duration": 60})
    assert peer.written[0][2]["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 31.8}]


async def test_calls_beyond_the_queue_are_refused_and_the_queued_ones_still_handled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    peer = Peer()
    peer.gate = asyncio.Event()
    await peer.says(2, "first", "MeterValues", METER_VALUES)
    for number in range(QUEUE_LIMIT + 1):
        await peer.connection.receive(json.dumps([2, f"q{number}", "MeterValues", METER_VALUES]))
    assert peer.written == [[4, f"q{QUEUE_LIMIT}", "InternalError", "too many messages at once", {}]]
    assert "too many messages at once" in caplog.text
    peer.gate.set()
    await settle()
    assert len(peer.handled) == QUEUE_LIMIT + 1


# --- repetition -----------------------------------------------------------------------------------------------------


async def test_a_repeated_call_gets_the_stored_answer_without_a_second_effect() -> None:
    peer = Peer()
    peer.answer = AUTHORIZE_CONF
    await peer.says(2, "5", "Authorize", {"idTag": "A"})
    peer.answer = {"idTagInfo": {"status": "Blocked"}}
    await peer.says(2, "5", "Authorize", {"idTag": "A"})
    assert peer.written == [[3, "5", AUTHORIZE_CONF]] * 2
    assert len(peer.handled) == 1


async def test_a_call_repeated_while_the_first_is_handled_has_one_effect() -> None:
    peer = Peer()
    peer.gate = asyncio.Event()
    await peer.says(2, "5", "MeterValues", METER_VALUES)
    await peer.says(2, "5", "MeterValues", METER_VALUES)
    peer.gate.set()
    await settle()
    assert len(peer.handled) == 1
    assert peer.written == [[3, "5", {}]] * 2


async def test_an_id_that_starts_over_with_other_content_is_a_new_call() -> None:
    peer = Peer()
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    await peer.says(2, "1", "MeterValues", METER_VALUES | {"connectorId": 2})
    assert len(peer.handled) == 2


async def test_a_call_answered_with_a_callerror_is_handled_again_when_repeated() -> None:
    peer = Peer()
    peer.answer = {"nonsense": True}
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    peer.answer = {}
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    assert [message[0] for message in peer.written] == [4, 3]


async def test_a_heartbeat_under_a_constant_id_gets_the_present_time() -> None:
    peer = Peer()
    for time in ("2024-05-01T10:00:00Z", "2024-05-01T10:01:00Z"):
        peer.answer = {"currentTime": time}
        await peer.says(2, "1", "Heartbeat", {})
    assert [message[2]["currentTime"][14:16] for message in peer.written] == ["00", "01"]


async def test_only_the_latest_answers_are_remembered() -> None:
    peer = Peer()
    for number in range(REMEMBERED_ANSWERS + 1):
        await peer.says(2, str(number), "MeterValues", METER_VALUES)
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    assert len(peer.handled) == REMEMBERED_ANSWERS + 1
    await peer.says(2, "0", "MeterValues", METER_VALUES)
    assert len(peer.handled) == REMEMBERED_ANSWERS + 2


# --- closing ----------------------------------------------------------------------------------------------------------


async def test_what_was_received_before_the_close_is_still_handled_and_not_answered() -> None:
    peer = Peer()
    gate = peer.gate = asyncio.Event()
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    await peer.says(2, "2", "MeterValues", METER_VALUES)
    await peer.connection.close()
    handled, written = peer.handled, peer.written
    del peer
    gc.collect()
    gate.set()
    await settle()
    assert len(handled) == 2
    assert written == []
