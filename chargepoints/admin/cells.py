"""One value of an export, in CSV and in JSON. Charge points and partners write many of these texts. Pure."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell (OWASP, CSV Injection), in full width too."""


def csv_cell(value: Any) -> str:
    """A text that a spreadsheet could take for a formula gets an apostrophe before it; numbers stay numbers."""
    plain = json_value(value)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return str(plain).lower()
    if isinstance(value, int | float | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(plain, list | dict):
        plain = json.dumps(plain, ensure_ascii=False)
    return harmless(str(plain))


def harmless(text: str) -> str:
    text = text.replace("\0", "\ufffd")
    beginnings = (text.lstrip(" "), text.lstrip())
    return f"'{text}" if any(beginning.startswith(FORMULA) for beginning in beginnings) else text


def csv_line(cells: Iterable[Any]) -> str:
    """RFC 4180: quoted where needed, ended by CR LF."""
    line = io.StringIO()
    csv.writer(line).writerow([csv_cell(cell) for cell in cells])
    return line.getvalue()


def json_value(value: Any) -> Any:
    """UTC with a Z; a Decimal as a string with all of its digits; what JSON does not know as its text."""
    match value:
        case None | bool() | int() | str():
            return value
        case list() | tuple():
            return [json_value(item) for item in value]
        case dict():
            return {str(key): json_value(item) for key, item in value.items()}
    return _text(value)


def _text(value: Any) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Decimal():
            return f"{value:f}"
    return str(value)
