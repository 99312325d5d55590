"""What came of an attempt, as changes of its message's row. `ocpi.outbox` writes them."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from ocpi import period_marks
from ocpi.deliveries import Delivery, Outcome
from ocpi.models import DeliveryAttempt, OutboxMessage

Kind = OutboxMessage.Kind
Status = OutboxMessage.Status
LONGEST_PAUSE_S = 600


def changes(delivery: Delivery, message: OutboxMessage, outcome: Outcome, *, now: datetime) -> dict[str, Any]:
    """`message` as it is now; what was sent of it is in `delivery`."""
    return _failed(message, outcome, now=now) if outcome.error else _delivered(delivery, message, now=now)


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
    changes = {"status": Status.PENDING, "failures": failures, "last_error": outcome.error} | in_doubt(message)
    if message.kind == Kind.RESULT:
        changes["due_at"] = now + timedelta(seconds=min(failures, 3))
        if not outcome.retry:
            changes["status"] = Status.FAILED
    else:
        changes["due_at"] = now + timedelta(seconds=min(2**failures, LONGEST_PAUSE_S))
        if _is_hopeless(message, outcome, now=now):
            changes["status"] = Status.FAILED
    return changes


def in_doubt(message: OutboxMessage) -> dict[str, Any]:
    """Nobody knows what the partner has. A Location is always put whole, and which EVSEs it was told of stays known."""
    return {} if message.kind == Kind.LOCATION else {"delivered_body": None}


def _is_hopeless(message: OutboxMessage, outcome: Outcome, *, now: datetime) -> bool:
    """A standing message is given up a day after its session ended, or when the party is not connected at all."""
    session = message.session
    ended = session is not None and session.ended_at and session.ended_at < now - timedelta(days=1)
    return bool(ended) or not (outcome.response or outcome.retry or outcome.later)
