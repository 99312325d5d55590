"""What a simulated party tells, as lines for a terminal: one event each, no secret among it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from chargepoints.ocpp.redaction import redact

OnEvent = Callable[[str, dict[str, Any]], None]


def to_lines(who: str, write: Callable[[str], object]) -> OnEvent:
    """An `on_event` of the simulators. Called from any thread."""

    def on_event(name: str, fields: dict[str, Any]) -> None:
        write(line(who, name, fields, now=datetime.now(UTC)))

    return on_event


def to_json_lines(who: str, write: Callable[[str], object]) -> OnEvent:
    """The same for machines: one JSON object each."""

    def on_event(name: str, fields: dict[str, Any]) -> None:
        write(json_line(who, name, fields, now=datetime.now(UTC)))

    return on_event


def line(who: str, name: str, fields: dict[str, Any], *, now: datetime) -> str:
    """Time, party, event, and its fields as one line of JSON; numbers other than JSON's own and times as text."""
    return f"{now:%H:%M:%SZ} {who} {name} {redact(_plain(fields))}"


def json_line(who: str, name: str, fields: dict[str, Any], *, now: datetime) -> str:
    """One that would be cut has its fields as text, so that it stays JSON."""
    head = {"at": f"{now:%Y-%m-%dT%H:%M:%S.%f}Z", "party": who, "event": name}
    text = redact({**head, **_plain(fields)})
    return text if text.endswith("}") else json.dumps({**head, "cut": text})


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value if _is_json(value) else str(value) for key, value in fields.items()}


def _is_json(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str | list | tuple | dict)
