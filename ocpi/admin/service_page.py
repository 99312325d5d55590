"""How well a party is served, on its page: each figure with a picture, over the last hour, day or week."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Min
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chargepoints.admin import rendering
from chargepoints.admin.rendering import BAD, INFO, OK, WARN
from ocpi import service_slots
from ocpi.admin.pictures import Bar, bars_picture, share_picture
from ocpi.models import DeliveryAttempt, OutboxMessage, Party
from ocpi.service_levels import Figures, share, total

GOOD_PER_CENT, FAIR_PER_CENT = 95.0, 80.0
Slot = tuple[datetime, Figures]


@dataclass(frozen=True, slots=True)
class Window:
    """`step`: what one bar of a picture stands for."""

    name: str
    words: str
    span: timedelta
    step: timedelta


WINDOWS = (
    Window("hour", "last hour", timedelta(hours=1), timedelta(minutes=5)),
    Window("day", "last day", timedelta(days=1), timedelta(hours=1)),
    Window("week", "last 7 days", timedelta(days=7), timedelta(hours=6)),
)
STEP_WORDS = {"hour": "5 minutes", "day": "hour", "week": "6 hours"}


@dataclass(frozen=True, slots=True)
class Level:
    """One figure. `per_cent` makes its picture; `tone` says whether it is good."""

    label: str
    figure: str
    detail: str
    tone: str = INFO
    per_cent: float | None = None


def chosen(name: str | None) -> Window:
    return next((window for window in WINDOWS if window.name == name), WINDOWS[0])


def panel(party: Party, window: Window, *, now: datetime) -> SafeString:
    steps = _steps(service_slots.slots(party, since=now - window.span), window, now=now)
    figures = total(found for _, found in steps)
    waits = waiting_since(party)
    return format_html(
        '{}<ul class="cpo-levels">{}</ul><div class="cpo-charts">{}</div><p class="cpo-quiet">{}</p>',
        _switch(window), _cards([*levels(figures), _waiting(waits, now=now)]), _charts(steps, window),
        "Counted every half minute. Percentiles are up to 5 % too high. While many cars charge, their readings are "
        "compared with the limit 5 to 15 minutes later.",
    )  # fmt: skip


def _switch(window: Window) -> SafeString:
    links = (
        (each.name, format_html(' aria-current="{}"', "true") if each is window else "", each.words) for each in WINDOWS
    )
    return format_html(
        '<nav class="cpo-windows" aria-label="Time">{}</nav>',
        format_html_join("", '<a href="?window={}"{}>{}</a>', links),
    )


def _cards(shown: Iterable[Level]) -> SafeString:
    return format_html_join(
        "",
        '<li class="cpo-level cpo-{}"><h3>{}</h3><p class="cpo-figure">{}</p>{}<p class="cpo-quiet">{}</p></li>',
        (
            (
                level.tone, level.label, level.figure,
                "" if level.per_cent is None else share_picture(level.per_cent, level.tone), level.detail,
            )
            for level in shown
        ),
    )  # fmt: skip


# --- what is told (pure) --------------------------------------------------------------------------------------------


def levels(figures: Figures) -> Iterator[Level]:
    responses, results = figures.all_of("response"), figures.all_of("result")
    yield _share("Requests accepted", figures.count("response.ACCEPTED"), responses, _others(figures, "response"))
    yield _share("Results ACCEPTED", figures.count("result.ACCEPTED"), results, _others(figures, "result"))
    yield _promises(figures)
    yield _times("Time to apply, p50 / p95", figures, "apply", "from the PUT to the charge point's answer")
    yield _times("Time to result, p50 / p95", figures, "result", "from the request to the partner having its result")
    delivered = figures.count("delivered")
    took = _two_words(figures, "delivery")
    yield _share("Deliveries", delivered, delivered + figures.count("failed"), took and f"p50 / p95 {took}")
    judged = figures.count("judged")
    yield _share("Within the limit", figures.count("within"), judged, "readings while a profile of it was applied")


def _share(label: str, part: int, whole: int, detail: str) -> Level:
    per_cent = share(part, whole)
    if per_cent is None:
        return Level(label, rendering.NOTHING, "none in this time")
    tone = OK if per_cent >= GOOD_PER_CENT else WARN if per_cent >= FAIR_PER_CENT else BAD
    words = f"{part} of {whole}" + (f", {detail}" if detail else "")
    return Level(label, f"{per_cent:g} %", words, tone, per_cent)


def _others(figures: Figures, prefix: str) -> str:
    """What was not ACCEPTED, by its name."""
    names = sorted(name for name in figures.counts if name.startswith(f"{prefix}.") and not name.endswith(".ACCEPTED"))
    return ", ".join(f"{name.partition('.')[2]} {figures.counts[name]}" for name in names)


def _promises(figures: Figures) -> Level:
    promised, lost, late = (figures.count(name) for name in ("promised", "lost", "late"))
    if not promised:
        return Level("Callbacks lost", rendering.NOTHING, "none was due in this time")
    words = f"of {promised} promised" + (f", and {late} came late" if late else "")
    return Level("Callbacks lost", str(lost), words, BAD if lost else WARN if late else OK)


def _times(label: str, figures: Figures, name: str, words: str) -> Level:
    told = _two_words(figures, name)
    if not told:
        return Level(label, rendering.NOTHING, f"{words}: none in this time")
    count = sum(figures.times[name].values())
    return Level(label, told, f"{words}, {count} measured")


def _two_words(figures: Figures, name: str) -> str:
    p50, p95 = figures.percentile(name, 0.5), figures.percentile(name, 0.95)
    return f"{span_words(p50)} / {span_words(p95)}" if p50 and p95 else ""


def span_words(span: timedelta) -> str:
    """Two digits are enough to judge by."""
    seconds = span.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


# --- what waits -----------------------------------------------------------------------------------------------------


def waiting_since(party: Party) -> datetime | None:
    """Since when the oldest thing has not reached it: a result, a message that failed, or all of an endpoint."""
    pending = OutboxMessage.objects.filter(party=party, status=OutboxMessage.Status.PENDING)
    first_failures = DeliveryAttempt.objects.filter(
        message__in=pending.filter(failures__gt=0), number=F("message__attempt_count") - F("message__failures") + 1
    )
    found = (
        pending.filter(kind=OutboxMessage.Kind.RESULT).aggregate(at=Min("created_at")),
        first_failures.aggregate(at=Min("started_at")),
        party.endpoints.aggregate(at=Min("failing_since")),
    )
    return min((each["at"] for each in found if each["at"]), default=None)


def _waiting(since: datetime | None, *, now: datetime) -> Level:
    if since is None:
        return Level("Oldest undelivered", "none", "nothing waits for it", OK)
    tone = WARN if now - since < timedelta(minutes=5) else BAD
    return Level("Oldest undelivered", rendering.age(since, now=now).removesuffix(" ago"), rendering.when(since), tone)


# --- over time ------------------------------------------------------------------------------------------------------


def _charts(steps: Sequence[Slot], window: Window) -> SafeString:
    asked = [_asked_bar(at, figures) for at, figures in steps]
    applied = [_applied_bar(at, figures) for at, figures in steps]
    each, since = STEP_WORDS[window.name], _clock(steps[0][0], window)
    most = max(bar.good + bar.bad for bar in asked)
    slowest = max(bar.good for bar in applied)
    words = (
        f"Requests per {each} since {since}: at most {most:.0f}" if most else f"Requests since {since}: none",
        f"Time to apply per {each}, p95: at most {span_words(timedelta(seconds=slowest))}" if slowest
        else f"Time to apply since {since}: none measured",
    )  # fmt: skip
    pictures = zip((asked, applied), words, strict=True)
    return format_html_join(
        "", "<figure>{}<figcaption>{}</figcaption></figure>", ((bars_picture(b, w), w) for b, w in pictures)
    )


def _steps(slots: Iterable[Slot], window: Window, *, now: datetime) -> list[Slot]:
    """The figures of each bar, from `window.span` before now; every slot is in one of them."""
    first = service_slots.slot_of(now - window.span)
    inside: list[list[Figures]] = [[] for _ in range((now - first) // window.step + 1)]
    for start, figures in slots:
        inside[min((start - first) // window.step, len(inside) - 1)].append(figures)
    return [(first + number * window.step, total(found)) for number, found in enumerate(inside)]


def _asked_bar(at: datetime, figures: Figures) -> Bar:
    accepted = figures.count("response.ACCEPTED")
    refused = figures.all_of("response") - accepted
    return Bar(accepted, refused, f"{at:%Y-%m-%d %H:%M} UTC: {accepted} accepted, {refused} refused")


def _applied_bar(at: datetime, figures: Figures) -> Bar:
    p95 = figures.percentile("apply", 0.95)
    words = f"{at:%Y-%m-%d %H:%M} UTC: {span_words(p95) if p95 else 'none'}"
    return Bar(p95.total_seconds() if p95 else 0, 0, words)


def _clock(at: datetime, window: Window) -> str:
    return f"{at:%H:%M} UTC" if window.span < timedelta(days=1) else f"{at:%Y-%m-%d %H:%M} UTC"
