"""What others see of Locations and EVSEs has changed: it gets a new time, and whoever listens is told.

Only changes that can be seen from outside are told. The time of an EVSE covers its connectors; that of a Location is
the newest of its own and its EVSEs', taken where it is read, so that charge points of one place never wait for each
other's row (OCPI 2.2.1 mod_locations, GET List: an update of an EVSE is one of its Location).
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Q

from chargepoints import availability, signals
from chargepoints.models import Connector, Evse, Location
from chargepoints.values import Stage


def evses_changed(evse_ids: Collection[int], *, now: datetime, went_offline: bool = False) -> None:
    """`went_offline`: for seconds only, perhaps."""
    if not evse_ids:
        return
    Evse.objects.filter(pk__in=evse_ids).update(last_updated=now)
    signals.evses_changed.send(Evse, evse_ids=evse_ids, went_offline=went_offline, now=now)


def presence_changed(charge_point_ids: Iterable[int], *, online: bool, now: datetime) -> None:
    """Of an EVSE that has never told a status, nobody can see whether it is there, unless the whole is out of order."""
    silent = Q(status="") & ~Q(charge_point__status__in=availability.OUT_OF_ORDER)
    shown = Evse.objects.filter(
        charge_point__in=charge_point_ids, charge_point__enabled=True, stage=Stage.IN_SERVICE
    ).exclude(silent)
    evses_changed(list(shown.order_by().values_list("pk", flat=True)), now=now, went_offline=not online)


def capabilities_changed(charge_point_id: int, *, now: datetime) -> None:
    evses = Evse.objects.filter(charge_point=charge_point_id).order_by()
    evses_changed(list(evses.values_list("pk", flat=True)), now=now)


def described_anew(location_ids: Collection[int], *, evses: Iterable[Evse] = (), now: datetime) -> None:
    """An operator changed these places, or what stands there; the figures of an EVSE are shown with its connectors."""
    changed = [evse.pk for evse in evses]
    Connector.objects.filter(evse__in=changed).update(last_updated=now)
    Evse.objects.filter(pk__in=changed).update(last_updated=now)
    Location.objects.filter(pk__in=location_ids).update(updated_at=now)
    signals.locations_changed.send(Location, location_ids=location_ids, now=now)
