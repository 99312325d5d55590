"""What a standing message says at the moment it is sent: method, URL and body."""

from typing import Any

from chargepoints.models import ChargingSession
from ocpi import our_parties, sharing
from ocpi.models import OutboxMessage, PartnerEndpoint, Party
from ocpi.versions import WRITERS


def session_request(message: OutboxMessage) -> tuple[str, str, dict[str, Any]]:
    """Method, URL and body. PATCH only after a confirmed PUT and only what differs; else the whole session by PUT.

    OCPI 2.2.1 mod_sessions, Receiver interface.
    """
    session = sharing.sessions_visible_to(message.party).get(outbox=message)
    body = WRITERS[message.party.version].session_object(session)
    owner = our_parties.of(session.evse.charge_point.location)
    url = _endpoint(message.party, "sessions", "RECEIVER").url_for(owner.country_code, owner.party_id, session.uid)
    known = message.delivered_body
    if known is None:
        return "PUT", url, body
    return "PATCH", url, {k: v for k, v in body.items() if k == "last_updated" or known.get(k) != v}


def active_profile_request(message: OutboxMessage) -> tuple[str, str, dict[str, Any]]:
    """Of an ACTIVE session only: the push that waited for its end has nothing left to say (OCPI 2.2.1
    mod_charging_profiles, Sender interface PUT: for an ongoing session).
    """
    visible = sharing.sessions_visible_to(message.party)
    uid = visible.values_list("uid", flat=True).get(outbox=message, state=ChargingSession.State.ACTIVE)
    return "PUT", _endpoint(message.party, "chargingprofiles", "SENDER").url_for(uid), message.body or {}


def _endpoint(party: Party, identifier: str, role: str) -> PartnerEndpoint:
    """Raises PartnerEndpoint.DoesNotExist when the party has unregistered meanwhile."""
    return party.endpoints.get(identifier=identifier, role=role)
