"""The raw bodies behind a step of the timeline: read when somebody opens it, never with the page.

Each app registers a reader for its own rows. Who may not see those rows elsewhere does not see their bodies here.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from chargepoints.models import ChargingSession
from chargepoints.ocpp.redaction import MASK, masked

LONGEST = 20_000
_KEY = re.compile(r"([a-z]+)-([0-9]{1,18})(?:-([a-z]+))?")
_TOKEN = re.compile(r"^(token|authorization|api_?key)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RawPart:
    """`command`: something to copy into a shell."""

    title: str
    text: str
    command: bool = False


Reader = Callable[[ChargingSession, int, str], Sequence[RawPart] | None]
"""Session, primary key and part of one row -> what to show; None: the session has no such row."""

_readers: dict[str, tuple[str, Reader]] = {}


def register_raw(kind: str, *, permission: str) -> Callable[[Reader], Reader]:
    """For keys `kind-PK` and `kind-PK-part`."""

    def register(reader: Reader) -> Reader:
        _readers[kind] = (permission, reader)
        return reader

    return register


def raw_page(request: HttpRequest, session: ChargingSession, key: str) -> HttpResponse:
    """A fragment of the page. Raises Http404 and PermissionDenied."""
    match = _KEY.fullmatch(key)
    permission, reader = _readers.get(match[1], ("", None)) if match else ("", None)
    if match is None or reader is None:
        raise Http404
    if not request.user.has_perm(permission):  # type: ignore[union-attr]
        raise PermissionDenied
    parts = reader(session, int(match[2]), match[3] or "")
    if parts is None:
        raise Http404
    return TemplateResponse(request, "admin/raw_bodies.html", {"parts": parts})


def pretty(value: Any) -> str:
    """JSON for people: secrets masked, nothing but ASCII (a body may hold characters that reorder a line), bounded."""
    if value is None:
        return "no body"
    return bounded(json.dumps(_without_tokens(masked(value)), indent=2, default=str))


def pretty_text(text: str) -> str:
    """An answer as it came: JSON where it is JSON."""
    try:
        return pretty(json.loads(text))
    except (ValueError, RecursionError):
        return bounded(text.encode("ascii", "backslashreplace").decode()) or "no body"


def without_secrets(value: Any) -> Any:
    return _without_tokens(masked(value))


def bounded(text: str) -> str:
    rest = len(text) - LONGEST
    return text if rest <= 0 else f"{text[:LONGEST]}\n… {rest} characters more"


def _without_tokens(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(part, str) and _TOKEN.match(str(key)) else _without_tokens(part)
            for key, part in value.items()
        }
    return [_without_tokens(part) for part in value] if isinstance(value, list) else value
