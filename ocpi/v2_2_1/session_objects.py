"""Our charging sessions as OCPI Session objects (OCPI 2.2.1 mod_sessions, Session Object)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings

from chargepoints.models import ChargingSession
from ocpi import our_parties
from ocpi.models import ChargingPeriod
from ocpi.protocol.datetimes import format_datetime
from ocpi.protocol.numbers import json_number


def session_object(session: ChargingSession, periods: Sequence[ChargingPeriod] = ()) -> dict[str, Any]:
    """Reads the session, its EVSE, charge point, location and connector: select them together.

    There is no `authorization_reference` and no `total_cost`: nobody gives us the one, and we know no tariffs.
    """
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
    if session.charge_point.meter_serial_number:
        body["meter_id"] = session.charge_point.meter_serial_number
    if periods:
        body["charging_periods"] = [charging_period(period) for period in periods]
    return body


def cdr_token(session: ChargingSession) -> dict[str, str]:
    """OCPI 2.2.1 mod_cdrs, CdrToken: of the party that issued the token, ourselves where no other is known."""
    owner = our_parties.of(session.evse.charge_point.location)
    return {
        "country_code": session.token_country_code or owner.country_code,
        "party_id": session.token_party_id or owner.party_id,
        "uid": session.id_token or "#NA",
        "type": session.token_type,
        "contract_id": session.contract_id or session.id_token or "#NA",
    }


def charging_period(period: ChargingPeriod) -> dict[str, Any]:
    """OCPI 2.2.1 mod_cdrs, CdrDimensionType: kWh, A, kW, hours and percent. What was not measured is left out.

    CURRENT is that of all phases together, as MAX_CURRENT and MIN_CURRENT are defined.
    """
    parked_s = _seconds(period) - period.charging_s
    volumes = {
        "ENERGY": period.kwh,
        "CURRENT": period.current_a,
        "POWER": None if period.power_w is None else period.power_w / 1000,
        "TIME": _hours(period.charging_s) if period.charging_s else None,
        "PARKING_TIME": _hours(parked_s) if parked_s > 0 else None,
        "STATE_OF_CHARGE": period.soc_percent,
    }
    known = {name: json_number(volume) for name, volume in volumes.items() if volume is not None}
    return {
        "start_date_time": format_datetime(period.started_at),
        "dimensions": [{"type": name, "volume": volume} for name, volume in known.items()],
    }


def _seconds(period: ChargingPeriod) -> Decimal:
    return Decimal(str((period.ended_at - period.started_at).total_seconds())).quantize(Decimal("0.001"))


def _hours(seconds: Decimal) -> Decimal:
    return (seconds / 3600).quantize(Decimal("0.0001"))
