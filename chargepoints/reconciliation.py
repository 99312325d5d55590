"""What the charge point plans against what it was told: settled from the plan, sent again only where they differ.

Desired, applied and observed are separate facts. After a boot, a lost connection or a missing answer nobody knows what
is applied (UNCERTAIN): the next composite schedule, or a late answer, tells. A plan that allows more than it should is
answered by sending the profile again, a few times; then the profile is DRIFTED, and stays visible as that. So is one
that was cleared and is planned all the same.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q

from chargepoints import commands, observation, phase_changes, signals
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, OperatorLimit
from chargepoints.profiles import state as profile_state
from chargepoints.profiles.comparison import Place, Verdict, judge, lingers
from chargepoints.values import ChargingSchedule, CommandOutcome, OutcomeStatus, ScheduleRefused

logger = logging.getLogger(__name__)
State = ChargingProfile.State
Kind = ChargePointCommand.Kind
SETTLED = (State.INSTALLED, State.DRIFTED)


def connect() -> None:
    """Called once, when the app is ready."""
    signals.command_finished.connect(command_finished, dispatch_uid="reconciliation")


def command_finished(
    *, command: ChargePointCommand, outcome: CommandOutcome, late: bool, now: datetime, **_: Any
) -> None:
    """In the transaction of the outcome."""
    session = command.session
    if command.limit_id and _may_have_changed_the_plan(command, outcome):
        observation.look_again(command.charge_point_id, ocpp_evse_id=command.payload["evse_id"], now=now)
    if session is None or session.state != ChargingSession.State.ACTIVE:
        return
    if command.kind == Kind.GET_COMPOSITE:
        if not late and outcome.status != OutcomeStatus.FAILED:  # it will connect again, and is asked then
            _planned(command, session, outcome, now=now)
    elif _may_have_changed_the_plan(command, outcome):
        schedule = _schedule_set(command)
        if schedule and outcome.status == OutcomeStatus.ACCEPTED and phase_changes.is_for_others(schedule, session):
            phase_changes.send_again(session, now=now)
        unit = schedule.unit if schedule else None
        observation.observe(session, unit=unit, now=now, correlation_id=command.correlation_id)


def _may_have_changed_the_plan(command: ChargePointCommand, outcome: CommandOutcome) -> bool:
    """Silence does not mean that nothing was applied."""
    telling = outcome.status in {OutcomeStatus.ACCEPTED, OutcomeStatus.UNKNOWN, OutcomeStatus.EXPIRED}
    return telling and command.sent_at is not None and command.kind in {Kind.SET_PROFILE, Kind.CLEAR_PROFILE}


def _schedule_set(command: ChargePointCommand) -> ChargingSchedule | None:
    return ChargingSchedule.from_json(command.payload["schedule"]) if command.kind == Kind.SET_PROFILE else None


# --- what a plan tells ----------------------------------------------------------------------------------------------


def _planned(command: ChargePointCommand, session: ChargingSession, outcome: CommandOutcome, *, now: datetime) -> None:
    given = outcome.status == OutcomeStatus.ACCEPTED
    profiles = observation.record(session, outcome.schedule, now=now) if given else _without_a_plan(command, session)
    told = given and (outcome.schedule is not None or session.charge_point.tells_plans)
    for place, profile in _places(session, profiles, now=now):
        profile.session = session
        _settle(profile, outcome.schedule, told=told, place=place, now=now)
    if told:
        _settle_cleared(profiles, session, outcome.schedule, now=now)
    if given:
        observation.tell(session, profiles, outcome.schedule, correlation_id=command.correlation_id, now=now)


def _without_a_plan(command: ChargePointCommand, session: ChargingSession) -> list[ChargingProfile]:
    """The profiles whose doubt this question should have ended. One that always told its plans is asked again."""
    doubtful = list(session.profiles.filter(state=State.UNCERTAIN)) if command.sent_at else []
    if command.requested_by == commands.SYSTEM and session.charge_point.tells_plans:
        session.profiles.filter(state=State.INSTALLED).update(state=State.UNCERTAIN)
    return doubtful


def _places(
    session: ChargingSession, profiles: list[ChargingProfile], *, now: datetime
) -> Iterator[tuple[Place, ChargingProfile]]:
    """Those that are, or may be, on the charge point, each with what lies above it, once that is settled."""
    limits = session.evse.limits(detected_phases=session.detected_phases)
    over: list[ChargingSchedule] = []
    for profile in profiles:
        if profile.state not in {*SETTLED, State.UNCERTAIN} or _is_cleared(profile):
            continue
        yield Place(limits, now, session.started_at, tuple(over)), profile
        if profile.applied_schedule:
            over.append(profile.applied_schedule)


def _settle(
    profile: ChargingProfile, plan: ChargingSchedule | None, *, told: bool, place: Place, now: datetime
) -> None:
    silent = _unanswered(profile) if profile.state == State.UNCERTAIN else None
    setting = silent is not None and silent.kind == Kind.SET_PROFILE
    verdict, why = Verdict.UNTOLD, ""
    if told:
        verdict, why = judge(
            plan,
            applied=profile.applied_schedule,
            unanswered=ChargingSchedule.from_json(silent.payload["schedule"]) if silent and setting else None,
            clearing=silent is not None and not setting,
            place=place,
        )
    if silent and verdict in {Verdict.HOLDS, Verdict.TAKEN, Verdict.GONE}:
        _conclude(silent, verdict, now=now)
        profile.refresh_from_db(fields=profile_state.CHANGED)
    if verdict == Verdict.GONE and profile.state == State.UNCERTAIN:
        profile_state.settle_as_never_there(profile)
    if verdict in {Verdict.HOLDS, Verdict.LOWER}:
        commands.withdraw_corrections(profile, now=now)
        profile_state.confirm(profile, wholly=verdict == Verdict.HOLDS)
    elif verdict == Verdict.CONTRADICTED or (verdict == Verdict.UNTOLD and profile.state == State.UNCERTAIN):
        clear = not profile.applied or (silent is not None and not setting)
        _correct(profile, why or "nothing shows whether it is installed", clear=clear, now=now)


def _is_cleared(profile: ChargingProfile) -> bool:
    """Drifted with nothing applied: it was cleared, and the plan shows it all the same."""
    return profile.state == State.CLEARED or (profile.state == State.DRIFTED and profile.applied is None)


def _settle_cleared(
    profiles: list[ChargingProfile], session: ChargingSession, plan: ChargingSchedule | None, *, now: datetime
) -> None:
    """A plan that is still what was cleared is cleared again. Not where somebody else's limit may be what it shows."""
    cleared = [profile for profile in profiles if _is_cleared(profile)]
    others = len(cleared) < len([p for p in profiles if p.state != State.REJECTED])
    judged = plan if cleared and not others and not _is_limited(session, now=now) else None
    place = Place(session.evse.limits(detected_phases=session.detected_phases), now, session.started_at)
    for profile in cleared:
        profile.session = session
        was = profile_state.cleared_schedule(profile) if judged else None
        why = lingers(judged, was, place) if judged and was else ""
        if why:
            _correct(profile, why, clear=True, now=now)
        else:
            profile_state.confirm_gone(profile)


def _is_limited(session: ChargingSession, *, now: datetime) -> bool:
    return OperatorLimit.objects.touching(session.evse).wanted(now=now).exists()


def _unanswered(profile: ChargingProfile) -> ChargePointCommand | None:
    """The last command that left for the charge point, if nobody knows what came of it."""
    left = profile.commands.filter(sent_at__isnull=False, kind__in=[Kind.SET_PROFILE, Kind.CLEAR_PROFILE])
    last = left.order_by("-pk").first()
    silent = last and last.status in {"EXPIRED", "FAILED"} and not last.late_status
    return last if silent else None


def _conclude(silent: ChargePointCommand, verdict: Verdict, *, now: datetime) -> None:
    """The plan is as good as a late answer: it shows that the command was carried out, or that it was not."""
    done = verdict == Verdict.TAKEN or (verdict == Verdict.GONE and silent.kind == Kind.CLEAR_PROFILE)
    status = OutcomeStatus.ACCEPTED if done else OutcomeStatus.REJECTED
    outcome = CommandOutcome(status, "as its composite schedule shows", {"seen": "in the composite schedule"})
    commands.record_outcome(silent.pk, outcome, now=now)


# --- corrections ----------------------------------------------------------------------------------------------------


def _correct(profile: ChargingProfile, why: str, *, clear: bool, now: datetime) -> None:
    """Sends again what is in force, or clears what nobody was told to be in force. Not while it changes anyway."""
    if profile.commands.open().exists():
        return
    if profile.corrections >= settings.OCPP_PROFILE_CORRECTIONS:
        profile_state.give_up(profile, why)
        logger.warning("profile %s of session %s drifted: %s", profile.pk, profile.session.uid, why)
        return
    profile_state.doubt(profile, why)
    asking: dict[str, Any] = {
        "session": profile.session, "owner": profile.owner, "requested_by": commands.SYSTEM, "now": now,
        "expires_at": now + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S),
    }  # fmt: skip
    wish = profile_state.wish_in_force(profile)
    try:
        if clear or wish is None:
            commands.request_clear_profile(notes=[f"sent by itself: {why}"], **asking)
        else:
            commands.request_set_profile(schedule=wish, correction=why, **asking)
    except ScheduleRefused as refused:
        profile_state.give_up(profile, f"cannot be sent again: {refused.detail}")


def watch(*, now: datetime, limit: int = 100) -> int:
    """Called by beat: what is still UNCERTAIN although its charge point is there is looked at. Returns how many."""
    doubtful = Q(profiles__state=State.UNCERTAIN) & ~Q(charge_point__connection_id="")
    sessions = ChargingSession.objects.filter(doubtful, state=ChargingSession.State.ACTIVE)
    idle = sessions.exclude(commands__status__in=ChargePointCommand.OPEN).order_by("pk").distinct()
    chosen = list(idle.values_list("pk", flat=True)[:limit])
    observation.look_at(ChargingSession.objects.filter(pk__in=chosen), now=now)
    return len(chosen)
