"""The CPOs this back-office speaks for: ours, and those that others run their Locations under (white label)."""

from django.conf import settings
from django.db.models import Q

from chargepoints.models import ChargingSession, Location
from ocpi.protocol.headers import Address


def default() -> Address:
    return Address(settings.OCPI_COUNTRY_CODE, settings.OCPI_PARTY_ID)


def of(location: Location) -> Address:
    """The CPO that a Location, and every Session on it, belongs to."""
    ours = default()
    return Address(location.country_code or ours.country_code, location.party_id or ours.party_id)


def all_of_them() -> list[Address]:
    """Ours first, then the others in order."""
    named = Location.objects.exclude(Q(country_code="") & Q(party_id=""))
    others = {of(location) for location in named.only("country_code", "party_id")}
    return [default(), *sorted(others - {default()}, key=lambda address: (address.country_code, address.party_id))]


def is_ours(address: Address) -> bool:
    return str(address) == str(default()) or Location.objects.filter(run_for(address)).exists()


def run_for(cpo: Address | None, *, location: str = "") -> Q:
    """The Locations of this CPO; `location` is the path to them, e.g. `evse__charge_point__location__`. None: all."""
    if cpo is None:
        return Q()
    ours = default()
    return _names("country_code", cpo.country_code, ours.country_code, location) & _names(
        "party_id", cpo.party_id, ours.party_id, location
    )


def of_session(session_id: int | None) -> Address:
    """The CPO that a Session belongs to; of none, ours."""
    location = "evse__charge_point__location"
    ids = ChargingSession.objects.filter(pk=session_id or 0).values_list(
        f"{location}__country_code", f"{location}__party_id"
    )
    country_code, party_id = ids.first() or ("", "")
    return of(Location(country_code=country_code, party_id=party_id))


def _names(field: str, value: str, ours: str, location: str) -> Q:
    """Empty means ours. CiString: without regard to case."""
    named = Q(**{f"{location}{field}__iexact": value})
    return named | Q(**{f"{location}{field}": ""}) if value.upper() == ours.upper() else named
