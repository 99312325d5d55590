"""Which party may see and steer which EVSE. Every list, push and profile request asks here."""

from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest

from chargepoints.models import ChargingSession, Connector, Evse, Location
from ocpi import our_parties
from ocpi.models import Party
from ocpi.protocol.headers import Address


def shares(party: Party, evse: Evse) -> bool:
    return party.shares_all_evses or party.shared_evses.filter(pk=evse.pk).exists()


def parties_sharing(evse: Evse) -> QuerySet[Party]:
    """Parties that this EVSE is shared with, switched on or not."""
    return Party.objects.filter(Q(shares_all_evses=True) | Q(shared_evses=evse)).distinct()


def parties_seeing(evse: Evse) -> QuerySet[Party]:
    """Those that are switched on."""
    return parties_sharing(evse).filter(enabled=True)


def sessions_visible_to(party: Party, *, cpo: Address | None = None) -> QuerySet[ChargingSession]:
    """`cpo`, here and below: only what is of this one, to whom a request is addressed."""
    of_cpo = our_parties.run_for(cpo, location="evse__charge_point__location__")
    sessions = ChargingSession.objects.select_related("evse__charge_point__location", "connector", "charge_point")
    sessions = sessions.filter(of_cpo)
    return sessions if party.shares_all_evses else sessions.filter(evse__shared_with=party)


def evses_visible_to(party: Party, *, cpo: Address | None = None) -> QuerySet[Evse]:
    """As objects of the Locations module: at a place that can be told of, and with what OCPI requires of an EVSE.

    EVSE 0 is a charge point as a whole.
    """
    has_connector = Exists(Connector.objects.filter(evse=OuterRef("pk")))
    complete = Location.objects.complete().filter(our_parties.run_for(cpo))
    told = Evse.objects.filter(has_connector, ocpp_evse_id__gt=0, charge_point__location__in=complete)
    return told if party.shares_all_evses else told.filter(shared_with=party)


def locations_visible_to(party: Party, *, cpo: Address | None = None) -> QuerySet[Location]:
    """Those with an EVSE that it sees, each with `last_updated`: the newest of its own time and those of such EVSEs."""
    there = evses_visible_to(party, cpo=cpo).filter(charge_point__location=OuterRef("pk")).order_by()
    newest = there.values("charge_point__location").annotate(newest=Max("last_updated")).values("newest")
    return Location.objects.filter(Exists(there)).annotate(last_updated=Greatest("updated_at", Subquery(newest)))
