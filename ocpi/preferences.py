"""Charging preferences of a driver: kept, and answered truthfully (OCPI 2.2.1 mod_sessions, Charging Preferences)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from chargepoints.models import ChargingSession
from ocpi.protocol.datetimes import parse_datetime
from ocpi.protocol.errors import InvalidField, OcpiError
from ocpi.protocol.status_codes import StatusCode

OPEN = (ChargingSession.State.PENDING, ChargingSession.State.ACTIVE)
MAX_ENERGY_KWH = 10_000


class ProfileType(StrEnum):
    CHEAP = "CHEAP"
    FAST = "FAST"
    GREEN = "GREEN"
    REGULAR = "REGULAR"


class PreferencesResponse(StrEnum):
    ACCEPTED = "ACCEPTED"
    DEPARTURE_REQUIRED = "DEPARTURE_REQUIRED"
    ENERGY_NEED_REQUIRED = "ENERGY_NEED_REQUIRED"
    NOT_POSSIBLE = "NOT_POSSIBLE"
    PROFILE_TYPE_NOT_SUPPORTED = "PROFILE_TYPE_NOT_SUPPORTED"


def receive(session: ChargingSession, body: Mapping[str, Any], *, now: datetime) -> PreferencesResponse:
    """Raises InvalidField, or OcpiError 404/2001 when the EVSE cannot charge by preferences at all."""
    preferences = parse(body)
    if not session.charge_point.smart_charging:
        message = "this EVSE does not have the capability CHARGING_PREFERENCES_CAPABLE"
        raise OcpiError(StatusCode.INVALID_PARAMETERS, message, http_status=404)
    departure = preferences.get("departure_time")
    if not session.is_open or (departure and parse_datetime(departure) <= now):
        return PreferencesResponse.NOT_POSSIBLE
    still_open = ChargingSession.objects.filter(pk=session.pk, state__in=OPEN)
    stored = still_open.update(charging_preferences=preferences)
    return PreferencesResponse.ACCEPTED if stored else PreferencesResponse.NOT_POSSIBLE


def parse(body: Mapping[str, Any]) -> dict[str, Any]:
    """The known fields, as JSON can keep them; unknown ones are ignored."""
    if body.get("profile_type") not in list(ProfileType):
        raise InvalidField("profile_type", f"must be one of {', '.join(ProfileType)}")
    found: dict[str, Any] = {"profile_type": body["profile_type"]}
    if body.get("departure_time") is not None:
        found["departure_time"] = _moment(body["departure_time"])
    if body.get("energy_need") is not None:
        found["energy_need"] = _energy(body["energy_need"])
    if body.get("discharge_allowed") is not None:
        if not isinstance(body["discharge_allowed"], bool):
            raise InvalidField("discharge_allowed", "must be true or false")
        found["discharge_allowed"] = body["discharge_allowed"]
    return found


def _moment(value: Any) -> str:
    try:
        parse_datetime(value)
    except (ValueError, TypeError):
        raise InvalidField("departure_time", "must be an RFC 3339 date and time") from None
    return str(value)


def _energy(value: Any) -> str:
    """kWh, kept as text: a figure of energy is never a float."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value < MAX_ENERGY_KWH:
        raise InvalidField("energy_need", "must be a number of kWh from 0 to 10000")
    return str(value)
