"""What a standing message says at the moment it is sent: method, URL and body."""

from typing import Any

from chargepoints.models import ChargingSession
from ocpi import charging_periods, our_parties, period_marks, sharing
from ocpi.models import OutboxMessage, PartnerEndpoint, Party
from ocpi.v2_2_1.session_objects import session_object

Request = tuple[str, str, dict[str, Any]]
"""Method, URL and body."""


def session_request(message: OutboxMessage) -> Request | None:
    """PATCH only after a confirmed PUT and only what differs; else the whole session by PUT. None: nothing differs.

    OCPI 2.2.1 mod_sessions, Receiver interface.
    """
    session = sharing.sessions_visible_to(message.party).get(outbox=message)
    body = session_object(session, charging_periods.of([session])[session.pk])
    owner = our_parties.of(session.evse.charge_point.location)
    url = _endpoint(message.party, "sessions", "RECEIVER").url_for(owner.country_code, owner.party_id, session.uid)
    changes = None if message.delivered_body is None else _changes(message.delivered_body, body)
    if changes is None:
        return "PUT", url, body
    return ("PATCH", url, {**changes, "last_updated": body["last_updated"]}) if changes else None


def _changes(known: dict[str, Any], body: dict[str, Any]) -> dict[str, Any] | None:
    """What the partner has not got, but for `last_updated`. None: only the whole Session makes it right."""
    whole = {"last_updated", "charging_periods"}
    changes = {name: value for name, value in body.items() if name not in whole and known.get(name) != value}
    periods = period_marks.unknown(known.get("charging_periods"), body.get("charging_periods", []))
    if periods is None:
        return None
    return {**changes, "charging_periods": periods} if periods else changes


def active_profile_request(message: OutboxMessage) -> Request:
    """Of an ACTIVE session only: the push that waited for its end has nothing left to say (OCPI 2.2.1
    mod_charging_profiles, Sender interface PUT: for an ongoing session).
    """
    visible = sharing.sessions_visible_to(message.party)
    uid = visible.values_list("uid", flat=True).get(outbox=message, state=ChargingSession.State.ACTIVE)
    return "PUT", _endpoint(message.party, "chargingprofiles", "SENDER").url_for(uid), message.body or {}


def _endpoint(party: Party, identifier: str, role: str) -> PartnerEndpoint:
    """Raises PartnerEndpoint.DoesNotExist when the party has unregistered meanwhile."""
    return party.endpoints.get(identifier=identifier, role=role)
