"""Small pictures of figures, as SVG of our own: each says in words what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

BAR, GAP, HEIGHT = 8, 2, 40


@dataclass(frozen=True, slots=True)
class Bar:
    """Two figures on top of each other; `words` tell both."""

    good: float
    bad: float
    words: str


def share_picture(per_cent: float, tone: str) -> SafeString:
    """The figure stands beside it in words, so this is for the eye alone."""
    return format_html(
        '<svg class="cpo-share cpo-{}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="cpo-whole" width="100" height="6"/><rect class="cpo-part" width="{}" height="6"/></svg>',
        tone, f"{per_cent:.1f}",
    )  # fmt: skip


def bars_picture(bars: Sequence[Bar], words: str) -> SafeString:
    """The highest fills the height; what is not nothing can be seen."""
    highest = max((bar.good + bar.bad for bar in bars), default=0)
    rects = format_html_join("", "{}", ((_bar(i, bar, highest),) for i, bar in enumerate(bars)))
    return format_html(
        '<svg class="cpo-bars" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        max(1, len(bars)) * (BAR + GAP), HEIGHT, words, rects,
    )  # fmt: skip


def _bar(number: int, bar: Bar, highest: float) -> SafeString:
    good, bad = (_height(value, highest) for value in (bar.good, bar.bad))
    good = min(good, HEIGHT - bad)
    x = number * (BAR + GAP)
    return format_html(
        '<g><title>{}</title><rect class="cpo-ground" x="{}" y="0" width="{}" height="{}"/>'
        '<rect class="cpo-good" x="{}" y="{}" width="{}" height="{}"/>'
        '<rect class="cpo-wrong" x="{}" y="{}" width="{}" height="{}"/></g>',
        bar.words, x, BAR, HEIGHT, x, f"{HEIGHT - good:.1f}", BAR, f"{good:.1f}",
        x, f"{HEIGHT - good - bad:.1f}", BAR, f"{bad:.1f}",
    )  # fmt: skip


def _height(value: float, highest: float) -> float:
    return max(1.5, value / highest * HEIGHT) if value > 0 else 0.0
