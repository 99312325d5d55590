"""What a charge point plans: asked for whenever something may have changed it, recorded, and told.

OCPI 2.2.1 mod_charging_profiles: the CPO SHALL keep the Sender of a charging profile updated of changes.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from chargepoints import commands, signals
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.profiles import state as profile_state
from chargepoints.values import ChargingSchedule, OutcomeStatus, RateUnit

State = ChargingProfile.State


def look_again(charge_point_id: int, *, ocpp_evse_id: int = 0, now: datetime, settling: bool = False) -> None:
    """For the running sessions of the charge point, or of one EVSE, that are, were or may be under a profile.

    `settling`: it has just connected or booted. What it says at once is often not true yet, and messages about what
    happened while it was away are still to come; so it is asked a little later.
    """
    sessions = ChargingSession.objects.filter(charge_point_id=charge_point_id)
    not_before = now + timedelta(seconds=settings.OCPP_SETTLE_S) if settling else None
    look_at(
        sessions.filter(evse__ocpp_evse_id=ocpp_evse_id) if ocpp_evse_id else sessions, now=now, not_before=not_before
    )


def look_at(sessions, *, now: datetime, not_before: datetime | None = None) -> None:  # type: ignore[no-untyped-def]
    """Asks for those of a query set of sessions that anybody needs to know of."""
    steered = Q(profiles__ever_accepted=True) | Q(profiles__state=State.UNCERTAIN)
    running = sessions.filter(steered, state=ChargingSession.State.ACTIVE, charge_point__enabled=True)
    for session in running.for_steering().distinct().order_by("pk"):
        observe(session, now=now, not_before=not_before)


def observe(
    session: ChargingSession,
    *,
    now: datetime,
    unit: RateUnit | None = None,
    correlation_id: str = "",
    not_before: datetime | None = None,
) -> None:
    """Asks for the composite schedule; many reasons make one question while it has not been sent.

    `unit`: of the profile it took just now; in another one the answer would lose its fractions to rounding.
    """
    questions = session.commands.filter(
        kind=ChargePointCommand.Kind.GET_COMPOSITE, status=ChargePointCommand.Status.QUEUED,
        requested_by=commands.SYSTEM,
    )  # fmt: skip
    if session.state != ChargingSession.State.ACTIVE or not session.charge_point.is_online:
        return
    if questions.exists():
        if not_before:
            questions.update(not_before=not_before)
        return
    expires_at = (not_before or now) + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S)
    commands.request_composite(
        session=session, duration_s=settings.OCPI_ACTIVE_PROFILE_DURATION_S, unit=unit or unit_taken(session),
        requested_by=commands.SYSTEM, now=now, expires_at=expires_at, correlation_id=correlation_id,
        not_before=not_before,
    )  # fmt: skip


def unit_taken(session: ChargingSession) -> RateUnit | None:
    """The unit of the profile it took last, or may have taken, whether or not that is still there. Not of a self-test,
    which is there for a moment: in its unit the plan of a partner's would be told rounded.
    """
    tried = session.commands.filter(kind=ChargePointCommand.Kind.SET_PROFILE)
    taken = tried.exclude(status=OutcomeStatus.REJECTED.value).exclude(profile__owner=profile_state.SELF_TEST)
    newest = taken.order_by("-pk").values_list("payload", flat=True).first()
    return ChargingSchedule.from_json(newest["schedule"]).unit if newest else None


def record(session: ChargingSession, schedule: ChargingSchedule | None, *, now: datetime) -> list[ChargingProfile]:
    """Keeps an answer to GetCompositeSchedule on the profiles of its session. Returns them, highest level first."""
    if schedule and not session.charge_point.tells_plans:
        session.charge_point.tells_plans = True
        ChargePoint.objects.filter(pk=session.charge_point_id).update(tells_plans=True)
    profiles = list(session.profiles.order_by("-stack_level"))
    for profile in profiles:
        profile.observed, profile.observed_at = schedule.to_json() if schedule else None, now
        profile.save(update_fields=["observed", "observed_at"])
    return profiles


def tell(
    session: ChargingSession,
    profiles: list[ChargingProfile],
    schedule: ChargingSchedule | None,
    *,
    correlation_id: str,
    now: datetime,
) -> None:
    """To the owners of profiles that were accepted once."""
    plan = profile_state.believed(session, schedule, profiles=profiles, now=now)
    for profile in profiles:
        if profile.ever_accepted:
            signals.active_profile_changed.send(
                sender=ChargingProfile, profile=profile, schedule=plan, correlation_id=correlation_id, now=now
            )
