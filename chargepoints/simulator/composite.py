"""The answer to GetCompositeSchedule, honest or as some firmware words it. Pure."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .hardware import Hardware, Limit
from .knobs import Composite
from .profiles import CompositePeriod
from .wire import wire_time

FILLERS = {
    Composite.MINUS_ONE: Limit("A", Decimal(-1)),
    Composite.FILLER_48A: Limit("A", Decimal(48)),
}


def composite_answer(
    periods: Sequence[CompositePeriod], *, connector: int, begin: datetime, duration_s: int, unit: str,
    hardware: Hardware, variant: Composite = Composite.HONEST,
) -> dict[str, Any]:  # fmt: skip
    """GetCompositeSchedule.conf (OCPP 1.6 section 6.22): periods count from scheduleStart."""
    if variant is Composite.REJECTED:
        return {"status": "Rejected"}
    if variant is Composite.OTHER_UNIT:
        unit = "W" if unit == "A" else "A"
    if variant is Composite.ONE_SECOND_EARLY:
        begin -= timedelta(seconds=1)
    answer = {"status": "Accepted", "connectorId": connector, "scheduleStart": wire_time(begin)}
    if variant is Composite.NO_SCHEDULE:
        return answer
    listed = () if variant is Composite.EMPTY_PERIODS else periods
    schedule = {
        "duration": duration_s,
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [_period(period, unit, hardware, variant) for period in listed],
    }
    return answer | {"chargingSchedule": schedule}


def _period(period: CompositePeriod, unit: str, hardware: Hardware, variant: Composite) -> dict[str, Any]:
    limit = period.limit if period.limited else FILLERS.get(variant, period.limit)
    number = -1.0 if limit.value < 0 else float(limit.in_unit(unit, hardware))
    if variant is Composite.FLOAT_NOISE and number > 0:
        number = math.nextafter(number, math.inf)
    start = float(period.start_s) if variant is Composite.FLOAT_START else period.start_s
    return {"startPeriod": start, "limit": number, "numberPhases": limit.phases_on(hardware)}
