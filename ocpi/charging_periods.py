"""A session cut into charging periods (OCPI 2.2.1 mod_cdrs, ChargingPeriod).

Constraints:
- a receiver adds what a PATCH brings, so a period appears when it is over and stays as it is: it ends at a reading, and
  the charge point has told everything about it by then. What comes late all the same is heeded when the session ends;
- a session has a bounded number of them however long it lasts: each has at least `OCPI_CHARGING_PERIOD_S`, and at least
  a twentieth of the session before it (115 in a week, 200 in a year, at five minutes);
- nothing is added to the path of meter values: whoever renders a session reads only what was measured since the last
  period, and only when another may be over.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from django.conf import settings
from django.db import transaction

from chargepoints.models import ChargingSession, MeterValue
from ocpi.models import ChargingPeriod

State = ChargingSession.State
GROWTH = 20
FIGURES = ("started_at", "ended_at", "kwh", "charging_s", "power_w", "current_a", "soc_percent")


@dataclass(frozen=True, slots=True)
class Measured:
    """One reading. `kwh` is what the session has taken by then."""

    at: datetime
    kwh: Decimal | None = None
    power_w: Decimal | None = None
    current_a: Decimal | None = None
    soc_percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """The figures of one ChargingPeriod."""

    started_at: datetime
    ended_at: datetime
    kwh: Decimal
    charging_s: Decimal
    power_w: Decimal | None
    current_a: Decimal | None
    soc_percent: Decimal | None


# --- cutting (pure) -------------------------------------------------------------------------------------------------


def shortest(elapsed: timedelta, at_least: timedelta) -> timedelta:
    return max(at_least, elapsed / GROWTH)


def cut(
    readings: Iterable[Measured],
    *,
    session_start: datetime,
    since: datetime,
    kwh_before: Decimal,
    at_least: timedelta,
    end: Measured | None = None,
) -> list[Piece]:
    """The pieces from `since` on that are over; `readings` in the order of time, none before `since`.

    `end` closes the last one, when the session is over.
    """
    pieces: list[Piece] = []
    inside: list[Measured] = []
    for reading in readings:
        inside.append(reading)
        is_over = reading.at >= since + shortest(since - session_start, at_least)
        if is_over and not (end and reading.at >= end.at):
            pieces.append(_piece(since, kwh_before, inside))
            since, kwh_before, inside = reading.at, kwh_before + pieces[-1].kwh, [reading]
    if end and end.at > since:
        pieces.append(_piece(since, kwh_before, [*inside, end]))
    return pieces


def _piece(start: datetime, kwh_before: Decimal, readings: Sequence[Measured]) -> Piece:
    end = readings[-1].at
    registers = [reading.kwh for reading in readings if reading.kwh is not None]
    charge = [reading.soc_percent for reading in readings if reading.soc_percent is not None]
    return Piece(
        started_at=start, ended_at=end,
        kwh=max([kwh_before, *registers]) - kwh_before,
        charging_s=_seconds(_charging(start, kwh_before, readings)),
        power_w=_average([(r.at, r.power_w) for r in readings if r.power_w is not None], start, end, places=1),
        current_a=_average([(r.at, r.current_a) for r in readings if r.current_a is not None], start, end, places=2),
        soc_percent=charge[-1] if charge and 0 <= charge[-1] <= 100 else None,
    )  # fmt: skip


def _held(
    values: Sequence[tuple[datetime, Decimal]], start: datetime, end: datetime
) -> Iterator[tuple[Decimal, Decimal]]:
    """(seconds, value): each value holds until the next, the first one from the start."""
    moments = [start, *(at for at, _ in values[1:]), end]
    return ((_seconds(until - at), value) for (at, until), (_, value) in zip(pairwise(moments), values, strict=True))


def _average(
    values: Sequence[tuple[datetime, Decimal]], start: datetime, end: datetime, *, places: int
) -> Decimal | None:
    """Weighted by time."""
    if not values:
        return None
    total = sum((seconds * value for seconds, value in _held(values, start, end)), Decimal(0))
    return (total / _seconds(end - start)).quantize(Decimal(1).scaleb(-places))


def _charging(start: datetime, kwh_before: Decimal, readings: Sequence[Measured]) -> timedelta:
    """How long energy flowed: by power or current where they are measured, else by the rise of the register."""
    flows = [(r.at, max(r.power_w or Decimal(0), r.current_a or Decimal(0))) for r in readings if _tells_flow(r)]
    if flows:
        seconds = sum(s for s, flow in _held(flows, start, readings[-1].at) if flow > 0)
        return timedelta(seconds=float(seconds))
    charging, known_at, known = timedelta(), start, kwh_before
    for reading in readings:
        if reading.kwh is not None:
            charging += reading.at - known_at if reading.kwh > known else timedelta()
            known_at, known = reading.at, max(known, reading.kwh)
    return charging


def _tells_flow(reading: Measured) -> bool:
    return reading.power_w is not None or reading.current_a is not None


def _seconds(span: timedelta) -> Decimal:
    """To the millisecond."""
    return (Decimal(span // timedelta(microseconds=1)) / 1_000_000).quantize(Decimal("0.001"))


# --- keeping --------------------------------------------------------------------------------------------------------


def of(sessions: Iterable[ChargingSession]) -> dict[int, list[ChargingPeriod]]:
    """By session id, in order, as the sessions are: one query, and a few more for each whose next period is over."""
    sessions = list(sessions)
    found: dict[int, list[ChargingPeriod]] = {session.pk: [] for session in sessions}
    for period in ChargingPeriod.objects.filter(session__in=sessions):
        found[period.session_id].append(period)
    for session in sessions:
        if _is_due(session, found[session.pk]):
            found[session.pk] = _bring_up_to_date(session, found[session.pk])
    return found


def _is_due(session: ChargingSession, kept: list[ChargingPeriod]) -> bool:
    if session.state == State.COMPLETED and session.ended_at:
        return not kept or kept[-1].ended_at != session.ended_at or _total(kept) != session.kwh
    if session.state != State.ACTIVE or session.measured_at is None:
        return False
    if kept and kept[0].started_at != session.started_at:
        return True
    since = kept[-1].ended_at if kept else session.started_at
    return session.measured_at >= since + shortest(since - session.started_at, _at_least())


def _at_least() -> timedelta:
    return timedelta(seconds=settings.OCPI_CHARGING_PERIOD_S)


def _total(kept: list[ChargingPeriod]) -> Decimal:
    return sum((period.kwh for period in kept), Decimal(0))


@transaction.atomic
def _bring_up_to_date(session: ChargingSession, kept: list[ChargingPeriod]) -> list[ChargingPeriod]:
    """Goes on from what is kept. All anew when the session is over, or began at another time than was thought.

    Two at once come to the same: the first one's rows stay.
    """
    going_on = session.state == State.ACTIVE and (not kept or kept[0].started_at == session.started_at)
    if going_on:
        since = kept[-1].ended_at if kept else session.started_at
        fresh = _pieces(session, since=since, kwh_before=_total(kept))
    else:
        pieces = _pieces(session, since=session.started_at, kwh_before=Decimal(0))
        same = [_figures(period) for period in kept] == pieces[: len(kept)]
        if not same:
            ChargingPeriod.objects.filter(session=session).delete()
        fresh = pieces[len(kept) :] if same else pieces
    rows = [ChargingPeriod(session=session, **{name: getattr(piece, name) for name in FIGURES}) for piece in fresh]
    ChargingPeriod.objects.bulk_create(rows, ignore_conflicts=True)
    return list(ChargingPeriod.objects.filter(session=session))


def _figures(period: ChargingPeriod) -> Piece:
    return Piece(**{name: getattr(period, name) for name in FIGURES})


def _pieces(session: ChargingSession, *, since: datetime, kwh_before: Decimal) -> list[Piece]:
    end = Measured(session.ended_at, session.kwh) if session.ended_at else None
    return cut(
        _readings(session, since=since, until=session.ended_at or session.measured_at),
        session_start=session.started_at, since=since, kwh_before=kwh_before, at_least=_at_least(), end=end,
    )  # fmt: skip


def _readings(session: ChargingSession, *, since: datetime, until: datetime | None) -> list[Measured]:
    """Not what came after the session was read: its `kwh` says which registers to believe."""
    rows = MeterValue.objects.filter(session=session, measured_at__gte=since, measured_at__lte=until or since)
    figures = rows.order_by("measured_at", "id").values_list(
        "measured_at", "energy_wh", "power_w", "current_a", "soc_percent"
    )
    return [Measured(at, _taken(session, register), *others) for at, register, *others in figures]


def _taken(session: ChargingSession, register_wh: Decimal | None) -> Decimal | None:
    """None for a register that does not count for the session's `kwh` either."""
    if register_wh is None or session.meter_start_wh is None:
        return None
    kwh = ((register_wh - session.meter_start_wh) / 1000).quantize(Decimal("0.0001"))
    return kwh if 0 <= kwh <= session.kwh else None
