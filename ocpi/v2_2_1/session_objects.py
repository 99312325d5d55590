"""Our charging sessions as OCPI Session objects (OCPI 2.2.1 mod_sessions, Session Object)."""

from typing import Any

from django.conf import settings

from chargepoints.models import ChargingSession
from ocpi import our_parties
from ocpi.protocol.datetimes import format_datetime
from ocpi.protocol.numbers import json_number


def session_object(session: ChargingSession) -> dict[str, Any]:
    """Reads the session, its EVSE, charge point, location and connector: select them together."""
    owner = our_parties.of(session.evse.charge_point.location)
    body: dict[str, Any] = {
        "country_code": owner.country_code,
        "party_id": owner.party_id,
        "id": session.uid,
        "start_date_time": format_datetime(session.started_at),
        "kwh": json_number(session.kwh),
        "cdr_token": cdr_token(session),
        "auth_method": session.auth_method,
        "location_id": session.evse.charge_point.location.uid,
        "evse_uid": session.evse.uid,
        "connector_id": str(session.connector.ocpp_connector_id) if session.connector else "1",
        "currency": settings.OCPI_CURRENCY,
        "status": session.state,
        "last_updated": format_datetime(session.last_updated),
    }
    if session.ended_at:
        body["end_date_time"] = format_datetime(session.ended_at)
    return body


def cdr_token(session: ChargingSession) -> dict[str, str]:
    """OCPI 2.2.1 mod_cdrs, CdrToken. Our tokens are our own until other parties' token lists are known."""
    owner = our_parties.of(session.evse.charge_point.location)
    return {
        "country_code": owner.country_code,
        "party_id": owner.party_id,
        "uid": session.id_token or "#NA",
        "type": "RFID",
        "contract_id": session.contract_id or session.id_token or "#NA",
    }
