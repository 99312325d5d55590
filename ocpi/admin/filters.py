"""Filters of lists that grow without end: Django would look for the choices, and for the dates, in all rows."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

LATELY = {"900": "15 minutes", "3600": "hour", "86400": "day", "604800": "7 days"}


class FixedFilter(admin.SimpleListFilter):
    """Choices that are known."""

    choices_known: tuple[tuple[str, str, Q], ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(value, words) for value, words, _ in self.choices_known]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        chosen = next((q for value, _, q in self.choices_known if value == self.value()), None)
        return queryset if chosen is None else queryset.filter(chosen)


def lately(field: str) -> type[admin.SimpleListFilter]:
    """Rows whose `field` is not longer ago than chosen; an index answers."""

    class Lately(admin.SimpleListFilter):
        title, parameter_name = "time", "last_s"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
            return [(seconds, f"last {words}") for seconds, words in LATELY.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
            seconds = self.value()
            if seconds not in LATELY:
                return queryset
            return queryset.filter(**{f"{field}__gte": timezone.now() - timedelta(seconds=int(seconds))})

    return Lately
