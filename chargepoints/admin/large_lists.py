"""Lists of millions of rows: nothing in them may read a whole table.

Constraints:
- rows are counted up to COUNTED, in no order;
- a search asks indexes of the list's own table alone. Rows of others that match (charge points, sessions) are looked
  for first and named by their keys: an OR across tables, which Django makes of `search_fields`, reads all;
- years, months and days of a date hierarchy come from the first and the last date, not from all of them;
- columns by which no index sorts are not offered for sorting.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property

from chargepoints.models import ChargePoint, ChargingSession, Location
from chargepoints.theme import ModelAdmin

COUNTED = 10_000
MATCHES = 200
"""Rows of another table that one search follows at most."""
CHOICES = 100
YEARS = 10


class BoundedPaginator(Paginator):
    """Counts no further than COUNTED rows: counting all meter values takes longer than reading a page of them."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows.order_by()[:COUNTED].count()


class LargeList(ModelAdmin):  # type: ignore[misc]
    """`sorted_by`: names of columns that indexes sort; None: all, as the table is small."""

    paginator: Any = BoundedPaginator
    show_full_result_count = False
    change_list_template: Any = "admin/large_list.html"
    sorted_by: frozenset[str] | None = None

    def get_sortable_by(self, request: HttpRequest) -> Any:
        shown = super().get_sortable_by(request)
        if self.sorted_by is None:
            return shown
        return [column for column in shown if getattr(column, "__name__", column) in self.sorted_by]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            shown["dates"] = date_choices(shown["cl"], now=timezone.now())
            if shown["cl"].result_count >= COUNTED:
                shown["subtitle"] = f"the first {COUNTED} only: search, filter or choose a date to see others"
        return response


class SearchedByIndex(ModelAdmin):  # type: ignore[misc]
    """`search_fields`: of the list's own table, with a lookup that an index answers; without one it is `exact`.
    `search_through`: for each foreign key, lookups in the table it leads to.
    """

    search_fields: ClassVar[Any] = ()
    search_through: Mapping[str, Sequence[str]] = {}

    def get_search_fields(self, request: HttpRequest) -> Any:  # noqa: ARG002
        """The search box is there when this is not empty."""
        return [
            *self.search_fields,
            *(f"{name}__{word}" for name, found in self.search_through.items() for word in found),
        ]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        if not term or not self.get_search_fields(request):
            return queryset, False
        anywhere = self.search_own(term)
        for name in self.search_through:
            anywhere |= self.search_related(name, self._keys(request, name, term))
        return (queryset.filter(anywhere) if anywhere else queryset.none()), False

    def search_own(self, term: str) -> Q:
        """Those that only begin so are looked for alone: guesses how many there are make planners read everything."""
        anywhere = Q()
        for name in self.search_fields:
            anywhere |= Q(pk__in=_newest(self.model, _is(name, term))) if "__" in name else _is(name, term)
        return anywhere

    def search_related(self, name: str, keys: Sequence[Any]) -> Q:
        """Rows that point to one of these."""
        return Q(**{f"{name}__in": keys}) if keys else Q()

    def _keys(self, request: HttpRequest, name: str, term: str) -> list[Any]:
        model: Any = self.model._meta.get_field(name).related_model
        lookups = Q()
        for word in self.search_through[name]:
            lookups |= _is(word, term)
        keys = _newest(model, lookups, MATCHES + 1)
        if len(keys) > MATCHES:
            what = model._meta.verbose_name_plural
            text = f"More than {MATCHES} {what} match “{term}”: the newest {MATCHES} of them are looked at. Type more."
            self.message_user(request, text, messages.WARNING, fail_silently=True)
        return keys[:MATCHES]


def _newest(model: Any, lookups: Q, most: int = 0) -> list[Any]:
    return list(model.objects.filter(lookups).order_by("-pk").values_list("pk", flat=True)[: most or MATCHES])


def _is(name: str, term: str) -> Q:
    """An exact one is also said not to be empty: indexes that leave out empty ones serve it."""
    if name.endswith("__startswith"):
        return begins(name.removesuffix("__startswith"), term)
    return Q(**{name: term}) if "__" in name else Q(**{name: term}) & ~Q(**{name: ""})


def begins(name: str, term: str) -> Q:
    """SQLite uses no index for LIKE with an ESCAPE, PostgreSQL none for a range but in its own collation."""
    if connection.vendor == "sqlite":
        return Q(**{f"{name}__gte": term, f"{name}__lt": term + chr(0x10FFFF)})
    return Q(**{f"{name}__startswith": term})


def newest_sessions(of: Sequence[int]) -> list[int]:
    """Of these charge points."""
    sessions = ChargingSession.objects.filter(charge_point__in=of).order_by("-started_at")
    return list(sessions.values_list("pk", flat=True)[:MATCHES])


# --- filters --------------------------------------------------------------------------------------------------------


class LocationFilter(admin.SimpleListFilter):
    """By the charge points there, of which there are few."""

    title = "location"
    parameter_name = "charge_point__location"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Of very many the first by name, and the one that a link has chosen."""
        names = dict(Location.objects.order_by("name").values_list("pk", "name")[:CHOICES])
        chosen = request.GET.get(self.parameter_name, "")
        if chosen.isdecimal() and int(chosen) not in names:
            names |= dict(Location.objects.filter(pk=chosen).values_list("pk", "name"))
        return [(str(key), name) for key, name in names.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        value = self.value()
        if value is None:
            return queryset
        points = ChargePoint.objects.filter(location=int(value)) if value.isdecimal() else ChargePoint.objects.none()
        return queryset.filter(charge_point__in=list(points.values_list("pk", flat=True)))


# --- dates ----------------------------------------------------------------------------------------------------------


def date_choices(cl: Any, *, now: datetime) -> dict[str, Any] | None:
    """What `admin/date_hierarchy.html` shows: periods between the first and the last date, whether or not they are
    empty.
    """
    name = cl.date_hierarchy
    span = _span(cl.model, name, now=now) if name else None
    if span is None:
        return None
    first, last = span
    year, month, day = (_number(cl.params.get(f"{name}__{part}")) for part in ("year", "month", "day"))
    year = year or (first.year if first.year == last.year else None)

    def link(**chosen: int) -> str:
        return cl.get_query_string({f"{name}__{part}": value for part, value in chosen.items()}, [f"{name}__"])

    if year and month and day:
        back = {"link": link(year=year, month=month), "title": date_format(date(year, month, 1), "YEAR_MONTH_FORMAT")}
        return {"back": back, "choices": [{"title": date_format(date(year, month, day), "MONTH_DAY_FORMAT")}]}
    if year and month:
        days = [date(year, month, number + 1) for number in range(monthrange(year, month)[1])]
        shown = [(link(year=year, month=month, day=d.day), date_format(d, "MONTH_DAY_FORMAT"))
                 for d in days if first <= d <= last]  # fmt: skip
        return {"back": {"link": link(year=year), "title": str(year)}, "choices": _choices(shown)}
    if year:
        months = [date(year, number, 1) for number in range(1, 13)]
        shown = [(link(year=year, month=m.month), date_format(m, "YEAR_MONTH_FORMAT"))
                 for m in months if first.replace(day=1) <= m <= last]  # fmt: skip
        return {"back": {"link": link(), "title": "All dates"}, "choices": _choices(shown)}
    years = [(link(year=number), str(number)) for number in range(first.year, last.year + 1)]
    return {"back": None, "choices": _choices(years)}


def _choices(shown: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"link": link, "title": title} for link, title in shown]


def _number(text: Any) -> int | None:
    return int(text) if text and str(text).isdecimal() else None


def _span(model: type[Model], name: str, *, now: datetime) -> tuple[date, date] | None:
    """Two looks into an index. Of charge points with wrong clocks no more than the last YEARS."""
    ends = list(_ends(model, name))
    if not ends:
        return None
    first, last = (end.astimezone(UTC).date() for end in ends)
    last = min(last, (now + timedelta(days=1)).date())
    return max(first, last.replace(year=last.year - YEARS + 1, month=1, day=1)), last


def _ends(model: type[Model], name: str) -> Iterator[datetime]:
    dated = model._default_manager.filter(**{f"{name}__isnull": False})
    for order in (name, f"-{name}"):
        yield from dated.order_by(order).values_list(name, flat=True)[:1]
