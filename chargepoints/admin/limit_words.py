"""Operators' limits as sentences: for lists, pages and confirmations."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q
from django.utils.html import format_html

from chargepoints.admin import rendering, session_rows, tones
from chargepoints.admin.timeline import Problem, Remedy, TimelineEntry, register_source
from chargepoints.models import ChargePoint, ChargingSession, Evse, OperatorLimit
from chargepoints.models.limits import profile_id
from chargepoints.profiles.limit_state import MAX_TRIES, MAY_BE_THERE
from chargepoints.values import RateUnit

State = OperatorLimit.State


def rate_words(limit: OperatorLimit) -> str:
    return f"{rendering.plain(limit.rate)} {rendering.UNIT_WORDS[RateUnit(limit.unit)]}"


def until_words(limit: OperatorLimit) -> str:
    return f"until {rendering.when(limit.ends_at)}" if limit.ends_at else "until it is removed"


def place_words(limit: OperatorLimit) -> str:
    return f"EVSE {limit.ocpp_evse_id}" if limit.evse else "the charge point as a whole"


def profile_words(limit: OperatorLimit) -> str:
    """What the limit is at the charge point."""
    purpose = "default of its sessions" if limit.evse_id else "maximum of the charge point"
    return f"profile {profile_id(limit.ocpp_evse_id)}, {purpose}"


def limited_words(limit: OperatorLimit) -> str:
    """limited to 10 A per phase by operator noor until 2025-03-01 14:00:00 UTC: grid works"""
    return f"limited to {rate_words(limit)} by {limit.created_by} {until_words(limit)}: {limit.reason}"


def _row(limit: OperatorLimit) -> str:
    badge = rendering.badge(limit.state, tones.LIMIT.get(limit.state, rendering.INFO))
    return format_html("{}, {} {}", place_words(limit), rendering.link(limit, limited_words(limit)), badge)


def wanted_list(limits: Iterable[OperatorLimit]) -> str:
    rows = [_row(limit) for limit in limits]
    return rendering.words_list(rows) if rows else "none"


def wanted_on_charge_point(charge_point: ChargePoint, *, now: datetime) -> str:
    limits = charge_point.operator_limits.wanted(now=now).select_related("evse", "charge_point")
    return wanted_list(limits.order_by("evse__ocpp_evse_id"))


def wanted_on_evse(evse: Evse, *, now: datetime) -> str:
    return wanted_list(OperatorLimit.objects.touching(evse).wanted(now=now).select_related("evse", "charge_point"))


# --- what is wrong --------------------------------------------------------------------------------------------------


def problems_of_charge_point(charge_point: ChargePoint, *, now: datetime) -> Iterable[Problem]:
    watched = charge_point.operator_limits.filter(Q(ended_at=None) | Q(state__in=MAY_BE_THERE))
    for limit in watched.select_related("evse__charge_point", "charge_point"):
        problem = _problem(limit, now=now)
        if problem:
            yield problem


def _problem(limit: OperatorLimit, *, now: datetime) -> Problem | None:
    target, what, url = (
        limit.evse or limit.charge_point,
        f"The limit of {place_words(limit)}",
        rendering.admin_url(limit),
    )
    if limit.is_wanted(now=now) and limit.state == State.REJECTED:
        capped = " Partners' profiles are capped all the same." if limit.evse else ""
        why = f"{_last_words(limit)} What was in force before stays.{capped}"
        return Problem(f"{what} was refused: {rate_words(limit)}", why, Remedy(target, "remove_limit"), url=url)
    if limit.state in MAY_BE_THERE and limit.tries >= MAX_TRIES:
        if limit.is_wanted(now=now):
            why = f"{_last_words(limit)} It is not sent again by itself."
            return Problem(f"{what} may not be in force", why, Remedy(target, "set_limit"), url=url)
        return Problem(f"{what} may still be in force", _last_words(limit), Remedy(target, "remove_limit"), url=url)
    return None


def _last_words(limit: OperatorLimit) -> str:
    command = limit.commands.first()
    return f"{command}: {command.detail or command.status}." if command else " ".join(map(str, limit.notes))


# --- what happened to a session -------------------------------------------------------------------------------------


@register_source
def limit_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    """Limits that were wanted while it ran."""
    for limit in session_rows.limits(session):
        title, url = f"Limit of {place_words(limit)}: {rate_words(limit)}", rendering.admin_url(limit)
        detail, thread = f"by {limit.created_by} {until_words(limit)}: {limit.reason}", f"limit-{limit.pk}"
        yield TimelineEntry(limit.created_at, f"{title} wanted", detail=detail, url=url, order=-1, thread=thread)
        if limit.ended_at:
            yield TimelineEntry(
                limit.ended_at, f"{title} ended", detail=limit.ended_by, url=url, order=-1, thread=thread
            )
