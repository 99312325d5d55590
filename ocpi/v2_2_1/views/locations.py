"""Locations, Sender interface (OCPI 2.2.1 mod_locations)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from chargepoints.models import Evse, Location
from ocpi import sharing
from ocpi.protocol.authentication import RegisteredCredentials, party_of
from ocpi.protocol.envelope import ocpi_response
from ocpi.protocol.openapi import describes
from ocpi.protocol.pagination import PAGE, paginate
from ocpi.protocol.views import OcpiView
from ocpi.v2_2_1.location_objects import with_parts
from ocpi.versions import WRITERS


class LocationsView(OcpiView):
    """Locations with at least one EVSE shared with the caller, and of them only such EVSEs; oldest first."""

    authentication_classes = [RegisteredCredentials]

    @describes("Locations, oldest first", answer="Location", many=True, query=PAGE)
    def get(self, request: Request) -> Response:
        page = paginate(visible_locations(self, request), request)
        return ocpi_response(objects(self, request, page.items), headers=page.headers)


class LocationView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    @describes("One Location", answer="Location")
    def get(self, request: Request, location_id: str) -> Response:
        location = visible_locations(self, request).filter(uid=location_id.lower()).first()
        if location is None:
            raise NotFound("no such location")
        return ocpi_response(objects(self, request, [location])[0])


class EvseView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    @describes("One EVSE", answer="EVSE")
    def get(self, request: Request, location_id: str, evse_uid: str) -> Response:
        return ocpi_response(WRITERS[self.version].evse_object(visible_evse(self, request, location_id, evse_uid)))


class ConnectorView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    @describes("One Connector", answer="Connector")
    def get(self, request: Request, location_id: str, evse_uid: str, connector_id: str) -> Response:
        evse = visible_evse(self, request, location_id, evse_uid)
        for connector in evse.connectors.all():
            if str(connector.ocpp_connector_id) == connector_id:
                return ocpi_response(WRITERS[self.version].connector_object(connector, evse.limits()))
        raise NotFound("no such connector")


def visible_locations(view: OcpiView, request: Request) -> QuerySet[Location]:
    """Of the CPO that the request is addressed to, if it is to one."""
    return sharing.locations_visible_to(party_of(request), cpo=view.routing.receiver)


def visible_evses(view: OcpiView, request: Request) -> QuerySet[Evse]:
    return sharing.evses_visible_to(party_of(request), cpo=view.routing.receiver)


def objects(view: OcpiView, request: Request, locations: Sequence[Location]) -> list[dict[str, Any]]:
    """Each with what the caller sees of it."""
    seen = visible_evses(view, request).filter(charge_point__location__in=[location.pk for location in locations])
    there: dict[int, list[Evse]] = defaultdict(list)
    for evse in with_parts(seen):
        there[evse.charge_point.location_id].append(evse)
    location_object = WRITERS[view.version].location_object
    return [location_object(location, there[location.pk]) for location in locations]


def visible_evse(view: OcpiView, request: Request, location_id: str, evse_uid: str) -> Evse:
    seen = with_parts(visible_evses(view, request))
    evse = seen.filter(uid=evse_uid.lower(), charge_point__location__uid=location_id.lower()).first()
    if evse is None:
        raise NotFound("no such EVSE")
    return evse
