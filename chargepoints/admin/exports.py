"""Every list as a file: just the rows that its search and filters show, in its order, with its columns."""

import html
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.html import strip_tags

from chargepoints import audit
from chargepoints.admin.cells import csv_line, json_value

MOST_ROWS = 50_000
AT_A_TIME = 500
SECRET = re.compile(r"password|secret|hash|encrypted|token_a", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    value: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Export:
    """`keys`: of the rows, in their order. They are read piece by piece: no query and no memory is large."""

    columns: Sequence[Column]
    rows: QuerySet
    keys: Sequence[Any]
    is_cut: bool

    @property
    def note(self) -> str:
        return f"Cut after {MOST_ROWS} rows: there are more. Search or filter the list to get the rest."

    def __iter__(self) -> Iterator[list[Any]]:
        for first in range(0, len(self.keys), AT_A_TIME):
            keys = self.keys[first : first + AT_A_TIME]
            found = {row.pk: row for row in self.rows.filter(pk__in=keys)}
            yield from ([column.value(found[key]) for column in self.columns] for key in keys if key in found)


def as_csv(export: Export) -> Iterator[str]:
    """The note, where it is cut, is the first line and the last one."""
    if export.is_cut:
        yield csv_line([export.note])
    yield csv_line(column.name for column in export.columns)
    for row in export:
        yield csv_line(row)
    if export.is_cut:
        yield csv_line([export.note])


def as_json(export: Export) -> Iterator[str]:
    head = {"cut": export.is_cut, "note": export.note if export.is_cut else ""}
    yield json.dumps(head)[:-1] + ', "rows": ['
    names, between = [column.name for column in export.columns], "\n"
    for row in export:
        yield between + json.dumps(dict(zip(names, map(json_value, row), strict=True)), ensure_ascii=False)
        between = ",\n"
    yield "\n]}\n"


FORMATS: dict[str, tuple[Callable[[Export], Iterator[str]], str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "json": (as_json, "application/json"),
}


class Exported(admin.ModelAdmin):
    """`?export=csv` or `?export=json` on its list, for who may see it."""

    change_list_template = "admin/exported_change_list.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        wanted = request.GET.get("export", "")
        if request.method == "GET" and wanted in FORMATS:
            return self._export(request, wanted)
        response = super().changelist_view(request, {"most_rows": f"{MOST_ROWS:,}", **(extra_context or {})})
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            shown["exports"] = [
                (name.upper(), shown["cl"].get_query_string({"export": name}, remove=["p"])) for name in FORMATS
            ]
        return response

    def _export(self, request: HttpRequest, wanted: str) -> HttpResponseBase:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        asked = request.GET.copy()
        del asked["export"]
        request.GET = asked  # type: ignore[assignment]
        rows = self.get_changelist_instance(request).queryset
        keys = list(rows.values_list("pk", flat=True)[: MOST_ROWS + 1])
        export = Export(columns_of(self, request), rows, keys[:MOST_ROWS], is_cut=len(keys) > MOST_ROWS)
        _write_down(self, request, export, wanted)
        return _file(self, request, export, wanted)


def columns_of(model_admin: admin.ModelAdmin, request: HttpRequest) -> list[Column]:
    """The key, then what the list shows: values as they are kept, or as they are shown where they are computed."""
    shown = [(_name(model_admin, item), item) for item in model_admin.get_list_display(request)]
    columns = [Column(name, _value(model_admin, item)) for name, item in shown if not SECRET.search(_path(item))]
    return [Column("key", lambda row: row.pk), *columns]


def _name(model_admin: admin.ModelAdmin, item: Any) -> str:
    return str(label_for_field(item, model_admin.model, model_admin))


def _path(item: Any) -> str:
    """Of a column made by `columns`, or the name of a field or method."""
    return item if isinstance(item, str) else getattr(item, "field_path", item.__name__)


def _value(model_admin: admin.ModelAdmin, item: Any) -> Callable[[Any], Any]:
    if not isinstance(item, str) and hasattr(item, "field_path"):
        return lambda row: _kept(row, item.field_path)
    if isinstance(item, str) and _is_field(model_admin.model, item):
        return lambda row: _kept(row, item)
    if item == "__str__":
        return str
    show = item if callable(item) else getattr(model_admin, item, None) or (lambda row: getattr(row, item)())
    return lambda row: _words(show(row))


def _is_field(model: type[Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def _kept(row: Any, path: str) -> Any:
    for name in path.split("__"):
        row = None if row is None else getattr(row, name)
    return str(row) if isinstance(row, Model) else row


def _words(shown: Any) -> Any:
    return html.unescape(strip_tags(shown)).strip() if hasattr(shown, "__html__") else shown


def _write_down(model_admin: admin.ModelAdmin, request: HttpRequest, export: Export, wanted: str) -> None:
    what = f"Exported {model_admin.opts.verbose_name_plural}"
    asked = f", of {request.GET.urlencode()}" if request.GET else ""
    result = f"{len(export.keys)} rows as {wanted.upper()}{asked}{'. ' + export.note if export.is_cut else ''}"
    audit.write(user=request.user, action=what, result=result, batch=uuid4(), now=timezone.now())


def _file(model_admin: admin.ModelAdmin, request: HttpRequest, export: Export, wanted: str) -> StreamingHttpResponse:
    write, content_type = FORMATS[wanted]
    parts = write(export)
    body: Any = _hopping(parts) if isinstance(request, ASGIRequest) else parts
    name = f"{model_admin.opts.model_name}-{timezone.now():%Y%m%dT%H%M%SZ}{'-cut' if export.is_cut else ''}.{wanted}"
    response = StreamingHttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def _hopping(parts: Iterator[str]) -> AsyncIterator[str]:
    """Each piece is made in the thread of the request; the event loop only sends it."""
    following = sync_to_async(lambda: next(parts, None))
    while (part := await following()) is not None:
        yield part
