"""From rows of meter values to points of the measured line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from chargepoints.chart.series import Point, Rate, rate_of
from chargepoints.profiles.rates import round_down
from chargepoints.values import EvseLimits, RateUnit

MOST_POINTS = 180
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 7 * 86_400)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was measured in one step of time: averages, the highest register, and when it was read last."""

    at: datetime
    power_w: Decimal | None
    current_a: Decimal | None
    energy_wh: Decimal | None


def step_s(span_s: float) -> int:
    """Seconds to average over, so that no more than MOST_POINTS remain."""
    return next((step for step in STEPS_S if span_s / step <= MOST_POINTS), int(span_s / MOST_POINTS) + 1)


def points(buckets: Sequence[Bucket], *, limits: EvseLimits) -> tuple[Point, ...]:
    """A charge point that tells neither power nor current is read by its energy register."""
    told = [point for bucket in buckets if (point := _told(bucket, limits=limits))]
    return tuple(told or _from_energy(buckets, limits=limits))


def _told(bucket: Bucket, *, limits: EvseLimits) -> Point | None:
    power, current = bucket.power_w, bucket.current_a
    if power is None and current is None:
        return None
    if power is None:
        return Point(bucket.at, rate_of(max(current or Decimal(0), Decimal(0)), RateUnit.AMPERE, limits=limits))
    drawn = rate_of(max(power, Decimal(0)), RateUnit.WATT, limits=limits)
    return Point(bucket.at, drawn if current is None else Rate(drawn.watts, round_down(max(current, Decimal(0)))))


def _from_energy(buckets: Sequence[Bucket], *, limits: EvseLimits) -> list[Point]:
    """The average power between two readings."""
    read = [(bucket.at, bucket.energy_wh) for bucket in buckets if bucket.energy_wh is not None]
    found = []
    for (earlier, before), (at, after) in pairwise(read):
        seconds = Decimal((at - earlier).total_seconds())
        if seconds > 0 and after >= before:
            average_w = (after - before) * 3600 / seconds
            found.append(Point(at, rate_of(average_w, RateUnit.WATT, limits=limits), derived=True))
    return found


def unbroken(found: Sequence[Point], *, least_gap_s: float) -> list[list[Point]]:
    """Runs without a gap: what was not measured is not drawn. A gap is three times the usual distance."""
    distances = sorted((b.at - a.at).total_seconds() for a, b in pairwise(found))
    usual = distances[len(distances) // 2] if distances else 0.0
    longest = max(3 * usual, least_gap_s)
    runs: list[list[Point]] = []
    for point in found:
        if runs and (point.at - runs[-1][-1].at).total_seconds() <= longest:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs
