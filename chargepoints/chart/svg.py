"""The picture as SVG text. Pure; every text is escaped.

Two drawings beside each other: the marks of the value axis, and the plot. Only the lines of the plot are stretched to
its width; texts are placed in percent, so that they keep their size from a phone to a wide screen. Styles are classes.
"""

from collections.abc import Iterable
from html import escape

from chargepoints.chart.geometry import SIZE, Scale, line_path, scale_for, step_path, value_ticks
from chargepoints.chart.picture import STEPPED, Picture
from chargepoints.chart.readings import unbroken
from chargepoints.chart.series import MEASURED
from chargepoints.chart.window import time_ticks
from chargepoints.values import RateUnit

HEIGHT = 260
TOP, BOTTOM = 8, 24
LEAST_GAP_S = 300
DRAWN = ("capped", "sent", "requested", "planned")
"""In the order of painting: what is asked and planned, with gaps in its lines, over what was sent."""

UNIT_NAMES = {RateUnit.WATT: "W in total", RateUnit.AMPERE: "A per phase"}


def svg(shown: Picture, unit: RateUnit, *, title: str) -> str:
    scale = scale_for(shown.window, unit, _values(shown, unit))
    return f"{_axis(scale)}{_plot(shown, scale, title=title)}"


def _values(shown: Picture, unit: RateUnit) -> Iterable[float]:
    for key in STEPPED:
        yield from (float(stretch.rate.in_unit(unit)) for stretch in shown.stepped.get(key, ()))
    yield from (float(point.rate.in_unit(unit)) for point in shown.measured)


def _axis(scale: Scale) -> str:
    marks = "".join(
        f'<text x="100%" dx="-6" y="{_pixel(scale.y(value)):g}" dy="4" text-anchor="end">{value:.12g}</text>'
        for value in value_ticks(scale)
    )
    return (
        f'<svg class="cpo-axis" width="64" height="{TOP + HEIGHT + BOTTOM}" aria-hidden="true">{marks}'
        f'<text x="100%" dx="-6" y="{TOP + HEIGHT + 17}" text-anchor="end">{scale.unit.value}</text></svg>'
    )


def _pixel(y: float) -> float:
    return TOP + y * HEIGHT / SIZE


def _plot(shown: Picture, scale: Scale, *, title: str) -> str:
    return (
        f'<svg class="cpo-plot" width="100%" height="{TOP + HEIGHT + BOTTOM}" role="img" aria-label="{escape(title)}">'
        f'<svg class="cpo-lines" y="{TOP}" width="100%" height="{HEIGHT}" viewBox="0 0 {SIZE} {SIZE}"'
        f' preserveAspectRatio="none">{_grid(scale)}{_lines(shown, scale)}</svg>'
        f"{_now(shown)}{_times(shown)}</svg>"
    )


def _grid(scale: Scale) -> str:
    across = "".join(f"M0,{scale.y(value):g}H{SIZE}" for value in value_ticks(scale))
    along = "".join(f"M{scale.x(scale.window.share(at)):g},0V{SIZE}" for at, _ in time_ticks(scale.window))
    return f'<path class="cpo-grid" d="{across}{along}"/>'


def _lines(shown: Picture, scale: Scale) -> str:
    runs = unbroken(shown.measured, least_gap_s=LEAST_GAP_S)
    measured = "".join(line_path(run, scale) for run in runs)
    paths = [(MEASURED, measured), *((key, step_path(shown.stepped.get(key, ()), scale)) for key in DRAWN)]
    return "".join(f'<path class="cpo-line cpo-line-{key}" d="{d}"/>' for key, d in paths if d)


def _now(shown: Picture) -> str:
    if shown.now is None or not shown.window.shows(shown.now):
        return ""
    x = f"{shown.window.share(shown.now) * 100:.1f}%"
    anchor, dx = ("end", -4) if shown.window.share(shown.now) > 0.9 else ("start", 4)
    return (
        f'<line class="cpo-nowline" x1="{x}" x2="{x}" y1="0" y2="{TOP + HEIGHT}"/>'
        f'<text class="cpo-nowtext" x="{x}" dx="{dx}" y="12" text-anchor="{anchor}">now</text>'
    )


def _times(shown: Picture) -> str:
    """A mark at an edge would be cut off: it is left out there."""
    ticks = [(shown.window.share(at) * 100, label) for at, label in time_ticks(shown.window)]
    return "".join(
        f'<text x="{share:.1f}%" y="{TOP + HEIGHT + 17}" text-anchor="middle">{label}</text>'
        for share, label in ticks
        if 3 < share < 97
    )
