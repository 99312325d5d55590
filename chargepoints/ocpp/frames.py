"""The wire form of OCPP-J messages: text to a frozen value and back. Pure.

Tolerated on purpose: message ids of up to 256 characters (the limit is 36: OCPP-J 1.6 section 4.1.4), CALLERRORs that
lack their tail, NUL characters in strings (padding of C firmware; no database takes them: removed), whole numbers
written as 1000.0 (read as integers).
"""

import json
import math
import re
from decimal import Decimal
from enum import Enum, auto
from typing import Any, NamedTuple

MESSAGE_ID_LIMIT = 256
DEPTH_LIMIT = 32
DESCRIPTION_LIMIT = 255
CODE_LIMIT = 64
UNREADABLE_ID = "-1"

CALL, CALLRESULT, CALLERROR = 2, 3, 4


class Fault(Enum):
    MALFORMED = auto()
    MESSAGE_TYPE = auto()


class Call(NamedTuple):
    """`content` is a hash of the text: equal for a CALL that is sent again word for word. `size` is its length."""

    message_id: str
    action: str
    payload: dict[str, Any]
    content: int
    size: int


class CallResult(NamedTuple):
    """`payload` is whatever came; None when the frame was cut or of the wrong length."""

    message_id: str
    payload: Any


class CallErrorFrame(NamedTuple):
    message_id: str
    code: str
    description: str
    details: dict[str, Any]


class Malformed(NamedTuple):
    """Not a message. `message_id` None: it could not be recovered."""

    message_id: str | None
    fault: Fault
    reason: str


Frame = Call | CallResult | CallErrorFrame | Malformed


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(literal: str) -> float | int:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _exact(value: object) -> float | int:
    """A Decimal as the JSON number that reads back as the same Decimal."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is not JSON")
    if not value.is_finite():
        raise ValueError(f"{value} is not JSON")
    number = int(value) if value == value.to_integral_value() else float(value)
    if Decimal(repr(number)) != value:
        raise ValueError(f"{value} has more digits than a JSON number keeps")
    return number


_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_exact).encode
# The start of an envelope that broke later on: enough to tell its sender, or the caller who waits for it.
_START = re.compile(r'\s*\[\s*([234])\s*,\s*"([^"\\\x00-\x1f]{1,256})"\s*,')


def encode_call(message_id: str, action: str, payload: dict[str, Any]) -> str:
    """TypeError or ValueError when the payload is not JSON."""
    return _encode([CALL, message_id, action, payload])


def encode_result(message_id: str, payload: dict[str, Any]) -> str:
    return _encode([CALLRESULT, message_id, payload])


def encode_error(message_id: str, code: str, description: str) -> str:
    return _encode([CALLERROR, message_id, code, description[:DESCRIPTION_LIMIT], {}])


def read_frame(text: str) -> Frame:
    """Any text becomes a frame; none raises."""
    try:
        message = _read_json(text)
    except (ValueError, RecursionError):
        return _read_broken(text)
    if not isinstance(message, list):
        return Malformed(None, Fault.MALFORMED, "a message is a JSON array")
    return _read_message(message, text)


def _read_json(text: str) -> Any:
    message = _decode(text)
    if "\\u" in text or not text.isascii():
        text.encode()
        if "\\u0000" in text:
            message = _without_nul(message)
        if "\\ud" in text.lower():
            json.dumps(message, ensure_ascii=False).encode()  # a lone surrogate is a ValueError
    if text.count("{") + text.count("[") > DEPTH_LIMIT and _deeper_than(message, DEPTH_LIMIT):
        raise ValueError("nested too deeply")
    return message


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(part) for part in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(part) for key, part in value.items()}
    return value


def _deeper_than(value: Any, levels: int) -> bool:
    parts = value.values() if type(value) is dict else value if type(value) is list else ()
    return bool(parts) and (levels == 0 or any(_deeper_than(part, levels - 1) for part in parts if part))


def _read_broken(text: str) -> Frame:
    start = _START.match(text)
    if start is None:
        return Malformed(None, Fault.MALFORMED, "not JSON, or too large")
    if int(start[1]) == CALL:
        return Malformed(start[2], Fault.MALFORMED, "not JSON, or too large")
    return CallResult(start[2], None)


def _read_message(message: list[Any], text: str) -> Frame:
    kind = message[0] if message else None
    message_id = _message_id(message)
    if kind == CALLRESULT:
        return CallResult(message_id or "", message[2] if len(message) == 3 else None)
    if kind == CALLERROR:
        return _read_error(message_id or "", [*message[2:5], None, None, None])
    if type(kind) is int and kind != CALL:
        return Malformed(message_id, Fault.MESSAGE_TYPE, "unknown message type")
    return _read_call(message, message_id, text)


def _message_id(message: list[Any]) -> str | None:
    found = message[1] if len(message) > 1 else None
    if type(found) is int:  # not a string, but some charge points count like this
        found = str(found)
    return found if isinstance(found, str) and len(found) <= MESSAGE_ID_LIMIT else None


def _read_call(message: list[Any], message_id: str | None, text: str) -> Frame:
    if type(message[0] if message else None) is not int or len(message) != 4:
        return Malformed(message_id, Fault.MALFORMED, "a CALL is [2, id, action, payload]")
    if message_id is None or not isinstance(message[1], str):
        return Malformed(
            message_id, Fault.MALFORMED, f"the id must be a string of at most {MESSAGE_ID_LIMIT} characters"
        )
    if not isinstance(message[2], str):
        return Malformed(message_id, Fault.MALFORMED, "the action must be a string")
    if not isinstance(message[3], dict):
        return Malformed(message_id, Fault.MALFORMED, "the payload must be an object")
    return Call(message_id, message[2], message[3], hash(text), len(text))


def _read_error(message_id: str, tail: list[Any]) -> CallErrorFrame:
    code, description, details = tail[:3]
    return CallErrorFrame(
        message_id,
        code[:CODE_LIMIT] if isinstance(code, str) else "GenericError",
        description[:DESCRIPTION_LIMIT] if isinstance(description, str) else "",
        details if isinstance(details, dict) else {},
    )
