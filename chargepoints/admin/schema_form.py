"""A form from a JSON schema, and the payload that was filled in. Pure.

Fields are named by their path (`chargingProfile.chargingSchedule.0.id`). What is empty and optional is left out. Not
offered: `customData`, which may hold anything, and an empty text: both can be written as JSON.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

Schema = dict[str, Any]
MOST_ITEMS = 50
_HELP_LIMIT = 160
_URN = re.compile(r"urn:\S+")  # before it stands the path of the field in the specification's own model


class _Missing:
    """Nothing was filled in."""


MISSING = _Missing()


@dataclass(slots=True)
class Node:
    """One field, or a group of them. `kind`: object, array, enum, boolean, integer, number or string."""

    path: str
    name: str
    kind: str
    required: bool
    help: str = ""
    value: str = ""
    choices: tuple[str, ...] = ()
    errors: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)
    is_item: bool = False

    @property
    def is_open(self) -> bool:
        """A group somebody has to look at."""
        return (
            self.required
            or self.is_item
            or any(child.value or child.errors or child.is_filled for child in self.children)
        )

    @property
    def is_filled(self) -> bool:
        return bool(self.value) or any(child.is_filled for child in self.children)


@dataclass(slots=True)
class Filled:
    """`errors` by path of the form; `places`: which field each place of the payload came from."""

    payload: dict[str, Any]
    errors: dict[str, str]
    places: dict[tuple[str | int, ...], str]


# --- the form -------------------------------------------------------------------------------------------------------


def fields(schema: Schema, given: Mapping[str, str], errors: Mapping[str, str] | None = None) -> list[Node]:
    """`given`: what was typed, by path; `count:PATH` how many items a list has."""
    return list(_children(schema, schema, "", given, errors or {}))


def _children(
    part: Schema, root: Schema, path: str, given: Mapping[str, str], errors: Mapping[str, str]
) -> Iterator[Node]:
    required = part.get("required", [])
    for name, child in sorted(part.get("properties", {}).items(), key=lambda item: item[0] not in required):
        if name != "customData":
            yield _node(_resolved(child, root), root, _join(path, name), name, name in required, given, errors)


def _node(  # noqa: PLR0917
    part: Schema, root: Schema, path: str, name: str, required: bool, given: Mapping[str, str],
    errors: Mapping[str, str],
) -> Node:  # fmt: skip
    kind = kind_of(part)
    node = Node(path, name, kind, required, _help(part), given.get(path, ""))
    node.errors = [errors[path]] if path in errors else []
    if kind == "object":
        node.children = list(_children(part, root, path, given, errors))
    elif kind == "array":
        item = _resolved(part.get("items", {}), root)
        for index in range(count_of(part, path, required=required, given=given)):
            place = _join(path, str(index))
            child = _node(item, root, place, f"{name} {index + 1}", False, given, errors)
            child.is_item = True
            node.children.append(child)
    elif kind == "enum":
        node.choices = tuple(map(str, part["enum"]))
    return node


def kind_of(part: Schema) -> str:
    if "enum" in part:
        return "enum"
    kind = part.get("type", "string")
    return kind if kind in {"object", "array", "boolean", "integer", "number"} else "string"


def count_of(part: Schema, path: str, *, required: bool, given: Mapping[str, str]) -> int:
    said = given.get(f"count:{path}", "")
    least = max(1, part.get("minItems", 0)) if required else 0
    return min(int(said), MOST_ITEMS) if said.isdecimal() and len(said) < 4 else least


def _resolved(part: Schema, root: Schema) -> Schema:
    """References lead to `#/definitions/NAME` in the schemas of OCPP."""
    if "$ref" not in part:
        return part
    return root["definitions"][part["$ref"].rsplit("/", 1)[-1]]


def _help(part: Schema) -> str:
    rules = []
    if part.get("format") == "date-time":
        rules.append("e.g. 2025-01-31T12:00:00Z")
    if "maxLength" in part:
        rules.append(f"at most {part['maxLength']} characters")
    if "minItems" in part or "maxItems" in part:
        rules.append(f"{part.get('minItems', 0)} to {part.get('maxItems', 'any number of')} items")
    said = " ".join(_URN.split(str(part.get("description", "")))[-1].split())
    return "; ".join(filter(None, [said if len(said) <= _HELP_LIMIT else f"{said[:_HELP_LIMIT]}...", *rules]))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# --- what was filled in ---------------------------------------------------------------------------------------------


def read(schema: Schema, given: Mapping[str, str]) -> Filled:
    filled = Filled({}, {}, {(): ""})
    payload = _read_object(schema, schema, "", (), given, filled)
    filled.payload = payload if isinstance(payload, dict) else {}
    return filled


def _read(  # noqa: PLR0917
    part: Schema, root: Schema, path: str, place: tuple[str | int, ...], required: bool, given: Mapping[str, str],
    filled: Filled,
) -> Any:  # fmt: skip
    filled.places[place] = path
    kind = kind_of(part)
    found: dict[str, Any] | list[Any]
    if kind == "object":
        found = _read_object(part, root, path, place, given, filled)
    elif kind == "array":
        found = _read_array(part, root, path, place, required, given, filled)
    else:
        return _read_scalar(kind, path, given, filled)
    return found if required or not _is_empty(found) else MISSING


def _read_object(  # noqa: PLR0917
    part: Schema, root: Schema, path: str, place: tuple[str | int, ...], given: Mapping[str, str], filled: Filled
) -> dict[str, Any]:
    required = part.get("required", [])
    found = {
        name: _read(_resolved(child, root), root, _join(path, name), (*place, name), name in required, given, filled)
        for name, child in part.get("properties", {}).items()
        if name != "customData"
    }
    return {name: value for name, value in found.items() if value is not MISSING}


def _is_empty(value: Any) -> bool:
    """Nothing was filled in, however deep."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return all(isinstance(part, dict | list) and _is_empty(part) for part in parts)


def _read_array(  # noqa: PLR0917
    part: Schema, root: Schema, path: str, place: tuple[str | int, ...], required: bool, given: Mapping[str, str],
    filled: Filled,
) -> list[Any]:  # fmt: skip
    """Items in which nothing was filled in are left out."""
    item = _resolved(part.get("items", {}), root)
    found: list[Any] = []
    for index in range(count_of(part, path, required=required, given=given)):
        value = _read(item, root, _join(path, str(index)), (*place, len(found)), False, given, filled)
        if value is not MISSING:
            found.append(value)
    return found


def _read_scalar(kind: str, path: str, given: Mapping[str, str], filled: Filled) -> Any:
    text = given.get(path, "").strip()
    if not text:
        return MISSING
    if kind == "boolean":
        return text == "true"
    if kind in {"integer", "number"}:
        return _read_number(kind, text, path, filled)
    return text


def _read_number(kind: str, text: str, path: str, filled: Filled) -> Any:
    try:
        value = Decimal(text)
        if not value.is_finite() or abs(value.adjusted()) > 15 or (kind == "integer" and value != int(value)):
            raise InvalidOperation
    except InvalidOperation:
        filled.errors[path] = "It must be a whole number." if kind == "integer" else "It must be a number."
        return MISSING
    return int(value) if value == int(value) else float(value)
