"""What partners are told unasked: sessions, and changes of the active charging profile. Always the newest state.

A session that changes raises the revision of its standing message; deliveries coalesce all changes since the last one.
Every update makes a smart charging provider recompute its profile, so figures are throttled; a new state goes at once.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When

from chargepoints.models import ChargingProfile, ChargingSession
from chargepoints.models.rows import only_row
from chargepoints.profiles import active_profile, same_plan
from chargepoints.values import ChargingSchedule, RateUnit, SchedulePeriod
from ocpi import outbox, sharing
from ocpi.models import OutboxMessage, PartnerEndpoint, Party, ProfileRequest
from ocpi.protocol import documents
from ocpi.protocol.datetimes import parse_datetime
from ocpi.v2_2_1 import translation

Kind = OutboxMessage.Kind
Status = OutboxMessage.Status
OPEN = (ChargingSession.State.PENDING, ChargingSession.State.ACTIVE)


def session_changed(session: ChargingSession, *, now: datetime) -> None:
    """Its state changed: partners hear of it at once."""
    if session.is_open:
        _open_messages(session, now=now)
    standing = _standing(session)
    if standing.update(revision=F("revision") + 1, status=_pending_unless_sending(), due_at=now, failures=0):
        outbox.enqueue(standing.values_list("pk", flat=True))


def sessions_metered(sessions: Iterable[ChargingSession]) -> None:
    """Their figures changed. Partners hear of it when the next push is due."""
    receivers = PartnerEndpoint.objects.filter(identifier="sessions", role="RECEIVER").values("party")
    shared = Q(party__shares_all_evses=True) | Q(party__shared_evses=F("session__evse"))
    standing = OutboxMessage.objects.filter(shared, kind=Kind.SESSION, session__in=sessions, party__in=receivers)
    standing.update(revision=F("revision") + 1, status=_pending_unless_sending())


def _pending_unless_sending() -> Case:
    return Case(When(status=Status.SENDING, then=Value(Status.SENDING)), default=Value(Status.PENDING))


def _standing(session: ChargingSession) -> QuerySet[OutboxMessage]:
    """Those of a party that is switched off too: it gets the present state when it is switched on again."""
    parties = _listening(sharing.parties_sharing(session.evse))
    return OutboxMessage.objects.filter(kind=Kind.SESSION, session=session, party__in=parties.values("pk"))


def _listening(parties: QuerySet[Party]) -> QuerySet[Party]:
    return parties.filter(endpoints__identifier="sessions", endpoints__role="RECEIVER")


def _open_messages(session: ChargingSession, *, now: datetime) -> None:
    """One standing message for each party that sees the EVSE and listens for sessions."""
    listening = _listening(sharing.parties_seeing(session.evse))
    fresh = [
        OutboxMessage(kind=Kind.SESSION, party=party, session=session, due_at=now, created_at=now, revision=0)
        for party in listening
    ]
    OutboxMessage.objects.bulk_create(fresh, ignore_conflicts=True)


def open_missing(*, now: datetime, limit: int = 100) -> int:
    """Open sessions that a party sees but never heard of: it was connected, or got its share, while they ran.

    Called by beat. Returns how many messages it wrote.
    """
    count = 0
    for party in _listening(Party.objects.filter(enabled=True)):
        known = OutboxMessage.objects.filter(kind=Kind.SESSION, party=party, session=OuterRef("pk"))
        running = sharing.sessions_visible_to(party).filter(state__in=OPEN).exclude(Exists(known))
        fresh = [
            OutboxMessage(kind=Kind.SESSION, party=party, session=session, due_at=now, created_at=now)
            for session in running.order_by("id")[:limit]
        ]
        count += len(OutboxMessage.objects.bulk_create(fresh, ignore_conflicts=True))
    return count


def push_again(session: ChargingSession, *, now: datetime) -> list[OutboxMessage]:
    """Sends the whole session to every party that sees it, whatever they may have. Returns the messages."""
    _open_messages(session, now=now)
    standing = _standing(session)
    standing.update(
        revision=F("revision") + 1, status=_pending_unless_sending(), due_at=now, failures=0, delivered_body=None
    )
    outbox.enqueue(standing.values_list("pk", flat=True))
    return list(standing.select_related("party"))


def active_profile_changed(
    profile: ChargingProfile, schedule: ChargingSchedule | None, *, now: datetime, correlation_id: str = ""
) -> None:
    """Tells the owner what the charge point plans now, if that differs from what it was told last.

    Only after the charge point accepted a profile of this owner, and while the session is active (OCPI 2.2.1
    mod_charging_profiles, Sender interface PUT).
    """
    session = profile.session
    desired = profile.desired_schedule
    if desired is None or not profile.ever_accepted or session.state != ChargingSession.State.ACTIVE:
        return
    party = _owner(profile)
    if party is None or not sharing.shares(party, session.evse):
        return
    plan = active_profile(
        schedule,
        unit=desired.unit,
        limits=session.evse.limits(detected_phases=session.detected_phases),
        now=now,
        duration_s=settings.OCPI_ACTIVE_PROFILE_DURATION_S,
    )
    _tell(party, profile, plan, correlation_id=correlation_id, now=now)


def _owner(profile: ChargingProfile) -> Party | None:
    """The party that owns it, if it is switched on and listens."""
    country_code, _, party_id = profile.owner.partition("*")
    named = Party.objects.filter(country_code=country_code, party_id=party_id, enabled=True)
    return only_row(named.filter(endpoints__identifier="chargingprofiles", endpoints__role="SENDER"))


def _tell(
    party: Party, profile: ChargingProfile, plan: ChargingSchedule, *, correlation_id: str, now: datetime
) -> None:
    session = profile.session
    standing = OutboxMessage.objects.filter(kind=Kind.ACTIVE_PROFILE, party=party, session=session)
    message = only_row(standing)
    if message and _is_told(message, profile, plan, now=now):
        return
    news = {"body": documents.storable(translation.active_charging_profile(plan)), "correlation_id": correlation_id}
    if message is None:
        message = OutboxMessage.objects.create(
            kind=Kind.ACTIVE_PROFILE, party=party, session=session, due_at=now, created_at=now, **news
        )
    else:
        status = _pending_unless_sending()
        standing.update(revision=F("revision") + 1, status=status, due_at=now, failures=0, **news)
    outbox.enqueue_plan(message)


def _is_told(message: OutboxMessage, profile: ChargingProfile, plan: ChargingSchedule, *, now: datetime) -> bool:
    """Has the partner this plan, or is it on its way, and has no result said otherwise since?"""
    told = message.body if message.status in {Status.PENDING, Status.SENDING} else message.delivered_body
    if not told or not same_plan(_schedule_told(told), plan, now=now):
        return False
    return not (profile.finding and _result_since(message))


def _result_since(message: OutboxMessage) -> bool:
    """A result after the last push said that something was set or cleared, and the plan shows that it was not."""
    requests = ProfileRequest.objects.filter(party=message.party_id, session=message.session_id)
    done = requests.exclude(kind=ProfileRequest.Kind.GET).exclude(result__in=["", ProfileRequest.Result.REJECTED])
    told_at = message.delivered_at if message.status == Status.DELIVERED else message.due_at
    return done.filter(result_at__gt=told_at).exists()


def _schedule_told(body: dict[str, Any]) -> ChargingSchedule:
    """The plan back from the ActiveChargingProfile that carried it."""
    profile = body["charging_profile"]
    periods = tuple(
        SchedulePeriod(period["start_period"], Decimal(str(period["limit"])))
        for period in profile["charging_profile_period"]
    )
    return ChargingSchedule(
        unit=RateUnit(profile["charging_rate_unit"]),
        periods=periods,
        start_at=parse_datetime(body["start_date_time"]),
        duration_s=profile.get("duration"),
    )
