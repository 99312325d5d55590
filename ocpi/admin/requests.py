from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from chargepoints.admin import rendering
from chargepoints.admin.columns import linked, measured, pretty, session_link, toned, utc
from chargepoints.admin.large_lists import SearchedByIndex
from chargepoints.admin.pages import RecordAdmin
from chargepoints.admin.timeline import Problem
from ocpi.admin import tones
from ocpi.admin.outbox import message_problems
from ocpi.models import OutboxMessage, ProfileRequest, RequestBucket
from ocpi.models.requests import REFUSED

NEWEST_REFUSALS = 2000


class ReasonFilter(admin.SimpleListFilter):
    """Those of the newest refusals: looking for all there are would read the whole table."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        newest = ProfileRequest.objects.filter(REFUSED).order_by("-pk")
        found = set(newest.values_list("reason", flat=True)[:NEWEST_REFUSALS]) | {request.GET.get("reason", "")}
        return [(reason, reason) for reason in sorted(found - {""})]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        return queryset.filter(REFUSED, reason=self.value()) if self.value() else queryset


@admin.register(ProfileRequest)
class ProfileRequestAdmin(SearchedByIndex, RecordAdmin):
    list_display = [
        "id", "kind", linked("party"), session_link(), toned("response", tones.RESPONSE, "answered at once"),
        "reason", toned("result", tones.RESULT), utc("received_at"), utc("result_at"), utc("deadline_at"),
    ]  # fmt: skip
    list_filter = ["response", "result", "kind", "party", ReasonFilter]
    list_select_related = ["party", "session"]
    search_fields = ["request_id", "correlation_id"]
    search_through = {"session": ["uid__startswith"]}
    search_help_text = "Session (the beginning of its UID), or whole: request id, correlation id, unknown session"
    sorted_by = frozenset({"id", "received_at"})
    date_hierarchy = "received_at"
    shown = [
        "id", "kind", linked("party"), linked("session"), "session_uid", utc("received_at"),
        toned("response", tones.RESPONSE, "answered at once"), "reason", "detail",
        measured("timeout_s", "s", "timeout"), utc("deadline_at"), linked("command"),
        toned("result", tones.RESULT), utc("result_at"), "delivery",
        "sender", "receiver", "response_url", "request_id", "correlation_id", "fingerprint", pretty("body"),
    ]  # fmt: skip

    def search_own(self, term: str) -> Q:
        return super().search_own(term) | Q(session=None, session_uid=term)

    @admin.display(description="delivery of the result")
    def delivery(self, request: ProfileRequest) -> str:
        return rendering.link(message_of(request))

    def problems(self, obj: ProfileRequest) -> Iterable[Problem]:
        message = message_of(obj)
        if message:
            yield from message_problems(message, now=timezone.now())
        yield from unanswered(obj)


def message_of(request: ProfileRequest) -> OutboxMessage | None:
    return OutboxMessage.objects.filter(profile_request=request).select_related("party").first()


def unanswered(request: ProfileRequest) -> Iterable[Problem]:
    """Accepted, its time is over, and there is no result to send."""
    promised = request.response == ProfileRequest.Response.ACCEPTED and not request.result
    if promised and request.deadline_at <= timezone.now():
        what = f"{request.party} was never told what came of {request}"
        why = f"The promised time was over at {rendering.when(request.deadline_at)}, and no result was written."
        yield Problem(what, why, url=rendering.admin_url(request))


@admin.register(RequestBucket)
class RequestBucketAdmin(RecordAdmin):
    list_display = ["key", "tokens", utc("filled_at")]
    search_fields = ["key"]
    shown = ["key", "tokens", utc("filled_at")]
