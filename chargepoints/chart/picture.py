"""All series of one session in one window, and what they say moment by moment. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from chargepoints.chart import differences
from chargepoints.chart.readings import step_s
from chargepoints.chart.series import CAPPED, PLANNED, REQUESTED, SENT, Point, Rate, Stretch, at_moment, within
from chargepoints.chart.window import Window

STEPPED = (REQUESTED, SENT, PLANNED, CAPPED)
MOST_MOMENTS = 120


@dataclass(frozen=True, slots=True)
class Moment:
    """From `begins_at` to `ends_at` nothing of `rates` (by key of its series) changes."""

    begins_at: datetime
    ends_at: datetime
    rates: Mapping[str, Rate]
    why: tuple[str, ...] = ()
    allowed: Rate | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """`stepped`: the limits by key, cut to the window; `now` None when the session is over. `settling_s`: how long
    after a change nothing is said about what is drawn: at least what one point averages over.
    """

    window: Window
    now: datetime | None
    stepped: Mapping[str, tuple[Stretch, ...]]
    measured: tuple[Point, ...] = ()
    settling_s: float = differences.SETTLING_S


def picture(
    window: Window, *, now: datetime | None, stepped: Mapping[str, tuple[Stretch, ...]], measured: tuple[Point, ...]
) -> Picture:
    settling_s = max(differences.SETTLING_S, step_s(window.span_s))
    cut = {key: within(stepped.get(key, ()), window.begins_at, window.ends_at) for key in STEPPED}
    return Picture(window, now, cut, tuple(p for p in measured if window.shows(p.at)), settling_s)


def moments(shown: Picture) -> list[Moment]:
    """Between every two edges, where anything speaks. Of very many the newest."""
    stretches = [stretch for part in shown.stepped.values() for stretch in part]
    edges = sorted({edge for stretch in stretches for edge in (stretch.begins_at, stretch.ends_at)})
    spans = list(pairwise(edges))[-MOST_MOMENTS:]
    return [moment for begin, end in spans if (moment := _moment(shown, begin, end)).rates]


def _moment(shown: Picture, begin: datetime, end: datetime) -> Moment:
    found = {key: at_moment(part, begin) for key, part in shown.stepped.items()}
    said = {key: stretch for key, stretch in found.items() if stretch}
    rates = {key: stretch.rate for key, stretch in said.items()}
    return Moment(begin, end, rates, differences.of_limits(said), differences.allowed_by(said))


def why_drawn(point: Point, told: list[Moment], *, settling_s: float) -> str:
    """Judged by the limits of that moment, unless others counted just before."""
    at = next((i for i, m in enumerate(told) if m.begins_at <= point.at < m.ends_at), None)
    if at is None:
        return differences.of_drawing(point.rate, None)
    moment = told[at]
    before = [m for m in told[:at] if (point.at - m.ends_at).total_seconds() < settling_s]
    if any(m.allowed != moment.allowed for m in before):
        return differences.JUST_CHANGED
    return differences.of_drawing(point.rate, moment.allowed)
