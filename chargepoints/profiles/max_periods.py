"""Fit a schedule into what a charge point holds (OCPP 1.6 section 9.4.3, ChargingScheduleMaxPeriods). Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from chargepoints.profiles.rates import rate_text
from chargepoints.profiles.timeline import elapsed_s, merged, time_text, whole_second
from chargepoints.values import ChargingSchedule, RateUnit, SchedulePeriod

FOLLOW_UP_MARGIN_S = 60
FURTHEST_FOLLOW_UP_S = 366 * 24 * 3600


def within_max_periods(
    schedule: ChargingSchedule, *, size: int | None, now: datetime, started_at: datetime | None, notes: list[str]
) -> tuple[ChargingSchedule, datetime | None]:
    """The schedule in at most `size` merged periods, and when the rest must follow. Appends to `notes`.

    What is over goes first. If that is not enough, the last period holds the lowest of the remaining limits, so that a
    follow-up that never comes leaves the session below what was asked, not above.
    """
    if size is None or size < 1 or len(schedule.periods) <= size:
        return schedule, None
    schedule = _without_past(schedule, now=now, started_at=started_at, notes=notes)
    if len(schedule.periods) <= size:
        return schedule, None
    follow_up_at = _follow_up_at(schedule, size=size, started_at=started_at)
    notes.append(_tail_note(schedule, size=size, follow_up_at=follow_up_at))
    return replace(schedule, periods=_with_lowest_tail(schedule, size=size)), follow_up_at


def _without_past(
    schedule: ChargingSchedule, *, now: datetime, started_at: datetime | None, notes: list[str]
) -> ChargingSchedule:
    """An absolute schedule starts later; of a relative one the period in force reaches back to the start."""
    elapsed = elapsed_s(schedule, now, started_at=started_at)
    past = 0 if elapsed is None else sum(period.start_s <= elapsed for period in schedule.periods[1:])
    if not past:
        return schedule
    notes.append(f"{past} period(s) already over left out")
    current, *later = schedule.periods[past:]
    if schedule.start_at is None:
        return replace(schedule, periods=(replace(current, start_s=0), *later))
    return _starting_with(schedule, current.start_s, (current, *later), start_at=schedule.start_at, notes=notes)


def _starting_with(
    schedule: ChargingSchedule,
    shift_s: int,
    periods: tuple[SchedulePeriod, ...],
    *,
    start_at: datetime,
    notes: list[str],
) -> ChargingSchedule:
    moved_to = start_at + timedelta(seconds=shift_s)
    notes.append(f"start moved from {time_text(start_at)} to {time_text(moved_to)}")
    return replace(
        schedule,
        start_at=moved_to,
        duration_s=None if schedule.duration_s is None else schedule.duration_s - shift_s,
        periods=tuple(replace(period, start_s=period.start_s - shift_s) for period in periods),
    )


def _with_lowest_tail(schedule: ChargingSchedule, *, size: int) -> tuple[SchedulePeriod, ...]:
    kept, rest = schedule.periods[: size - 1], schedule.periods[size - 1 :]
    phases = [period.phases for period in rest if period.phases]
    # The phases that keep both readings low: fewer for A (less power), more for W (less current in each phase).
    careful = min if schedule.unit is RateUnit.AMPERE else max
    tail = SchedulePeriod(rest[0].start_s, min(period.limit for period in rest), careful(phases) if phases else None)
    return merged((*kept, tail))


def _follow_up_at(schedule: ChargingSchedule, *, size: int, started_at: datetime | None) -> datetime | None:
    """A margin before the tail begins, but not before the period now in force is over: earlier nothing can be freed."""
    origin = schedule.start_at or started_at
    if origin is None:
        return None
    tail_s, first_change_s = schedule.periods[size - 1].start_s, schedule.periods[1].start_s
    after_s = min(max(tail_s - FOLLOW_UP_MARGIN_S, first_change_s), FURTHEST_FOLLOW_UP_S)
    return whole_second(origin) + timedelta(seconds=after_s)


def _tail_note(schedule: ChargingSchedule, *, size: int, follow_up_at: datetime | None) -> str:
    rest = schedule.periods[size - 1 :]
    lowest = rate_text(min(period.limit for period in rest), schedule.unit)
    rest_follows = (
        f"the rest follows at {time_text(follow_up_at)}"
        if follow_up_at
        else "the rest cannot follow, the start of the transaction is not known"
    )
    return (
        f"the charge point holds {size} of {len(schedule.periods)} periods: "
        f"the last {len(rest)}, from {rest[0].start_s} s on, are one at their lowest, {lowest}; {rest_follows}"
    )
