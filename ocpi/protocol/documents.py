"""JSON documents as OCPI writes and reads them: decimals as numbers, times in UTC, UTF-8."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn
from uuid import UUID

from ocpi.protocol.datetimes import format_datetime
from ocpi.protocol.numbers import json_number


class Unusable(ValueError):
    """Valid JSON with a value that nothing here can hold."""


def dump(document: Any) -> bytes:
    text = json.dumps(document, default=_wire, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def storable(body: Any) -> Any:
    """Decimals as the JSON numbers that will be sent."""
    return json.loads(dump(body))


def load(raw: bytes) -> Any:
    """Numbers with a fraction become Decimal. ValueError for anything that is no JSON text, NaN and Infinity included.

    Of a repeated key the last value counts. Unusable for NUL and lone surrogates, which no database column takes,
    and for numbers beyond Decimal.
    """
    try:
        document = json.loads(raw, parse_float=_decimal, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if b"\\u" in raw and any(_unstorable(text) for text in _strings(document)):
        raise Unusable("a string holds a character that is no text")
    return document


def _wire(value: Any) -> int | float | str:
    if isinstance(value, Decimal):
        return json_number(value)
    if isinstance(value, datetime):
        return format_datetime(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an OCPI document")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Unusable("a number is out of range") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _unstorable(text: str) -> bool:
    return any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def _strings(document: Any) -> Iterator[str]:
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item
