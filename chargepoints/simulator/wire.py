"""Times and schemas as OCPP 1.6 puts them on the wire."""

import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs


def wire_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def parse_time(text: str) -> datetime:
    """Raises ValueError for nonsense. A time without zone is UTC (OCPP 1.6 section 3.14)."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@cache
def _validator(name: str) -> jsonschema_rs.Draft4Validator:
    schema = files("ocpp.v16").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8-sig")
    return jsonschema_rs.Draft4Validator(json.loads(schema))


def schema_violation(name: str, payload: Any) -> str | None:
    """What is wrong with a payload, None when nothing is. `name` such as "Reset" or "ResetResponse"."""
    error = next(iter(_validator(name).iter_errors(payload)), None)
    return error.message if error else None
