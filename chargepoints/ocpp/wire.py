"""Reading what a charge point put on the wire: times, numbers, texts. Pure, the same for every OCPP version."""

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any, TypeGuard

TEXT_LENGTH = 255
ID_TOKEN_LENGTH = 36
SIGNED_DATA_LENGTH = 16_384

EARLIEST_PLAUSIBLE = datetime(2015, 1, 1, tzinfo=UTC)
MAX_AHEAD = timedelta(hours=24)

_LARGEST = Decimal(10) ** 15
_LARGEST_INTEGER = 2**31 - 1
_DEEPEST = 20
_TENTH = Decimal("0.1")
_FLOAT_NOISE = Decimal("0.000001")
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,20}))?"
    r"(?:[Zz]|([+-][0-9]{2}):?([0-9]{2})?)?"
)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,30}(?:[.,][0-9]{0,30})?|[.,][0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def parse_time(text: object) -> datetime | None:
    """RFC 3339 with any fraction and offset, also without an offset (then UTC). None when it is not a time."""
    match = _DATE_TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None
    date, time, fraction, hours, minutes = match.groups()
    offset = f"{hours}:{minutes or '00'}" if hours else "+00:00"
    try:
        return datetime.fromisoformat(f"{date}T{time}.{(fraction or '0')[:6]:0<6}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def plausible(moment: datetime | None, now: datetime, *, ahead: timedelta = MAX_AHEAD) -> TypeGuard[datetime]:
    """Whether a charge point's clock can be believed. If not (1970, or far ahead), use the server's time."""
    return moment is not None and EARLIEST_PLAUSIBLE <= moment <= now + ahead


def plausible_time(text: object, now: datetime) -> datetime | None:
    moment = parse_time(text)
    return moment if plausible(moment, now) else None


def wire_time(moment: datetime) -> str:
    """UTC, whole seconds, `Z`: what every firmware reads. ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a time on the wire needs a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: object) -> Decimal | None:
    """A finite JSON number of a sane size, through its shortest text. None for anything else, booleans too."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    exact = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    return exact if exact.is_finite() and abs(exact) < _LARGEST else None


def number_in(text: str) -> Decimal | None:
    """The number a text consists of, with decimal point or comma. None for NaN, Infinity and everything else."""
    text = text.strip()
    return number(Decimal(text.replace(",", "."))) if _DECIMAL.fullmatch(text) else None


def number_or_text(value: object) -> Decimal | None:
    return number_in(value) if isinstance(value, str) else number(value)


def whole(value: object) -> int | None:
    """A 32-bit integer, also when sent as 3.0 or "3"."""
    exact = number_or_text(value)
    if exact is None or exact != int(exact) or abs(exact) > _LARGEST_INTEGER:
        return None
    return int(exact)


def tenths(value: object) -> Decimal | None:
    """A JSON number rounded down to one decimal; 6.1000000000000005 and 6.0999999999999996 are both 6.1."""
    exact = number(value)
    return None if exact is None else (exact + _FLOAT_NOISE).quantize(_TENTH, ROUND_FLOOR)


def clean_text(value: object, limit: int = TEXT_LENGTH, *, keep: str = "") -> str:
    """A text or number without control, formatting and half characters (but those in `keep`), cut at `limit`."""
    if type(value) is str and len(value) <= limit and value.isprintable():
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    head = value[: 2 * limit]
    if not head.isprintable():
        head = "".join(character for character in head if character.isprintable() or character in keep)
    return head[:limit]


def id_token_text(value: object) -> str:
    """An identifier without padding. Empty when longer than 36: a cut one would be the identifier of somebody else."""
    token = clean_text(value, ID_TOKEN_LENGTH + 1).strip()
    return token if len(token) <= ID_TOKEN_LENGTH else ""


def storable(value: Any, *, depth: int = 0) -> Any:
    """The same JSON without what PostgreSQL refuses: NUL, half characters, NaN; nothing below 20 levels."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if not isinstance(value, dict | list):
        return value
    if depth == _DEEPEST:
        return None
    if isinstance(value, list):
        return [storable(item, depth=depth + 1) for item in value]
    return {storable(key): storable(item, depth=depth + 1) for key, item in value.items()}
