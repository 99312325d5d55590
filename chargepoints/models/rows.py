"""Reading one row and writing many, without the detours of the ORM."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


def only_row(rows: "models.QuerySet[M]") -> M | None:
    """Of a look-up that matches one row at most. `first()` sorts, for which Django compares every column it selects."""
    return next(iter(rows.order_by()[:1]), None)


def update_each(model: type[M], objects: Sequence[M], names: Sequence[str]) -> None:
    """One statement, run for each object. `bulk_update` makes a CASE of all of them, which takes longer than saving
    each.
    """
    known = {field.name: field for field in model._meta.concrete_fields}
    fields, key = [known[name] for name in names], model._meta.pk
    quoted = [connection.ops.quote_name(str(field.column)) for field in (*fields, key)]
    assignments = ", ".join(f"{column} = %s" for column in quoted[:-1])
    table = connection.ops.quote_name(model._meta.db_table)
    rows = [
        [field.get_db_prep_save(field.value_from_object(each), connection) for field in (*fields, key)]
        for each in objects
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {assignments} WHERE {quoted[-1]} = %s", rows)  # noqa: S608


def insert_together(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """All `rows` in one statement: values in the order of `names`, as the database takes them, keys for foreign keys.

    `bulk_create` makes an object of each; a statement for each makes this thread ask for the interpreter each time.
    """
    if not rows:
        return
    known = {field.name: field for field in model._meta.concrete_fields}
    columns = ", ".join(connection.ops.quote_name(str(known[name].column)) for name in names)
    table, marks = connection.ops.quote_name(model._meta.db_table), f"({', '.join(['%s'] * len(names))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES {', '.join([marks] * len(rows))}",  # noqa: S608
            [value for row in rows for value in row],
        )
