"""Sessions, Sender interface (OCPI 2.2.1 mod_sessions)."""

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from chargepoints.models import ChargingSession
from ocpi import charging_periods, preferences, sharing
from ocpi.protocol.authentication import RegisteredCredentials, party_of
from ocpi.protocol.envelope import ocpi_response
from ocpi.protocol.openapi import describes
from ocpi.protocol.pagination import PAGE, paginate
from ocpi.protocol.views import OcpiView, document_of
from ocpi.versions import WRITERS


class SessionsView(OcpiView):
    """Only sessions on EVSEs shared with the caller, oldest first."""

    authentication_classes = [RegisteredCredentials]

    @describes("Sessions, oldest first", answer="Session", many=True, query=PAGE)
    def get(self, request: Request) -> Response:
        page = paginate(visible_sessions(self, request), request)
        periods = charging_periods.of(page.items)
        data = [WRITERS[self.version].session_object(session, periods[session.pk]) for session in page.items]
        return ocpi_response(data, headers=page.headers)


class SessionView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    @describes("One Session", answer="Session")
    def get(self, request: Request, session_id: str) -> Response:
        session = visible_session(self, request, session_id)
        periods = charging_periods.of([session])[session.pk]
        return ocpi_response(WRITERS[self.version].session_object(session, periods))


class ChargingPreferencesView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    @describes("Charging preferences of a driver", body="ChargingPreferences", answer="ChargingPreferencesResponse")
    def put(self, request: Request, session_id: str) -> Response:
        session = visible_session(self, request, session_id)
        return ocpi_response(preferences.receive(session, document_of(request), now=timezone.now()).value)


def visible_sessions(view: OcpiView, request: Request) -> QuerySet[ChargingSession]:
    """Those shared with the caller; of the CPO that the request is addressed to, if it is to one."""
    return sharing.sessions_visible_to(party_of(request), cpo=view.routing.receiver)


def visible_session(view: OcpiView, request: Request, session_id: str) -> ChargingSession:
    session = visible_sessions(view, request).filter(uid=session_id.lower()).first()
    if session is None:
        raise NotFound("no such session")
    return session
