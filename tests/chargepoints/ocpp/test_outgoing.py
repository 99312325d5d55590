"""Our CALLs and their answers (OCPP-J 1.6 section 4.2)."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from chargepoints.ocpp.rpc import (
    CallError,
    CallFailure,
    CallTimeout,
    ConnectionClosed,
    InvalidAnswer,
    InvalidRequest,
)
from tests.chargepoints.ocpp.peer import Peer, calling, settle

pytestmark = pytest.mark.pure


def profile(limit: Any) -> dict[str, Any]:
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
    return {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": schedule,
        },
    }


async def test_a_call_returns_the_payload_of_its_callresult() -> None:
    peer = Peer()
    task = calling(peer)
    await settle()
    [[kind, message_id, action, payload]] = peer.written
    assert (kind, action, payload) == (2, "Reset", {"type": "Soft"})
    assert len(message_id) <= 36
    await peer.says(3, message_id, {"status": "Accepted"})
    assert await task == {"status": "Accepted"}


@pytest.mark.parametrize(
    ("limit", "literal"), [("31.8", "31.8"), ("22000", "22000"), ("22000.0", "22000"), ("0.0", "0")]
)
async def test_a_decimal_goes_out_as_the_exact_json_number(limit: str, literal: str) -> None:
    peer = Peer()
    frames: list[str] = []

    async def send(frame: str) -> None:
        frames.append(frame)
        await peer.connection.receive(json.dumps([3, json.loads(frame)[1], {"status": "Accepted"}]))

    peer.send = send
    await peer.connection.call("SetChargingProfile", profile(Decimal(limit)), timeout_s=5)
    assert f'"limit":{literal}}}' in frames[0]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Reset", {}),
        ("Reset", {"type": "Medium"}),
        ("Reset", {"type": "Soft", "extra": 1}),
        ("Explode", {}),
        ("SetChargingProfile", profile(Decimal("31.85"))),
        ("SetChargingProfile", profile(Decimal("0.12345678901234567890123"))),
        ("SetChargingProfile", profile(float("nan"))),
        ("SetChargingProfile", profile(Decimal("Infinity"))),
        ("Reset", {"type": object()}),
        ("Reset", {1: 2}),
    ],
)
async def test_an_invalid_request_is_never_sent(action: str, payload: dict[str, Any]) -> None:
    peer = Peer()
    with pytest.raises(InvalidRequest):
        await peer.connection.call(action, payload, timeout_s=5)
    assert peer.written == []


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (["NotSupported", "no", {"a": 1}], ("NotSupported", "no", {"a": 1})),
        (["VendorSpecific", None, "text"], ("VendorSpecific", "", {})),
        ([], ("GenericError", "", {})),
        ([7, "d", {}, "more"], ("GenericError", "d", {})),
    ],
)
async def test_a_callerror_is_raised_whatever_its_shape(
    tail: list[Any], expected: tuple[str, str, dict[str, Any]]
) -> None:
    peer = Peer()
    task = calling(peer)
    await settle()
    await peer.says(4, peer.written[0][1], *tail)
    with pytest.raises(CallError) as caught:
        await task
    assert (caught.value.code, caught.value.description, caught.value.details) == expected


@pytest.mark.parametrize("payload", [{}, {"status": "Perhaps"}, {"status": 1}, [], None, "text"])
async def test_a_callresult_that_violates_the_schema_is_kept_in_the_failure(payload: Any) -> None:
    peer = Peer()
    task = calling(peer)
    await settle()
    await peer.says(3, peer.written[0][1], payload)
    with pytest.raises(InvalidAnswer) as caught:
        await task
    assert caught.value.payload == payload


@pytest.mark.parametrize("tail", ["]", ",{},1]", ',{"status":NaN}]', ',{"status'])
async def test_a_broken_callresult_ends_the_call_at_once(tail: str) -> None:
    peer = Peer()
    task = calling(peer)
    await settle()
    await peer.says_text(f'[3,"{peer.written[0][1]}"{tail}')
    with pytest.raises(InvalidAnswer):
        await task


async def test_a_limit_of_binary_floating_point_is_a_valid_answer() -> None:
    peer = Peer()
    task = asyncio.create_task(
        peer.connection.call("GetCompositeSchedule", {"connectorId": 1, "duration": 60}, timeout_s=5)
    )
    await settle()
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.1000000000000005}]}
    answer = {"status": "Accepted", "chargingSchedule": schedule, "vendorField": "kept"}
    await peer.says(3, peer.written[0][1], answer)
    assert await task == answer


async def test_all_failures_are_one_class() -> None:
    for failure in (CallTimeout, CallError, ConnectionClosed, InvalidAnswer, InvalidRequest):
        assert issubclass(failure, CallFailure)
