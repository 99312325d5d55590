"""Whose turn it is: which message goes first, and which must wait for others to the same party."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, QuerySet, Value, When

from ocpi import location_messages
from ocpi.models import OutboxMessage

Kind = OutboxMessage.Kind
Status = OutboxMessage.Status
PLACES_WAIT = timedelta(seconds=30)


def by_urgency(messages: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
    """Results, whose time is promised, before states, and those of sessions first; then the oldest first."""
    rank = Case(
        When(kind=Kind.RESULT, then=Value(0)), When(kind__in=location_messages.KINDS, then=Value(2)), default=Value(1)
    )
    return messages.order_by(rank, "due_at", "pk")


def must_wait(message: OutboxMessage, *, now: datetime) -> bool:
    """A state waits until its party is switched on; a plan, until the party has the result of its request.

    A slow partner holds a few workers, never all of them; the last ones are kept for its results.
    """
    if message.kind != Kind.RESULT and not message.party.enabled:
        return True
    if _under_way(message.party_id).count() >= _share(message.kind):
        return True
    if out_since(message) and _under_way(message.party_id).exclude(kind=Kind.RESULT).exists():
        return True
    if (
        message.kind == Kind.LOCATION and message.due_at > now - PLACES_WAIT
    ):  # not for ever: two may wait for each other
        return location_messages.comes_before(message).exists()
    return message.kind == Kind.ACTIVE_PROFILE and results_ahead(message).exists()


def _share(kind: str) -> int:
    """How much may be under way to a party for one of this kind to follow: sessions steer, places can wait."""
    share = settings.OCPI_PARTY_CONCURRENCY
    if kind == Kind.RESULT:
        return 2 * share
    return max(1, share // 2) if kind in location_messages.KINDS else share


def results_ahead(message: OutboxMessage) -> QuerySet[OutboxMessage]:
    waiting_or_on_its_way = [Status.PENDING, Status.SENDING]
    same_session = OutboxMessage.objects.filter(party_id=message.party_id, session_id=message.session_id)
    return same_session.filter(kind=Kind.RESULT, status__in=waiting_or_on_its_way)


def _under_way(party_id: int) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(status=Status.SENDING, party_id=party_id)


def out_since(message: OutboxMessage) -> datetime | None:
    """As it was when it was claimed."""
    return getattr(message, "out_since", None)
