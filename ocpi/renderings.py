"""What a message says at the moment it is sent: method, URL and body; and from whom to whom."""

from typing import Any

from django.utils import timezone

from chargepoints.models import ChargingSession, Evse, Location
from ocpi import charging_periods, our_parties, parties, period_marks, sharing
from ocpi.models import OutboxMessage, PartnerEndpoint, Party, ProfileRequest
from ocpi.protocol.datetimes import format_datetime
from ocpi.protocol.headers import Address
from ocpi.v2_2_1.location_objects import with_parts
from ocpi.versions import WRITERS, Writer

Request = tuple[str, str, dict[str, Any]]
"""Method, URL and body."""


def session_request(message: OutboxMessage) -> Request | None:
    """PATCH only after a confirmed PUT and only what differs; else the whole session by PUT. None: nothing differs.

    OCPI 2.2.1 mod_sessions, Receiver interface.
    """
    session = sharing.sessions_visible_to(message.party).get(outbox=message)
    body = _writer(message).session_object(session, charging_periods.of([session])[session.pk])
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


def location_request(message: OutboxMessage) -> Request:
    """The whole Location, as this party sees it (OCPI 2.2.1 mod_locations, Receiver interface PUT).

    One that the party has and that has nothing left for it is told as the party knows it. Raises Location.DoesNotExist
    when there is nothing to tell.
    """
    known = message.delivered_body or {}
    location = sharing.locations_visible_to(message.party).filter(outbox=message).first()
    if location:
        evses = sharing.evses_visible_to(message.party).filter(charge_point__location=location)
        body = _writer(message).location_object(location, list(with_parts(evses)))
    elif known:
        body = {**known, "evses": []}
    else:
        raise Location.DoesNotExist
    return "PUT", _place_url(message), _with_removed(body, known)


def _with_removed(body: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """EVSEs that the party has here and that are not here any more, because they stand elsewhere, are not shared or
    were deleted, are told as REMOVED, once (OCPI 2.2.1 mod_locations, Flow and Lifecycle: nothing is deleted).
    """
    here = {evse["uid"] for evse in body["evses"]}
    left = [evse for evse in known.get("evses", ()) if evse["uid"] not in here and evse["status"] != "REMOVED"]
    if here and not left:
        return body
    at = format_datetime(timezone.now())
    removed = [{**evse, "status": "REMOVED", "last_updated": at} for evse in left]
    return {**body, "evses": [*body["evses"], *removed], "last_updated": at}


def evse_request(message: OutboxMessage) -> Request | None:
    """What differs from what the party has; None: nothing does, whatever happened in between.

    OCPI 2.2.1 mod_locations, Receiver interface PATCH. A party that may not see it any more is told that it is REMOVED.
    """
    known = message.delivered_body
    url = _place_url(message, Evse.objects.values_list("uid", flat=True).get(outbox=message))
    if known and not _is_shared(message):
        return "PATCH", url, {"status": "REMOVED", "last_updated": format_datetime(timezone.now())}
    here = sharing.evses_visible_to(message.party).filter(charge_point__location=message.location_id)
    body = _writer(message).evse_object(with_parts(here).get(outbox=message))
    if known is None:
        return "PUT", url, body
    news = {name: value for name, value in body.items() if known.get(name) != value}
    return ("PATCH", url, news) if set(news) - {"last_updated"} else None


def _writer(message: OutboxMessage) -> Writer:
    return WRITERS[message.party.version]


def _is_shared(message: OutboxMessage) -> bool:
    party = message.party
    return party.shares_all_evses or party.shared_evses.filter(outbox=message).exists()


def _place_url(message: OutboxMessage, *ids: str) -> str:
    location = message.location
    if location is None:
        raise ValueError("a message without a Location")
    owner = our_parties.of(location)
    endpoint = _endpoint(message.party, "locations", "RECEIVER")
    return endpoint.url_for(owner.country_code, owner.party_id, location.uid, *ids)


def routing(message: OutboxMessage) -> dict[str, str]:
    """From the CPO of what is sent. A result goes back from the CPO that was asked to the role that asked; a changed
    plan goes to the role that set one last.
    """
    plan = message.kind == OutboxMessage.Kind.ACTIVE_PROFILE
    asked = message.profile_request or (_set_last(message) if plan else None)
    sender = Address.parse(asked.receiver) if asked else None
    receiver = Address.parse(asked.sender) if asked else None
    return parties.routing(message.party, sender=sender or _owner(message), receiver=receiver)


def _owner(message: OutboxMessage) -> Address:
    if message.location is not None:
        return our_parties.of(message.location)
    return our_parties.of_session(message.session_id)


def _set_last(message: OutboxMessage) -> ProfileRequest | None:
    mine = ProfileRequest.objects.filter(party_id=message.party_id, session_id=message.session_id)
    accepted = mine.filter(kind=ProfileRequest.Kind.SET, response=ProfileRequest.Response.ACCEPTED)
    return accepted.order_by("-received_at").only("sender", "receiver").first()


def _endpoint(party: Party, identifier: str, role: str) -> PartnerEndpoint:
    """Raises PartnerEndpoint.DoesNotExist when the party has unregistered meanwhile."""
    return party.endpoints.get(identifier=identifier, role=role)
