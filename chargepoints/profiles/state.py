"""What is known of a charging profile: desired by its owner, applied by the charge point, and how sure that is."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Max, Q

from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.models.rows import only_row
from chargepoints.profiles.composites import planned_by
from chargepoints.profiles.limit_state import cap_on
from chargepoints.profiles.preparation import prepare
from chargepoints.values import (
    ChargingSchedule,
    CommandOutcome,
    OutcomeStatus,
    PreparedSchedule,
    RateUnit,
    ScheduleRefused,
)

State = ChargingProfile.State
Kind = ChargePointCommand.Kind
STANDING = (State.INSTALLED, State.UNCERTAIN, State.DRIFTED)
SYSTEM = "system"
SELF_TEST = "self-test"
"""The owner of profiles that try out a charge point (`self_tests`): above all others, for minutes."""
CHANGED = ["state", "applied", "applied_at", "follow_up_at", "ever_accepted", "corrections", "finding"]


def preview(
    session: ChargingSession,
    owner: str,
    schedule: ChargingSchedule,
    *,
    now: datetime,
    units: frozenset[RateUnit] | None = None,
) -> PreparedSchedule:
    """What would be sent for `schedule`, and why. Raises ScheduleRefused. Writes nothing.

    `units`: as if the charge point took these, and no others.
    """
    return _prepared(session, _profile_of(session, owner), schedule, now=now, units=units)


def _profile_of(session: ChargingSession, owner: str) -> ChargingProfile | None:
    return only_row(ChargingProfile.objects.filter(session=session.pk, owner=owner))


def _prepared(
    session: ChargingSession,
    profile: ChargingProfile | None,
    schedule: ChargingSchedule,
    *,
    now: datetime,
    units: frozenset[RateUnit] | None = None,
) -> PreparedSchedule:
    capabilities = session.charge_point.capabilities
    if schedule.start_at is None and _began_later(session):
        schedule = replace(schedule, start_at=session.started_at)
    in_force = profile.applied_schedule if profile and profile.state == State.INSTALLED else None
    return prepare(
        schedule,
        limits=session.evse.limits(detected_phases=session.detected_phases),
        capabilities=capabilities if units is None else replace(capabilities, units=units),
        now=now,
        in_force=in_force,
        started_at=session.started_at,
        cap=cap_on(session.evse_id, now=now),
    )


def _began_later(session: ChargingSession) -> bool:
    """Charging became possible after the transaction began (a car that waits for its driver's card). OCPI counts from
    the one, a charge point from the other: then the start must be named.
    """
    began_at = session.reported_start_at
    return session.state == ChargingSession.State.ACTIVE and began_at is not None and began_at < session.started_at


def want(
    *, session: ChargingSession, owner: str, schedule: ChargingSchedule, now: datetime
) -> tuple[ChargingProfile, PreparedSchedule]:
    """Records what the owner wants now. Raises ScheduleRefused before anything is written."""
    profile, prepared = foresee(session=session, owner=owner, schedule=schedule, now=now)
    if profile.pk is None:
        new = {"stack_level": profile.stack_level}
        profile, _ = session.profiles.get_or_create(owner=owner, defaults=new)
    profile.desired, profile.desired_at, profile.notes = schedule.to_json(), now, list(prepared.notes)
    wanted = ["desired", "desired_at", "notes", "stack_level"]
    if nothing_set(profile):
        profile.state = State.REQUESTED
        wanted.append("state")
    profile.save(update_fields=wanted)  # an outcome may be written at the same time
    return profile, prepared


def foresee(
    *, session: ChargingSession, owner: str, schedule: ChargingSchedule, now: datetime
) -> tuple[ChargingProfile, PreparedSchedule]:
    """The profile that would carry `schedule`, unsaved if it is not there yet. Raises ScheduleRefused. Only reads."""
    profile = _profile_of(session, owner)
    prepared = _prepared(session, profile, schedule, now=now)
    if profile is None:
        profile = ChargingProfile(session=session, owner=owner, stack_level=_free_stack_level(session, owner))
    elif owner == SELF_TEST and nothing_set(profile):
        profile.stack_level = _free_stack_level(session, owner)  # others may have come since the last one
    return profile, prepared


def continued(
    session: ChargingSession, schedule: ChargingSchedule, *, before: ChargingSchedule, now: datetime
) -> PreparedSchedule:
    """The part of `schedule` that follows at `now`, when `before` is in force. Raises ScheduleRefused."""
    there = ChargingProfile(session=session, state=State.INSTALLED, applied=before.to_json())
    return _prepared(session, there, schedule, now=now)


def _free_stack_level(session: ChargingSession, owner: str) -> int:
    """0 for the first owner of a session, one above the highest for the next: two owners never share a level.

    A self-test takes the highest there is, and no level away from others.
    """
    taken = ChargingProfile.objects.filter(session=session.pk).exclude(owner=SELF_TEST)
    highest = taken.aggregate(Max("stack_level"))["stack_level__max"]
    level = 0 if highest is None else highest + 1
    allowed = session.charge_point.max_stack_level
    if owner == SELF_TEST:
        level = max(level, 1 if allowed is None else allowed)
    if allowed is not None and level > allowed:
        raise ScheduleRefused("no_stack_level", f"the charge point has no stack level above {allowed} left")
    return level


def is_installed(profile: ChargingProfile, prepared: PreparedSchedule) -> bool:
    return profile.state == State.INSTALLED and profile.applied_schedule == prepared.schedule


def nothing_set(profile: ChargingProfile) -> bool:
    return profile.state in {State.CLEARED, State.REJECTED}


def apply_outcome(command: ChargePointCommand, outcome: CommandOutcome, *, late: bool, now: datetime) -> None:
    """Writes what an outcome, late or not, taught about the profile. Only a command that left can have taught much.

    One that is not late has not been overtaken: nothing leaves for a charge point before the answer to what left last.
    """
    if command.profile and not _is_over(command) and not (late and _is_overtaken(command)):
        _apply(command.profile, command, outcome, now=now)


def _is_over(command: ChargePointCommand) -> bool:
    """The end of the transaction cleared the profile: no answer brings it back."""
    return command.session is not None and not command.session.is_open


def _is_overtaken(command: ChargePointCommand) -> bool:
    """A later command of the same profile has, or may have, changed it: a late answer to this one is of the past."""
    later = ChargePointCommand.objects.filter(profile=command.profile, pk__gt=command.pk, sent_at__isnull=False)
    changed = Q(status__in=["ACCEPTED", "UNKNOWN"]) | Q(status__in=["EXPIRED", "FAILED"]) & ~Q(late_status="REJECTED")
    return later.filter(changed).exists()


def _apply(profile: ChargingProfile, command: ChargePointCommand, outcome: CommandOutcome, *, now: datetime) -> None:
    setting = command.kind == Kind.SET_PROFILE
    match outcome.status:
        case OutcomeStatus.ACCEPTED if setting:
            if command.sent_at:
                profile.applied = command.payload["schedule"]
                profile.applied_at = now
            follow_up_at = command.payload["follow_up_at"]
            profile.follow_up_at = datetime.fromisoformat(follow_up_at) if follow_up_at else None
            profile.state = State.INSTALLED
            profile.ever_accepted = True
            _start_anew(profile, command)
            if command.status != OutcomeStatus.ACCEPTED:  # late: another wish may have come to nothing meanwhile
                _want_what_is_in_force(profile)
        case OutcomeStatus.ACCEPTED | OutcomeStatus.UNKNOWN if not setting:
            profile.state, profile.applied, profile.follow_up_at = State.CLEARED, None, None
            if not (command.requested_by == SYSTEM and command.charge_point.tells_plans):  # its plan will tell
                profile.corrections, profile.finding = 0, ""
        case OutcomeStatus.EXPIRED | OutcomeStatus.FAILED if command.sent_at:
            profile.state = State.UNCERTAIN
        case _:
            _keep_what_was(profile, command)
    profile.save(update_fields=CHANGED)


def _start_anew(profile: ChargingProfile, command: ChargePointCommand) -> None:
    """A new wish has all its corrections before it; one that was sent again has not."""
    if command.requested_by == profile.owner:
        profile.corrections, profile.finding = 0, ""


def _keep_what_was(profile: ChargingProfile, command: ChargePointCommand) -> None:
    """A refused change leaves the charge point as it was, and its owner with what was in force.

    A doubt that this command itself caused by its silence ends with its late refusal.
    """
    if profile.state == State.REQUESTED or (profile.state == State.UNCERTAIN and _caused_the_doubt(command)):
        profile.state = State.INSTALLED if profile.applied else State.REJECTED
    if profile.state in STANDING and command.kind == Kind.SET_PROFILE:
        _want_what_is_in_force(profile)


def _want_what_is_in_force(profile: ChargingProfile) -> None:
    """A wish that came to nothing is not desired any more; one that is still on its way is."""
    wish = None if profile.commands.open().exists() else wish_in_force(profile)
    if wish:
        ChargingProfile.objects.filter(pk=profile.pk).update(desired=wish.to_json())


def _caused_the_doubt(command: ChargePointCommand) -> bool:
    """It left and nobody answered; and the charge point has not booted since."""
    if command.sent_at is None or command.status not in {"EXPIRED", "FAILED"}:
        return False
    return command.charge_point.booted_at is None or command.charge_point.booted_at < command.sent_at


def confirm(profile: ChargingProfile, *, wholly: bool) -> None:
    """The plan shows that what was applied is in force; or else (not `wholly`) nothing against it, which ends a doubt
    but neither a drift nor the count of its corrections.
    """
    if not wholly and profile.state == State.UNCERTAIN:
        profile.state = State.INSTALLED
        profile.save(update_fields=["state"])
    if not wholly or (profile.state == State.INSTALLED and not profile.finding and not profile.corrections):
        return
    profile.state, profile.corrections, profile.finding = State.INSTALLED, 0, ""
    profile.save(update_fields=["state", "corrections", "finding"])


def settle_as_never_there(profile: ChargingProfile) -> None:
    """The plan shows that what was asked first was never done, whatever happened since."""
    profile.state = State.REJECTED
    profile.save(update_fields=["state"])


def confirm_gone(profile: ChargingProfile) -> None:
    """The plan no longer shows what was cleared."""
    if profile.state == State.CLEARED and not profile.finding and not profile.corrections:
        return
    profile.state, profile.corrections, profile.finding = State.CLEARED, 0, ""
    profile.save(update_fields=["state", "corrections", "finding"])


def doubt(profile: ChargingProfile, why: str) -> None:
    """About to be corrected."""
    profile.state, profile.corrections, profile.finding = State.UNCERTAIN, profile.corrections + 1, why[:255]
    profile.save(update_fields=["state", "corrections", "finding"])


def give_up(profile: ChargingProfile, why: str) -> None:
    profile.state, profile.finding = State.DRIFTED, why[:255]
    profile.save(update_fields=["state", "finding"])


def believed(
    session: ChargingSession,
    schedule: ChargingSchedule | None,
    *,
    now: datetime,
    profiles: list[ChargingProfile] | None = None,
) -> ChargingSchedule | None:
    """The plan to tell: as the charge point gave it. None: nothing limits.

    One that has never given a schedule does not say with its silence that nothing limits: what it accepted counts.
    """
    if schedule or session.charge_point.tells_plans:
        return schedule
    if profiles is None:
        profiles = list(session.profiles.order_by("-stack_level"))
    installed = [profile for profile in profiles if profile.state == State.INSTALLED and profile.applied]
    plans = (planned_by(p.applied_schedule, now=now, started_at=session.started_at) for p in installed)
    return next(filter(None, plans), None)


def end_all(session: ChargingSession) -> None:
    """The end of a transaction ends its TxProfiles (OCPP 1.6 section 3.13.1)."""
    session.profiles.update(state=State.CLEARED, applied=None, follow_up_at=None)


def doubt_all(charge_point_id: int) -> None:
    """After a boot nobody knows which profiles the charge point still has."""
    open_profiles = ChargingProfile.objects.filter(
        session__charge_point_id=charge_point_id, session__state=ChargingSession.State.ACTIVE,
        state__in=[State.INSTALLED, State.DRIFTED], applied__isnull=False,
    )  # fmt: skip
    open_profiles.update(state=State.UNCERTAIN, corrections=0)


def due_follow_ups(*, now: datetime, limit: int = 100) -> list[ChargingProfile]:
    """Profiles whose next periods must be sent now. One that is being changed waits for what comes of that."""
    due = ChargingProfile.objects.filter(
        follow_up_at__lte=now, state__in=STANDING, session__state=ChargingSession.State.ACTIVE
    ).exclude(commands__status__in=ChargePointCommand.OPEN)
    return list(due.select_related("session__evse", "session__charge_point").order_by("follow_up_at")[:limit])


def wish_in_force(profile: ChargingProfile) -> ChargingSchedule | None:
    """What was asked with the command that was accepted last. A later wish that came to nothing is not in force."""
    command = _accepted_last(profile)
    return ChargingSchedule.from_json(command.payload["wish"]) if command else None


def cleared_schedule(profile: ChargingProfile) -> ChargingSchedule | None:
    """What the charge point accepted last, before it was cleared."""
    command = _accepted_last(profile)
    return ChargingSchedule.from_json(command.payload["schedule"]) if command else None


def _accepted_last(profile: ChargingProfile) -> ChargePointCommand | None:
    accepted = Q(status=OutcomeStatus.ACCEPTED.value) | Q(late_status=OutcomeStatus.ACCEPTED.value)
    return profile.commands.filter(accepted, kind=Kind.SET_PROFILE).order_by("-pk").first()


def postpone_follow_up(profile: ChargingProfile, *, now: datetime, by: timedelta = timedelta(seconds=30)) -> bool:
    """Takes the follow-up for this caller; False if another had it. Tried again after `by` unless it succeeds."""
    mine = ChargingProfile.objects.filter(pk=profile.pk, follow_up_at=profile.follow_up_at)
    return bool(mine.update(follow_up_at=now + by))


def stop_follow_up(profile: ChargingProfile) -> None:
    ChargingProfile.objects.filter(pk=profile.pk).update(follow_up_at=None)
