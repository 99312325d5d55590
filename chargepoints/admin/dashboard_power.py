"""What is drawn now beside what profiles and operators' limits allow now."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from chargepoints.admin.dashboard import Tile, register_section
from chargepoints.admin.rendering import BAD, OK, list_url
from chargepoints.models import ChargingProfile, ChargingSession, OperatorLimit
from chargepoints.profiles import rates
from chargepoints.profiles.limit_state import MAY_BE_THERE, together
from chargepoints.profiles.state import STANDING
from chargepoints.profiles.timeline import period_of
from chargepoints.values import ChargingSchedule, EvseLimits, RateUnit

LOOKED_AT = 5000
"""Sessions and limits that are read at most: of more, the newest."""

READ = (
    "charge_point_id", "power_w", "detected_phases", "started_at", "evse__current_type", "evse__voltage_v",
    "evse__max_current_a", "evse__max_power_w", "evse__phases",
)  # fmt: skip
"""Of a session, and of what its EVSE can do."""

TOLERANCE, METER_W = Decimal("1.05"), 500
"""Meters are not exact, and a car needs a moment to follow."""

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Draw:
    """One running session. `allowed_w`: by its profile, or else its EVSE's limit; None: neither says anything now."""

    charge_point: int
    drawn_w: Decimal
    allowed_w: Decimal | None


@dataclass(frozen=True, slots=True)
class Balance:
    drawn_w: Decimal
    allowed_w: Decimal

    @property
    def is_over(self) -> bool:
        return self.drawn_w > self.allowed_w * TOLERANCE + METER_W


def balance(draws: Iterable[Draw], caps: Mapping[int, Decimal]) -> Balance | None:
    """Over all that a limit concerns, None if that is nothing. `caps`: W of charge points as a whole."""
    by_point = defaultdict(list)
    for draw in draws:
        by_point[draw.charge_point].append(draw)
    parts = [part for point, its in by_point.items() if (part := _of_charge_point(its, caps.get(point)))]
    return Balance(sum((p.drawn_w for p in parts), ZERO), sum((p.allowed_w for p in parts), ZERO)) if parts else None


def _of_charge_point(draws: Sequence[Draw], cap_w: Decimal | None) -> Balance | None:
    """The charge point itself takes the lower of a limit on all of it and what its sessions are allowed."""
    limited = [(draw.drawn_w, draw.allowed_w) for draw in draws if draw.allowed_w is not None]
    allowed = sum((allowed_w for _, allowed_w in limited), ZERO)
    if cap_w is not None:
        least = min(cap_w, allowed) if len(limited) == len(draws) else cap_w
        return Balance(sum((draw.drawn_w for draw in draws), ZERO), least)
    return Balance(sum((drawn_w for drawn_w, _ in limited), ZERO), allowed) if limited else None


@register_section("Power now", order=25, permission="chargepoints.view_chargingsession", fresh_s=10)
def power(now: datetime) -> Iterator[Tile]:
    """Meters tell it no more often, and 5000 sessions take half a second."""
    running = ChargingSession.objects.filter(state=ChargingSession.State.ACTIVE)
    total = running.aggregate(total=Sum("power_w"))["total"] or ZERO
    url = list_url(ChargingSession, state__exact="ACTIVE")
    yield Tile("drawn by all sessions", kilowatts(total), url)
    found = balance(_draws(now), _caps(now))
    if found:
        detail = f"of {kilowatts(found.allowed_w)} that profiles and limits allow now"
        yield Tile("drawn under limits", kilowatts(found.drawn_w), url, BAD if found.is_over else OK, detail)


def kilowatts(watts: Decimal) -> str:
    return f"{watts / 1000:.1f} kW"


# --- from the rows --------------------------------------------------------------------------------------------------


def _draws(now: datetime) -> Iterator[Draw]:
    running = ChargingSession.objects.filter(state=ChargingSession.State.ACTIVE).select_related("evse")
    sessions = running.only(*READ).order_by("-pk")[:LOOKED_AT]
    schedules, limits = _schedules(sessions), _limits_of_evses(now)
    for session in sessions:
        hardware = session.evse.limits(detected_phases=session.detected_phases)
        told = (_told_w(schedule, session, hardware, now=now) for schedule in schedules[session.pk])
        allowed = next((watts for watts in told if watts is not None), None)
        limit = limits.get(session.evse_id)
        if allowed is None and limit:
            allowed = _watts(limit.rate, RateUnit(limit.unit), hardware)
        yield Draw(session.charge_point_id, session.power_w or ZERO, allowed)


def _schedules(sessions: Iterable[ChargingSession]) -> Mapping[int, list[ChargingSchedule]]:
    """By session; the one that counts, of the highest stack level, first. Found by the sessions' ids, by an index."""
    found = defaultdict(list)
    there = ChargingProfile.objects.filter(state__in=STANDING, applied__isnull=False)
    its = there.filter(session__in=[session.pk for session in sessions]).order_by("-stack_level", "-pk")
    for session_id, applied in its.values_list("session", "applied"):
        if applied:
            found[session_id].append(ChargingSchedule.from_json(applied))
    return found


def _told_w(
    schedule: ChargingSchedule, session: ChargingSession, hardware: EvseLimits, *, now: datetime
) -> Decimal | None:
    """None before the schedule begins and after it has run out."""
    period = period_of(schedule, now, started_at=session.started_at)
    return _watts(period.limit, schedule.unit, hardware, asked=period.phases) if period else None


def _watts(rate: Decimal, unit: RateUnit, hardware: EvseLimits, *, asked: int | None = None) -> Decimal:
    phases = rates.phases_for(hardware, asked)
    return rates.convert(rate, source=unit, target=RateUnit.WATT, limits=hardware, phases=phases)


def _limits_of_evses(now: datetime) -> Mapping[int | None, OperatorLimit]:
    there = OperatorLimit.objects.wanted(now=now).filter(state__in=MAY_BE_THERE, evse__isnull=False)
    return {limit.evse_id: limit for limit in there.order_by("-pk")[:LOOKED_AT]}


def _caps(now: datetime) -> Mapping[int, Decimal]:
    there = OperatorLimit.objects.wanted(now=now).filter(state__in=MAY_BE_THERE, evse=None)
    whole = there.select_related("charge_point").prefetch_related("charge_point__evses").order_by("-pk")[:LOOKED_AT]
    hardware = ((limit, [evse.limits() for evse in limit.charge_point.evses.all()]) for limit in whole)
    return {
        limit.charge_point_id: _watts(limit.rate, RateUnit(limit.unit), together(evses))
        for limit, evses in hardware
        if evses
    }
