"""Which party may see and steer which EVSE. Every list, push and profile request asks here."""

from django.db.models import Q, QuerySet

from chargepoints.models import ChargingSession, Evse
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
    """`cpo`: only those of this one, to whom a request is addressed."""
    of_cpo = our_parties.run_for(cpo, location="evse__charge_point__location__")
    sessions = ChargingSession.objects.select_related("evse__charge_point__location", "connector", "charge_point")
    sessions = sessions.filter(of_cpo)
    return sessions if party.shares_all_evses else sessions.filter(evse__shared_with=party)
