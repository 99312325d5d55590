"""Our CALLs in time: turn, deadline, late answers, closing, order against answers (OCPP-J 1.6 section 4.1.1)."""

import asyncio
import logging
from typing import Any

import pytest

from chargepoints.ocpp.frames import CallResult
from chargepoints.ocpp.outgoing import REMEMBERED_TIMEOUTS
from chargepoints.ocpp.rpc import (
    CallError,
    CallTimeout,
    ConnectionClosed,
    InvalidAnswer,
    LateReply,
)
from tests.chargepoints.ocpp.peer import METER_VALUES, Peer, calling, dead_socket, settle

pytestmark = pytest.mark.pure

SOON_S = 0.03


async def test_one_call_at_a_time_in_the_order_asked() -> None:
    peer = Peer()
    first, second = calling(peer), calling(peer, "ClearCache")
    await settle()
    assert [message[2] for message in peer.written] == ["Reset"]
    await peer.says(3, peer.written[0][1], {"status": "Accepted"})
    assert [message[2] for message in peer.written] == ["Reset", "ClearCache"]
    await peer.says(3, peer.written[1][1], {"status": "Rejected"})
    assert await first == {"status": "Accepted"}
    assert await second == {"status": "Rejected"}


async def test_waiting_for_the_turn_counts_and_the_call_is_never_sent() -> None:
    peer = Peer()
    first, second = calling(peer), calling(peer, "ClearCache", timeout_s=SOON_S)
    with pytest.raises(CallTimeout) as caught:
        await second
    assert caught.value.sent is False
    await peer.says(3, peer.written[0][1], {"status": "Accepted"})
    await first
    assert [message[2] for message in peer.written] == ["Reset"]


@pytest.mark.parametrize("timeout_s", [0, -1])
async def test_a_deadline_that_has_passed_sends_nothing(timeout_s: float) -> None:
    peer = Peer()
    with pytest.raises(CallTimeout) as caught:
        await calling(peer, timeout_s=timeout_s)
    assert caught.value.sent is False
    assert peer.written == []


async def test_a_timeout_ends_the_turn() -> None:
    peer = Peer()
    first, second = calling(peer, timeout_s=SOON_S), calling(peer, "ClearCache")
    with pytest.raises(CallTimeout) as caught:
        await first
    assert caught.value.sent is True
    await settle()
    assert [message[2] for message in peer.written] == ["Reset", "ClearCache"]
    await peer.says(3, peer.written[1][1], {"status": "Accepted"})
    assert await second == {"status": "Accepted"}


async def test_an_answer_that_came_by_the_deadline_counts() -> None:
    """Both are due in the same turn of the loop: the answer must not be lost to the timeout."""
    peer = Peer()
    task = calling(peer)
    await settle()
    peer.connection._outgoing.take(CallResult(peer.written[0][1], {"status": "Accepted"}))
    [deadline] = peer.connection._outgoing._deadlines
    deadline.reschedule(0)
    assert await task == {"status": "Accepted"}


async def test_a_cancelled_call_gives_up_its_turn() -> None:
    peer = Peer()
    first, second = calling(peer), calling(peer, "ClearCache")
    await settle()
    first.cancel()
    await settle()
    assert [message[2] for message in peer.written] == ["Reset", "ClearCache"]
    await peer.says(3, peer.written[1][1], {"status": "Accepted"})
    assert await second == {"status": "Accepted"}


# --- late answers -----------------------------------------------------------------------------------------------------


async def timed_out(peer: Peer, tag: str) -> str:
    """The message id of a CALL that was sent and timed out."""
    with pytest.raises(CallTimeout):
        await calling(peer, timeout_s=SOON_S, tag=tag)
    return str(peer.written[-1][1])


async def test_a_late_callresult_is_reported_once_under_its_tag(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer()
    message_id = await timed_out(peer, "command-42")
    await peer.says(3, message_id, {"status": "Accepted"})
    await peer.says(3, message_id, {"status": "Accepted"})
    assert peer.late == [("command-42", LateReply(payload={"status": "Accepted"}))]
    assert "to no CALL of ours: dropped" in caplog.text


async def test_a_late_callerror_or_nonsense_is_reported_as_an_error() -> None:
    peer = Peer()
    await peer.says(4, await timed_out(peer, "a"), "InternalError", "", {})
    await peer.says(3, await timed_out(peer, "b"), {"status": 1})
    (tag_a, late_a), (tag_b, late_b) = peer.late
    assert (tag_a, late_a.payload, tag_b, late_b.payload) == ("a", None, "b", None)
    assert isinstance(late_a.error, CallError)
    assert isinstance(late_b.error, InvalidAnswer)


async def test_the_memory_of_timed_out_calls_is_bounded() -> None:
    peer = Peer()
    memory = peer.connection._outgoing._timed_out
    first = await timed_out(peer, "first")
    for number in range(REMEMBERED_TIMEOUTS):
        memory[str(number)] = memory[first]
    await timed_out(peer, "last")
    assert len(memory) == REMEMBERED_TIMEOUTS + 1
    assert first not in memory


async def test_a_failing_late_handler_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer()

    async def fail(tag: str, reply: LateReply) -> None:
        raise RuntimeError("no")

    peer.on_late = fail
    await peer.says(3, await timed_out(peer, "a"), {"status": "Accepted"})
    assert "RuntimeError" in caplog.text
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    assert peer.written[-1] == [3, "1", {}]


# --- against the charge point's CALLs ---------------------------------------------------------------------------------


async def test_the_answer_in_progress_is_written_before_our_call() -> None:
    peer = Peer()
    peer.gate = asyncio.Event()
    await peer.says(2, "start", "MeterValues", METER_VALUES)
    task = calling(peer)
    await settle()
    assert peer.written == []
    peer.gate.set()
    await settle()
    assert [message[:2] for message in peer.written] == [[3, "start"], [2, peer.written[1][1]]]
    await peer.says(3, peer.written[1][1], {"status": "Accepted"})
    assert await task == {"status": "Accepted"}


async def test_a_slow_handler_does_not_stretch_the_deadline() -> None:
    peer = Peer()
    peer.gate = asyncio.Event()
    await peer.says(2, "start", "MeterValues", METER_VALUES)
    with pytest.raises(CallTimeout) as caught:
        await calling(peer, timeout_s=SOON_S)
    assert caught.value.sent is False
    peer.gate.set()
    await settle()
    assert peer.written == [[3, "start", {}]]


async def test_an_answer_to_us_never_waits_behind_a_handler() -> None:
    peer = Peer()
    task = calling(peer)
    await settle()
    peer.gate = asyncio.Event()
    await peer.says(2, "slow", "MeterValues", METER_VALUES)
    await peer.says(3, peer.written[0][1], {"status": "Accepted"})
    assert await task == {"status": "Accepted"}
    peer.gate.set()
    await settle()


async def test_call_inside_a_handler_is_refused_instead_of_waiting_for_itself() -> None:
    peer = Peer()
    caught: list[BaseException] = []

    async def handler(action: str, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            await peer.connection.call("Reset", {"type": "Soft"}, timeout_s=5)
        except RuntimeError as error:
            caught.append(error)
        return {}

    peer.handle = handler
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    assert len(caught) == 1
    assert peer.written == [[3, "1", {}]]


# --- closing ----------------------------------------------------------------------------------------------------------


async def test_close_ends_the_outstanding_and_the_queued_calls() -> None:
    peer = Peer()
    first, second, third = calling(peer), calling(peer, "ClearCache"), calling(peer, "ClearCache")
    await settle()
    await peer.connection.close()
    await peer.connection.close()
    outcomes = await asyncio.gather(first, second, third, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionClosed] * 3
    assert [outcome.sent for outcome in outcomes] == [True, False, False]
    assert [message[2] for message in peer.written] == ["Reset"]


async def test_close_ends_a_call_that_waits_for_a_handler() -> None:
    peer = Peer()
    peer.gate = asyncio.Event()
    await peer.says(2, "slow", "MeterValues", METER_VALUES)
    task = calling(peer)
    await settle()
    await peer.connection.close()
    with pytest.raises(ConnectionClosed):
        await task
    peer.gate.set()
    await settle()
    assert peer.written == []


async def test_a_call_after_close_or_on_a_dead_socket_is_connection_closed() -> None:
    peer = Peer()
    peer.send = dead_socket
    with pytest.raises(ConnectionClosed):
        await calling(peer)
    await peer.connection.close()
    with pytest.raises(ConnectionClosed) as caught:
        await calling(peer)
    assert caught.value.sent is False


async def test_commands_are_logged_with_identity_action_and_id(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer(identity="CP-7")
    with caplog.at_level(logging.INFO, "chargepoints.ocpp.rpc"):
        task = calling(peer)
        await settle()
        message_id = peer.written[0][1]
        await peer.says(3, message_id, {"status": "Accepted"})
        await task
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [f"CP-7 -> CALL Reset id={message_id}", f"CP-7 <- CALLRESULT Reset id={message_id}"]
