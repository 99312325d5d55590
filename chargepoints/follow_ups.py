"""The rest of a profile that had more periods than the charge point takes, sent before the first part runs out."""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from chargepoints import commands
from chargepoints.profiles import state as profile_state
from chargepoints.values import ScheduleRefused

logger = logging.getLogger(__name__)


def send_due(*, now: datetime) -> int:
    """Called by beat. Prepares the same wish again from now on; what has passed is left out."""
    sent = 0
    for profile in profile_state.due_follow_ups(now=now):
        schedule = profile_state.wish_in_force(profile)
        if schedule is None or not profile_state.postpone_follow_up(profile, now=now):
            continue
        try:
            commands.request_set_profile(
                session=profile.session, owner=profile.owner, schedule=schedule, requested_by=commands.SYSTEM,
                now=now, expires_at=now + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S),
            )  # fmt: skip
            sent += 1
        except ScheduleRefused as refused:
            logger.warning("follow-up of profile %s ends here: %s", profile.pk, refused.detail)
            profile_state.stop_follow_up(profile)
    return sent
