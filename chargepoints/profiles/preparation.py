"""From what a partner asks to what a charge point is told, with a note for every change. Pure.

The rule above all others: at no moment is the installed limit above the requested one, nor above the connector's.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from chargepoints.profiles.caps import Cap, lowered
from chargepoints.profiles.max_periods import within_max_periods
from chargepoints.profiles.rates import ceiling, convert, maximum, phases_for, rate_text, round_down
from chargepoints.profiles.timeline import elapsed_s, is_over, merged, period_at, time_text, whole_second
from chargepoints.values import (
    ChargingSchedule,
    CurrentType,
    EvseLimits,
    LowCurrentPolicy,
    PreparedSchedule,
    RateUnit,
    SchedulePeriod,
    ScheduleRefused,
    SmartChargingCapabilities,
)

LOWEST_CHARGING_A = Decimal(6)
"""Below this current per phase a car may stop (IEC 61851-1, control pilot duty cycle)."""


def prepare(
    requested: ChargingSchedule,
    *,
    limits: EvseLimits,
    capabilities: SmartChargingCapabilities,
    now: datetime,
    in_force: ChargingSchedule | None = None,
    started_at: datetime | None = None,
    cap: Cap | None = None,
) -> PreparedSchedule:
    """Fit a requested schedule to a charge point, or raise ScheduleRefused.

    `in_force` is what the charge point follows now: it fills the time until a start in the future, when the charge
    point would fall back to its default. `started_at` is the start of the transaction, needed only to place a relative
    schedule in time. At `follow_up_at` the caller prepares the same request again. `cap` is what an operator allows.
    """
    now = whole_second(now)
    requested = replace(requested, start_at=requested.start_at and whole_second(requested.start_at))
    _refuse_unusable(requested, limits=limits, capabilities=capabilities)
    _refuse_past(requested, now=now, started_at=started_at)
    fitting = _Fitting(
        unit=outgoing_unit(requested.unit, limits=limits, capabilities=capabilities),
        limits=limits,
        policy=capabilities.low_current_policy,
    )
    schedule = _fitted_schedule(_trimmed(requested, fitting.notes), fitting)
    if schedule.start_at and schedule.start_at > now:
        gap_s = int((schedule.start_at - now).total_seconds())
        fitting.notes.append(f"starts at {time_text(schedule.start_at)}, so the time until then is filled")
        bridge = _bridge(in_force, gap_s=gap_s, fitting=fitting, now=now, started_at=started_at)
        schedule = _spliced(schedule, bridge=bridge, gap_s=gap_s, now=now)
    if cap:
        schedule = _capped(schedule, cap, fitting=fitting, started_at=started_at)
    schedule = replace(schedule, periods=merged(schedule.periods))
    schedule, follow_up_at = within_max_periods(
        schedule, size=capabilities.max_periods, now=now, started_at=started_at, notes=fitting.notes
    )
    notes = tuple(dict.fromkeys(fitting.notes))
    return PreparedSchedule(schedule, notes, follow_up_at, capped_by=cap.limit_id if cap else None)


def outgoing_unit(requested: RateUnit, *, limits: EvseLimits, capabilities: SmartChargingCapabilities) -> RateUnit:
    """The requested unit where the charge point takes it; A for an AC one that has not said what it takes.

    On DC a conversion needs the actual voltage of the battery: refused.
    """
    units = capabilities.units
    if requested in units:
        return requested
    if limits.current_type is CurrentType.AC:
        return next(iter(units), RateUnit.AMPERE)
    if units:
        raise ScheduleRefused(
            "unit_unsupported", f"the charge point takes no {requested.value}, and DC cannot be converted"
        )
    return requested


# --- refusals -------------------------------------------------------------------------------------------------------


def _refuse_unusable(
    requested: ChargingSchedule, *, limits: EvseLimits, capabilities: SmartChargingCapabilities
) -> None:
    if capabilities.supported is False:
        raise ScheduleRefused("smart_charging_unsupported", "the charge point has no smart charging")
    if limits.current_type is CurrentType.AC and limits.voltage_v <= 0:
        raise ScheduleRefused("voltage_unknown", f"the EVSE's voltage is {limits.voltage_v} V")
    if not requested.periods:
        raise ScheduleRefused("no_periods", "the schedule has no periods")
    if requested.duration_s is not None and requested.duration_s <= 0:
        raise ScheduleRefused("invalid_duration", f"duration is {requested.duration_s} s")
    _refuse_bad_periods(
        [period.start_s for period in requested.periods], [period.limit for period in requested.periods]
    )


def _refuse_bad_periods(starts: list[int], limits: list[Decimal]) -> None:
    for limit in limits:
        if not limit.is_finite():
            raise ScheduleRefused("limit_not_finite", f"limit {limit} is not a number")
        if limit < 0:
            raise ScheduleRefused("negative_limit", f"limit {limit} is negative")
    if starts[0] != 0:
        raise ScheduleRefused("first_period_not_zero", f"the first period starts at {starts[0]} s")
    for earlier, later in pairwise(starts):
        if later <= earlier:
            raise ScheduleRefused("periods_not_ascending", f"a period at {later} s follows one at {earlier} s")


def _refuse_past(requested: ChargingSchedule, *, now: datetime, started_at: datetime | None) -> None:
    elapsed = elapsed_s(requested, now, started_at=started_at)
    if elapsed is not None and is_over(requested, elapsed):
        raise ScheduleRefused("profile_in_the_past", f"the schedule was over before {time_text(now)}")


# --- values ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fitting:
    """What every rate is fitted to, and the notes that collect on the way."""

    unit: RateUnit
    limits: EvseLimits
    policy: LowCurrentPolicy
    notes: list[str] = field(default_factory=list)

    @property
    def is_ac(self) -> bool:
        return self.limits.current_type is CurrentType.AC

    def text(self, rate: Decimal) -> str:
        return rate_text(rate, self.unit)


def _fitted_schedule(schedule: ChargingSchedule, fitting: _Fitting) -> ChargingSchedule:
    return replace(
        schedule,
        unit=fitting.unit,
        periods=tuple(_fitted(period, unit=schedule.unit, fitting=fitting) for period in schedule.periods),
        min_rate=_fitted_min_rate(schedule, fitting),
    )


def _fitted(period: SchedulePeriod, *, unit: RateUnit, fitting: _Fitting) -> SchedulePeriod:
    """Unit, one decimal, connector, low current, in this order. OCPP 1.6 errata 3.34: AC always says its phases."""
    phases = phases_for(fitting.limits, period.phases)
    limit = _in_outgoing_unit(period.limit, unit=unit, asked_phases=period.phases, fitting=fitting)
    limit = _clamped(limit, phases=phases, fitting=fitting)
    limit = _above_low_current(limit, phases=phases, fitting=fitting)
    return SchedulePeriod(period.start_s, limit, phases if fitting.is_ac else None)


def _in_outgoing_unit(rate: Decimal, *, unit: RateUnit, asked_phases: int | None, fitting: _Fitting) -> Decimal:
    phases = phases_for(fitting.limits, asked_phases)
    exact = convert(rate, source=unit, target=fitting.unit, limits=fitting.limits, phases=phases)
    fitted = round_down(exact)
    reasons = [] if unit is fitting.unit else _conversion_reasons(fitting.limits, phases=phases, asked=asked_phases)
    if fitted != exact:
        reasons.append("rounded down")
    if reasons and rate:
        fitting.notes.append(f"{rate_text(rate, unit)} -> {fitting.text(fitted)}: {', '.join(reasons)}")
    return fitted


def _conversion_reasons(limits: EvseLimits, *, phases: int, asked: int | None) -> list[str]:
    voltage = f"{limits.voltage_v.normalize():f} V"
    if limits.current_type is CurrentType.DC:
        return [f"nominal {voltage}"]
    source = "" if asked else " (detected)" if limits.detected_phases else "" if limits.phases else " (assumed)"
    return [f"{phases} phase{'' if phases == 1 else 's'}{source}", voltage]


def _clamped(limit: Decimal, *, phases: int, fitting: _Fitting) -> Decimal:
    highest = ceiling(fitting.limits, unit=fitting.unit, phases=phases)
    if highest is None or limit <= highest:
        return limit
    fitting.notes.append(f"{fitting.text(limit)} -> {fitting.text(highest)}: the connector's maximum")
    return highest


def _above_low_current(limit: Decimal, *, phases: int, fitting: _Fitting) -> Decimal:
    per_phase = convert(limit, source=fitting.unit, target=RateUnit.AMPERE, limits=fitting.limits, phases=phases)
    if not fitting.is_ac or not 0 < per_phase < LOWEST_CHARGING_A:
        return limit
    if fitting.policy is LowCurrentPolicy.FLOOR:
        fitting.notes.append(f"{fitting.text(limit)} -> {fitting.text(Decimal(0))}: below 6 A most cars stop")
        return Decimal("0.0")
    fitting.notes.append(f"{fitting.text(limit)} is below 6 A: most cars stop")
    return limit


def _capped(
    schedule: ChargingSchedule, cap: Cap, *, fitting: _Fitting, started_at: datetime | None
) -> ChargingSchedule:
    """Never above what an operator allows; the note only where that lowered something."""
    until = f" until {time_text(cap.until)}" if cap.until else ""

    def highest(period: SchedulePeriod) -> Decimal:
        conversion = replace(fitting, notes=[])
        rate = _in_outgoing_unit(cap.rate, unit=cap.unit, asked_phases=period.phases, fitting=conversion)
        rate = _above_low_current(rate, phases=phases_for(fitting.limits, period.phases), fitting=conversion)
        if rate < period.limit:
            note = f"{fitting.text(period.limit)} -> {fitting.text(rate)}: limited by an operator{until}"
            fitting.notes.extend([*conversion.notes, note])
        return rate

    return lowered(schedule, until=cap.until, started_at=started_at, highest=highest)


def _fitted_min_rate(schedule: ChargingSchedule, fitting: _Fitting) -> Decimal | None:
    rate = schedule.min_rate
    if rate is None:
        return None
    if not rate.is_finite() or rate < 0:
        fitting.notes.append(f"minimum rate {rate} {schedule.unit.value} left out: not a rate")
        return None
    return _in_outgoing_unit(rate, unit=schedule.unit, asked_phases=None, fitting=fitting)


# --- time -----------------------------------------------------------------------------------------------------------


def _trimmed(schedule: ChargingSchedule, notes: list[str]) -> ChargingSchedule:
    kept = tuple(p for p in schedule.periods if schedule.duration_s is None or p.start_s < schedule.duration_s)
    left_out = len(schedule.periods) - len(kept)
    if left_out:
        notes.append(f"{left_out} period(s) at or after the duration of {schedule.duration_s} s left out")
    return replace(schedule, periods=kept)


def _spliced(
    schedule: ChargingSchedule, *, bridge: list[SchedulePeriod], gap_s: int, now: datetime
) -> ChargingSchedule:
    """A schedule that starts now: the bridge over `gap_s`, then what was asked."""
    return replace(
        schedule,
        start_at=now,
        duration_s=None if schedule.duration_s is None else schedule.duration_s + gap_s,
        periods=(*bridge, *(replace(period, start_s=period.start_s + gap_s) for period in schedule.periods)),
    )


def _bridge(
    in_force: ChargingSchedule | None, *, gap_s: int, fitting: _Fitting, now: datetime, started_at: datetime | None
) -> list[SchedulePeriod]:
    """What was in force from now on for `gap_s`, and the connector's maximum where nothing was.

    Of a relative schedule whose start is not known the lowest limit counts: it was in force or something above it was.
    """
    if in_force is None:
        return [_bridging(None, unit=fitting.unit, start_s=0, fitting=fitting)]
    elapsed = elapsed_s(in_force, now, started_at=started_at)
    if elapsed is None:
        limiting = [period for period in in_force.periods if period.limit >= 0]
        lowest = min(limiting, key=lambda period: period.limit, default=None)
        return [_bridging(lowest, unit=in_force.unit, start_s=0, fitting=fitting)]
    passed = math.floor(elapsed)
    edges = {in_force.duration_s or 0, *(period.start_s for period in in_force.periods)}
    points = sorted({0, *(edge - passed for edge in edges if 0 < edge - passed < gap_s)})
    return [
        _bridging(period_at(in_force, passed + at), unit=in_force.unit, start_s=at, fitting=fitting) for at in points
    ]


def _bridging(period: SchedulePeriod | None, *, unit: RateUnit, start_s: int, fitting: _Fitting) -> SchedulePeriod:
    if period is not None and period.limit >= 0:
        bridging = _fitted(replace(period, start_s=start_s), unit=unit, fitting=fitting)
        fitting.notes.append(f"until the start, as it was in force: {fitting.text(bridging.limit)}")
        return bridging
    phases = phases_for(fitting.limits)
    highest = maximum(fitting.limits, fitting.unit)
    fitting.notes.append(f"until the start, as nothing was in force: the connector's maximum, {fitting.text(highest)}")
    limit = _above_low_current(highest, phases=phases, fitting=fitting)
    return SchedulePeriod(start_s, limit, phases if fitting.is_ac else None)
