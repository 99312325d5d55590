"""Faulty frames: the CALLERROR each deserves, and a connection that survives them all (OCPP-J 1.6 section 4.2.3)."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chargepoints.ocpp.peer import METER_VALUES, Peer, dead_socket

pytestmark = pytest.mark.pure

DEEP = "[" * 100_000
FAULTY = [
    ('[2,"a","Heartbeat"]', "FormationViolation", "FormatViolation"),
    ('[2,"a","Heartbeat",{},1]', "FormationViolation", "FormatViolation"),
    ('[2,"a","Heartbeat",[]]', "FormationViolation", "FormatViolation"),
    ('[2,"a",7,{}]', "FormationViolation", "FormatViolation"),
    ('["2","a","Heartbeat",{}]', "FormationViolation", "FormatViolation"),
    ('[2,"a","Heartbeat",{', "FormationViolation", "FormatViolation"),
    ('[2,"a","Heartbeat",{"x":NaN}]', "FormationViolation", "FormatViolation"),
    ('[2,"a","Heartbeat",{"x":-Infinity}]', "FormationViolation", "FormatViolation"),
    ('[2,"a","Heartbeat",{"x":1e999}]', "FormationViolation", "FormatViolation"),
    ('[2,"a","Heartbeat",{"x":"\\ud800"}]', "FormationViolation", "FormatViolation"),
    (f'[2,"a","Heartbeat",{{"x":{DEEP}', "FormationViolation", "FormatViolation"),
    ('[2,"a","Heartbeat",{"x":' + "[" * 200 + "1" + "]" * 200 + "}]", "FormationViolation", "FormatViolation"),
    ('[9,"a",{}]', "FormationViolation", "MessageTypeNotSupported"),
    ('[2,"a","../v16/schemas/Heartbeat",{}]', "NotImplemented", "NotImplemented"),
    ('[2,"a","HeartbeatResponse",{}]', "NotImplemented", "NotImplemented"),
]


@pytest.mark.parametrize(("text", "code_16", "code_201"), FAULTY)
async def test_a_faulty_call_gets_a_callerror_under_its_id(text: str, code_16: str, code_201: str) -> None:
    for version, code in (("1.6", code_16), ("2.0.1", code_201)):
        peer = Peer(version)
        await peer.says_text(text)
        assert [message[:3] for message in peer.written] == [[4, "a", code]]
        assert peer.handled == []


async def test_a_numeric_id_is_refused_under_its_own_digits() -> None:
    peer = Peer()
    await peer.says(2, 17, "Heartbeat", {})
    assert [message[:3] for message in peer.written] == [[4, "17", "FormationViolation"]]
    assert peer.handled == []


@pytest.mark.parametrize(
    "text", ["", "nonsense", "{}", "[]", "null", "[2]", '[2,null,"Heartbeat",{}]', DEEP, "1" * 9000]
)
async def test_a_message_without_a_readable_id(text: str) -> None:
    peer_16, peer_201 = Peer("1.6"), Peer("2.0.1")
    await peer_16.says_text(text)
    await peer_201.says_text(text)
    assert peer_16.written == []
    assert [message[:3] for message in peer_201.written] == [[4, "-1", "RpcFrameworkError"]]


async def test_an_id_beyond_36_characters_is_tolerated_up_to_256() -> None:
    peer = Peer()
    peer.answer = {"currentTime": "2024-05-01T10:00:00Z"}
    await peer.says(2, "x" * 256, "Heartbeat", {})
    await peer.says(2, "x" * 257, "Heartbeat", {})
    assert [message[1] for message in peer.written] == ["x" * 256]


async def test_a_schema_violation_names_the_field_and_not_the_value() -> None:
    peer = Peer()
    await peer.says(2, "a", "Authorize", {"idTag": "SECRETTAG" * 100})
    assert peer.written == [[4, "a", "PropertyConstraintViolation", "idTag violates maxLength 20", {}]]
    assert peer.handled == []


async def test_an_answer_is_never_answered() -> None:
    for version in ("1.6", "2.0.1"):
        peer = Peer(version)
        for text in (
            '[3,"x",{}]',
            "[3,7,{}]",
            "[3]",
            "[4]",
            '[4,"x"]',
            '[4,"x",1,2,3,4]',
            '[3,"x",{',
            '[4,"-1","X","",{}]',
        ):
            await peer.says_text(text)
        assert peer.written == []


async def test_an_answer_that_cannot_be_written_harms_nothing() -> None:
    peer = Peer()
    write, peer.send = peer.send, dead_socket
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    await peer.says_text('[9,"x"]')
    peer.send = write
    await peer.says(2, "1", "MeterValues", METER_VALUES)
    assert peer.written == [[3, "1", {}]]
    assert len(peer.handled) == 1


async def test_a_fault_of_the_framing_itself_is_logged_without_the_frame(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(text: str) -> None:
        raise RuntimeError(text)

    monkeypatch.setattr("chargepoints.ocpp.rpc.read_frame", broken)
    peer = Peer()
    await peer.says_text("SECRETTAG")
    assert "frame dropped: RuntimeError" in caplog.text
    assert "SECRETTAG" not in caplog.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)
ENVELOPES = st.tuples(
    st.sampled_from([2, 3, 4]) | JSON,
    JSON,
    st.sampled_from(["MeterValues", "Authorize", "TransactionEvent"]) | JSON,
    JSON | st.dictionaries(st.sampled_from(["connectorId", "idTag", "meterValue"]), JSON),
)


@settings(max_examples=100, deadline=None)
@given(
    text=st.text() | st.text(alphabet='[]{}",:234\\u0 ') | JSON.map(json.dumps) | ENVELOPES.map(json.dumps),
    version=st.sampled_from(["1.6", "2.0.1"]),
)
def test_receive_never_raises_and_the_connection_survives(text: str, version: str) -> None:
    async def conversation() -> Peer:
        peer = Peer(version)
        await peer.says_text(text)
        peer.answer = {"currentTime": "2024-05-01T10:00:00Z"}
        await peer.says(2, "after", "Heartbeat", {})
        return peer

    peer = asyncio.run(conversation())
    assert peer.written[-1] == [3, "after", {"currentTime": "2024-05-01T10:00:00Z"}]
