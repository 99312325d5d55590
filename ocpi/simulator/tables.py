"""The tables by which OCPI describes its objects, as data, and what an object lacks against one. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ocpi.simulator.violations import shown
from ocpi.simulator.wire import parse_datetime

# Says what is wrong with a value; nothing: it is right.
Kind = Callable[[Any], Iterable[str]]
MANY_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Table:
    """The fields of an object by name; those of `required` have cardinality 1 or +."""

    passage: str
    fields: Mapping[str, Kind]
    required: frozenset[str]


def findings(table: Table, document: Any, *, partial: bool = False) -> list[str]:
    """What is wrong, each with the path of its field. `partial`: a PATCH, to which nothing but its types matters."""
    return list(_of_object(table, document, partial=partial))[:MANY_FINDINGS]


def missing(table: Table, document: Mapping[str, Any]) -> list[str]:
    return [name for name in table.fields if name in table.required and document.get(name) is None]


def _of_object(table: Table, document: Any, *, partial: bool = False) -> Iterable[str]:
    if not isinstance(document, dict):
        yield "is not an object"
        return
    if not partial:
        yield from (f"{name} is missing" for name in missing(table, document))
    for name, kind in table.fields.items():
        if document.get(name) is not None:
            yield from (_joined(name, finding) for finding in kind(document[name]))


def _joined(name: str, finding: str) -> str:
    """`is ...` is about the field itself, everything else begins with the path inside it."""
    return f"{name} {finding}" if finding.startswith("is ") else f"{name}.{finding}"


# --- kinds of values (OCPI 2.2.1 types) -------------------------------------------------------------------------------


def ci_string(length: int) -> Kind:
    """OCPI 2.2.1 types, CiString: printable ASCII."""

    def check(value: Any) -> Iterable[str]:
        yield from string(length)(value)
        if isinstance(value, str) and not (value.isascii() and value.isprintable()):
            yield f"is {shown(value)}, with more than printable ASCII"

    return check


def string(length: int) -> Kind:
    def check(value: Any) -> Iterable[str]:
        if not isinstance(value, str):
            yield f"is {shown(value)}, no string"
        elif len(value) > length:
            yield f"is longer than {length} characters"

    return check


def one_of(values: frozenset[str]) -> Kind:
    def check(value: Any) -> Iterable[str]:
        if not isinstance(value, str) or value not in values:
            yield f"is {shown(value)}, which the enum does not have"

    return check


def matching(pattern: str) -> Kind:
    def check(value: Any) -> Iterable[str]:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            yield f"is {shown(value)}, which does not match {pattern}"

    return check


def credentials_token(value: Any) -> Iterable[str]:
    """OCPI 2.2.1 credentials, Credentials object. It is a secret: never shown."""
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,64}", value):
        yield "is not 1 to 64 printable characters without a space"


def object_of(table: Table) -> Kind:
    return lambda value: _of_object(table, value)


def list_of(kind: Kind, *, at_least: int = 0) -> Kind:
    def check(value: Any) -> Iterable[str]:
        if not isinstance(value, list):
            yield f"is {shown(value)}, no list"
            return
        if len(value) < at_least:
            yield "is an empty list"
        for position, item in enumerate(value):
            yield from (f"{position} {found}" if found.startswith("is ") else f"{position}.{found}"
                        for found in kind(item))  # fmt: skip

    return check


def moment(value: Any) -> Iterable[str]:
    try:
        parse_datetime(value)
    except ValueError:
        yield f"is {shown(value)}, no OCPI DateTime"


def number(value: Any) -> Iterable[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"is {shown(value)}, no number"


def whole(value: Any) -> Iterable[str]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield f"is {shown(value)}, no int"


def one_decimal(value: Any) -> Iterable[str]:
    """OCPI 2.2.1 mod_charging_profiles, ChargingProfilePeriod: a limit has at most one digit fraction."""
    yield from number(value)
    if isinstance(value, float) and round(value, 1) != value:
        yield f"is {value}, with more than one decimal"


def flag(value: Any) -> Iterable[str]:
    if not isinstance(value, bool):
        yield f"is {shown(value)}, no boolean"
