"""When an endpoint of a party stops answering pushes, and when it answers again.

Constraints:
- while it does not answer, one push at a time is tried, whatever waits: a partner that is down, or hangs, gets no storm
  and holds one worker;
- it is tried at least every PROBED_EVERY, however long the pauses of single messages have grown;
- the first answer after an outage makes due all that failed meanwhile, the oldest first. Not after a short one: the
  pauses are no longer then, and what alone fails among much that succeeds would be tried all the time.

Results have their promised times and are none of this.
"""

from datetime import datetime, timedelta

from django.db.models import Case, OuterRef, QuerySet, Subquery, When

from ocpi.models import OutboxMessage, PartnerEndpoint

Kind = OutboxMessage.Kind
PROBED_EVERY = timedelta(seconds=60)
SHORT = timedelta(seconds=30)
PLACES = {
    Kind.SESSION: ("sessions", "RECEIVER"),
    Kind.ACTIVE_PROFILE: ("chargingprofiles", "SENDER"),
    Kind.LOCATION: ("locations", "RECEIVER"),
    Kind.EVSE: ("locations", "RECEIVER"),
}


def _since(kind: Kind) -> When:
    identifier, role = PLACES[kind]
    endpoint = PartnerEndpoint.objects.filter(party=OuterRef("party"), identifier=identifier, role=role)
    return When(kind=kind, then=Subquery(endpoint.values("failing_since")[:1]))


SINCE = Case(*(_since(kind) for kind in PLACES))
"""Of an OutboxMessage: since when the endpoint it goes to has not answered, None if it does."""


def _place(message: OutboxMessage) -> QuerySet[PartnerEndpoint]:
    identifier, role = PLACES[Kind(message.kind)]
    return PartnerEndpoint.objects.filter(party_id=message.party_id, identifier=identifier, role=role)


def begin(message: OutboxMessage, *, now: datetime) -> None:
    """It got no answer, or was told that the partner cannot now."""
    _place(message).filter(failing_since=None).update(failing_since=now)


def end(message: OutboxMessage, *, since: datetime, now: datetime) -> list[int]:
    """It got an answer. Returns what else is due now, the oldest first; nothing to whoever comes second."""
    if not _place(message).filter(failing_since__isnull=False).update(failing_since=None) or now - since < SHORT:
        return []
    kinds = [kind for kind, place in PLACES.items() if place == PLACES[Kind(message.kind)]]
    failed = _waiting(message.party_id, *kinds).filter(failures__gt=0)
    failed.filter(due_at__gt=now).update(due_at=now)
    return list(failed.order_by("due_at", "pk").values_list("pk", flat=True)[:1])


def probe(*, now: datetime) -> None:
    """Called by beat: what would be tried next is not later than PROBED_EVERY from now."""
    soon = now + PROBED_EVERY
    for endpoint in PartnerEndpoint.objects.filter(failing_since__isnull=False, party__enabled=True):
        for kind, place in PLACES.items():
            if place == (endpoint.identifier, endpoint.role):
                _bring_forward(_waiting(endpoint.party_id, kind), soon)


def _bring_forward(waiting: QuerySet[OutboxMessage], soon: datetime) -> None:
    first = waiting.order_by("due_at", "pk").values_list("pk", "due_at").first()
    if first and first[1] > soon:
        waiting.filter(pk=first[0]).update(due_at=soon)


def _waiting(party_id: int, *kinds: Kind) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(party_id=party_id, kind__in=kinds, status=OutboxMessage.Status.PENDING)
