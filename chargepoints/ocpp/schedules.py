"""Charging schedules <-> the parts of their wire form that all OCPP versions share. Pure."""

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from chargepoints.ocpp.wire import number, tenths, whole, wire_time
from chargepoints.values import ChargingSchedule, RateUnit, SchedulePeriod

Payload = dict[str, Any]
LONGEST_SCHEDULE_S = 2**31 - 1


def wire_schedule(schedule: ChargingSchedule) -> Payload:
    optional = {
        "duration": schedule.duration_s,
        "startSchedule": wire_time(schedule.start_at) if schedule.start_at else None,
        "minChargingRate": None if schedule.min_rate is None else wire_rate(schedule.min_rate),
    }
    return {
        "chargingRateUnit": schedule.unit.value,
        "chargingSchedulePeriod": [_wire_period(period) for period in schedule.periods],
    } | {key: value for key, value in optional.items() if value is not None}


def _wire_period(period: SchedulePeriod) -> Payload:
    wire: Payload = {"startPeriod": period.start_s, "limit": wire_rate(period.limit)}
    return wire if period.phases is None else wire | {"numberPhases": period.phases}


def wire_rate(rate: Decimal) -> float:
    """At most one decimal (OCPP 1.6 section 7.14, 2.0.1 ChargingSchedulePeriodType), never above what was asked.

    Never -0.0, which some firmware reads as below 0.
    """
    if not rate.is_finite() or rate < 0:
        raise ValueError(f"a rate of {rate} cannot be sent")
    return float(abs(rate).quantize(Decimal("0.1"), ROUND_FLOOR))


def read_schedule(wire: Payload, *, start_at: datetime | None) -> ChargingSchedule:
    """Periods in ascending order, limits not clamped. ValueError when it cannot be read."""
    periods = wire.get("chargingSchedulePeriod")
    if not isinstance(periods, list):
        raise ValueError("chargingSchedulePeriod is not a list")
    by_start = {period.start_s: period for period in map(_period, periods)}
    return ChargingSchedule(
        unit=RateUnit(str(wire.get("chargingRateUnit")).strip().upper()),
        periods=tuple(by_start[start_s] for start_s in sorted(by_start)),
        start_at=start_at,
        duration_s=_seconds(wire.get("duration") or 0) or None,
        min_rate=tenths(wire.get("minChargingRate")),
    )


def _period(wire: object) -> SchedulePeriod:
    if not isinstance(wire, dict) or (limit := tenths(wire.get("limit"))) is None:
        raise ValueError("a limit is not a number")
    phases = whole(wire.get("numberPhases"))
    return SchedulePeriod(_seconds(wire.get("startPeriod")), limit, phases if phases in {1, 2, 3} else None)


def _seconds(value: object) -> int:
    seconds = number(value)
    if seconds is None or not 0 <= seconds <= LONGEST_SCHEDULE_S:
        raise ValueError("not a number of seconds")
    return int(seconds)
