"""What `ocpi` adds to the page of a session: requests, results, deliveries, and what did not reach a partner."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from chargepoints.admin import rendering
from chargepoints.admin.rendering import INFO
from chargepoints.admin.timeline import NEWEST, Problem, TimelineEntry, register_problems, register_source
from chargepoints.models import ChargingSession
from ocpi.admin import tones
from ocpi.admin.outbox import message_problems, outcome_words
from ocpi.admin.requests import unanswered
from ocpi.models import DeliveryAttempt, OutboxMessage, ProfileRequest

Status = OutboxMessage.Status
SHOWN_PROBLEMS = 5
ASKED = {
    ProfileRequest.Kind.SET: "a charging profile",
    ProfileRequest.Kind.CLEAR: "to clear its charging profile",
    ProfileRequest.Kind.GET: "for the active charging profile",
}


@register_source
def request_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    requests = ProfileRequest.objects.filter(session=session).select_related("party")
    for request in requests.order_by("-received_at")[:NEWEST]:
        url = rendering.admin_url(request)
        detail = ": ".join(filter(None, [request.reason, request.detail]))
        title = f"{request.party} asked {ASKED[ProfileRequest.Kind(request.kind)]} ({request})"
        tone = tones.RESPONSE.get(request.response, INFO)
        yield TimelineEntry(request.received_at, title, request.response, tone, detail, url, order=-1)
        if request.result_at:
            tone = tones.RESULT.get(request.result, INFO)
            yield TimelineEntry(
                request.result_at, f"Result of {request} for {request.party}", request.result, tone, url=url
            )


@register_source
def message_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    for message in OutboxMessage.objects.filter(session=session).select_related("party")[:NEWEST]:
        title, url = f"{message} for {message.party} written", rendering.admin_url(message)
        tone = tones.MESSAGE.get(message.status, INFO)
        yield TimelineEntry(message.created_at, title, f"now {message.status}", tone, message.last_error, url)


@register_source
def attempt_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    attempts = DeliveryAttempt.objects.filter(message__session=session).select_related("message__party")
    for attempt in attempts[:NEWEST]:
        message = attempt.message
        title = f"{message} to {message.party}, attempt {attempt.number}, {attempt.method}".rstrip(", ")
        status, tone = outcome_words(attempt)
        yield TimelineEntry(attempt.started_at, title, status, tone, attempt.error, rendering.admin_url(attempt))


@register_problems
def delivery_problems(session: ChargingSession) -> Iterable[Problem]:
    wrong = Q(failures__gt=0) | Q(status__in=[Status.FAILED, Status.EXPIRED, Status.IN_DOUBT])
    now = timezone.now()
    for message in OutboxMessage.objects.filter(wrong, session=session).select_related("party")[:SHOWN_PROBLEMS]:
        yield from message_problems(message, now=now)


@register_problems
def request_problems(session: ChargingSession) -> Iterable[Problem]:
    accepted = ProfileRequest.objects.filter(
        session=session, response=ProfileRequest.Response.ACCEPTED, result="", deadline_at__lte=timezone.now()
    )
    for request in accepted.select_related("party")[:SHOWN_PROBLEMS]:
        yield from unanswered(request)
