"""From what a charge point says it plans to what the partner sees. Pure.

Charge points answer GetCompositeSchedule with anything: no schedule, the other unit, fillers of 48 A or -1, a start by
a wrong clock. What leaves here is always a plan the EVSE can follow.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise

from chargepoints.profiles.rates import ceiling, convert, maximum, phases_for, round_down
from chargepoints.profiles.timeline import elapsed_s, is_over, merged, period_at, whole_second
from chargepoints.values import ChargingSchedule, CurrentType, EvseLimits, RateUnit, SchedulePeriod

__all__ = ["active_profile", "clock_ahead_s", "maximum", "planned_by", "same_plan", "to_unit"]

KEPT_START_AGE_S = 300
"""A start up to this long ago is when the charge point calculated its answer."""

BELIEVED_START_AGE_S = 24 * 3600
"""An older start is a wrong clock, not a plan of that day."""

SAME_PLAN_TOLERANCE_S = 2
"""Composite periods are counted in whole seconds from a start that moves with every answer."""


def to_unit(schedule: ChargingSchedule, unit: RateUnit, *, limits: EvseLimits) -> ChargingSchedule:
    """The same plan in `unit`, rounded down to one decimal; on DC at the nominal voltage."""
    min_rate = schedule.min_rate
    return replace(
        schedule,
        unit=unit,
        periods=tuple(_period_in(period, schedule.unit, unit, limits=limits) for period in schedule.periods),
        min_rate=None if min_rate is None else _rate_in(min_rate, schedule.unit, unit, limits=limits, phases=None),
    )


def active_profile(
    composite: ChargingSchedule | None, *, unit: RateUnit, limits: EvseLimits, now: datetime, duration_s: int
) -> ChargingSchedule:
    """What limits the EVSE for at most `duration_s`, in `unit`, as OCPI's ActiveChargingProfile: no phases.

    Where nothing limits, the EVSE's maximum (OCPI 2.2.1 mod_charging_profiles, ActiveChargingProfile push).
    """
    now = whole_second(now)
    if composite is None or not composite.periods:
        return _unlimited(unit, limits=limits, now=now, duration_s=duration_s)
    believed = _believed(composite, now=now)
    planned_s = min(believed.duration_s or duration_s, duration_s)
    periods = (
        SchedulePeriod(period.start_s, _possible(period, believed.unit, unit, limits=limits))
        for period in believed.periods
        if period.start_s < planned_s
    )
    return ChargingSchedule(
        unit=unit,
        periods=merged(periods),
        start_at=believed.start_at,
        duration_s=planned_s,
        min_rate=_possible_min_rate(composite, unit, limits=limits),
    )


def planned_by(
    schedule: ChargingSchedule | None, *, now: datetime, started_at: datetime | None
) -> ChargingSchedule | None:
    """What a schedule says from now on, as a plan that begins now; None when it says nothing now."""
    elapsed = elapsed_s(schedule, now, started_at=started_at) if schedule else None
    if schedule is None or elapsed is None or period_at(schedule, elapsed) is None:
        return None
    return _from_now(schedule, age=int(elapsed), now=whole_second(now))


def same_plan(a: ChargingSchedule, b: ChargingSchedule, *, now: datetime) -> bool:
    """Do both say the same, from now to the end of the shorter one? False when they share no future, or no unit."""
    if a.unit is not b.unit:
        return False
    ages = [(plan, (now - (plan.start_at or now)).total_seconds()) for plan in (a, b)]
    begin = max(0.0, *(-age for _, age in ages))
    end = min(math.inf if plan.duration_s is None else plan.duration_s - age for plan, age in ages)
    if end - begin <= SAME_PLAN_TOLERANCE_S:
        return False
    edges = {period.start_s - age for plan, age in ages for period in plan.periods}
    points = [begin, *sorted(edge for edge in edges if begin < edge < end), end]
    runs = groupby(pairwise(points), key=lambda stretch: _differ(ages, at=stretch[0], till=stretch[1]))
    return not any(differ and sum(till - at for at, till in run) > SAME_PLAN_TOLERANCE_S for differ, run in runs)


def _differ(ages: list[tuple[ChargingSchedule, float]], *, at: float, till: float) -> bool:
    """Read between two edges, away from both: a start has fractions of a second."""
    between = at + min(till - at, 1) / 2
    periods = [period_at(plan, between + age) for plan, age in ages]
    return len({period and period.limit for period in periods}) > 1


def _unlimited(unit: RateUnit, *, limits: EvseLimits, now: datetime, duration_s: int) -> ChargingSchedule:
    period = SchedulePeriod(0, maximum(limits, unit))
    return ChargingSchedule(unit=unit, periods=(period,), start_at=now, duration_s=duration_s)


# --- time -----------------------------------------------------------------------------------------------------------


def _believed(composite: ChargingSchedule, *, now: datetime) -> ChargingSchedule:
    """With periods in order from 0, a positive duration or none, and a start that can be true.

    From a wrong clock: the plan begins now. One that began some time before is cut to what is left of it.
    """
    ordered = replace(composite, periods=_ordered(composite.periods), duration_s=_positive(composite.duration_s))
    age = _age_s(composite, now=now)
    if clock_ahead_s(composite, now=now):
        return replace(ordered, start_at=now)
    if age <= KEPT_START_AGE_S:
        return replace(ordered, start_at=now - timedelta(seconds=age))
    return _from_now(ordered, age=age, now=now)


def clock_ahead_s(composite: ChargingSchedule, *, now: datetime) -> int:
    """How far the clock that gave its start is ahead of ours, negative: behind; 0 when the start can be true.

    A composite starts when it was asked for (OCPP 1.6 section 6.22, scheduleStart). A start in the future, a day ago,
    or so long ago that all would be over, comes from a wrong clock.
    """
    age = _age_s(composite, now=whole_second(now))
    over = is_over(replace(composite, duration_s=_positive(composite.duration_s)), age)
    return 0 if 0 <= age <= BELIEVED_START_AGE_S and not over else -age


def _age_s(composite: ChargingSchedule, *, now: datetime) -> int:
    """`now` in whole seconds."""
    return int((now - whole_second(composite.start_at)).total_seconds()) if composite.start_at else 0


def _positive(duration_s: int | None) -> int | None:
    return duration_s if duration_s and duration_s > 0 else None


def _ordered(periods: Iterable[SchedulePeriod]) -> tuple[SchedulePeriod, ...]:
    """Ascending, the last one named wins a start, the first begins at 0."""
    by_start = {max(0, int(period.start_s)): period for period in periods}
    starts = sorted(by_start)
    return tuple(replace(by_start[old], start_s=new) for old, new in zip(starts, [0, *starts[1:]], strict=True))


def _from_now(schedule: ChargingSchedule, *, age: int, now: datetime) -> ChargingSchedule:
    past = sum(period.start_s <= age for period in schedule.periods[1:])
    return replace(
        schedule,
        start_at=now,
        duration_s=None if schedule.duration_s is None else schedule.duration_s - age,
        periods=tuple(replace(period, start_s=max(0, period.start_s - age)) for period in schedule.periods[past:]),
    )


# --- values ---------------------------------------------------------------------------------------------------------


def _rate_in(rate: Decimal, source: RateUnit, target: RateUnit, *, limits: EvseLimits, phases: int | None) -> Decimal:
    used = phases_for(limits, phases)
    return round_down(convert(rate, source=source, target=target, limits=limits, phases=used))


def _period_in(period: SchedulePeriod, source: RateUnit, target: RateUnit, *, limits: EvseLimits) -> SchedulePeriod:
    phases = phases_for(limits, period.phases) if limits.current_type is CurrentType.AC else None
    return SchedulePeriod(period.start_s, _rate_in(period.limit, source, target, limits=limits, phases=phases), phases)


def _possible(period: SchedulePeriod, source: RateUnit, target: RateUnit, *, limits: EvseLimits) -> Decimal:
    """The limit in `target`, never above the connector; a negative one means that nothing limits."""
    if not period.limit.is_finite() or period.limit < 0:
        return maximum(limits, target)
    rate = _rate_in(period.limit, source, target, limits=limits, phases=period.phases)
    said, used = phases_for(limits, period.phases), phases_for(limits)
    ceilings = (ceiling(limits, unit=target, phases=phases) for phases in (said, used))
    return min([rate, *(highest for highest in ceilings if highest is not None)])


def _possible_min_rate(composite: ChargingSchedule, unit: RateUnit, *, limits: EvseLimits) -> Decimal | None:
    rate = composite.min_rate
    if rate is None or not rate.is_finite() or rate < 0:
        return None
    return _rate_in(rate, composite.unit, unit, limits=limits, phases=None)
