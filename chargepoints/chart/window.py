"""Which part of time is shown, and where its marks are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

SHORTEST = timedelta(minutes=30)
AHEAD_AT_LEAST = timedelta(minutes=15)
AHEAD_AT_MOST = timedelta(hours=6)
TICKS = 6
TICK_STEPS_S = (
    60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400,
    28 * 86_400,
)  # fmt: skip


class Zoom(StrEnum):
    WHOLE = "whole"
    HOUR = "hour"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Window:
    begins_at: datetime
    ends_at: datetime

    @property
    def span_s(self) -> float:
        return (self.ends_at - self.begins_at).total_seconds()

    def share(self, moment: datetime) -> float:
        """0 at the begin, 1 at the end; never outside."""
        return min(1.0, max(0.0, (moment - self.begins_at).total_seconds() / self.span_s))

    def shows(self, moment: datetime) -> bool:
        return self.begins_at <= moment <= self.ends_at


def window(
    zoom: Zoom, *, started_at: datetime, ended_at: datetime | None, now: datetime, changes: Sequence[datetime] = ()
) -> Window:
    """`changes`: when the limits of an open session change. Full minutes, so that the picture moves seldom."""
    last = ended_at or now
    if zoom is Zoom.HOUR:
        begin, end = last - timedelta(hours=1), last if ended_at else last + AHEAD_AT_LEAST
    elif zoom is Zoom.AHEAD and ended_at is None:
        begin, end = now - AHEAD_AT_LEAST, max(_planned_until(changes, now), now + timedelta(hours=1))
    else:
        past = max(last - started_at, timedelta(0))
        ahead = last if ended_at else min(_planned_until(changes, now), now + max(past / 2, SHORTEST))
        begin, end = started_at, max(ahead, started_at + SHORTEST)
    return Window(_minute(begin), _minute(end) + timedelta(minutes=1))


def _planned_until(changes: Sequence[datetime], now: datetime) -> datetime:
    """A little beyond the last change, so that what comes after it is seen."""
    ahead = [change for change in changes if now < change <= now + AHEAD_AT_MOST]
    return min(max([*ahead, now]) + AHEAD_AT_LEAST, now + AHEAD_AT_MOST)


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def time_ticks(shown: Window) -> list[tuple[datetime, str]]:
    """Round moments (UTC) and their labels; midnight is told by its date."""
    step = next((step for step in TICK_STEPS_S if shown.span_s / step <= TICKS), int(shown.span_s / TICKS) + 1)
    first = -(-int(shown.begins_at.timestamp()) // step) * step
    last = int(shown.ends_at.timestamp())
    moments = [datetime.fromtimestamp(second, UTC) for second in range(first, last + 1, step)]
    return [(moment, _label(moment)) for moment in moments]


def _label(moment: datetime) -> str:
    return f"{moment:%d %b}" if moment.hour == moment.minute == 0 else f"{moment:%H:%M}"
