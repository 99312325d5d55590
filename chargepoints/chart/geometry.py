"""Where things are in a box of SIZE x SIZE, its origin at the upper left. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chargepoints.chart.series import Point, Stretch
from chargepoints.chart.window import Window
from chargepoints.values import RateUnit

SIZE = 1000
VALUE_TICKS = 5
LOWEST_TOP = {RateUnit.WATT: 1000.0, RateUnit.AMPERE: 6.0}


@dataclass(frozen=True, slots=True)
class Scale:
    """`top`: the value at the upper edge, above 0, a multiple of `step`."""

    window: Window
    unit: RateUnit
    top: float
    step: float

    def x(self, share: float) -> float:
        return round(share * SIZE, 1)

    def y(self, value: float) -> float:
        return round(SIZE - min(1.0, max(0.0, value / self.top)) * SIZE, 1)


def scale_for(window: Window, unit: RateUnit, values: Iterable[float]) -> Scale:
    highest = max([value for value in values if math.isfinite(value)], default=0.0)
    step = _round_step(max(highest * 1.05, LOWEST_TOP[unit]) / VALUE_TICKS)
    top = math.ceil(max(highest * 1.05, LOWEST_TOP[unit]) / step) * step
    return Scale(window, unit, top, step)


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def value_ticks(scale: Scale) -> list[float]:
    return [round(i * scale.step, 6) for i in range(round(scale.top / scale.step) + 1)]


def step_path(stretches: Sequence[Stretch], scale: Scale) -> str:
    """A staircase; where nothing is known there is a gap."""
    parts: list[str] = []
    end = None
    for stretch in stretches:
        x0, x1 = (scale.x(scale.window.share(moment)) for moment in (stretch.begins_at, stretch.ends_at))
        y = scale.y(float(stretch.rate.in_unit(scale.unit)))
        parts.append(f"V{y:g}" if end == stretch.begins_at else f"M{x0:g},{y:g}")
        parts.append(f"H{x1:g}")
        end = stretch.ends_at
    return "".join(parts)


def line_path(run: Sequence[Point], scale: Scale) -> str:
    """A single point becomes a short dash: a line without length is not drawn."""
    corners = [(scale.x(scale.window.share(p.at)), scale.y(float(p.rate.in_unit(scale.unit)))) for p in run]
    if len(corners) == 1:
        x, y = corners[0]
        corners = [(max(0.0, x - 2), y), (min(float(SIZE), x + 2), y)]
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in corners)
