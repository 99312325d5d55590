"""Bringing messages to partners: claim by a counted UPDATE, one attempt, one DeliveryAttempt row, record.

Constraints:
- a result is posted before its promised time or not at all, and never again once the partner has answered it for good:
  no answer in time, 408, 429 and 5xx are tried again while there is time, and so are 401 and 403, since tokens may
  have changed while it was on its way, on either side first. The attempt row is committed before the
  attempt, and `sent_at` when the connection stands, just before the first byte. A process killed before that leaves a
  message that is sent again; one killed after it leaves a result IN_DOUBT, which only a person may send again;
- sessions and active profiles may arrive twice (they carry a whole state), so after any doubt they are sent whole;
- what a partner has already is not sent again: a session whose state changed in nothing that it sees stays silent;
- no transaction is open while a partner is waited for.
"""

import logging
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.utils import timezone

from chargepoints.models.rows import only_row
from chargepoints.transactions import committed
from ocpi import location_messages, outages, parties, period_marks
from ocpi.deliveries import Content, Delivery, Outcome, content_of, make_attempt
from ocpi.models import DeliveryAttempt, OutboxMessage, ProfileRequest
from ocpi.protocol import documents

logger = logging.getLogger(__name__)
Kind = OutboxMessage.Kind
Status = OutboxMessage.Status

LEASE_SLACK_S = 3.0
RESULT_ATTEMPT_S = 5.0
SHORTEST_ATTEMPT_S = 0.2
LONGEST_PAUSE_S = 600
DRAIN_S = 5
CANDIDATES = 3  # looked at for the next delivery, where the first must wait
CLAIMED = (
    *(field.name for field in OutboxMessage._meta.concrete_fields if field.name != "party"),
    "party__country_code", "party__party_id", "party__role", "party__version", "party__enabled",
    "party__allow_insecure_urls", "party__shares_all_evses", "party__reached_at",
    "profile_request__sender", "profile_request__receiver",
    *(f"party__credentials__{column}" for column in parties.OUTBOUND_COLUMNS),
)  # fmt: skip


def enqueue(message_ids: Iterable[int]) -> None:
    from ocpi.tasks import deliver_message

    for message_id in message_ids:
        deliver_message.enqueue(message_id)


def post_result(request: ProfileRequest, body: dict[str, Any], *, now: datetime) -> OutboxMessage:
    """The one result of an ACCEPTED request, to be delivered before its deadline."""
    message = OutboxMessage.objects.create(
        kind=Kind.RESULT, party_id=request.party_id, session_id=request.session_id, profile_request=request,
        url=request.response_url, body=documents.storable(body), due_at=now, expires_at=request.deadline_at,
        correlation_id=request.correlation_id, created_at=now,
    )  # fmt: skip
    enqueue([message.pk])
    return message


def enqueue_plan(message: OutboxMessage) -> None:
    """Unless the result of a request for the same session is on its way: whoever brings that goes on with this.

    The lock lets one of the two see the other.
    """
    ahead = _results_ahead(message).select_for_update().order_by().values_list("pk")
    if not ahead[:1]:
        enqueue([message.pk])


# --- one delivery ---------------------------------------------------------------------------------------------------


def deliver(message_id: int, *, now: datetime) -> None:
    """One attempt for a due message; then for whatever else is due for its party, the most urgent first.

    A backlog drains without a ring for each message. A second worker, or a redelivered task, finds nothing to claim.
    Not for ever: a worker that shall end waits for this.
    """
    until = now + timedelta(seconds=DRAIN_S)
    delivery = _claim(message_id, now=now)
    while delivery:
        outcome = make_attempt(delivery)
        ended_at, party = timezone.now(), delivery.message.party
        silent = outcome.silence and delivery.message.kind != Kind.RESULT  # then beat rings again, see `ocpi.outages`
        go_on = ended_at < until and not silent
        delivery = _record_and_claim_next(delivery, outcome, go_on=go_on, now=ended_at)
        if outcome.response and not outcome.error:
            parties.reached(party, now=ended_at)


@committed
def _claim(message_id: int, *, now: datetime) -> Delivery | None:
    return _claim_first(OutboxMessage.objects.filter(pk=message_id).order_by(), now=now)


@committed
def _record_and_claim_next(delivery: Delivery, outcome: Outcome, *, go_on: bool, now: datetime) -> Delivery | None:
    """Nothing that is wrong with the next message may undo the record of this one."""
    _record(delivery, outcome, now=now)
    if not go_on:
        return None
    others = OutboxMessage.objects.filter(party_id=delivery.message.party_id)
    try:
        with transaction.atomic():
            return _claim_first(_by_urgency(others.select_for_update(of=("self",), skip_locked=True)), now=now)
    except Exception:
        logger.exception("the next delivery to party %s could not be claimed", delivery.message.party)
        return None


def _claim_first(messages: QuerySet[OutboxMessage], *, now: datetime) -> Delivery | None:
    """The first of them, all of one party, that is due and need not wait."""
    due = messages.filter(status=Status.PENDING, due_at__lte=now).annotate(out_since=outages.SINCE)
    for message in due.select_related("party__credentials", "profile_request").only(*CLAIMED)[:CANDIDATES]:
        if _is_late(message, now=now):
            _due(message).update(status=Status.EXPIRED, last_error=_too_late(message))
        elif not _must_wait(message) and (delivery := _take(message, now=now)):
            return delivery
    return None


def _take(message: OutboxMessage, *, now: datetime) -> Delivery | None:
    timeout_s = _attempt_time(message, now=now)
    lease_until = now + timedelta(seconds=timeout_s + LEASE_SLACK_S)
    content = content_of(message)
    number = message.attempt_count + (1 if content else 0)
    mine = _due(message).filter(due_at__lte=now, revision=message.revision, attempt_count=message.attempt_count)
    if not mine.update(status=Status.SENDING, lease_until=lease_until, attempt_count=number):
        return None
    attempt = _new_attempt(message, content, number=number, now=now) if content else None
    return Delivery(message, content or Outcome(), attempt, timeout_s, lease_until)


def _due(message: OutboxMessage) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(pk=message.pk, status=Status.PENDING)


def _new_attempt(message: OutboxMessage, content: Content | Outcome, *, number: int, now: datetime) -> DeliveryAttempt:
    attempt = DeliveryAttempt(
        message=message, party_id=message.party_id, number=number, started_at=now,
        correlation_id=message.correlation_id or str(uuid.uuid4()),
    )  # fmt: skip
    if isinstance(content, Content):
        attempt.method, attempt.url, attempt.body = content.method, content.url[:300], documents.storable(content.body)
    attempt.save(force_insert=True)
    return attempt


def _must_wait(message: OutboxMessage) -> bool:
    """A state waits until its party is switched on; a plan, until the party has the result of its request.

    A slow partner holds a few workers, never all of them; the last ones are kept for its results.
    """
    if message.kind != Kind.RESULT and not message.party.enabled:
        return True
    if _under_way(message.party_id).count() >= _share(message.kind):
        return True
    if _out_since(message) and _under_way(message.party_id).exclude(kind=Kind.RESULT).exists():
        return True
    return message.kind == Kind.ACTIVE_PROFILE and _results_ahead(message).exists()


def _share(kind: str) -> int:
    """How much may be under way to a party for one of this kind to follow: sessions steer, places can wait."""
    share = settings.OCPI_PARTY_CONCURRENCY
    if kind == Kind.RESULT:
        return 2 * share
    return max(1, share // 2) if kind in location_messages.KINDS else share


def _results_ahead(message: OutboxMessage) -> QuerySet[OutboxMessage]:
    waiting_or_on_its_way = [Status.PENDING, Status.SENDING]
    same_session = OutboxMessage.objects.filter(party_id=message.party_id, session_id=message.session_id)
    return same_session.filter(kind=Kind.RESULT, status__in=waiting_or_on_its_way)


def _under_way(party_id: int) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(status=Status.SENDING, party_id=party_id)


def _out_since(message: OutboxMessage) -> datetime | None:
    """As it was when it was claimed."""
    return getattr(message, "out_since", None)


def _is_late(message: OutboxMessage, *, now: datetime) -> bool:
    return _attempt_time(message, now=now) < SHORTEST_ATTEMPT_S


def _attempt_time(message: OutboxMessage, *, now: datetime) -> float:
    if message.expires_at is None:
        return float(settings.OCPI_REQUEST_TIMEOUT_S)
    return min(RESULT_ATTEMPT_S, (message.expires_at - now).total_seconds())


def _too_late(message: OutboxMessage) -> str:
    return f"the promised time was over; last error: {message.last_error or 'none'}"


# --- what came of it ------------------------------------------------------------------------------------------------


def _record(delivery: Delivery, outcome: Outcome, *, now: datetime) -> None:
    if delivery.attempt:
        _close_attempt(delivery.attempt, outcome, now=now)
    mine = delivery.still_mine()
    location_messages.lock_location(delivery.message)
    # Nobody else changes a result that is on its way; a state may have become a newer one.
    message = delivery.message if delivery.message.kind == Kind.RESULT else only_row(mine.select_for_update())
    if message is None:
        return
    changes = _delivered(delivery, message, now=now) if not outcome.error else _failed(message, outcome, now=now)
    changes = location_messages.settle(message, changes, now=now)
    if not mine.update(lease_until=None, **changes) or not delivery.attempt:
        return
    _note_outage(delivery, outcome, now=now)
    logger.info(
        "delivery message=%s kind=%s party=%s attempt=%s status=%s error=%r correlation_id=%s",
        message.pk, message.kind, delivery.message.party, delivery.attempt.number, changes["status"], outcome.error,
        message.correlation_id,
    )  # fmt: skip


def _note_outage(delivery: Delivery, outcome: Outcome, *, now: datetime) -> None:
    """A refusal is an answer too. A result goes elsewhere, and says nothing of the endpoints."""
    since = _out_since(delivery.message)
    if delivery.message.kind == Kind.RESULT:
        return
    if outcome.silence:
        outages.begin(delivery.message, now=now)
    elif outcome.response and since:
        enqueue(outages.end(delivery.message, since=since, now=now))


def _by_urgency(messages: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
    """Results, whose time is promised, before states, and those of sessions first; then the oldest first."""
    rank = Case(
        When(kind=Kind.RESULT, then=Value(0)), When(kind__in=location_messages.KINDS, then=Value(2)), default=Value(1)
    )
    return messages.order_by(rank, "due_at", "pk")


def _close_attempt(attempt: DeliveryAttempt, outcome: Outcome, *, now: datetime) -> None:
    response = outcome.response
    DeliveryAttempt.objects.filter(pk=attempt.pk).update(
        finished_at=now,
        http_status=response.http_status if response else None,
        ocpi_status=_small(response.ocpi_status_code) if response else None,
        response_body=response.text[:4000] if response else "",
        error=outcome.error[:500],
        duration_ms=max(0, round((now - attempt.started_at).total_seconds() * 1000)),  # clocks step back
    )


def _small(code: int | None) -> int | None:
    return code if code is not None and 0 <= code < 32768 else None


def _delivered(delivery: Delivery, message: OutboxMessage, *, now: datetime) -> dict[str, Any]:
    """In step, unless it changed while it was on its way."""
    changes: dict[str, Any] = {
        "status": Status.DELIVERED, "failures": 0, "last_error": "", "delivered_revision": delivery.message.revision,
    }  # fmt: skip
    if delivery.attempt:
        changes["delivered_at"] = now
    if message.kind == Kind.RESULT:
        return changes
    changes["delivered_body"] = _known(message, delivery.attempt) if delivery.attempt else message.delivered_body
    if message.revision != delivery.message.revision:
        changes["status"] = Status.PENDING
    throttle = timedelta(seconds=settings.OCPI_SESSION_PUSH_INTERVAL_S)
    if message.kind == Kind.SESSION:  # a new state that came meanwhile has set due_at already
        changes["due_at"] = message.due_at if message.due_at > delivery.message.due_at else now + throttle
    return changes


def _known(message: OutboxMessage, sent: DeliveryAttempt) -> Any:
    """A PATCH adds to what the partner has; where that came into doubt meanwhile, it stays so."""
    before: dict[str, Any] | None = message.delivered_body if sent.method == "PATCH" else {}
    if before is None:
        return None
    brought: dict[str, Any] = sent.body or {}
    known = {**before, **brought}
    if "charging_periods" in brought:
        after = before.get("charging_periods")
        known["charging_periods"] = period_marks.mark(brought["charging_periods"], after=after)
    return known


def _failed(message: OutboxMessage, outcome: Outcome, *, now: datetime) -> dict[str, Any]:
    failures = message.failures + 1
    changes = {"status": Status.PENDING, "failures": failures, "last_error": outcome.error, "delivered_body": None}
    if message.kind == Kind.RESULT:
        changes["due_at"] = now + timedelta(seconds=min(failures, 3))
        if not outcome.retry:
            changes["status"] = Status.FAILED
    else:
        changes["due_at"] = now + timedelta(seconds=min(2**failures, LONGEST_PAUSE_S))
        if _is_hopeless(message, outcome, now=now):
            changes["status"] = Status.FAILED
    return changes


def _is_hopeless(message: OutboxMessage, outcome: Outcome, *, now: datetime) -> bool:
    """A standing message is given up a day after its session ended, or when the party is not connected at all."""
    session = message.session
    ended = session is not None and session.ended_at and session.ended_at < now - timedelta(days=1)
    return bool(ended) or not (outcome.response or outcome.retry or outcome.later)


# --- beat and operators ---------------------------------------------------------------------------------------------


def watch(*, now: datetime) -> None:
    """Takes back what dead workers held, and rings for what is due: for each party only as often as it may take at
    once. Whoever answers goes on with the rest; more rings would keep the workers from working.
    """
    overdue = OutboxMessage.objects.filter(status=Status.SENDING, lease_until__lt=now)
    for message_id in overdue.values_list("pk", flat=True)[:100]:
        _take_back(message_id, now=now)
    due = OutboxMessage.objects.filter(status=Status.PENDING, due_at__lte=now, party__enabled=True)
    for party_id in due.order_by().values_list("party_id", flat=True).distinct():
        most_urgent = _by_urgency(due.filter(party_id=party_id)).values_list("pk", flat=True)
        enqueue(most_urgent[: 2 * settings.OCPI_PARTY_CONCURRENCY])
    outages.probe(now=now)


@committed
def _take_back(message_id: int, *, now: datetime) -> None:
    held = OutboxMessage.objects.filter(pk=message_id, status=Status.SENDING, lease_until__lt=now)
    message = held.select_for_update().first()
    if message is None:
        return
    attempt = message.attempts.first()
    sent = attempt is not None and attempt.sent_at is not None
    status, error = Status.PENDING, "the process ended before it was sent"
    if sent:
        error = "the process ended while it was being sent: the partner may have it"
        status = Status.IN_DOUBT if message.kind == Kind.RESULT else Status.PENDING
    held.update(status=status, last_error=error, lease_until=None, due_at=now, delivered_body=None)
    logger.warning("delivery message=%s: %s", message.pk, error)


def retry_now(message: OutboxMessage, *, now: datetime) -> bool:
    """An operator wants it tried now. False: it is on its way, was delivered, or its promised time is over."""
    in_time = message.expires_at is None or message.expires_at > now
    retryable = [Status.PENDING, Status.FAILED, Status.IN_DOUBT]
    if message.kind != Kind.RESULT:
        retryable.append(Status.DELIVERED)
    if not in_time or not message.party.enabled:
        return False
    changed = OutboxMessage.objects.filter(pk=message.pk, status__in=retryable).update(
        status=Status.PENDING, due_at=now, failures=0, revision=F("revision") + 1, delivered_body=None
    )  # in doubt: whoever asks for it again wants it whole
    if changed:
        enqueue([message.pk])
    return bool(changed)
