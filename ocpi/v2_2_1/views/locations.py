"""Locations, Sender interface (OCPI 2.2.1 mod_locations)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from chargepoints.models import Evse, Location
from ocpi import sharing
from ocpi.models import Party
from ocpi.protocol.authentication import RegisteredCredentials, party_of
from ocpi.protocol.envelope import ocpi_response
from ocpi.protocol.pagination import paginate
from ocpi.protocol.views import OcpiView
from ocpi.v2_2_1.location_objects import connector_object, evse_object, location_object, with_parts


class LocationsView(OcpiView):
    """Locations with at least one EVSE shared with the caller, and of them only such EVSEs; oldest first."""

    authentication_classes = [RegisteredCredentials]

    def get(self, request: Request) -> Response:
        party = party_of(request)
        page = paginate(sharing.locations_visible_to(party), request)
        return ocpi_response(objects(page.items, party), headers=page.headers)


class LocationView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    def get(self, request: Request, location_id: str) -> Response:
        party = party_of(request)
        location = sharing.locations_visible_to(party).filter(uid=location_id.lower()).first()
        if location is None:
            raise NotFound("no such location")
        return ocpi_response(objects([location], party)[0])


class EvseView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    def get(self, request: Request, location_id: str, evse_uid: str) -> Response:
        return ocpi_response(evse_object(visible_evse(request, location_id, evse_uid)))


class ConnectorView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    def get(self, request: Request, location_id: str, evse_uid: str, connector_id: str) -> Response:
        evse = visible_evse(request, location_id, evse_uid)
        for connector in evse.connectors.all():
            if str(connector.ocpp_connector_id) == connector_id:
                return ocpi_response(connector_object(connector, evse.limits()))
        raise NotFound("no such connector")


def objects(locations: Sequence[Location], party: Party) -> list[dict[str, Any]]:
    """Each with what the party sees of it."""
    seen = sharing.evses_visible_to(party).filter(charge_point__location__in=[location.pk for location in locations])
    there: dict[int, list[Evse]] = defaultdict(list)
    for evse in with_parts(seen):
        there[evse.charge_point.location_id].append(evse)
    return [location_object(location, there[location.pk]) for location in locations]


def visible_evse(request: Request, location_id: str, evse_uid: str) -> Evse:
    seen = with_parts(sharing.evses_visible_to(party_of(request)))
    evse = seen.filter(uid=evse_uid.lower(), charge_point__location__uid=location_id.lower()).first()
    if evse is None:
        raise NotFound("no such EVSE")
    return evse
