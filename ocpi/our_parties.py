"""The CPOs this back-office speaks for: ours, and those that others run their Locations under (white label)."""

from django.conf import settings
from django.db.models import Q

from chargepoints.models import Location
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
