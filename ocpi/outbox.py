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
from django.db.models import F, QuerySet
from django.utils import timezone

from chargepoints.models.rows import only_row
from chargepoints.transactions import committed
from ocpi import delivery_outcomes, location_messages, outages, parties, turns
from ocpi.deliveries import Content, Delivery, Outcome, content_of, make_attempt
from ocpi.models import DeliveryAttempt, OutboxMessage, ProfileRequest
from ocpi.protocol import documents

logger = logging.getLogger(__name__)
Kind = OutboxMessage.Kind
Status = OutboxMessage.Status

LEASE_SLACK_S = 3.0
RESULT_ATTEMPT_S = 5.0
SHORTEST_ATTEMPT_S = 0.2
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
    ahead = turns.results_ahead(message).select_for_update().order_by().values_list("pk")
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
            return _claim_first(turns.by_urgency(others.select_for_update(of=("self",), skip_locked=True)), now=now)
    except Exception:
        logger.exception("the next delivery to party %s could not be claimed", delivery.message.party)
        return None


def _claim_first(messages: QuerySet[OutboxMessage], *, now: datetime) -> Delivery | None:
    """The first of them, all of one party, that is due and need not wait."""
    due = messages.filter(status=Status.PENDING, due_at__lte=now).annotate(out_since=outages.SINCE)
    for message in due.select_related("party__credentials", "profile_request").only(*CLAIMED)[:CANDIDATES]:
        if _is_late(message, now=now):
            _due(message).update(status=Status.EXPIRED, last_error=_too_late(message))
        elif not turns.must_wait(message, now=now) and (delivery := _take(message, now=now)):
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
    changes = delivery_outcomes.changes(delivery, message, outcome, now=now)
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
    since = turns.out_since(delivery.message)
    if delivery.message.kind == Kind.RESULT:
        return
    if outcome.silence:
        outages.begin(delivery.message, now=now)
    elif outcome.response and since:
        enqueue(outages.end(delivery.message, since=since, now=now))


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
        most_urgent = turns.by_urgency(due.filter(party_id=party_id)).values_list("pk", flat=True)
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
    held.update(status=status, last_error=error, lease_until=None, due_at=now, **delivery_outcomes.in_doubt(message))
    logger.warning("delivery message=%s: %s", message.pk, error)


def retryable(message: OutboxMessage, *, now: datetime) -> bool:
    """Not while it is on its way, when its promised time is over, or when a result was delivered."""
    return _may_be_tried(message, now=now) and message.status in _statuses_to_retry(message)


def _may_be_tried(message: OutboxMessage, *, now: datetime) -> bool:
    return message.party.enabled and (message.expires_at is None or message.expires_at > now)


def _statuses_to_retry(message: OutboxMessage) -> list[Status]:
    stands = [Status.DELIVERED] if message.kind != Kind.RESULT else []
    return [Status.PENDING, Status.FAILED, Status.IN_DOUBT, *stands]


def retry_now(message: OutboxMessage, *, now: datetime) -> bool:
    """An operator wants it tried now. False: it is not `retryable`."""
    if not _may_be_tried(message, now=now):
        return False
    changed = OutboxMessage.objects.filter(pk=message.pk, status__in=_statuses_to_retry(message)).update(
        status=Status.PENDING, due_at=now, failures=0, revision=F("revision") + 1, **delivery_outcomes.in_doubt(message)
    )  # in doubt: whoever asks for it again wants it whole
    if changed:
        enqueue([message.pk])
    return bool(changed)
