"""Whether what a charge point plans is what it was told. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from chargepoints.profiles.composites import active_profile, clock_ahead_s
from chargepoints.profiles.rates import convert, maximum, phases_for, rate_text
from chargepoints.profiles.timeline import elapsed_s, limit_at, time_text, whole_second
from chargepoints.values import ChargingSchedule, CurrentType, EvseLimits, RateUnit, SchedulePeriod

TOLERANCE_A = Decimal("0.5")
"""Some charge points count in whole amperes."""

IGNORED_S = 5
"""A difference this short comes from whole seconds, and from starts that move with every answer."""

AHEAD_S = 3600

SMALL_SKEW_S = 300
"""A clock this wrong makes a schedule late or early; one that is worse makes it another schedule."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a plan is compared. `over`: schedules of higher stack levels, which count where they speak."""

    limits: EvseLimits
    now: datetime
    started_at: datetime | None = None
    over: Sequence[ChargingSchedule] = ()


@dataclass(frozen=True, slots=True)
class Deviation:
    """`above`: the first moment at which the plan allows more than it should, in words. `below`: somewhere less."""

    above: str = ""
    below: bool = False

    @property
    def none(self) -> bool:
        return not self.above and not self.below


class Verdict(StrEnum):
    HOLDS = "HOLDS"  # what was applied is in the plan
    LOWER = "LOWER"  # something lower is: nothing speaks against what was applied, nor for it
    TAKEN = "TAKEN"  # the command without answer was carried out
    GONE = "GONE"  # the plan shows that there is no such profile, and there need be none
    CONTRADICTED = "CONTRADICTED"  # the plan allows more than it should
    UNTOLD = "UNTOLD"  # no plan, or one that fits both


def deviation(plan: ChargingSchedule | None, told: ChargingSchedule, place: Place) -> Deviation:
    """How `plan`, a composite schedule as sent or None for no limit, differs from `told` within the next hour.

    Lower is no fault of the charge point: other limits count too. In the unit of `told`; a plan in the other unit that
    does not name its phases means those of `told`. By the charge point's clock where that makes no odds to the owner:
    a schedule without a start, or a few minutes.
    """
    ahead = clock_ahead_s(plan, now=place.now) if plan else 0
    told, place = _by_our_clock(told, ahead, place), _place_by_our_clock(place, ahead)
    shown = active_profile(
        plan and _with_phases(plan, told), unit=told.unit, limits=place.limits, now=place.now, duration_s=AHEAD_S
    )
    highest, tolerance = maximum(place.limits, told.unit), _tolerance(told.unit, place.limits)
    above, below = "", False
    for moment in _moments(shown, told, place):
        planned, allowed = limit_at(shown, moment), limit_at(told, moment, started_at=place.started_at)
        if planned is None or allowed is None or _speaks(place.over, moment, place.started_at):
            continue
        if planned - allowed > tolerance and not above:
            above = f"from {time_text(moment)} it plans {rate_text(planned, told.unit)}"
            above += f" instead of {rate_text(allowed, told.unit)}"
        below = below or min(allowed, highest) - planned > tolerance
    return Deviation(above, below)


def _by_our_clock(schedule: ChargingSchedule, ahead_s: int, place: Place) -> ChargingSchedule:
    """A start that the charge point's clock reaches so much earlier than ours. The start of the session is told by that
    clock, whatever it shows.
    """
    its_own = place.started_at is not None and schedule.start_at == whole_second(place.started_at)
    if schedule.start_at is None or (abs(ahead_s) > SMALL_SKEW_S and not its_own):
        return schedule
    return replace(schedule, start_at=schedule.start_at - timedelta(seconds=ahead_s))


def _place_by_our_clock(place: Place, ahead_s: int) -> Place:
    """The charge point itself told when the transaction began."""
    started_at = place.started_at and place.started_at - timedelta(seconds=ahead_s)
    return replace(place, started_at=started_at, over=tuple(_by_our_clock(over, ahead_s, place) for over in place.over))


def judge(
    plan: ChargingSchedule | None,
    *,
    applied: ChargingSchedule | None,
    unanswered: ChargingSchedule | None = None,
    clearing: bool = False,
    place: Place,
) -> tuple[Verdict, str]:
    """What `plan` tells of a profile, and why in words.

    `applied` was accepted last; `unanswered` was sent after it and nobody answered; `clearing`: so was a clear. On DC a
    plan in the other unit tells nothing: between them lies the voltage of the battery.
    """
    if applied is None and clearing:
        return (Verdict.UNTOLD if _is_limited(plan, place) else Verdict.GONE), ""
    told = unanswered or applied
    if plan and told and plan.unit is not told.unit and place.limits.current_type is CurrentType.DC:
        return Verdict.UNTOLD, ""
    old = deviation(plan, applied, place) if applied else Deviation(above="nothing was installed")
    if unanswered:
        return _of_two(old, deviation(plan, unanswered, place), first=applied is None)
    if not old.above:
        return (Verdict.HOLDS if old.none else Verdict.UNTOLD if clearing else Verdict.LOWER), ""
    return (Verdict.GONE if clearing else Verdict.CONTRADICTED), old.above


def _is_limited(plan: ChargingSchedule | None, place: Place) -> bool:
    """Whether anything holds the EVSE below its maximum."""
    most = SchedulePeriod(0, maximum(place.limits, RateUnit.AMPERE), phases_for(place.limits))
    return deviation(plan, ChargingSchedule(RateUnit.AMPERE, (most,), place.now), place).below


def lingers(plan: ChargingSchedule, cleared: ChargingSchedule, place: Place) -> str:
    """What the plan still says of a profile that was cleared, in words; empty when it may be gone.

    Only a plan that is the same throughout tells, of a profile that limits more than the EVSE itself.
    """
    now_limited = limit_at(cleared, place.now, started_at=place.started_at)
    limits_at_all = deviation(None, cleared, place).above
    if now_limited is None or not limits_at_all or not deviation(plan, cleared, place).none:
        return ""
    return f"it was cleared, and is planned all the same: {rate_text(now_limited, cleared.unit)}"


def _of_two(old: Deviation, new: Deviation, *, first: bool) -> tuple[Verdict, str]:
    if new.none and not old.none:
        return Verdict.TAKEN, ""
    if old.none and not new.none:
        return Verdict.HOLDS, ""
    if new.above:
        verdict = Verdict.GONE if first else Verdict.CONTRADICTED if old.above else Verdict.HOLDS
        return verdict, old.above
    return (Verdict.TAKEN if old.above and not first else Verdict.UNTOLD), ""


def _with_phases(plan: ChargingSchedule, told: ChargingSchedule) -> ChargingSchedule:
    phases = told.periods[0].phases
    return replace(plan, periods=tuple(replace(p, phases=p.phases or phases) for p in plan.periods))


def _tolerance(unit: RateUnit, limits: EvseLimits) -> Decimal:
    phases = phases_for(limits)
    return convert(TOLERANCE_A, source=RateUnit.AMPERE, target=unit, limits=limits, phases=phases)


def _speaks(over: Iterable[ChargingSchedule], moment: datetime, started_at: datetime | None) -> bool:
    return any(limit_at(schedule, moment, started_at=started_at) is not None for schedule in over)


def _moments(shown: ChargingSchedule, told: ChargingSchedule, place: Place) -> list[datetime]:
    """One inside each stretch between two edges, near its begin, from now to the end of the plan."""
    end = (shown.duration_s or AHEAD_S) - (elapsed_s(shown, place.now) or 0)
    edges = {0.0, end}
    for schedule in (shown, told, *place.over):
        passed = elapsed_s(schedule, place.now, started_at=place.started_at)
        if passed is not None:
            starts = {period.start_s for period in schedule.periods} | {schedule.duration_s or 0}
            edges |= {start - passed for start in starts if 0 < start - passed < end}
    stretches = [(at, till) for at, till in pairwise(sorted(edges)) if till - at > IGNORED_S]
    return [place.now + timedelta(seconds=at + IGNORED_S / 2) for at, _ in stretches]
