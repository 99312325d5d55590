"""Whether a request is routed rightly (OCPI 2.2.1 transport_and_format, Message Routing).

Nobody has to say from whom to whom (a directly connected peer with one role need not); what is said must be so.
"""

from dataclasses import replace

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from ocpi import our_parties, parties
from ocpi.models import Credentials
from ocpi.protocol.authentication import credentials_of
from ocpi.protocol.errors import InvalidField, OcpiError
from ocpi.protocol.headers import Routing, header_names, unreadable
from ocpi.protocol.status_codes import StatusCode


class RoutedRightly(BasePermission):
    """Of functional modules only: `routed` on the view."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if getattr(view, "routed", True):
            for end in ("from", "to"):
                if unreadable(request.headers, end):
                    raise InvalidField(", ".join(header_names(end)), "must be a country code and a party id")
            routing = meant(credentials_of(request), Routing.of(request.headers))
            admit(credentials_of(request), routing)
            view.routing = routing  # type: ignore[attr-defined]
        return True


def meant(credentials: Credentials, routing: Routing) -> Routing:
    """A receiver that is the caller itself counts as not said: it can mean nobody here, and hides nothing from anybody.

    The ocpi-tool of the EV Roaming Foundation (1.1.1) names itself as both ends.
    """
    if not routing.receiver or not parties.is_role_of(credentials, routing.receiver):
        return routing
    return routing if our_parties.is_ours(routing.receiver) else replace(routing, receiver=None)


def admit(credentials: Credentials, routing: Routing) -> None:
    """Raises OcpiError 4001 for a receiver that is none of our CPOs, 2001 for a sender that is not the caller's.

    HTTP stays 200: the request was understood (OCPI 2.2.1 status_codes).
    """
    if routing.sender and not parties.speaks_for(credentials, routing.sender):
        raise InvalidField("OCPI-from-party-id", f"{routing.sender} is none of the roles of {credentials.party}")
    if routing.receiver and not our_parties.is_ours(routing.receiver):
        raise OcpiError(StatusCode.HUB_UNKNOWN_RECEIVER, f"{routing.receiver} is none of the CPOs on this platform")
