"""A limit without an end, and a partner that has fallen silent: after a while the limit is taken away.

Optional, for each partner (`Party.fail_safe_ttl_s`): a car must not stay at 0 A because a provider's system died.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from chargepoints import commands
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.profiles.state import STANDING
from ocpi.models import Party

logger = logging.getLogger(__name__)


def watch(*, now: datetime, limit: int = 100) -> int:
    """Called by beat: clears what silent partners left without an end. Returns how many."""
    _begin_and_end(now)
    guarded = Party.objects.filter(fail_safe_ttl_s__isnull=False)
    return sum(_clear_of(party, limit=limit, now=now) for party in guarded if _is_silent(party, now))


def _begin_and_end(now: datetime) -> None:
    """The time runs from when a party is guarded, not from the last time it was."""
    Party.objects.filter(fail_safe_ttl_s__isnull=False, guarded_at=None).update(guarded_at=now)
    Party.objects.filter(fail_safe_ttl_s=None, guarded_at__isnull=False).update(guarded_at=None)


def _is_silent(party: Party, now: datetime) -> bool:
    if party.guarded_at is None or party.fail_safe_ttl_s is None:
        return False
    silent_since = max(party.heard_at or party.guarded_at, party.guarded_at)
    return now - silent_since >= timedelta(seconds=party.fail_safe_ttl_s)


def _clear_of(party: Party, *, now: datetime, limit: int) -> int:
    sessions = list(_abandoned(party, now=now).order_by("pk").values_list("session_id", flat=True)[:limit])
    return sum(_clear(party, session_id, now=now) for session_id in sessions)


def _abandoned(party: Party, *, now: datetime) -> QuerySet[ChargingProfile]:
    """A charge point that does not clear it is asked once more after the partner's time, not by every beat."""
    standing = ChargingProfile.objects.filter(
        owner=party.owner, state__in=STANDING, applied__duration_s=None, session__state=ChargingSession.State.ACTIVE
    ).exclude(session__charge_point__connection_id="")
    asked = ChargePointCommand.objects.filter(profile=OuterRef("pk"), kind=ChargePointCommand.Kind.CLEAR_PROFILE)
    since = now - timedelta(seconds=party.fail_safe_ttl_s or 0)
    lately = asked.filter(requested_by=commands.SYSTEM, sent_at__gt=since)
    return standing.exclude(commands__status__in=ChargePointCommand.OPEN).exclude(Exists(lately))


@transaction.atomic
def _clear(party: Party, session_id: int, *, now: datetime) -> bool:
    """Looks again under the lock that requests take: one that came meanwhile is not overtaken."""
    ChargingSession.objects.select_for_update(no_key=True).get(pk=session_id)
    party.refresh_from_db(fields=["heard_at", "guarded_at", "fail_safe_ttl_s"])
    if not _is_silent(party, now):
        return False
    there = _abandoned(party, now=now).filter(session=session_id)
    profile = there.select_related("session__evse", "session__charge_point").first()
    if profile is None:
        return False
    commands.request_clear_profile(
        session=profile.session, owner=party.owner, requested_by=commands.SYSTEM, now=now,
        expires_at=now + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S),
        notes=[f"{party} was silent for {party.fail_safe_ttl_s} s: its limit without end is taken away"],
    )  # fmt: skip
    logger.warning("fail-safe: %s is silent, profile %s is cleared", party, profile.pk)
    return True
