"""What GetCompositeSchedule is answered with, honest or as some firmware words it. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .hardware import Hardware, Limit
from .knobs import Composite
from .profiles import CompositePeriod

FILLERS = {
    Composite.MINUS_ONE: Limit("A", Decimal(-1)),
    Composite.FILLER_48A: Limit("A", Decimal(48)),
}


@dataclass(frozen=True, slots=True)
class CompositeSchedule:
    """`periods` are chargingSchedulePeriod objects and count from `begin`."""

    begin: datetime
    duration_s: int
    unit: str
    periods: list[dict[str, Any]]


def composite_schedule(
    periods: Sequence[CompositePeriod], *, begin: datetime, duration_s: int, unit: str, hardware: Hardware,
    variant: Composite = Composite.HONEST,
) -> CompositeSchedule:  # fmt: skip
    if variant is Composite.OTHER_UNIT:
        unit = "W" if unit == "A" else "A"
    if variant is Composite.ONE_SECOND_EARLY:
        begin -= timedelta(seconds=1)
    listed = () if variant is Composite.EMPTY_PERIODS else periods
    return CompositeSchedule(begin, duration_s, unit, [_period(period, unit, hardware, variant) for period in listed])


def _period(period: CompositePeriod, unit: str, hardware: Hardware, variant: Composite) -> dict[str, Any]:
    limit = period.limit if period.limited else FILLERS.get(variant, period.limit)
    number = -1.0 if limit.value < 0 else float(limit.in_unit(unit, hardware))
    if variant is Composite.FLOAT_NOISE and number > 0:
        number = math.nextafter(number, math.inf)
    start = float(period.start_s) if variant is Composite.FLOAT_START else period.start_s
    return {"startPeriod": start, "limit": number, "numberPhases": limit.phases_on(hardware)}
