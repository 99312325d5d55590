"""What each line of the picture says over time, in W in total and A per phase side by side.

The bridge between the two is that of `profiles.rates`, with the phases a period names or the session uses: the same
figures as those that were sent.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from chargepoints.profiles.rates import convert, phases_for, round_down
from chargepoints.values import ChargingSchedule, EvseLimits, RateUnit

REQUESTED, SENT, PLANNED, CAPPED, MEASURED = "requested", "sent", "planned", "capped", "measured"


@dataclass(frozen=True, slots=True)
class Rate:
    """The same in both units; at most one decimal."""

    watts: Decimal
    amperes: Decimal

    def in_unit(self, unit: RateUnit) -> Decimal:
        return self.watts if unit is RateUnit.WATT else self.amperes


@dataclass(frozen=True, slots=True)
class Stretch:
    """`notes`: what was recorded about it."""

    begins_at: datetime
    ends_at: datetime
    rate: Rate
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """`schedule` holds from `since` on, until the next version; None: nothing is said."""

    since: datetime
    schedule: ChargingSchedule | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """Measured, the average of what was measured around `at`. `derived`: from the energy register."""

    at: datetime
    rate: Rate
    derived: bool = False


def rate_of(value: Decimal, unit: RateUnit, *, limits: EvseLimits, phases: int | None = None) -> Rate:
    """`phases`: those that the limit names, if it does."""
    used = phases_for(limits, phases)
    if limits.voltage_v <= 0:  # no bridge: the one figure that is known, on both scales
        return Rate(round_down(value), round_down(value))
    watts = convert(value, source=unit, target=RateUnit.WATT, limits=limits, phases=used)
    amperes = convert(value, source=unit, target=RateUnit.AMPERE, limits=limits, phases=used)
    return Rate(round_down(watts), round_down(amperes))


def stretches_of(
    versions: Sequence[Version], *, limits: EvseLimits, started_at: datetime, until: datetime
) -> tuple[Stretch, ...]:
    """Each version in force until the next one. `started_at`: where a relative schedule begins."""
    ordered = sorted(versions, key=lambda version: version.since)
    ends = [version.since for version in ordered[1:]] + [until]
    found: list[Stretch] = []
    for version, end in zip(ordered, ends[: len(ordered)], strict=True):
        found += _in_force(version, limits=limits, started_at=started_at, until=min(end, until))
    return joined(found)


def _in_force(version: Version, *, limits: EvseLimits, started_at: datetime, until: datetime) -> Iterable[Stretch]:
    schedule = version.schedule
    if schedule is None or not schedule.periods:
        return
    origin = schedule.start_at or started_at
    edges = [later(origin, period.start_s) for period in schedule.periods]
    edges.append(until if schedule.duration_s is None else later(origin, schedule.duration_s))
    for period, (begin, end) in zip(schedule.periods, pairwise(edges), strict=True):
        begins_at, ends_at = max(begin, version.since), min(end, until)
        if begins_at < ends_at and period.limit.is_finite() and period.limit >= 0:
            rate = rate_of(period.limit, schedule.unit, limits=limits, phases=period.phases)
            yield Stretch(begins_at, ends_at, rate, version.notes)


def later(origin: datetime, seconds: int) -> datetime:
    """Never past what a calendar knows: charge points send durations of centuries."""
    return origin + timedelta(seconds=min(seconds, 10 * 365 * 86_400))


def joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Neighbours that say the same become one."""
    kept: list[Stretch] = []
    for stretch in stretches:
        before = kept[-1] if kept else None
        if before and before.ends_at == stretch.begins_at and (before.rate, before.notes) == (
            stretch.rate, stretch.notes
        ):  # fmt: skip
            kept[-1] = Stretch(before.begins_at, stretch.ends_at, before.rate, before.notes)
        else:
            kept.append(stretch)
    return tuple(kept)


def topmost(levels: Sequence[Sequence[Stretch]]) -> tuple[Stretch, ...]:
    """Of several that speak at a moment the first one counts: highest stack level first (OCPP 1.6 section 3.13.2)."""
    return _combined(levels, lambda speaking: speaking[0])


def lowest(several: Sequence[Sequence[Stretch]]) -> tuple[Stretch, ...]:
    return _combined(several, lambda speaking: min(speaking, key=lambda stretch: stretch.rate.watts))


def _combined(several: Sequence[Sequence[Stretch]], choose: Callable[[list[Stretch]], Stretch]) -> tuple[Stretch, ...]:
    if len(several) < 2:
        return tuple(several[0]) if several else ()
    edges = sorted({edge for part in several for s in part for edge in (s.begins_at, s.ends_at)})
    found = []
    for begin, end in pairwise(edges):
        speaking = [s for part in several if (s := at_moment(part, begin))]
        if speaking:
            chosen = choose(speaking)
            found.append(Stretch(begin, end, chosen.rate, chosen.notes))
    return joined(found)


def at_moment(stretches: Iterable[Stretch], moment: datetime) -> Stretch | None:
    return next((s for s in stretches if s.begins_at <= moment < s.ends_at), None)


def within(stretches: Iterable[Stretch], begin: datetime, end: datetime) -> tuple[Stretch, ...]:
    """What lies between, cut at the edges."""
    return tuple(
        Stretch(max(s.begins_at, begin), min(s.ends_at, end), s.rate, s.notes)
        for s in stretches
        if s.begins_at < end and s.ends_at > begin
    )
