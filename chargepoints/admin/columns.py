"""Columns and read-only fields, made from a field's name."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model

from chargepoints.admin import rendering

Column = Any  # a callable; the stubs of Django know callables in lists, not in forms


WORDS = {"evse": "EVSE", "evses": "EVSEs", "url": "URL", "uid": "UID", "id": "ID", "ocpi": "OCPI", "ocpp": "OCPP"}


def words(field: str) -> str:
    """What a field is called, with abbreviations as people write them."""
    parts = field.removesuffix("_at").split("_")
    return " ".join(WORDS.get(part, part) for part in parts if part)


def _column(field: str, label: str | None, render: Callable[[Any], Any], *, sortable: bool = True) -> Column:
    @admin.display(description=label or words(field), ordering=field if sortable else None)
    def column(obj: Model) -> Any:
        return render(_follow(obj, field))

    column.__name__ = field.replace("__", "_")
    column.field_path = field  # type: ignore[attr-defined]  # what an export reads
    return column


def _follow(obj: Any, path: str) -> Any:
    for name in path.split("__"):
        obj = None if obj is None else getattr(obj, name)
    return obj


def utc(field: str, label: str | None = None) -> Column:
    return _column(field, label, rendering.moment)


def linked(field: str, label: str | None = None) -> Column:
    return _column(field, label, rendering.link)


def session_link(field: str = "session") -> Column:
    """The first group of its uid: a whole one fills half a list."""
    return _column(field, None, lambda session: rendering.link(session, session.uid[:8] if session else ""))


def measured(field: str, unit: str, label: str | None = None) -> Column:
    return _column(field, label, lambda value: rendering.number(value, unit))


def toned(field: str, tones: Mapping[str, str], label: str | None = None) -> Column:
    """A status as a badge; what the mapping does not name is only information."""
    return _column(field, label, lambda v: rendering.badge(v, tones.get(v, rendering.INFO)) if v else rendering.NOTHING)


def pretty(field: str, label: str | None = None) -> Column:
    return _column(field, label, rendering.pretty_json, sortable=False)


def listed(field: str, label: str | None = None) -> Column:
    return _column(field, label, rendering.words_list, sortable=False)
