"""Running profiles that an operator's limit of their EVSE changes: prepared anew and sent, within MAX_TRIES."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from chargepoints import commands
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, OperatorLimit
from chargepoints.profiles import state as profile_state
from chargepoints.profiles.limit_state import MAX_TRIES, cap_on
from chargepoints.values import ScheduleRefused

logger = logging.getLogger(__name__)
State = ChargingProfile.State
Kind = ChargePointCommand.Kind
Status = ChargePointCommand.Status
SETTLED = timedelta(seconds=5)
"""Until then a request may be committed that was prepared before the limit was."""


def bring_in_step(limit: OperatorLimit, *, now: datetime) -> None:
    """After a limit of an EVSE began or ended early; until it is done, beat comes again.

    A partner's request that is on its way is not superseded: its profile follows when that has ended.
    """
    if limit.evse_id is None:
        return
    cap = cap_on(limit.evse_id, now=now)
    wanted = cap.limit_id if cap else None
    since = limit.ended_at or limit.created_at
    done = [_in_step(profile, capped_by=wanted, since=since, now=now) for profile in profiles_on(limit.evse_id)]
    if all(done) and now >= since + SETTLED:
        OperatorLimit.objects.filter(pk=limit.pk).update(profiles_in_step=True)


def profiles_on(evse_id: int) -> list[ChargingProfile]:
    """Those of running sessions that the charge point has, may have, or is about to get."""
    running = ChargingProfile.objects.filter(session__evse=evse_id, session__state=ChargingSession.State.ACTIVE)
    there = running.exclude(state__in=[State.CLEARED, State.REJECTED]).exclude(state=State.DRIFTED, applied=None)
    return list(there.select_related("session__evse", "session__charge_point").order_by("stack_level"))


def _in_step(profile: ChargingProfile, *, capped_by: int | None, since: datetime, now: datetime) -> bool:
    """Is there nothing left to do for it? Asks for the profile anew where that is what is left."""
    if profile.commands.open().exists():
        return False
    if all(command.payload.get("capped_by") == capped_by for command in _may_be_in_force(profile)):
        return True
    ours = profile.commands.filter(
        kind=Kind.SET_PROFILE, requested_by=commands.SYSTEM, created_at__gte=since, sent_at__isnull=False
    )
    if ours.filter(status=Status.REJECTED).exists() or ours.count() >= MAX_TRIES:
        logger.warning("profile %s could not be brought in step with limit %s", profile.pk, capped_by)
        return True
    return profile.session.charge_point.is_online and not _ask_anew(profile, now=now)


def _may_be_in_force(profile: ChargingProfile) -> Iterator[ChargePointCommand]:
    """The one that was accepted last, and what was sent after it without an answer."""
    for command in profile.commands.filter(kind=Kind.SET_PROFILE).order_by("-pk"):
        end = command.late_status or command.status
        if end == Status.ACCEPTED:
            yield command
            return
        if end in {Status.EXPIRED, Status.FAILED} and command.sent_at:
            yield command


def _ask_anew(profile: ChargingProfile, *, now: datetime) -> bool:
    schedule = profile_state.wish_in_force(profile) or profile.desired_schedule
    if schedule is None:
        return False
    try:
        commands.request_set_profile(
            session=profile.session, owner=profile.owner, schedule=schedule, requested_by=commands.SYSTEM, now=now,
            expires_at=now + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S),
        )  # fmt: skip
    except ScheduleRefused as refused:
        logger.info("profile %s stays as it is: %s", profile.pk, refused.detail)
        return False
    return True
