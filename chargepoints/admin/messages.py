"""The message log: what charge points said and were told, newest first."""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from chargepoints.admin import rendering
from chargepoints.admin.columns import linked, utc
from chargepoints.admin.pages import RecordAdmin
from chargepoints.admin.rendering import BAD, INFO, OK, WARN
from chargepoints.message_log import ANSWERED
from chargepoints.models import ChargePoint, OcppMessage

NEWEST = 100_000
"""Without a charge point or a time the list looks at so many messages: a rare action is not sought in all there are."""
ACTIONS_OF = 2000
SHOWN = 20
GOOD = ("Accepted", ANSWERED)
WORDS = {OcppMessage.Direction.IN.value: "in", OcppMessage.Direction.OUT.value: "out"}


class ActionFilter(admin.SimpleListFilter):
    """Those of the newest messages: a list of all actions there are would be longer than the page."""

    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = model_admin.get_queryset(request).order_by("-id")
        if charge_point := request.GET.get("charge_point", ""):
            newest = newest.filter(charge_point=charge_point) if charge_point.isdecimal() else newest.none()
        chosen = {request.GET.get("action", "")}
        names = set(newest.values_list("action", flat=True)[:ACTIONS_OF]) | chosen
        return [(name, name) for name in sorted(names - {""})]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        return queryset.filter(action=self.value()) if self.value() else queryset


class ResultFilter(admin.SimpleListFilter):
    title = "result"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [
            ("good", "Accepted or answered"), ("other", "Any other status"), ("error", "CALLERROR"),
            ("none", "No answer, or unreadable"),
        ]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        results = queryset.filter(answer_type=OcppMessage.Answer.RESULT)
        match self.value():
            case "good":
                return results.filter(result__in=GOOD)
            case "other":
                return results.exclude(result__in=GOOD)
            case "error":
                return queryset.filter(answer_type=OcppMessage.Answer.ERROR)
            case "none":
                return queryset.filter(answer_type="")
        return queryset


@admin.register(OcppMessage)
class OcppMessageAdmin(RecordAdmin):
    list_display = [utc("at"), linked("charge_point"), "way", "action", "outcome", "took", "unique_id"]
    list_display_links = ["action"]
    list_filter = ["direction", ResultFilter, ActionFilter]
    list_select_related = ["charge_point"]
    sortable_by = ()
    ordering = ["-id"]
    search_fields = ["=message_id", "=charge_point__identity"]
    search_help_text = "Exact unique id, or exact charge point"
    date_hierarchy = "at"
    list_per_page = 100
    shown = [
        linked("charge_point"), utc("at"), "way", "action", "message_id", "call", "outcome", "answer_type", "took",
        "reply",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Bounded, unless an index leads to what is asked for."""
        messages = super().get_queryset(request)
        place = request.resolver_match.url_name if request.resolver_match else ""
        if (place or "").endswith("_changelist") and not _is_narrow(request):
            newest = OcppMessage.objects.aggregate(Max("pk"))["pk__max"] or 0
            return messages.filter(pk__gt=newest - NEWEST)
        return messages

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "charge_point" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description="direction")
    def way(self, message: OcppMessage) -> str:
        return WORDS.get(message.direction, message.direction)

    @admin.display(description="result")
    def outcome(self, message: OcppMessage) -> str:
        return result_badge(message)

    @admin.display(description="took")
    def took(self, message: OcppMessage) -> str:
        return rendering.NOTHING if message.duration_ms is None else f"{message.duration_ms} ms"

    @admin.display(description="unique id")
    def unique_id(self, message: OcppMessage) -> str:
        return message.message_id[:12]

    @admin.display(description="CALL")
    def call(self, message: OcppMessage) -> str:
        return pretty_text(message.payload)

    @admin.display(description="answer")
    def reply(self, message: OcppMessage) -> str:
        return pretty_text(message.answer)


def _is_narrow(request: HttpRequest) -> bool:
    return any(name == "charge_point" or name.startswith("at__") for name in request.GET)


def pretty_text(text: str) -> str:
    """One that was cut is no JSON any more."""
    try:
        return rendering.pretty_json(json.loads(text)) if text else rendering.NOTHING
    except ValueError:
        return format_html('<pre class="cpo-json">{}</pre>', text)


def result_badge(message: OcppMessage) -> str:
    if message.answer_type == OcppMessage.Answer.RESULT:
        return rendering.badge(message.result, OK if message.result in GOOD else WARN)
    return rendering.badge(message.result, BAD)


# --- on the page of a charge point ----------------------------------------------------------------------------------


def newest_of(charge_point: ChargePoint) -> str:
    messages = OcppMessage.objects.filter(charge_point=charge_point).order_by("-id")[:SHOWN]
    body = format_html_join("", "{}", _rows(messages))
    if not body:
        return "No message is kept."
    everything = rendering.list_url(OcppMessage, charge_point=charge_point.pk)
    return format_html(
        '<table class="cpo-timeline"><tbody>{}</tbody></table><p><a href="{}">All messages</a></p>', body, everything
    )


def _rows(messages: Iterable[OcppMessage]) -> Iterable[tuple[str]]:
    for message in messages:
        took = "" if message.duration_ms is None else f"{message.duration_ms} ms"
        way = rendering.badge(WORDS.get(message.direction, ""), INFO)
        yield (
            format_html(
                '<tr><td class="cpo-at">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>',
                rendering.when(message.at), way, rendering.link(message, message.action or "unreadable"),
                result_badge(message), took,
            ),
        )  # fmt: skip
