"""The most a session may get until a moment, whatever its schedule says. Pure.

A TxProfile overrules a TxDefaultProfile (OCPP 1.6 section 3.13.1), so an operator's limit on an EVSE binds a session
under a partner's profile only if that profile respects it itself.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from chargepoints.profiles.timeline import elapsed_s
from chargepoints.values import ChargingSchedule, RateUnit, SchedulePeriod


@dataclass(frozen=True, slots=True)
class Cap:
    """`rate` in `unit`: A per phase or W in total. `until` None: for good. `limit_id`: whose wish it is."""

    limit_id: int
    rate: Decimal
    unit: RateUnit
    until: datetime | None = None


def lowered(
    schedule: ChargingSchedule,
    *,
    until: datetime | None,
    started_at: datetime | None,
    highest: Callable[[SchedulePeriod], Decimal],
) -> ChargingSchedule:
    """Until then no period is above `highest` of it, in the schedule's unit; after it nothing is changed.

    A relative schedule whose transaction start is not known cannot be placed in time: it is lowered throughout.
    """
    end_s = _seconds_till(schedule, until, started_at=started_at)
    periods = schedule.periods if end_s is None else _split(schedule, end_s)
    return replace(
        schedule,
        periods=tuple(
            replace(period, limit=min(period.limit, highest(period)))
            if end_s is None or period.start_s < end_s
            else period
            for period in periods
        ),
    )


def _seconds_till(schedule: ChargingSchedule, until: datetime | None, *, started_at: datetime | None) -> int | None:
    elapsed = elapsed_s(schedule, until, started_at=started_at) if until else None
    return None if elapsed is None else math.ceil(elapsed)


def _split(schedule: ChargingSchedule, at_s: int) -> tuple[SchedulePeriod, ...]:
    """The same plan with an edge at `at_s`."""
    before = [period for period in schedule.periods if period.start_s < at_s]
    after = [period for period in schedule.periods if period.start_s >= at_s]
    starts_there = bool(after) and after[0].start_s == at_s
    over = schedule.duration_s is not None and at_s >= schedule.duration_s
    edge = [replace(before[-1], start_s=at_s)] if before and not starts_there and not over else []
    return (*before, *edge, *after)
