"""Rows read and written by plain conditions, without the query compiler of the ORM.

The ORM builds and compiles every statement anew, which takes longer than all the rest of it: 0.6 ms for a row of thirty
columns against 0.1. For the paths that every profile request and meter value takes; everything else asks the ORM.
Values pass through the fields of the models, in both directions, as they do there; signals of models are not sent.

All conditions must hold: `status="QUEUED"`, `id__gt=7`, `expires_at__lte=now`; None means NULL, a tuple any of its
values. A foreign key is named by its column: `session_id=5`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)
Model = type[models.Model]
OPERATORS = {"": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def only_row(matching: "models.QuerySet[M]") -> M | None:
    """Of a look-up that matches one row at most. `first()` sorts, for which Django compares every column it selects."""
    return next(iter(matching.order_by()[:1]), None)


def find(model: type[M], *, lock: bool = False, order_by: str = "", **conditions: Any) -> M | None:
    """One row that matches; the first one in the order of a column, "-" before it for descending.

    `lock` holds the row until the end of the transaction, where the database locks rows at all.
    """
    return next(iter(_select(model, conditions, lock=lock, order_by=order_by, limit=1)), None)


def get(model: type[M], *, lock: bool = False, **conditions: Any) -> M:
    """Raises the model's DoesNotExist."""
    row = find(model, lock=lock, **conditions)
    if row is None:
        raise model.DoesNotExist(f"no {model._meta.verbose_name} where {', '.join(conditions)}")  # type: ignore[attr-defined]
    return row


def find_all(model: type[M], *, lock: bool = False, order_by: str = "", **conditions: Any) -> list[M]:
    return _select(model, conditions, lock=lock, order_by=order_by, limit=None)


def exists(model: Model, **conditions: Any) -> bool:
    return bool(_one_value("1", model, conditions, " LIMIT 1"))


def count(model: Model, **conditions: Any) -> int:
    return int(_one_value("COUNT(*)", model, conditions))


def change(model: Model, conditions: Mapping[str, Any], **values: Any) -> int:
    """How many rows matched and now hold `values`."""
    table = _table(model)
    where, wanted = _where(table, conditions)
    fields = [table.fields[name] for name in values]
    assignments = ", ".join(f"{_quoted(field)} = %s" for field in fields)
    prepared = [field.get_db_prep_save(value, connection) for field, value in zip(fields, values.values(), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table.name} SET {assignments}{where}", [*prepared, *wanted])  # noqa: S608
        return int(cursor.rowcount)


def add(instance: M) -> M:
    """Inserts it, and gives it its key."""
    table = _table(type(instance))
    fields = [field for field in table.in_order if not field.primary_key]
    values = [field.get_db_prep_save(field.pre_save(instance, add=True), connection) for field in fields]
    columns, places = ", ".join(map(_quoted, fields)), ", ".join("%s" for _ in fields)
    key = instance._meta.pk
    returning = f" RETURNING {_quoted(key)}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table.name} ({columns}) VALUES ({places}){returning}", values)  # noqa: S608
        instance.pk = cursor.fetchone()[0] if returning else cursor.lastrowid
    instance._state.adding, instance._state.db = False, connection.alias
    return instance


def update_each(model: type[M], objects: Sequence[M], names: Sequence[str]) -> None:
    """Writes these columns of each object. `bulk_update` makes a CASE of all of them, slower than saving each."""
    table = _table(model)
    fields, key = [table.fields[name] for name in names], model._meta.pk
    assignments = ", ".join(f"{_quoted(field)} = %s" for field in fields)
    rows = [
        [field.get_db_prep_save(field.value_from_object(each), connection) for field in (*fields, key)]
        for each in objects
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table.name} SET {assignments} WHERE {_quoted(key)} = %s", rows)  # noqa: S608


# --- statements -----------------------------------------------------------------------------------------------------

Converter = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True, slots=True)
class _Table:
    """`converters`: of the columns, by position, whose database values are not those of Python."""

    name: str
    in_order: tuple[Any, ...]
    fields: Mapping[str, Any]
    select: str
    converters: tuple[tuple[int, Any, tuple[Converter, ...]], ...]


def _table(model: Model) -> _Table:
    return _compiled(model, connection.vendor)


@cache
def _compiled(model: Model, vendor: str) -> _Table:  # noqa: ARG001
    in_order = tuple(model._meta.concrete_fields)
    name = connection.ops.quote_name(model._meta.db_table)
    by_name = {field.name: field for field in in_order} | {field.attname: field for field in in_order}
    select = f"SELECT {', '.join(map(_quoted, in_order))} FROM {name}"  # noqa: S608
    return _Table(name, in_order, by_name | {"pk": model._meta.pk}, select, tuple(_converters(in_order)))


def _converters(fields: Sequence[Any]) -> list[tuple[int, Any, tuple[Converter, ...]]]:
    columns = [(position, field.cached_col) for position, field in enumerate(fields)]
    found = [
        (position, column, (*connection.ops.get_db_converters(column), *column.get_db_converters(connection)))
        for position, column in columns
    ]
    return [entry for entry in found if entry[2]]


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)


def _where(table: _Table, conditions: Mapping[str, Any]) -> tuple[str, list[Any]]:
    parts, values = [], []
    for condition, value in conditions.items():
        name, _, operator = condition.partition("__")
        field = table.fields[name]
        if value is None:
            parts.append(f"{_quoted(field)} IS NULL")
        elif isinstance(value, tuple):
            parts.append(f"{_quoted(field)} IN ({', '.join('%s' for _ in value)})")
            values += [field.get_db_prep_value(each, connection) for each in value]
        else:
            parts.append(f"{_quoted(field)} {OPERATORS[operator]} %s")
            values.append(field.get_db_prep_value(value, connection))
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values


def _select(model: type[M], conditions: Mapping[str, Any], *, lock: bool, order_by: str, limit: int | None) -> list[M]:
    table = _table(model)
    where, values = _where(table, conditions)
    order = f" ORDER BY {_quoted(table.fields[order_by.lstrip('-')])}" if order_by else ""
    descending = " DESC" if order_by.startswith("-") else ""
    limited = f" LIMIT {limit}" if limit else ""
    locked = " FOR NO KEY UPDATE" if lock and connection.features.has_select_for_no_key_update else ""
    with connection.cursor() as cursor:
        cursor.execute(f"{table.select}{where}{order}{descending}{limited}{locked}", values)
        rows = cursor.fetchall()
    names = [field.attname for field in table.in_order]
    return [model.from_db(connection.alias, names, _converted(table, row)) for row in rows]


def _converted(table: _Table, row: Sequence[Any]) -> list[Any]:
    values = list(row)
    for position, column, converters in table.converters:
        for convert in converters:
            values[position] = convert(values[position], column, connection)
    return values


def _one_value(what: str, model: Model, conditions: Mapping[str, Any], end: str = "") -> Any:
    table = _table(model)
    where, values = _where(table, conditions)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {what} FROM {table.name}{where}{end}", values)  # noqa: S608
        row = cursor.fetchone()
    return row[0] if row else None
