"""What partners with a `locations` RECEIVER are told unasked: the status of EVSEs, and Locations that changed.

A status waits a moment, so that what a charge point says in one breath is one request, and a connection that is lost
waits longer, because most come back. Nothing is rung for each status: beat finds what is due, for each party as much as
it may take at once, so a thousand charge points that come back together are no storm.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Least

from chargepoints.models import Location
from chargepoints.values import Stage
from ocpi import location_messages, outbox, sharing
from ocpi.models import OutboxMessage, PartnerEndpoint, Party

Kind = OutboxMessage.Kind
Status = OutboxMessage.Status
STATUS_SETTLES_S = 1
TRIED_AGAIN_AFTER = timedelta(minutes=10)
LOCATIONS_AT_ONCE = 500


def evses_changed(evse_ids: Collection[int], *, went_offline: bool, now: datetime) -> None:
    """Partners that have these EVSEs hear of it; the others get them with their Location."""
    _wait_for_locations_under_way(evse_ids)
    settles_in = settings.OCPI_OFFLINE_PUSH_DELAY_S if went_offline else STATUS_SETTLES_S
    due_at = Value(now + timedelta(seconds=settles_in))
    standing = OutboxMessage.objects.filter(
        location_messages.shared(),
        kind=Kind.EVSE,
        evse__in=evse_ids,
        party__in=_listening(),
        delivered_body__isnull=False,
    )
    standing.update(
        revision=F("revision") + 1,
        status=location_messages.unless_sending(Status.PENDING),
        due_at=Case(When(status=Status.PENDING, then=Least("due_at", due_at)), default=due_at),
        failures=0,
    )


def _wait_for_locations_under_way(evse_ids: Collection[int]) -> None:
    """The lock lets one of the two see the other: what is recorded now, or what has changed."""
    sending = OutboxMessage.objects.filter(kind=Kind.LOCATION, status=Status.SENDING)
    places = Location.objects.filter(charge_points__evses__in=evse_ids)
    list(sending.filter(location__in=places).select_for_update().order_by("pk").values_list("pk"))


def _listening() -> QuerySet[PartnerEndpoint, Any]:
    return PartnerEndpoint.objects.filter(identifier="locations", role="RECEIVER").values("party")


def locations_changed(location_ids: Collection[int], *, now: datetime) -> None:
    """Partners that were told of them get them whole, at once; also those for which nothing is left there."""
    sees = Q(party__shares_all_evses=True) | Q(party__shared_evses__charge_point__location=F("location"))
    has = Q(delivered_body__isnull=False) & ~Q(delivered_body__evses=[])
    told = OutboxMessage.objects.filter(
        sees | has, kind=Kind.LOCATION, location__in=location_ids, party__in=_listening()
    )
    outbox.enqueue(location_messages.put_whole(told.distinct(), now=now))


# --- beat -----------------------------------------------------------------------------------------------------------


def catch_up(*, now: datetime) -> int:
    """Whatever a party should have and does not, or has and should not: it was connected, or got its share; an EVSE
    was added; what it has came into doubt. Returns how many messages became due.
    """
    parties = Party.objects.filter(enabled=True, pk__in=_listening())
    return sum(_put_untold(party, now=now) + _take_away(party, now=now) for party in parties)


def _put_untold(party: Party, *, now: datetime) -> int:
    standing = OutboxMessage.objects.filter(party=party)
    has = standing.filter(
        kind=Kind.EVSE, evse=OuterRef("pk"), location=OuterRef("charge_point__location"), delivered_body__isnull=False
    ).exclude(delivered_body__status="REMOVED")
    untold = sharing.evses_visible_to(party).exclude(stage=Stage.REMOVED).exclude(Exists(has)).order_by()
    being_told = Q(status__in=[Status.PENDING, Status.SENDING]) | Q(
        status=Status.FAILED, due_at__gt=now - TRIED_AGAIN_AFTER
    )
    waits = standing.filter(being_told, kind=Kind.LOCATION, location=OuterRef("pk"))
    places = Location.objects.filter(pk__in=untold.values("charge_point__location")).exclude(Exists(waits))
    chosen = places.order_by("pk").values_list("pk", flat=True)[:LOCATIONS_AT_ONCE]
    return len(location_messages.open_whole(party.pk, list(chosen), now=now))


def _take_away(party: Party, *, now: datetime) -> int:
    """It is not to see them any more: for it they are REMOVED."""
    if party.shares_all_evses:
        return 0
    has = OutboxMessage.objects.filter(party=party, kind=Kind.EVSE, status=Status.DELIVERED)
    gone = has.filter(delivered_body__isnull=False).exclude(delivered_body__status="REMOVED")
    gone = gone.exclude(evse__in=party.shared_evses.order_by().values("pk"))
    return OutboxMessage.objects.filter(pk__in=gone.order_by().values("pk")).update(
        status=Status.PENDING, due_at=now, revision=F("revision") + 1
    )
