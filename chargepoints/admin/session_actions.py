"""What operators can do to a session. The same functions of `chargepoints.commands` as for partners do the work."""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chargepoints import commands
from chargepoints.admin.confirmation import (
    Effect,
    confirmation_page,
    go_back,
    is_confirmed,
    operator,
    too_many,
)
from chargepoints.admin.rendering import schedule_words
from chargepoints.admin.results import Result, for_each, nothing, of_command
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.ocpp import registry
from chargepoints.ocpp.operator_calls import CallRefused
from chargepoints.profiles import state as profile_state
from chargepoints.values import ChargingSchedule, RawCall, ScheduleRefused

Kind = ChargePointCommand.Kind
Ask = Callable[[datetime], ChargePointCommand]


def _deadline(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S)


def _correlation_id() -> str:
    """Of what an operator asks: the timeline keeps together what comes of it."""
    return str(uuid.uuid4())


def _complete(queryset: QuerySet) -> list[ChargingSession]:
    return list(queryset.select_related("charge_point", "evse__charge_point").prefetch_related("profiles"))


def _ask(session: ChargingSession, ask: Ask) -> Result:
    try:
        return of_command(ask(timezone.now()))
    except ScheduleRefused as refused:
        text = f"{session.charge_point}: nothing was sent. The schedule does not fit ({refused.code}): {refused.detail}"
        return nothing(text, level=messages.ERROR)


def _nothing(session: ChargingSession, why: str) -> Result:
    return nothing(f"{session.charge_point}, session {session}: nothing was sent, {why}.")


def _not_active(session: ChargingSession) -> str:
    return "" if session.state == ChargingSession.State.ACTIVE else f"the session is {session.state}"


# --- push profile again ---------------------------------------------------------------------------------------------


@admin.action(permissions=["steer"], description="Push profile again")
def push_profile_again(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    if too_many(model_admin, request, queryset):
        return go_back(request)
    sessions = _complete(queryset)
    if not is_confirmed(request):
        now = timezone.now()
        effects = [Effect(session, _push_words(session, now=now)) for session in sessions]
        return confirmation_page(
            model_admin, request, title="Push the charging profile again?", button="Yes, push again", effects=effects
        )
    by = operator(request)
    return for_each(model_admin, request, sessions, lambda session: _push(session, by=by))


def _wanted(session: ChargingSession) -> list[tuple[ChargingProfile, ChargingSchedule]]:
    """What its owners still want: a profile whose owner asked last to clear it is not brought back."""
    asked = session.commands.filter(kind__in=[Kind.SET_PROFILE, Kind.CLEAR_PROFILE]).order_by("id")
    last_asked = {(c.profile_id, c.requested_by): c.kind for c in asked.only("profile_id", "requested_by", "kind")}
    found = ((profile, profile.desired_schedule) for profile in session.profiles.all())
    return [
        (profile, schedule)
        for profile, schedule in found
        if schedule and last_asked.get((profile.pk, profile.owner)) != Kind.CLEAR_PROFILE
    ]


def _push_words(session: ChargingSession, *, now: datetime) -> tuple[str, ...]:
    if why := _not_active(session):
        return (f"Nothing: {why}.",)
    words = tuple(_preview_words(session, profile, schedule, now=now) for profile, schedule in _wanted(session))
    return words or ("Nothing: nobody wants a charging profile on it now.",)


def _preview_words(
    session: ChargingSession, profile: ChargingProfile, schedule: ChargingSchedule, *, now: datetime
) -> str:
    try:
        prepared = profile_state.preview(session, profile.owner, schedule, now=now)
    except ScheduleRefused as refused:
        return f"Nothing for {profile.owner}: the schedule does not fit ({refused.code}): {refused.detail}"
    if profile_state.is_installed(profile, prepared):
        return f"Nothing for {profile.owner}: exactly this is installed already."
    notes = "".join(f" Note: {note}." for note in prepared.notes)
    return f"SetChargingProfile of {profile.owner}: {schedule_words(prepared.schedule)}.{notes}"


def _push(session: ChargingSession, *, by: str) -> Iterable[Result]:
    if why := _not_active(session):
        return [_nothing(session, why)]
    wanted = _wanted(session)
    pushed = [_ask(session, _set(session, profile.owner, schedule, by=by)) for profile, schedule in wanted]
    return pushed or [_nothing(session, "nobody wants a charging profile on it now")]


def _set(session: ChargingSession, owner: str, schedule: ChargingSchedule, *, by: str) -> Ask:
    return lambda now: commands.request_set_profile(
        session=session,
        owner=owner,
        schedule=schedule,
        requested_by=by,
        correlation_id=_correlation_id(),
        now=now,
        expires_at=_deadline(now),
    )


# --- clear profile --------------------------------------------------------------------------------------------------


@admin.action(permissions=["steer"], description="Clear profile")
def clear_profile(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    if too_many(model_admin, request, queryset):
        return go_back(request)
    sessions = _complete(queryset)
    if not is_confirmed(request):
        effects = [Effect(session, _clear_words(session)) for session in sessions]
        return confirmation_page(
            model_admin, request, title="Clear the charging profile?", button="Yes, clear it", effects=effects,
            warning="Without a profile the car charges as fast as the charge point allows.",
        )  # fmt: skip
    by = operator(request)
    return for_each(model_admin, request, sessions, lambda session: _clear(session, by=by))


def _set_profiles(session: ChargingSession) -> list[ChargingProfile]:
    return [profile for profile in session.profiles.all() if profile.state != ChargingProfile.State.CLEARED]


def _clear_words(session: ChargingSession) -> tuple[str, ...]:
    words = tuple(
        f"ClearChargingProfile of {profile.owner} (profile {profile.pk}, {profile.state})"
        for profile in _set_profiles(session)
    )
    return words or ("Nothing: no charging profile is set.",)


def _clear(session: ChargingSession, *, by: str) -> Iterable[Result]:
    cleared = [_ask(session, _clearing(session, profile.owner, by=by)) for profile in _set_profiles(session)]
    return cleared or [_nothing(session, "no charging profile is set")]


def _clearing(session: ChargingSession, owner: str, *, by: str) -> Ask:
    return lambda now: commands.request_clear_profile(
        session=session, owner=owner, requested_by=by, correlation_id=_correlation_id(), now=now,
        expires_at=_deadline(now),
    )  # fmt: skip


# --- fetch active profile -------------------------------------------------------------------------------------------


@admin.action(permissions=["steer"], description="Fetch active profile")
def fetch_active_profile(
    model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet
) -> HttpResponse | None:
    """Only asks the charge point, so for one session nothing has to be confirmed."""
    if too_many(model_admin, request, queryset):
        return go_back(request)
    sessions, by = _complete(queryset), operator(request)
    if len(sessions) > 1 and not is_confirmed(request):
        effects = [Effect(session, ("its charge point is asked what it plans",)) for session in sessions]
        return confirmation_page(
            model_admin, request, title="Fetch the active profiles?", button="Yes, ask them", effects=effects
        )
    return for_each(model_admin, request, sessions, lambda session: _fetch(session, by=by))


def _fetch(session: ChargingSession, *, by: str) -> Iterable[Result]:
    why = _not_active(session)
    return [_nothing(session, why) if why else _ask(session, _composite(session, by=by))]


def _composite(session: ChargingSession, *, by: str) -> Ask:
    return lambda now: commands.request_composite(
        session=session, duration_s=settings.OCPI_ACTIVE_PROFILE_DURATION_S, unit=None,
        requested_by=by, correlation_id=_correlation_id(), now=now, expires_at=_deadline(now),
    )  # fmt: skip


# --- remote stop ----------------------------------------------------------------------------------------------------


@admin.action(permissions=["operate"], description="Remote stop")
def remote_stop(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    if too_many(model_admin, request, queryset):
        return go_back(request)
    sessions = _complete(queryset)
    if not is_confirmed(request):
        effects = [Effect(session, (_stop_words(session),)) for session in sessions]
        return confirmation_page(
            model_admin, request, title="Stop charging?", button="Yes, stop charging", effects=effects,
            warning="The driver cannot go on without starting a new session.",
        )  # fmt: skip
    by = operator(request)
    return for_each(model_admin, request, sessions, lambda session: _stop(session, by=by))


def _stop_call(session: ChargingSession) -> RawCall:
    """Raises CallRefused."""
    if why := _not_active(session):
        raise CallRefused(why)
    return registry.operator_calls(session.charge_point.ocpp_version).remote_stop(session.ocpp_transaction_id)


def _stop_words(session: ChargingSession) -> str:
    try:
        call = _stop_call(session)
    except CallRefused as refused:
        return f"Nothing: {refused}."
    return f"{call.action} of transaction {session.ocpp_transaction_id} on {session.evse}"


def _stop(session: ChargingSession, *, by: str) -> Iterable[Result]:
    try:
        call = _stop_call(session)
    except CallRefused as refused:
        return [_nothing(session, str(refused))]
    return [_ask(session, _calling(session, call, by=by))]


def _calling(session: ChargingSession, call: RawCall, *, by: str) -> Ask:
    return lambda now: commands.request_call(
        charge_point=session.charge_point, session=session, action=call.action, payload=call.payload,
        requested_by=by, now=now,
    )  # fmt: skip
