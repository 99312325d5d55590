"""What `ocpi` adds to the page of a session: requests, results, deliveries, and what did not reach a partner."""

from collections.abc import Iterable

from django.utils import timezone

from chargepoints.admin import rendering
from chargepoints.admin.rendering import BAD, INFO
from chargepoints.admin.session_rows import read_once
from chargepoints.admin.timeline import (
    NEWEST,
    Problem,
    Remedy,
    TimelineEntry,
    register_problems,
    register_refusals,
    register_source,
)
from chargepoints.chart.story import Refusal
from chargepoints.models import ChargingSession
from ocpi.admin import tones
from ocpi.admin.outbox import is_wrong, message_problems, outcome_words
from ocpi.admin.requests import unanswered
from ocpi.models import DeliveryAttempt, OutboxMessage, ProfileRequest

Response = ProfileRequest.Response
Status = OutboxMessage.Status
Kind = OutboxMessage.Kind
SHOWN_PROBLEMS = 5
MOST_LIMITS = 6
ASKED = {
    ProfileRequest.Kind.SET: "a charging profile",
    ProfileRequest.Kind.CLEAR: "to clear its charging profile",
    ProfileRequest.Kind.GET: "for the active charging profile",
}
BROUGHT = {Kind.RESULT: "result", Kind.ACTIVE_PROFILE: "active profile", Kind.SESSION: "session"}


@read_once
def requests_of(session: ChargingSession) -> Iterable[ProfileRequest]:
    """The newest, newest first."""
    return ProfileRequest.objects.filter(session=session).select_related("party").order_by("-received_at")[:NEWEST]


@read_once
def messages_of(session: ChargingSession) -> Iterable[OutboxMessage]:
    return OutboxMessage.objects.filter(session=session).select_related("party").defer("delivered_body")[:NEWEST]


# --- what happened --------------------------------------------------------------------------------------------------


@register_source
def request_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    """Asked and answered at once are one commit, and so one moment."""
    for request in requests_of(session):
        url, thread = rendering.admin_url(request), request.correlation_id or f"request-{request.pk}"
        headline = f"{request.party} asked {ASKED[ProfileRequest.Kind(request.kind)]}{_limits(request)}"
        yield TimelineEntry(
            request.received_at, f"Request of {request.party} ({request})", url=url, order=-2, thread=thread,
            raw=f"request-{request.pk}", stamp="1", headline=headline,
        )  # fmt: skip
        detail = ": ".join(filter(None, [request.reason, request.detail]))
        tone = tones.RESPONSE.get(request.response, INFO)
        yield TimelineEntry(
            request.received_at, "Validated and answered at once", request.response, tone, detail, order=-1,
            thread=thread,
        )  # fmt: skip
        if request.result_at:
            tone = tones.RESULT.get(request.result, INFO)
            title = f"Result of {request} for {request.party} written"
            yield TimelineEntry(request.result_at, title, request.result, tone, order=3, thread=thread)


def _limits(request: ProfileRequest) -> str:
    """Of its body, which is as the partner wrote it: anything may stand there."""
    profile = (request.body or {}).get("charging_profile")
    periods = profile.get("charging_profile_period") if isinstance(profile, dict) else None
    if not isinstance(profile, dict) or not isinstance(periods, list):
        return ""
    limits = [str(period.get("limit"))[:12] for period in periods[:MOST_LIMITS] if isinstance(period, dict)]
    more = ", …" if len(periods) > MOST_LIMITS else ""
    return f": {', '.join(limits)}{more} {str(profile.get('charging_rate_unit', ''))[:1]}"


@register_source
def attempt_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    messages = {message.pk: message for message in messages_of(session)}
    attempts = DeliveryAttempt.objects.filter(message__in=messages).order_by("-started_at", "-id")[:NEWEST]
    tried: set[int] = set()
    for attempt in attempts:
        message = messages[attempt.message_id]
        yield _attempt_entry(message, attempt, newest=message.pk not in tried)
        tried.add(message.pk)
    yield from (_untried_entry(m) for m in messages.values() if m.pk not in tried and is_wrong(m))


def _attempt_entry(message: OutboxMessage, attempt: DeliveryAttempt, *, newest: bool) -> TimelineEntry:
    status, tone = outcome_words(attempt)
    took = "" if attempt.duration_ms is None else f"took {attempt.duration_ms} ms"
    title = f"{attempt.method or 'Sending'} {BROUGHT[Kind(message.kind)]} to {message.party}, attempt {attempt.number}"
    return TimelineEntry(
        attempt.started_at, title, status, tone, ": ".join(filter(None, [took, attempt.error])),
        rendering.admin_url(attempt), order=4, thread=_thread(message, attempt), routine=message.kind == Kind.SESSION,
        raw=f"attempt-{attempt.pk}", stamp=status, remedy=_remedy(message) if newest else None,
    )  # fmt: skip


def _untried_entry(message: OutboxMessage) -> TimelineEntry:
    title = f"The {BROUGHT[Kind(message.kind)]} for {message.party} was not sent"
    return TimelineEntry(
        message.created_at, title, message.status, BAD, message.last_error, rendering.admin_url(message), order=4,
        thread=message.correlation_id or f"message-{message.pk}", remedy=_remedy(message),
    )  # fmt: skip


def _thread(message: OutboxMessage, attempt: DeliveryAttempt) -> str:
    """A session is pushed for no request in particular."""
    if message.kind == Kind.SESSION:
        return f"attempt-{attempt.pk}"
    of_message = message.correlation_id if message.kind == Kind.RESULT else ""
    return attempt.correlation_id or of_message or f"attempt-{attempt.pk}"


def _remedy(message: OutboxMessage) -> Remedy | None:
    late = message.expires_at is not None and message.expires_at <= timezone.now()
    return Remedy(message, "retry_delivery_now") if is_wrong(message) and not late else None


# --- what is wrong --------------------------------------------------------------------------------------------------


@register_refusals
def newest_refusal(session: ChargingSession) -> Refusal | None:
    """Of the newest request; a partner that asks too often and is then heard is in no trouble."""
    newest = next((r for r in requests_of(session) if r.kind != ProfileRequest.Kind.GET), None)
    if newest is None or newest.response == Response.ACCEPTED:
        return None
    return Refusal(str(newest.party), newest.reason or newest.response, newest.detail)


@register_problems
def delivery_problems(session: ChargingSession) -> Iterable[Problem]:
    now = timezone.now()
    for message in [message for message in messages_of(session) if is_wrong(message)][:SHOWN_PROBLEMS]:
        yield from message_problems(message, now=now)


@register_problems
def request_problems(session: ChargingSession) -> Iterable[Problem]:
    accepted = ProfileRequest.objects.filter(
        session=session, response=Response.ACCEPTED, result="", deadline_at__lte=timezone.now()
    )
    for request in accepted.select_related("party")[:SHOWN_PROBLEMS]:
        yield from unanswered(request)
