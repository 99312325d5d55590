"""A car on other phases than assumed: a limit in W means another current, so the profile is sent again.

The charge point does not rescale a limit to the phases in use (OCPP 1.6 errata 3.34).
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from chargepoints import commands
from chargepoints.models import ChargingProfile, ChargingSession
from chargepoints.profiles import state as profile_state
from chargepoints.profiles.rates import phases_for
from chargepoints.values import ChargingSchedule, CurrentType, RateUnit, ScheduleRefused

logger = logging.getLogger(__name__)


def send_again(session: ChargingSession, *, now: datetime) -> int:
    """Every installed profile of the session that was asked for in W and sent for other phases. Returns how many.

    One that is being changed is left alone: what comes of that is looked at when it comes.
    """
    if session.state != ChargingSession.State.ACTIVE:
        return 0
    installed = session.profiles.filter(state=ChargingProfile.State.INSTALLED, applied__isnull=False)
    applied = [(profile, profile.applied_schedule) for profile in installed]
    wrong = [profile for profile, schedule in applied if schedule and is_for_others(schedule, session)]
    return sum(_send_again(session, profile, now=now) for profile in wrong)


def is_for_others(schedule: ChargingSchedule, session: ChargingSession) -> bool:
    """Whether the schedule names other phases than the session's car uses, as far as they are known."""
    limits = session.evse.limits(detected_phases=session.detected_phases)
    ac = limits.current_type is CurrentType.AC
    return ac and any(period.phases != phases_for(limits) for period in schedule.periods)


def _send_again(session: ChargingSession, profile: ChargingProfile, *, now: datetime) -> bool:
    wish = profile_state.wish_in_force(profile)
    if wish is None or wish.unit is not RateUnit.WATT or profile.commands.open().exists():
        return False
    try:
        commands.request_set_profile(
            session=session, owner=profile.owner, schedule=wish, requested_by=commands.SYSTEM, now=now,
            expires_at=now + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S),
        )  # fmt: skip
    except ScheduleRefused as refused:
        logger.warning("profile %s is not sent for the phases in use: %s", profile.pk, refused.detail)
        return False
    return True
