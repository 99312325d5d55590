"""Start and end a session from what a charge point reports.

Each function runs inside the caller's transaction (the writer's). Lookups are bound to the charge point whose socket
spoke, so that no charge point can touch another's session.
"""

import logging
import secrets
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from chargepoints import commands, inventory, metering, signals
from chargepoints.models import ChargePointCommand, ChargingSession, DriverToken, Evse
from chargepoints.profiles import state as profile_state
from chargepoints.values import (
    AuthorizationStatus,
    Reading,
    StartAnswer,
    StartFacts,
    StopFacts,
)

logger = logging.getLogger(__name__)
State = ChargingSession.State
REMOTE_START_LASTS = timedelta(minutes=5)  # the driver has to plug in (ConnectionTimeOut)


def authorize(id_token: str) -> AuthorizationStatus:
    """The true state of a driver's token; unknown ones are Invalid unless a setting accepts them."""
    token = DriverToken.objects.filter(uid__iexact=id_token).first()
    if token is None:
        unknown_ok = settings.OCPP_ACCEPT_UNKNOWN_TOKENS
        return AuthorizationStatus.ACCEPTED if unknown_ok else AuthorizationStatus.INVALID
    return {
        DriverToken.Status.ACCEPTED: AuthorizationStatus.ACCEPTED,
        DriverToken.Status.BLOCKED: AuthorizationStatus.BLOCKED,
        DriverToken.Status.EXPIRED: AuthorizationStatus.EXPIRED,
    }[DriverToken.Status(token.status)]


# --- start ----------------------------------------------------------------------------------------------------------


def start(charge_point_id: int, facts: StartFacts, *, now: datetime) -> StartAnswer:
    """OCPP 1.6 section 5.11. The same StartTransaction sent again gets the same transaction id.

    A session that the charge point never ended on this EVSE is ended by the new one. A refused token makes an INVALID
    session: whatever the charge point measures before it stops is kept there.
    """
    evse = inventory.started_evse(charge_point_id, facts.evse_id)
    authorization = authorize(facts.id_token) if evse.ocpp_evse_id else AuthorizationStatus.INVALID
    repeated = _same_start(evse, facts)
    if repeated:
        return StartAnswer(repeated.ocpp_transaction_id, authorization)
    close_forgotten(evse, now=now)
    session = _create(evse, facts, accepted=authorization == AuthorizationStatus.ACCEPTED, now=now)
    logger.info(
        "session started session=%s identity=%s evse=%s authorization=%s",
        session.uid, evse.charge_point.identity, evse.ocpp_evse_id, authorization,
    )  # fmt: skip
    announce(session, now=now)
    return StartAnswer(session.ocpp_transaction_id, authorization)


def _same_start(evse: Evse, facts: StartFacts) -> ChargingSession | None:
    """Without a plausible time, only a session that is still open and has taken no energy can be the same."""
    same = evse.sessions.filter(id_token=facts.id_token, meter_start_wh=_start_register(facts))
    if facts.started_at is None:
        return same.filter(reported_start_at=None, ended_at=None, kwh=0).first()
    return same.filter(reported_start_at=facts.started_at).first()


def close_forgotten(evse: Evse, *, now: datetime, until: datetime | None = None) -> None:
    """An EVSE has one transaction at a time: a new one there shows that those before it are over.

    `until`: when the new one began. What was heard of later is not before it: the news of the new one comes late.
    """
    for session in evse.sessions.select_for_update(no_key=True).filter(state__in=[State.PENDING, State.ACTIVE]):
        if until and until < (session.event_at or session.started_at):
            continue
        session.notes.append("ended by the next transaction here: the charge point never sent its end")
        end(session, at=session.measured_at or now, reason="Other", meter_stop_wh=None, now=now)


def _create(evse: Evse, facts: StartFacts, *, accepted: bool, now: datetime) -> ChargingSession:
    session = ChargingSession(
        charge_point=evse.charge_point, evse=evse, connector=evse.connectors.first(),
        ocpp_transaction_id=_new_transaction_id(evse.charge_point_id),
        state=State.ACTIVE if accepted else State.INVALID, started_at=facts.started_at or now,
        reported_start_at=facts.started_at, meter_start_wh=_start_register(facts), last_updated=now,
        notes=_start_notes(facts),
    )  # fmt: skip
    session.show_token(facts.id_token, DriverToken.objects.filter(uid__iexact=facts.id_token).first())
    if _was_started_from_here(evse, facts, now=now):
        session.auth_method = "COMMAND"
    session.save(force_insert=True)
    return session


def _was_started_from_here(evse: Evse, facts: StartFacts, *, now: datetime) -> bool:
    """OCPP 1.6 does not say so itself: its charge point took a RemoteStartTransaction with this token a moment ago."""
    lately = evse.charge_point.commands.filter(created_at__gte=now - REMOTE_START_LASTS)
    taken = lately.filter(action="RemoteStartTransaction", status=ChargePointCommand.Status.ACCEPTED)
    return taken.filter(payload__idTag=facts.id_token).exists()


def _start_register(facts: StartFacts) -> Decimal:
    return metering.fit(facts.meter_start_wh, 14, 3) or Decimal(0)


def _start_notes(facts: StartFacts) -> list[str]:
    notes = [] if facts.started_at else ["started_at is ours: the charge point's clock was implausible"]
    if metering.fit(facts.meter_start_wh, 14, 3) is None:
        notes.append("meter_start_wh is 0: what the charge point sent is beyond all meters")
    return notes


def _new_transaction_id(charge_point_id: int) -> str:
    """A positive 31-bit integer that nobody can guess, unique on its charge point."""
    while True:
        candidate = str(secrets.randbelow(2**31 - 1) + 1)
        taken = ChargingSession.objects.filter(charge_point_id=charge_point_id, ocpp_transaction_id=candidate)
        if not taken.exists():
            return candidate


# --- end ------------------------------------------------------------------------------------------------------------


def stop(charge_point_id: int, facts: StopFacts, *, now: datetime) -> AuthorizationStatus | None:
    """OCPP 1.6 section 5.28. A second one, or one for a transaction nobody knows, is kept and acknowledged."""
    session = _stopped_session(charge_point_id, facts)
    evse_id = session.evse_id if session else None
    readings = (*facts.readings, _final(facts, now))
    metering.keep(metering.rows(charge_point_id, evse_id, session, facts.transaction_id, readings, now=now))
    if session is None:
        logger.warning("end of unknown transaction %s on charge point %s kept", facts.transaction_id, charge_point_id)
    elif session.state == State.COMPLETED or session.ended_at is not None:
        metering.note(
            session, f"a second StopTransaction came: meter {facts.meter_stop_wh} Wh, reason {facts.reason or 'none'}"
        )
    else:
        metering.follow(session, facts.readings)
        at = max(facts.stopped_at or now, session.started_at)
        end(session, at=at, reason=facts.reason or "Local", meter_stop_wh=facts.meter_stop_wh, now=now)
    return authorize(facts.id_token) if facts.id_token else None


def _stopped_session(charge_point_id: int, facts: StopFacts) -> ChargingSession | None:
    """By transaction id; without a usable one, the only open session of the charge point and driver."""
    sessions = ChargingSession.objects.select_for_update(no_key=True).filter(charge_point_id=charge_point_id)
    found = sessions.filter(ocpp_transaction_id=facts.transaction_id).first() if facts.transaction_id else None
    if found or facts.transaction_id not in {"", "0", "-1"}:
        return found
    open_ones = list(sessions.filter(state__in=[State.PENDING, State.ACTIVE], id_token=facts.id_token)[:2])
    return open_ones[0] if len(open_ones) == 1 else None


def _final(facts: StopFacts, now: datetime) -> Reading:
    return Reading(measured_at=facts.stopped_at or now, samples=(), energy_wh=facts.meter_stop_wh)


def end(session: ChargingSession, *, at: datetime, reason: str, meter_stop_wh: Decimal | None, now: datetime) -> None:
    """One that was only PENDING, and took nothing, has never been a session."""
    metering.count_final_energy(session, meter_stop_wh)
    if session.state == State.PENDING and session.kwh == 0:
        session.state = State.INVALID
    elif session.state != State.INVALID:
        session.state = State.COMPLETED
    session.ended_at, session.stop_reason, session.meter_stop_wh = at, reason[:64], metering.fit(meter_stop_wh, 14, 3)
    session.power_w = session.current_a = Decimal(0)
    session.last_updated = now
    session.save()
    commands.reject_queued(session, reason="session_not_active: it ended before this was sent", now=now)
    profile_state.end_all(session)
    logger.info("session ended session=%s kwh=%s reason=%s", session.uid, session.kwh, session.stop_reason)
    announce(session, now=now)


def invalidate_pending(*, now: datetime) -> int:
    """A PENDING session that never started becomes INVALID (OCPI 2.2.1 mod_sessions, SessionStatus). Called by beat."""
    before = now - timedelta(seconds=settings.OCPI_PENDING_SESSION_TIMEOUT_S)
    count = 0
    for session in ChargingSession.objects.filter(state=State.PENDING, started_at__lt=before)[:100]:
        with transaction.atomic():
            changed = ChargingSession.objects.filter(pk=session.pk, state=State.PENDING).update(
                state=State.INVALID, ended_at=now, last_updated=now
            )
            if changed:
                session.refresh_from_db()
                announce(session, now=now)
            count += changed
    return count


def announce(session: ChargingSession, *, now: datetime) -> None:
    signals.session_changed.send(sender=ChargingSession, session=session, now=now)
