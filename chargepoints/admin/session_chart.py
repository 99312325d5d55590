"""The picture of one session: drawn in both units, with its figures for reading by pointer, by keyboard and as a table.

The page gets figures and texts in one attribute, never a script: `static/chargepoints/chart.js` only shows what stands
there. Every reason is worded by `chargepoints.chart`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from chargepoints.admin import rendering, session_lines, session_rows
from chargepoints.admin.session_lines import Lines
from chargepoints.chart import picture, readings
from chargepoints.chart.picture import STEPPED, Moment, Picture
from chargepoints.chart.series import CAPPED, MEASURED, PLANNED, REQUESTED, SENT, Rate
from chargepoints.chart.svg import UNIT_NAMES, svg
from chargepoints.chart.window import Zoom, window
from chargepoints.models import ChargingSession
from chargepoints.values import RateUnit

PARAMETER = "chart"
NOW_STEP_S = 10
"""The now-line moves in steps, so that an open page is not drawn anew each time it looks."""

MOST_ROWS = 40
LABELS = {
    REQUESTED: "Requested (OCPI)",
    SENT: "Sent and accepted (OCPP)",
    PLANNED: "Planned by the charge point",
    CAPPED: "Operators' limit",
    MEASURED: "Measured",
}
ZOOMS = {Zoom.WHOLE: "whole session", Zoom.HOUR: "last hour", Zoom.AHEAD: "next hours"}


@dataclass(frozen=True, slots=True)
class ZoomLink:
    label: str
    query: str
    current: bool


def zoom_of(text: str) -> Zoom:
    return Zoom(text) if text in set(Zoom) else Zoom.WHOLE


def drawn(session: ChargingSession, lines: Lines, *, zoom: Zoom, now: datetime) -> SafeString:
    shown = _picture(session, lines, zoom=zoom, now=now)
    told = picture.moments(shown)
    drawings = [(unit, UNIT_NAMES[unit], _drawing(session, shown, unit)) for unit in (RateUnit.WATT, RateUnit.AMPERE)]
    return render_to_string("admin/session_chart.html", {
        "drawings": drawings,
        "figures": _figures(shown, told), "rows": list(_rows(shown, told)), "legend": _legend(shown),
        "zooms": _zooms(session, zoom), "from": rendering.when(shown.window.begins_at),
        "till": rendering.when(shown.window.ends_at), "columns": [LABELS[key] for key in (*STEPPED, MEASURED)],
    })  # fmt: skip


def _picture(session: ChargingSession, lines: Lines, *, zoom: Zoom, now: datetime) -> Picture:
    changes = [stretch.begins_at for part in lines.values() for stretch in part]
    shown = window(zoom, started_at=session.started_at, ended_at=session.ended_at, now=now, changes=changes)
    points = readings.points(session_rows.measured(session, shown), limits=session_lines.limits_of(session))
    stepped = now.replace(second=now.second // NOW_STEP_S * NOW_STEP_S, microsecond=0)
    return picture.picture(shown, now=stepped if session.is_open else None, stepped=lines, measured=points)


def _drawing(session: ChargingSession, shown: Picture, unit: RateUnit) -> SafeString:
    title = f"Limits and measured power of session {session.uid}, {UNIT_NAMES[unit]}; the table has the figures"
    return mark_safe(svg(shown, unit, title=title))  # noqa: S308 - `chart.svg` escapes every text


def _zooms(session: ChargingSession, chosen: Zoom) -> list[ZoomLink]:
    offered = [zoom for zoom in Zoom if zoom is not Zoom.AHEAD or session.is_open]
    return [ZoomLink(ZOOMS[zoom], f"?{PARAMETER}={zoom.value}", zoom is chosen) for zoom in offered]


def _legend(shown: Picture) -> list[tuple[str, str, str]]:
    """Key, name, and what is missing, of every line; one that says nothing is named with that."""
    empty = {key for key in STEPPED if not shown.stepped[key]} | (set() if shown.measured else {MEASURED})
    missing = {REQUESTED: "nothing", SENT: "nothing", PLANNED: "not told", CAPPED: "none", MEASURED: "nothing yet"}
    return [(key, LABELS[key], missing[key] if key in empty else "") for key in LABELS]


# --- the figures, for the script and for the table ------------------------------------------------------------------


def _figures(shown: Picture, told: list[Moment]) -> str:
    """Times in whole seconds since 1970. Reasons are numbers of a list: many moments share one."""
    words: dict[str, int] = {}
    numbered = [(m, [words.setdefault(text, len(words)) for text in m.why]) for m in told]
    measured = [
        [_second(p.at), *_pair(p.rate), words.setdefault(why, len(words))]
        for p, why in ((p, picture.why_drawn(p, told, settling_s=shown.settling_s)) for p in shown.measured)
    ]
    return json.dumps(
        {
            "from": _second(shown.window.begins_at), "till": _second(shown.window.ends_at),
            "now": _second(min(shown.now or shown.window.ends_at, shown.window.ends_at)),
            "series": [LABELS[key] for key in STEPPED], "measuredLabel": LABELS[MEASURED],
            "moments": [_moment(moment, why) for moment, why in numbered],
            "measured": measured, "words": list(words),
        },
        separators=(",", ":"),
    )  # fmt: skip


def _moment(moment: Moment, why: list[int]) -> list[Any]:
    rates = [_pair(moment.rates.get(key)) for key in STEPPED]
    return [_second(moment.begins_at), _second(moment.ends_at), rates, why]


def _second(moment: datetime) -> int:
    return int(moment.timestamp())


def _pair(rate: Rate | None) -> list[str]:
    return [rendering.plain(rate.watts), rendering.plain(rate.amperes)] if rate else []


def _rows(shown: Picture, told: Sequence[Moment]) -> Iterable[dict[str, Any]]:
    for moment in told[-MOST_ROWS:]:
        inside = [p.rate for p in shown.measured if moment.begins_at <= p.at < moment.ends_at]
        rates = [*(moment.rates.get(key) for key in STEPPED), _average(inside)]
        yield {
            "begin": rendering.when(moment.begins_at), "end": rendering.when(moment.ends_at),
            "cells": [_cell(rate) for rate in rates], "why": moment.why,
        }  # fmt: skip


def _average(rates: Sequence[Rate]) -> Rate | None:
    if not rates:
        return None
    watts, amperes = (sum((getattr(r, name) for r in rates), start=Decimal(0)) for name in ("watts", "amperes"))
    return Rate(round(watts / len(rates), 1), round(amperes / len(rates), 1))


def _cell(rate: Rate | None) -> str:
    return f"{rendering.plain(rate.watts)} W, {rendering.plain(rate.amperes)} A" if rate else rendering.NOTHING
