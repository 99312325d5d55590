"""Facts as an operator reads them. Charge points and partners write these texts, so all of them are escaped."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chargepoints.profiles.timeline import elapsed_s, period_at
from chargepoints.values import ChargingSchedule, RateUnit, SchedulePeriod

NOTHING = "–"
OK, WARN, BAD, INFO = "ok", "warn", "bad", "info"
UNIT_WORDS = {RateUnit.AMPERE: "A per phase", RateUnit.WATT: "W in total"}


def when(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else NOTHING


def moment(at: datetime | None) -> SafeString:
    """As in a list, where it must not wrap."""
    return format_html('<span class="cpo-at">{}</span>', when(at))


def age(at: datetime, *, now: datetime) -> str:
    """How long ago, in its largest two units."""
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min ago"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h ago"


def number(value: Decimal | None, unit: str) -> str:
    return NOTHING if value is None else f"{plain(value)} {unit}"


def plain(value: Decimal) -> str:
    """Without trailing zeros and without an exponent."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def badge(text: object, tone: str) -> SafeString:
    return format_html('<span class="cpo-badge cpo-{}">{}</span>', tone, text)


def presence(online: bool) -> SafeString:
    return badge("online", OK) if online else badge("offline", BAD)


def admin_url(obj: Model) -> str:
    return _change_url(obj._meta.app_label, str(obj._meta.model_name)).replace("/0/", f"/{obj.pk}/")


@cache
def _change_url(app_label: str, model_name: str) -> str:
    """Of key 0: a page has hundreds of links, and reversing each of them takes longer than all else."""
    return reverse(f"admin:{app_label}_{model_name}_change", args=[0])


def list_url(model: type[Model], **filters: Any) -> str:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + (
        f"?{query}" if query else ""
    )


def link(obj: Model | None, text: object = None) -> str:
    return format_html('<a href="{}">{}</a>', admin_url(obj), text or obj) if obj else NOTHING


def words_list(texts: Iterable[object]) -> str:
    items = format_html_join("", "<li>{}</li>", ((text,) for text in texts))
    return format_html('<ul class="cpo-notes">{}</ul>', items) if items else NOTHING


def pretty_json(value: Any) -> str:
    if value in (None, {}, []):
        return NOTHING
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return format_html('<pre class="cpo-json">{}</pre>', text)


def schedule_table(
    schedule: ChargingSchedule | None, *, now: datetime | None = None, started_at: datetime | None = None
) -> str:
    """From, limit, unit; the period in force at `now` stands out. `started_at`: of a relative one's transaction."""
    if schedule is None:
        return NOTHING
    elapsed = elapsed_s(schedule, now, started_at=started_at) if now else None
    current = None if elapsed is None else period_at(schedule, elapsed)
    rows = ((_row(schedule, period, current=period == current),) for period in schedule.periods)
    return format_html(
        '<table class="cpo-schedule"><thead><tr><th>From</th><th>Limit</th><th>Unit</th></tr></thead>'
        "<tbody>{}</tbody></table>{}",
        format_html_join("", "{}", rows), _until(schedule),
    )  # fmt: skip


def _row(schedule: ChargingSchedule, period: SchedulePeriod, *, current: bool) -> SafeString:
    phases = f", {period.phases} phase{'s' if period.phases > 1 else ''}" if period.phases else ""
    return format_html(
        '<tr{}><td>{}</td><td class="cpo-number">{}</td><td>{}{}</td></tr>',
        format_html(' class="cpo-now" title="{}"', "in force now") if current else "",
        _moment(schedule, period.start_s), plain(period.limit), UNIT_WORDS[schedule.unit], phases,
    )  # fmt: skip


def _moment(schedule: ChargingSchedule, second: int) -> str:
    if schedule.start_at:
        return when(schedule.start_at + timedelta(seconds=second))
    return f"start of charging + {timedelta(seconds=second)}"


def _until(schedule: ChargingSchedule) -> SafeString:
    end = "open end" if schedule.duration_s is None else f"until {_moment(schedule, schedule.duration_s)}"
    return format_html('<p class="cpo-quiet">{}</p>', end)


def schedule_words(schedule: ChargingSchedule) -> str:
    """One line for a sentence: the limits in their order."""
    limits = ", ".join(plain(period.limit) for period in schedule.periods)
    start = f"from {when(schedule.start_at)}" if schedule.start_at else "from the start of charging"
    return f"{limits} {UNIT_WORDS[schedule.unit]} {start}"
