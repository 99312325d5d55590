"""No credential and no driver's identification reaches the log, and no peer can forge a line of it."""

import json
import logging
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoints.ocpp.redaction import LINE_LIMIT, printable, redact, safe_traceback
from tests.chargepoints.ocpp.peer import Peer, calling, settle

pytestmark = pytest.mark.pure

PLANTED = "PLANTED-SECRET"


@pytest.mark.parametrize(
    "payload",
    [
        {"idTag": PLANTED},
        {"idTagInfo": {"parentIdTag": PLANTED}},
        {"idToken": {"idToken": PLANTED, "type": "Central"}},
        {"groupIdToken": {"idToken": PLANTED}},
        {"key": "AuthorizationKey", "value": PLANTED},
        {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": PLANTED}]},
        {"setVariableData": [{"attributeValue": PLANTED, "variable": {"name": "BasicAuthPassword"}}]},
        {"reportData": [{"variable": {"name": "BasicAuthPassword"}, "variableAttribute": [{"value": PLANTED}]}]},
        {"certificate": PLANTED},
        {"certificateChain": PLANTED},
        {"csr": PLANTED},
        {"apn": {"apnPassword": PLANTED, "simPin": PLANTED}},
        {"vendorId": "v", "data": f'{{"idTag": "{PLANTED}"}}'},
        {"location": f"ftp://user:{PLANTED}@files.example.com/log"},
        {"remoteLocation": f"https://{PLANTED}@files.example.com/log"},
        {"localAuthorizationList": [{"idTag": PLANTED}]},
    ],
)
def test_a_secret_is_masked_wherever_the_protocol_carries_it(payload: dict[str, Any]) -> None:
    assert PLANTED not in redact(payload)
    assert "***" in redact(payload)


def test_what_is_no_secret_stays_readable() -> None:
    payload = {
        "idTagInfo": {"status": "Accepted"},
        "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}],
        "location": "ftp://files.example.com/a@b",
        "limit": 31.8,
    }
    assert json.loads(redact(payload)) == payload


@settings(max_examples=100)
@given(st.text())
def test_redacted_text_is_one_short_line(text: str) -> None:
    line = redact({"info": text, text: [text]})
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert len(line) <= LINE_LIMIT + 3


def test_unprintable_payloads_do_not_raise() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert redact(deep) == "(unprintable)"
    assert redact({"a": object()}) == '{"a": "object"}'


def test_a_peers_words_cannot_forge_a_line() -> None:
    assert printable("Heart\r\nbeat\u2028") == "Heart\\r\\nbeat\\u2028"
    assert len(printable("x" * 500)) == 64


def test_a_traceback_masks_the_payloads_secrets_and_marks_its_lines() -> None:
    try:
        raise ValueError(f"cannot take {PLANTED}\nERROR forged")
    except ValueError as error:
        text = safe_traceback(error, {"idTag": PLANTED})
    assert PLANTED not in text
    assert "ValueError: cannot take ***" in text
    assert all(line.startswith("  | ") for line in text.split("\n"))


async def test_no_secret_of_a_whole_conversation_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer(identity="CP-1\r\nforged")
    peer.answer = {"idTagInfo": {"status": "Accepted", "parentIdTag": PLANTED}}
    with caplog.at_level(logging.DEBUG):
        await peer.says(2, "1", "Authorize", {"idTag": PLANTED})
        await peer.says(2, "2", "Authorize", {"idTag": PLANTED * 9})
        await peer.says(2, "3\r\nforged", f"Fake\n{'A' * 99}", {"idTag": PLANTED})
        await peer.says_text(f'[2,"4","Authorize",{{"idTag":"{PLANTED}"')
        await peer.says(4, "5", PLANTED[:2], PLANTED, {"idTag": PLANTED})
        task = calling(peer, "GetConfiguration")
        await settle()
        keys = [{"key": "AuthorizationKey", "readonly": False, "value": PLANTED}]
        await peer.says(3, peer.written[-1][1], {"configurationKey": keys})
        await task
    assert "Authorize" in caplog.text
    assert "GetConfiguration" in caplog.text
    assert PLANTED not in caplog.text
    assert all("\n" not in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("text", ["x" * 1_000_000, "a://" * 250_000, "a://" + "b" * 999_996])
def test_a_text_of_a_megabyte_is_masked_in_no_time(text):
    """It was tried from each of its letters once: seconds for 50,000 of them, while all sockets waited."""
    began = time.perf_counter()
    assert redact({"vendorName": text}).startswith('{"vendorName": "')
    assert time.perf_counter() - began < 5
