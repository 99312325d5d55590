from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from chargepoints.admin import rendering
from chargepoints.admin.columns import linked, measured, pretty, session_link, toned, utc
from chargepoints.admin.large_lists import MATCHES, SearchedByIndex, begins
from chargepoints.admin.pages import RecordAdmin
from chargepoints.admin.timeline import NEWEST, Problem, Remedy
from chargepoints.models import ChargingSession
from ocpi import outbox
from ocpi.admin import tones
from ocpi.admin.bodies import pretty_body, pretty_document
from ocpi.admin.deliveries import SEND_PERMISSION, retry_delivery_now, why_not
from ocpi.admin.filters import FixedFilter
from ocpi.models import DeliveryAttempt, OutboxMessage
from ocpi.models.outbox import FAILED

Kind = OutboxMessage.Kind
Status = OutboxMessage.Status
WORDS = {
    Kind.RESULT: "A result", Kind.SESSION: "The session", Kind.ACTIVE_PROFILE: "The active profile",
    Kind.LOCATION: "The Location", Kind.EVSE: "The status of an EVSE",
}  # fmt: skip


@admin.register(OutboxMessage)
class OutboxMessageAdmin(SearchedByIndex, RecordAdmin):
    list_display = [
        "id", "kind", linked("party"), session_link(), linked("location"), linked("evse"),
        toned("status", tones.MESSAGE), "failures", "last_error", utc("due_at"), utc("expires_at"), utc("created_at"),
        utc("delivered_at"),
    ]  # fmt: skip
    list_filter = ["status", "kind", "party"]
    list_select_related = ["party", "session", "location", "evse__charge_point"]
    search_fields = ["correlation_id"]
    search_through = {"session": ["uid__startswith"], "evse": ["uid__startswith"], "location": ["uid__startswith"]}
    search_help_text = "Session, EVSE or Location (the beginning of its UID), or a whole correlation id"
    sorted_by = frozenset({"id", "created_at"})
    date_hierarchy = "created_at"
    actions = [retry_delivery_now]
    shown = [
        "id", "kind", linked("party"), linked("session"), linked("location"), linked("evse"),
        linked("profile_request"), toned("status", tones.MESSAGE),
        "failures", "last_error", "url", utc("due_at"), utc("expires_at"), utc("lease_until"), "revision",
        "delivered_revision", utc("created_at"), utc("delivered_at"), "correlation_id", pretty("body"),
        pretty("delivered_body", "the partner has"),
    ]  # fmt: skip

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SEND_PERMISSION)  # type: ignore[union-attr]

    def page(self, request: HttpRequest, obj: OutboxMessage) -> dict[str, Any]:
        """Without the button that would do nothing."""
        page = super().page(request, obj)
        if not outbox.retryable(obj, now=timezone.now()):
            page["buttons"] = [button for button in page["buttons"] if button.action != "retry_delivery_now"]
        return page

    def problems(self, obj: OutboxMessage) -> Iterable[Problem]:
        return message_problems(obj, now=timezone.now())

    def panels(self, obj: OutboxMessage) -> list[tuple[str, object]]:
        return [("Attempts", _attempts_table(obj))]


def is_wrong(message: OutboxMessage) -> bool:
    return message.failures > 0 or message.status in {Status.FAILED, Status.EXPIRED, Status.IN_DOUBT}


def message_problems(message: OutboxMessage, *, now: datetime) -> Iterable[Problem]:
    if not is_wrong(message):
        return
    doubtful = message.status == Status.IN_DOUBT
    what = "may or may not have reached" if doubtful else "has not reached"
    expired = message.expires_at is not None and message.expires_at <= now
    hope = f" It is not sent again: {why_not(message, now=now)}." if expired else _next_try(message)
    yield Problem(
        f"{WORDS[Kind(message.kind)]} {what} {message.party}",
        f"{message.last_error or 'no reason is known'}.{hope}",
        None if expired else Remedy(message, "retry_delivery_now"),
        tone=rendering.WARN if doubtful else rendering.BAD,
        url=rendering.admin_url(message),
    )


def _next_try(message: OutboxMessage) -> str:
    failed = f" Failed {message.failures} times in a row." if message.failures > 1 else ""
    if message.status != Status.PENDING:
        return f"{failed} It is not tried again by itself."
    return f"{failed} Tried again at {rendering.when(message.due_at)}."


def _attempts_table(message: OutboxMessage) -> str:
    rows = format_html_join(
        "",
        '<tr><td class="cpo-at">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>',
        (
            (rendering.when(a.started_at), rendering.link(a, f"attempt {a.number} ({a.method})"), outcome(a), a.error)
            for a in message.attempts.all()[:NEWEST]
        ),
    )
    if not rows:
        return "Nothing was tried yet."
    return format_html('<table class="cpo-timeline"><tbody>{}</tbody></table>', rows)


def outcome_words(attempt: DeliveryAttempt) -> tuple[str, str]:
    """What came of it, and its tone."""
    if attempt.finished_at is None:
        return ("under way" if attempt.sent_at else "began"), rendering.WARN
    ocpi = "" if attempt.ocpi_status is None else f", OCPI {attempt.ocpi_status}"
    words = f"HTTP {attempt.http_status}{ocpi}" if attempt.http_status else "no answer"
    return words, rendering.BAD if attempt.error else rendering.OK


def outcome(attempt: DeliveryAttempt) -> str:
    return rendering.badge(*outcome_words(attempt))


class OutcomeFilter(FixedFilter):
    title, parameter_name = "outcome", "outcome"
    """All but "arrived" are few: an index holds them."""

    choices_known = (
        ("wrong", "failed", FAILED),
        ("good", "arrived", Q(error="", finished_at__isnull=False)),
        ("none", "no answer", FAILED & Q(http_status=None, finished_at__isnull=False)),
        ("4xx", "HTTP 4xx", FAILED & Q(http_status__gte=400, http_status__lt=500)),
        ("5xx", "HTTP 5xx", FAILED & Q(http_status__gte=500)),
        ("open", "not over", Q(finished_at=None)),
    )


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(SearchedByIndex, RecordAdmin):
    list_display = [
        "id", linked("message"), linked("party"), "number", "method", "url", "came_of_it", "error",
        utc("started_at"), measured("duration_ms", "ms", "took"),
    ]  # fmt: skip
    list_filter = [OutcomeFilter, "party"]
    list_select_related = ["message", "party"]
    search_fields = ["correlation_id"]
    search_help_text = "Session (the beginning of its UID), or a whole correlation id"
    sorted_by = frozenset({"id", "started_at"})
    date_hierarchy = "started_at"
    shown = [
        linked("message"), linked("party"), "number", "method", "url", "came_of_it", "error",
        utc("started_at"), utc("sent_at"), utc("finished_at"), measured("duration_ms", "ms", "took"),
        "correlation_id", "sent", "answer",
    ]  # fmt: skip

    def search_own(self, term: str) -> Q:
        """Of the messages of a session that is found."""
        sessions = ChargingSession.objects.filter(begins("uid", term)).order_by("-pk").values_list("pk", flat=True)
        messages = OutboxMessage.objects.filter(session__in=list(sessions[:MATCHES])).order_by("-pk")
        keys = list(messages.values_list("pk", flat=True)[:MATCHES])
        return super().search_own(term) | self.search_related("message", keys)

    @admin.display(description="outcome", ordering="http_status")
    def came_of_it(self, attempt: DeliveryAttempt) -> str:
        return outcome(attempt)

    @admin.display(description="sent")
    def sent(self, attempt: DeliveryAttempt) -> str:
        return pretty_document(attempt.body)

    @admin.display(description="answer")
    def answer(self, attempt: DeliveryAttempt) -> str:
        return pretty_body(attempt.response_body)
