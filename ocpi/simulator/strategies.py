"""Which profile a simulated partner sends to a session, and when. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from ocpi.simulator.prices import PriceCurve
from ocpi.simulator.wire import parse_datetime

Period = tuple[int, float]


@dataclass(frozen=True, slots=True)
class PlannedProfile:
    """A profile that is sent `delay_s` from now. `periods` are (start in seconds, limit in `unit`).

    They count from `start`; None: from the moment it is sent.
    """

    periods: tuple[Period, ...]
    unit: str = "W"
    delay_s: float = 0.0
    duration_s: int | None = None
    start: datetime | None = None


# Called with an ACTIVE Session and how many profiles were tried on it; None: nothing to send now.
Strategy = Callable[[dict[str, Any], int], PlannedProfile | None]

PULSES_W = ((11000, 0, 7400), (7400, 11000, 0, 11000))


@dataclass(frozen=True, slots=True)
class DemoStrategy:
    """A profile in W as soon as the session is ACTIVE, then another shape every `pulse_s`, so that none repeats."""

    pulse_s: float = 30.0
    period_s: int = 10

    def __call__(self, _session: dict[str, Any], tried: int) -> PlannedProfile | None:
        limits = PULSES_W[tried % len(PULSES_W)]
        periods = tuple((position * self.period_s, limit) for position, limit in enumerate(limits))
        return PlannedProfile(periods, delay_s=self.pulse_s if tried else 0.0)


@dataclass(frozen=True, slots=True)
class FlatStrategy:
    """One open-ended limit for the session."""

    limit: float
    unit: str = "W"

    def __call__(self, _session: dict[str, Any], tried: int) -> PlannedProfile | None:
        return None if tried else PlannedProfile(((0, self.limit),), self.unit)


@dataclass(frozen=True, slots=True)
class PulseStrategy:
    """`limit` and nothing in turns of `pulse_s`; the next profile when these are over, as long as the session lasts."""

    limit: float
    pulse_s: int
    unit: str = "W"
    pulses: int = 10

    def __call__(self, _session: dict[str, Any], tried: int) -> PlannedProfile | None:
        periods = tuple((n * self.pulse_s, 0.0 if n % 2 else self.limit) for n in range(self.pulses))
        duration_s = self.pulses * self.pulse_s
        return PlannedProfile(periods, self.unit, delay_s=float(duration_s) if tried else 0.0, duration_s=duration_s)


@dataclass(frozen=True, slots=True)
class CheapestStrategy:
    """The energy a driver needs, in the cheapest hours between now and when the car leaves.

    It leaves `window` after the session began, or at the next `departure` (UTC) if that is told.
    """

    prices: PriceCurve
    energy_kwh: float
    limit_w: float
    window: timedelta = timedelta(hours=8)
    departure: time | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self, session: dict[str, Any], tried: int) -> PlannedProfile | None:
        now = self.clock().replace(microsecond=0)
        needed_kwh = self.energy_kwh - float(session.get("kwh") or 0)
        end = self._leaves(parse_datetime(session["start_date_time"]))
        if tried or end <= now or needed_kwh <= 0:
            return None
        periods = cheapest(self.prices, now, end, needed_kwh=needed_kwh, limit_w=self.limit_w)
        return PlannedProfile(periods, duration_s=int((end - now).total_seconds()), start=now)

    def _leaves(self, began: datetime) -> datetime:
        if self.departure is None:
            return began + self.window
        same_day = datetime.combine(began.date(), self.departure, tzinfo=UTC)
        return same_day if same_day > began else same_day + timedelta(days=1)


def cheapest(
    prices: PriceCurve, start: datetime, end: datetime, *, needed_kwh: float, limit_w: float
) -> tuple[Period, ...]:
    """`limit_w` in the cheapest pieces from `start` until they hold `needed_kwh`, 0 in the others; whole seconds.

    The dearest piece that is needed is used from its beginning, for as long as it takes. If even all of them do not
    do, all are used.
    """
    left_s = needed_kwh * 3_600_000 / limit_w
    on = []
    for piece_start, piece_end, _price in sorted(prices.pieces(start, end), key=lambda piece: (piece[2], piece[0])):
        if left_s <= 0:
            break
        used_s = min(-int(-left_s // 1), int((piece_end - piece_start).total_seconds()))
        on.append((int((piece_start - start).total_seconds()), used_s))
        left_s -= used_s
    return _as_periods(sorted(on), limit_w, int((end - start).total_seconds()))


def _as_periods(on: Sequence[tuple[int, int]], limit_w: float, until_s: int) -> tuple[Period, ...]:
    """From (start, length) in seconds to periods without equal neighbours, the first at 0."""
    changes: list[Period] = [(0, 0.0)]
    for start_s, length_s in on:
        changes += [(start_s, limit_w), (start_s + length_s, 0.0)]
    last: dict[int, float] = dict(changes)  # what ends where the next begins is overwritten
    periods: list[Period] = []
    for at_s, limit in sorted(last.items()):
        if at_s < until_s and (not periods or periods[-1][1] != limit):
            periods.append((at_s, limit))
    return tuple(periods)
