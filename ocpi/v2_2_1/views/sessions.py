"""Sessions, Sender interface (OCPI 2.2.1 mod_sessions)."""

from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from chargepoints.models import ChargingSession
from ocpi import charging_periods, preferences, sharing
from ocpi.protocol.authentication import RegisteredCredentials, party_of
from ocpi.protocol.envelope import ocpi_response
from ocpi.protocol.pagination import paginate
from ocpi.protocol.views import OcpiView, document_of
from ocpi.v2_2_1.session_objects import session_object


class SessionsView(OcpiView):
    """Only sessions on EVSEs shared with the caller, oldest first."""

    authentication_classes = [RegisteredCredentials]

    def get(self, request: Request) -> Response:
        page = paginate(sharing.sessions_visible_to(party_of(request)), request)
        periods = charging_periods.of(page.items)
        data = [session_object(session, periods[session.pk]) for session in page.items]
        return ocpi_response(data, headers=page.headers)


class SessionView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    def get(self, request: Request, session_id: str) -> Response:
        session = visible_session(request, session_id)
        return ocpi_response(session_object(session, charging_periods.of([session])[session.pk]))


class ChargingPreferencesView(OcpiView):
    authentication_classes = [RegisteredCredentials]

    def put(self, request: Request, session_id: str) -> Response:
        session = visible_session(request, session_id)
        return ocpi_response(preferences.receive(session, document_of(request), now=timezone.now()).value)


def visible_session(request: Request, session_id: str) -> ChargingSession:
    session = sharing.sessions_visible_to(party_of(request)).filter(uid=session_id.lower()).first()
    if session is None:
        raise NotFound("no such session")
    return session
