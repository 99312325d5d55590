from collections.abc import Iterable

from django.contrib import admin
from django.utils import timezone

from chargepoints.admin import rendering
from chargepoints.admin.columns import linked, measured, pretty, session_link, toned, utc
from chargepoints.admin.pages import RecordAdmin
from chargepoints.admin.timeline import Problem
from ocpi.admin import tones
from ocpi.admin.outbox import message_problems
from ocpi.models import OutboxMessage, ProfileRequest, RequestBucket


@admin.register(ProfileRequest)
class ProfileRequestAdmin(RecordAdmin):
    list_display = [
        "id", "kind", linked("party"), session_link(), toned("response", tones.RESPONSE, "answered at once"),
        "reason", toned("result", tones.RESULT), utc("received_at"), utc("result_at"), utc("deadline_at"),
    ]  # fmt: skip
    list_filter = ["response", "result", "kind", "party", "reason"]
    list_select_related = ["party", "session"]
    search_fields = ["session_uid", "request_id", "correlation_id", "detail"]
    search_help_text = "Session, request id, correlation id or detail"
    date_hierarchy = "received_at"
    shown = [
        "id", "kind", linked("party"), linked("session"), "session_uid", utc("received_at"),
        toned("response", tones.RESPONSE, "answered at once"), "reason", "detail",
        measured("timeout_s", "s", "timeout"), utc("deadline_at"), linked("command"),
        toned("result", tones.RESULT), utc("result_at"), "delivery",
        "sender", "receiver", "response_url", "request_id", "correlation_id", "fingerprint", pretty("body"),
    ]  # fmt: skip

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
