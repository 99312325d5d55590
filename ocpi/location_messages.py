"""Which Locations and EVSEs a partner has: one standing message for each, and the order between them.

A LOCATION message puts a whole Location. Once that has arrived, each of its EVSEs has a message of its own, which
patches what differs from what arrived. After any doubt about one of them the whole Location is put again, and until
that has arrived its EVSEs' messages stand back (COVERED). So a PATCH never overtakes a PUT, and a partner that comes
back after an hour gets one request for each Location and not one for each change.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, F, Q, QuerySet, Value, When

from chargepoints.models import Evse
from chargepoints.transactions import committed
from ocpi.models import OutboxMessage
from ocpi.protocol.datetimes import format_datetime

Kind = OutboxMessage.Kind
Status = OutboxMessage.Status
KINDS = (Kind.LOCATION, Kind.EVSE)
DOUBT_PAUSE_S = 2


def unless_sending(status: str) -> Case:
    """A message that is on its way stays so; its revision tells that something came after it."""
    return Case(When(status=Status.SENDING, then=Value(Status.SENDING)), default=Value(status))


@committed
def put_whole(locations: QuerySet[OutboxMessage], *, now: datetime) -> list[int]:
    """These LOCATION messages are due now. Returns their ids."""
    ids = list(locations.order_by("pk").values_list("pk", flat=True))
    chosen = OutboxMessage.objects.filter(pk__in=ids)
    chosen.update(revision=F("revision") + 1, status=unless_sending(Status.PENDING), due_at=now, failures=0)
    for message in chosen.only("party_id", "location_id"):
        _stand_back(OutboxMessage.objects.filter(party=message.party_id, location=message.location_id))
    return ids


def _stand_back(messages: QuerySet[OutboxMessage]) -> None:
    evses = messages.filter(kind=Kind.EVSE)
    evses.update(delivered_body=None, status=unless_sending(Status.COVERED), failures=0)


@committed
def open_whole(party_id: int, location_ids: Collection[int], *, now: datetime) -> list[int]:
    """The LOCATION messages of this party, written where there are none. Returns the ids of all of them."""
    fresh = [
        OutboxMessage(kind=Kind.LOCATION, party_id=party_id, location_id=pk, due_at=now, created_at=now, revision=0)
        for pk in location_ids
    ]
    OutboxMessage.objects.bulk_create(fresh, ignore_conflicts=True)
    return put_whole(_of(party_id, location_ids), now=now)


def _of(party_id: int, location_ids: Collection[int | None] | QuerySet) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(kind=Kind.LOCATION, party=party_id, location__in=location_ids)


def lock_location(message: OutboxMessage) -> None:
    """Before the row of its EVSE, as everybody does who needs both."""
    if message.kind == Kind.EVSE:
        list(_of(message.party_id, [message.location_id]).select_for_update().order_by().values_list("pk"))


def settle(message: OutboxMessage, changes: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """What a delivery, or its failure, means for the other messages of the same Location.

    `changes` are those of this message; returns them as they are to be written.
    """
    if message.kind == Kind.LOCATION and changes["status"] == Status.DELIVERED:
        _arrived(message, changes["delivered_body"], now=now)
    if message.kind == Kind.EVSE and changes["delivered_body"] is None:
        _in_doubt(message, now=now)
        return changes | {"status": Status.COVERED, "failures": 0}
    return changes


def _arrived(message: OutboxMessage, body: dict[str, Any], *, now: datetime) -> None:
    """The EVSEs are in step, but for those that changed while the Location was on its way.

    The message's row is locked: whoever changes an EVSE meanwhile waits for it, and finds the EVSE's message here.
    """
    told = {evse["uid"]: evse for evse in body["evses"]}
    known = OutboxMessage.objects.filter(kind=Kind.EVSE, party=message.party_id)
    under_way = set(known.filter(status=Status.SENDING).values_list("evse", flat=True))
    fresh = []
    here = Evse.objects.filter(uid__in=told, charge_point__location=message.location_id)
    for pk, uid, last_updated in here.values_list("pk", "uid", "last_updated"):
        if pk in under_way:
            continue  # it finds that nobody knows what the partner has, and the Location is put again
        in_step = told[uid]["last_updated"] == format_datetime(last_updated) or told[uid]["status"] == "REMOVED"
        fresh.append(
            OutboxMessage(
                kind=Kind.EVSE, party_id=message.party_id, evse_id=pk, location_id=message.location_id,
                status=Status.DELIVERED if in_step else Status.PENDING, delivered_body=told[uid], due_at=now,
                created_at=now, delivered_at=now,
            )
        )  # fmt: skip
    OutboxMessage.objects.bulk_create(
        fresh, update_conflicts=True, unique_fields=["party", "evse"],
        update_fields=["location", "status", "delivered_body", "due_at", "delivered_at", "failures", "last_error"],
    )  # fmt: skip


def _in_doubt(message: OutboxMessage, *, now: datetime) -> None:
    """Nobody knows what the partner has of this EVSE: its Location is put, at the pace at which that may fail."""
    locations = _of(message.party_id, [message.location_id])
    resting = locations.exclude(status__in=[Status.PENDING, Status.SENDING])
    resting.update(status=Status.PENDING, due_at=now + timedelta(seconds=DOUBT_PAUSE_S))
    locations.update(revision=F("revision") + 1)
    _stand_back(
        OutboxMessage.objects.filter(party=message.party_id, location=message.location_id).exclude(pk=message.pk)
    )


def comes_before(message: OutboxMessage) -> QuerySet[OutboxMessage]:
    """Places that have yet to say that they lost an EVSE which this one has now. Whoever knows EVSEs by their uid alone
    would take one for gone that was told REMOVED after it was told at its new place.
    """
    moved_here = OutboxMessage.objects.filter(
        kind=Kind.EVSE, party=message.party_id, evse__charge_point__location=message.location_id
    ).exclude(location=message.location_id)
    old = _of(message.party_id, moved_here.values("location"))
    return old.filter(status__in=[Status.PENDING, Status.SENDING])


def shared() -> Q:
    """Messages about an EVSE that the party still sees."""
    return Q(party__shares_all_evses=True) | Q(party__shared_evses=F("evse"))
