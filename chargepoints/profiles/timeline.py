"""What a schedule says at a moment. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from chargepoints.values import ChargingSchedule, SchedulePeriod


def whole_second(moment: datetime) -> datetime:
    """UTC, floored: schedules count in whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0)


def time_text(moment: datetime) -> str:
    return whole_second(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def elapsed_s(schedule: ChargingSchedule, moment: datetime, *, started_at: datetime | None = None) -> float | None:
    """Seconds since the schedule's start; None for a relative schedule whose transaction start is not known."""
    origin = schedule.start_at or started_at
    return None if origin is None else (moment - origin).total_seconds()


def is_over(schedule: ChargingSchedule, elapsed: float) -> bool:
    return schedule.duration_s is not None and elapsed >= schedule.duration_s


def period_at(schedule: ChargingSchedule, elapsed: float) -> SchedulePeriod | None:
    """The period in force `elapsed` seconds after the start; None before the first, and after the duration."""
    if elapsed < 0 or is_over(schedule, elapsed):
        return None
    begun = [period for period in schedule.periods if period.start_s <= elapsed]
    return max(begun, key=lambda period: period.start_s, default=None)


def period_of(
    schedule: ChargingSchedule, moment: datetime, *, started_at: datetime | None = None
) -> SchedulePeriod | None:
    """The period in force at `moment`, None where it says nothing. `started_at`: of a relative one's transaction."""
    elapsed = elapsed_s(schedule, moment, started_at=started_at)
    return None if elapsed is None else period_at(schedule, elapsed)


def limit_at(schedule: ChargingSchedule, moment: datetime, *, started_at: datetime | None = None) -> Decimal | None:
    """The limit in the schedule's unit, None where it says nothing. `started_at`: of a relative one's transaction."""
    period = period_of(schedule, moment, started_at=started_at)
    return None if period is None else period.limit


def merged(periods: Iterable[SchedulePeriod]) -> tuple[SchedulePeriod, ...]:
    """Neighbours that say the same become one: charge points hold few periods."""
    kept: list[SchedulePeriod] = []
    for period in periods:
        if not kept or (period.limit, period.phases) != (kept[-1].limit, kept[-1].phases):
            kept.append(period)
    return tuple(kept)
