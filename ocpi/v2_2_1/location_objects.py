"""Our Locations as OCPI objects (OCPI 2.2.1 mod_locations, Object description).

They are what the caller may see: which EVSEs, `ocpi.sharing` decides.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from chargepoints.models import ChargePoint, Connector, Evse, Location
from chargepoints.profiles import maximum
from chargepoints.values import Availability, CurrentType, EvseLimits, RateUnit
from ocpi import our_parties
from ocpi.protocol.datetimes import format_datetime

STATUS = {
    Availability.AVAILABLE: "AVAILABLE",
    Availability.IN_USE: "CHARGING",
    Availability.BLOCKED: "BLOCKED",
    Availability.RESERVED: "RESERVED",
    Availability.OUT_OF_SERVICE: "INOPERATIVE",
    Availability.FAULTED: "OUTOFORDER",
    Availability.UNKNOWN: "UNKNOWN",
    Availability.PLANNED: "PLANNED",
    Availability.REMOVED: "REMOVED",
}
_COORDINATE = Decimal("0.000001")
_OPTIONAL = (
    "postal_code", "parking_type", "directions", "operator", "suboperator", "owner", "facilities", "opening_times",
    "images",
)  # fmt: skip


def with_parts(evses: Any) -> Any:
    """A queryset of EVSEs with what their objects read."""
    return evses.select_related("charge_point").prefetch_related("connectors")


def location_object(location: Location, evses: Sequence[Evse]) -> dict[str, Any]:
    """Of a complete Location. EVSEs come `with_parts`."""
    owner = our_parties.of(location)
    body: dict[str, Any] = {
        "country_code": owner.country_code,
        "party_id": owner.party_id,
        "id": location.uid,
        "publish": location.publish,
        "name": location.name,
        "address": location.address,
        "city": location.city,
        "country": location.country,
        "coordinates": {"latitude": coordinate(location.latitude), "longitude": coordinate(location.longitude)},
        **_given(location, _OPTIONAL),
        "evses": [evse_object(evse) for evse in evses],
        "time_zone": location.time_zone,
        "last_updated": format_datetime(max([location.updated_at, *(evse.last_updated for evse in evses)])),
    }
    if location.charging_when_closed is not None:
        body["charging_when_closed"] = location.charging_when_closed
    return body


def evse_object(evse: Evse) -> dict[str, Any]:
    return {
        "uid": evse.uid,
        **_given(evse, ("evse_id",)),
        "status": STATUS[evse.availability],
        "capabilities": capabilities(evse.charge_point, evse.declared_capabilities or ()),
        "connectors": [connector_object(connector, evse.limits()) for connector in evse.connectors.all()],
        **_given(evse, ("floor_level", "physical_reference", "parking_restrictions")),
        "last_updated": format_datetime(evse.last_updated),
    }


def connector_object(connector: Connector, limits: EvseLimits) -> dict[str, Any]:
    """The figures that charging profiles are prepared with, never more than there is."""
    return {
        "id": str(connector.ocpp_connector_id),
        "standard": connector.standard,
        "format": connector.format,
        "power_type": power_type(limits),
        "max_voltage": int(limits.voltage_v),
        "max_amperage": int(limits.max_current_a),
        "max_electric_power": int(maximum(limits, RateUnit.WATT)),
        "last_updated": format_datetime(connector.last_updated),
    }


def capabilities(charge_point: ChargePoint, declared: Iterable[str]) -> list[str]:
    """What it has told, and what an operator states of it. Remote start and stop are in the core of every OCPP
    version, so whatever has ever connected has them.
    """
    found = set(declared)
    if charge_point.smart_charging:
        found |= {"CHARGING_PROFILE_CAPABLE", "CHARGING_PREFERENCES_CAPABLE"}
    if charge_point.ocpp_version:
        found.add("REMOTE_START_STOP_CAPABLE")
    if charge_point.reads_tokens:
        found.add("RFID_READER")
    return sorted(found)


def power_type(limits: EvseLimits) -> str:
    """As many phases as are installed; three when nobody said, as for charging profiles."""
    if limits.current_type is CurrentType.DC:
        return "DC"
    return f"AC_{min(max(limits.phases or 3, 1), 3)}_PHASE"


def coordinate(value: Decimal | None) -> str:
    """Six decimals, 11 cm: seven and a minus would not fit (GeoLocation, string(10) and string(11))."""
    return f"{(value or Decimal(0)).quantize(_COORDINATE) + 0:f}"


def _given(obj: Any, names: Iterable[str]) -> dict[str, Any]:
    """The optional fields that have a value."""
    return {name: value for name in names if (value := getattr(obj, name))}
