"""Rows and values for tests: small, valid, and different only where they must be."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from chargepoints.models import ChargePoint, ChargingSession, Connector, DriverToken, Evse, Location
from chargepoints.values import ChargingSchedule, RateUnit, Reading, SchedulePeriod, StartFacts, StopFacts

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SOCKET = "socket-1"
CHANNEL = "ocpp.process-1"
_serial = count(1)


def at(seconds: float) -> datetime:
    """`seconds` after NOW."""
    return NOW + timedelta(seconds=seconds)


def charge_point(*, online: bool = True, **fields: Any) -> ChargePoint:
    """Takes A and W, and has a socket unless told otherwise."""
    presence = {"connection_id": SOCKET, "channel_name": CHANNEL} if online else {}
    defaults = {"identity": f"CP-{next(_serial)}", "smart_charging": True, "rate_units": "AW"}
    if "location" not in fields:
        defaults["location"] = Location.objects.first() or location()
    return ChargePoint.objects.create(**(defaults | presence | fields))


def location(**fields: Any) -> Location:
    """All that partners must be told of a place is known."""
    known = {
        "name": "Depot", "address": "Stationsplein 1", "city": "Utrecht", "latitude": Decimal("52.0894"),
        "longitude": Decimal("5.1101"), "updated_at": NOW,
    }  # fmt: skip
    created = Location.objects.create(**(known | fields))
    Location.objects.filter(pk=created.pk).update(updated_at=(known | fields)["updated_at"])
    return Location.objects.get(pk=created.pk)


def evse(point: ChargePoint | None = None, *, number: int = 1, **fields: Any) -> Evse:
    """Three phases of 32 A, one connector."""
    fields = {"phases": 3} | fields
    created = Evse.objects.create(charge_point=point or charge_point(), ocpp_evse_id=number, **fields)
    Connector.objects.create(evse=created)
    return created


def session(of: Evse | None = None, **fields: Any) -> ChargingSession:
    """ACTIVE since an hour before NOW."""
    place = of or evse()
    defaults = {
        "state": "ACTIVE", "ocpp_transaction_id": str(1000 + next(_serial)), "id_token": "CARD",
        "started_at": at(-3600), "last_updated": at(-3600),
    }  # fmt: skip
    return ChargingSession.objects.create(charge_point=place.charge_point, evse=place, **(defaults | fields))


def driver(uid: str = "CARD", **fields: Any) -> DriverToken:
    return DriverToken.objects.create(uid=uid, **fields)


def schedule(
    *limits: str | int, unit: RateUnit = RateUnit.AMPERE, step_s: int = 900, **fields: Any
) -> ChargingSchedule:
    """One period for each limit, `step_s` apart."""
    periods = tuple(SchedulePeriod(i * step_s, Decimal(limit)) for i, limit in enumerate(limits))
    return ChargingSchedule(unit, periods, **fields)


def reading(seconds: float = 0, *, energy_wh: str | int | None = None, **fields: Any) -> Reading:
    """Measured `seconds` after NOW."""
    energy = None if energy_wh is None else Decimal(energy_wh)
    return Reading(measured_at=at(seconds), samples=(), energy_wh=energy, **fields)


def start_facts(**fields: Any) -> StartFacts:
    defaults = {"evse_id": 1, "id_token": "CARD", "meter_start_wh": Decimal(1000), "started_at": NOW}
    return StartFacts(**(defaults | fields))


def stop_facts(transaction_id: str, **fields: Any) -> StopFacts:
    defaults = {"meter_stop_wh": Decimal(5000), "stopped_at": at(600), "reason": "Local"}
    return StopFacts(transaction_id=transaction_id, **(defaults | fields))
