"""The skin of OCPI as a partner writes and reads it: tokens, times, the response envelope."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

OCPI_VERSION = "2.2.1"
OCPI_VERSIONS = (OCPI_VERSION, "2.2")
SUCCESS = 1000
CLIENT_ERROR = 2000
INVALID_PARAMETERS = 2001
SERVER_ERROR = 3000
CLIENT_API_UNUSABLE = 3001
UNSUPPORTED_VERSION = 3002
NO_MATCHING_ENDPOINTS = 3003

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and the OCPI envelope that goes with it.

    `before_sending` is called only when the answer is going to leave, `afterwards` also when a fault swallowed it.
    """

    http_status: int
    envelope: dict[str, Any]
    before_sending: Callable[[], None] | None = None
    afterwards: Callable[[], None] | None = None


def success(data: Any = None, *, http_status: int = 200) -> Answer:
    return Answer(http_status, envelope(SUCCESS, data=data))


def refusal(reason: str, *, http_status: int = 200, status_code: int = INVALID_PARAMETERS) -> Answer:
    return Answer(http_status, envelope(status_code, message=reason))


def envelope(status_code: int, *, data: Any = None, message: str = "") -> dict[str, Any]:
    """OCPI 2.2.1 transport_and_format, Response format: `data` is left out when there is nothing to say."""
    fields: dict[str, Any] = {} if data is None else {"data": data}
    fields["status_code"] = status_code
    if message:
        fields["status_message"] = message
    return fields | {"timestamp": format_datetime(datetime.now(UTC))}


def format_datetime(moment: datetime) -> str:
    """Whole seconds with `Z`; raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place on the wire")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_datetime(text: Any) -> datetime:
    """OCPI 2.2.1 types, DateTime: UTC, `Z` or nothing, at most 25 characters; raises ValueError otherwise."""
    if not isinstance(text, str) or len(text) > 25 or not _DATETIME.fullmatch(text):
        raise ValueError(f"not an OCPI DateTime: {text!r}")
    return datetime.fromisoformat(text.rstrip("Z")).replace(tzinfo=UTC)


def authorization_header(token: str) -> str:
    return "Token " + base64.b64encode(token.encode()).decode("ascii")


def presents_token(header: str, token: str) -> bool:
    """Whether the Authorization header carries `token`, Base64 encoded or raw as older peers send it."""
    scheme, _, presented = header.partition(" ")
    if scheme.lower() != "token":
        return False
    candidates = (presented.strip().encode(), _decoded(presented))
    return any(hmac.compare_digest(candidate, token.encode()) for candidate in candidates)


def presents_raw(header: str, token: str) -> bool:
    return header.partition(" ")[2].strip() == token


def _decoded(presented: str) -> bytes:
    try:
        return base64.b64decode(presented, validate=True).strip()
    except (binascii.Error, ValueError):
        return b""
