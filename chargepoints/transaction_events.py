"""Sessions from TransactionEvents (OCPP 2.0.1 section E): the charge point names the transaction and begins it.

It does so when its TxStartPoint says: a bay is taken, the cable is in, a token is shown, energy flows. A session is
therefore PENDING until the driver is authorised *and* the car is connected, or energy flows, which only an authorised
driver's car gets (OCPI 2.2.1 mod_sessions, SessionStatus). A token that is refused makes it INVALID, and so does the
timer (`sessions.invalidate_pending`). If a token is accepted after that, a new session of the same transaction begins.

Any event may be the first, come twice, late or never: what it says that is new is kept, and what is older than what is
known does not overwrite it. Runs inside the caller's transaction (the writer's); all is bound to the charge point.
"""

import logging
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from chargepoints import commands, inventory, metering, observation, sessions, signals, steering
from chargepoints.models import ChargingSession, DriverToken, Evse, MeterValue
from chargepoints.values import AuthorizationStatus, MeterFacts, Reading, TransactionFacts, TransactionStep

logger = logging.getLogger(__name__)
State = ChargingSession.State
CHARGING = "Charging"
OFFERED = frozenset({CHARGING, "SuspendedEV", "SuspendedEVSE"})
"""Charging states between which the limit in force may have changed (OCPP 2.0.1 ChargingStateEnumType)."""
CONNECTED = OFFERED | {"EVConnected"}
VISIBLE = ("state", "evse_id", "connector_id", "id_token", "contract_id", "started_at", "auth_method")
"""What partners see of a session besides its figures: a change of these is told at once."""


def take(charge_point_id: int, facts: TransactionFacts, *, now: datetime) -> AuthorizationStatus | None:
    """Records one event. Returns the state of the token it brought, None if it brought none."""
    status = _token_status(facts)
    if not facts.transaction_id:
        _keep_nameless(charge_point_id, facts, now=now)
        return status
    session = _known(charge_point_id, facts.transaction_id)
    if session and _begins_anew(session, facts, status):
        _set_aside(session, now=now)
        session = None
    if session is None:
        session = _begin(charge_point_id, facts, now=now)
    if _has_ended(session):
        _keep_late(session, facts, status, now=now)
    else:
        _follow(session, facts, status, now=now)
    return status


def _token_status(facts: TransactionFacts) -> AuthorizationStatus | None:
    if facts.needs_no_token:
        return AuthorizationStatus.ACCEPTED
    return sessions.authorize(facts.id_token) if facts.authorizes else None


def _keep_nameless(charge_point_id: int, facts: TransactionFacts, *, now: datetime) -> None:
    """No transaction can be told from another without its id; what was measured still counts for the EVSE."""
    logger.warning("transaction event without a usable id on charge point %s: only its readings kept", charge_point_id)
    metering.meter(charge_point_id, MeterFacts(facts.evse_id, None, facts.readings), now=now)


def _known(charge_point_id: int, transaction_id: str) -> ChargingSession | None:
    mine = ChargingSession.objects.select_for_update(no_key=True, of=("self",)).select_related("evse", "connector")
    return mine.filter(charge_point_id=charge_point_id, ocpp_transaction_id=transaction_id).order_by().first()


def _has_ended(session: ChargingSession) -> bool:
    """Its Ended came: the timer, too, sets an end, but no reason."""
    return session.ended_at is not None and session.stop_reason != ""


# --- beginning ------------------------------------------------------------------------------------------------------


def _begins_anew(session: ChargingSession, facts: TransactionFacts, status: AuthorizationStatus | None) -> bool:
    """It was refused, or nobody came in time, and now somebody may charge after all; or its id is used again."""
    if _has_ended(session):
        at, ended_at = facts.happened_at, session.ended_at
        return facts.step is TransactionStep.STARTED and at is not None and ended_at is not None and at > ended_at
    if session.state != State.INVALID or facts.step is TransactionStep.ENDED:
        return False
    timed_out = session.ended_at is not None
    newer = session.event_at is None or facts.happened_at is None or facts.happened_at > session.event_at
    return newer and (status is AuthorizationStatus.ACCEPTED or (timed_out and facts.charging_state == CHARGING))


def _set_aside(session: ChargingSession, *, now: datetime) -> None:
    session.notes.append(f"transaction {session.ocpp_transaction_id} is another session from now on")
    session.ocpp_transaction_id = ""
    if session.ended_at is None:
        sessions.end(session, at=session.event_at or now, reason="Other", meter_stop_wh=None, now=now)
    else:
        session.save(update_fields=["notes", "ocpp_transaction_id"])


def _begin(charge_point_id: int, facts: TransactionFacts, *, now: datetime) -> ChargingSession:
    """Without an EVSE (the driver authorised before plugging in: use case E03) it is the charge point's, for now."""
    evse = inventory.started_evse(charge_point_id, facts.evse_id)
    if facts.step is not TransactionStep.ENDED:
        _make_way(evse, facts, now=now)
    started = facts.step is TransactionStep.STARTED
    session = ChargingSession.objects.create(
        charge_point=evse.charge_point, evse=evse, connector=evse.connectors.first(),
        ocpp_transaction_id=facts.transaction_id, state=State.PENDING, started_at=facts.happened_at or now,
        reported_start_at=facts.happened_at if started else None, meter_start_wh=None, last_updated=now,
        notes=_first_notes(facts),
    )  # fmt: skip
    logger.info(
        "session begun session=%s identity=%s evse=%s by=%s", session.uid, evse.charge_point.identity,
        evse.ocpp_evse_id, facts.step,
    )  # fmt: skip
    return session


def _make_way(evse: Evse, facts: TransactionFacts, *, now: datetime) -> None:
    if evse.ocpp_evse_id:
        sessions.close_forgotten(evse, until=facts.happened_at, now=now)


def _first_notes(facts: TransactionFacts) -> list[str]:
    notes = [] if facts.happened_at else ["started_at is ours: the charge point's clock was implausible"]
    if facts.step is not TransactionStep.STARTED:
        notes.append(f"the first that came of its transaction was {facts.step.lower()}, event {facts.seq_no}")
    return notes


# --- going on -------------------------------------------------------------------------------------------------------


def _follow(
    session: ChargingSession, facts: TransactionFacts, status: AuthorizationStatus | None, *, now: datetime
) -> None:
    created = session.seq_no is None
    seen = [getattr(session, name) for name in VISIBLE]
    was_pending = session.state == State.PENDING
    state_before, measured_before = session.charging_state, steering.Measured.of(session)
    facts = replace(facts, readings=_unseen(session, facts))
    _place(session, facts, now=now)
    _take_token(session, facts, status)
    _take_readings(session, facts, now=now)
    _take_progress(session, facts)
    _activate(session, facts, free=facts.needs_no_token, now=now)
    changed = created or seen != [getattr(session, name) for name in VISIBLE]
    if facts.step is TransactionStep.ENDED:
        _end(session, facts, now=now)
    else:
        _save(session, changed=changed, measured=bool(facts.readings), now=now)
        if was_pending and session.state == State.ACTIVE:
            commands.session_began(session, now=now)
        _look_again(session, facts, state_before, now=now)
        steering.changed([session], {session.pk: measured_before}, now=now)


def _unseen(session: ChargingSession, facts: TransactionFacts) -> tuple[Reading, ...]:
    """Only an event that is not the newest can repeat what is kept already."""
    if not facts.readings or session.seq_no is None or facts.seq_no > session.seq_no:
        return facts.readings
    at = [reading.measured_at for reading in facts.readings]
    kept = list(MeterValue.objects.filter(session=session, measured_at__in=at).values_list("measured_at", "samples"))
    return tuple(
        reading
        for reading in facts.readings
        if (reading.measured_at, [sample.to_json() for sample in reading.samples]) not in kept
    )


def _place(session: ChargingSession, facts: TransactionFacts, *, now: datetime) -> None:
    """Where the car is: said at the latest when it is plugged in. A transaction never moves to another EVSE."""
    if facts.evse_id and session.evse.ocpp_evse_id == 0:
        session.evse = inventory.evse_of(session.charge_point_id, facts.evse_id)
        session.connector = session.evse.connectors.first()
        _make_way(session.evse, facts, now=now)
    elif facts.evse_id and facts.evse_id != session.evse.ocpp_evse_id:
        metering.note(session, f"event {facts.seq_no} names EVSE {facts.evse_id}: not taken")
        return
    known = session.connector.ocpp_connector_id if session.connector else 0
    if facts.connector_id and facts.connector_id != known and session.evse.ocpp_evse_id:
        session.connector = inventory.connector_of(session.evse, facts.connector_id)


def _take_token(session: ChargingSession, facts: TransactionFacts, status: AuthorizationStatus | None) -> None:
    """The first token that is accepted is the driver's; a later one may be that of whoever stops."""
    if status is None or session.id_token:
        return
    if status is AuthorizationStatus.ACCEPTED or facts.step is not TransactionStep.ENDED:
        session.show_token(facts.id_token, DriverToken.objects.filter(uid__iexact=facts.id_token).first())
    if status is not AuthorizationStatus.ACCEPTED and facts.step is not TransactionStep.ENDED:
        session.state = State.INVALID
    if facts.remote_start_id is not None:
        session.auth_method = "COMMAND"


def _take_readings(session: ChargingSession, facts: TransactionFacts, *, now: datetime) -> None:
    if facts.phases:
        session.detected_phases = facts.phases
    _take_start_register(session, facts)
    metering.keep(
        metering.rows(session.charge_point_id, session.evse_id, session, facts.transaction_id, facts.readings, now=now)
    )
    metering.follow(session, facts.readings)


def _take_start_register(session: ChargingSession, facts: TransactionFacts) -> None:
    """The register at Transaction.Begin. If a later one was taken for it, because this comes late, energy is added."""
    begin = _register(facts.readings, context="Transaction.Begin")
    if begin is None:
        return
    if session.meter_start_wh is None:
        session.meter_start_wh = metering.fit(begin, 14, 3)
        return
    missed_kwh = ((session.meter_start_wh - begin) / 1000).quantize(Decimal("0.0001"))
    if facts.step is TransactionStep.STARTED and missed_kwh > 0 and session.kwh + missed_kwh < metering.PLAUSIBLE_KWH:
        session.meter_start_wh, session.kwh = metering.fit(begin, 14, 3), session.kwh + missed_kwh


def _register(readings: tuple[Reading, ...], *, context: str) -> Decimal | None:
    found = (reading.energy_wh for reading in readings if any(s.context == context for s in reading.samples))
    return next((register for register in found if register is not None), None)


def _take_progress(session: ChargingSession, facts: TransactionFacts) -> None:
    """A state is said when it changes. One that is older than what is known changes nothing: by its number, unless its
    time says otherwise, since some charge points count wrongly.
    """
    older = session.seq_no is not None and facts.seq_no < session.seq_no
    if older and (facts.happened_at is None or session.event_at is None or facts.happened_at <= session.event_at):
        if facts.step is TransactionStep.STARTED:
            session.reported_start_at = facts.happened_at or session.reported_start_at
        return
    session.seq_no = facts.seq_no
    session.event_at = facts.happened_at or session.event_at
    session.charging_state = facts.charging_state[:24] or session.charging_state


def _activate(session: ChargingSession, facts: TransactionFacts, *, free: bool, now: datetime) -> None:
    """OCPI 2.2.1 mod_sessions, Session: `start_date_time` moves to when it became ACTIVE."""
    if session.state != State.PENDING:
        return
    authorised = bool(session.id_token) or free
    flows = session.charging_state == CHARGING or session.kwh > 0
    if flows or (authorised and session.charging_state in CONNECTED):
        session.state = State.ACTIVE
        session.started_at = max(facts.happened_at or now, session.started_at)


def _save(session: ChargingSession, *, changed: bool, measured: bool, now: datetime) -> None:
    if changed or measured:
        session.last_updated = now
    session.save()
    if changed:
        sessions.announce(session, now=now)
    elif measured and session.is_open:
        signals.sessions_metered.send(sender=ChargingSession, sessions=[session], now=now)


def _look_again(session: ChargingSession, facts: TransactionFacts, state_before: str, *, now: datetime) -> None:
    """The charge point changed what it offers (TriggerReasonEnumType ChargingRateChanged), or it and the car did."""
    moved = state_before != session.charging_state and {state_before, session.charging_state} <= OFFERED
    if moved or facts.trigger == "ChargingRateChanged":
        observation.look_again(session.charge_point_id, ocpp_evse_id=session.evse.ocpp_evse_id, now=now)


# --- ending ---------------------------------------------------------------------------------------------------------


def _end(session: ChargingSession, facts: TransactionFacts, *, now: datetime) -> None:
    """No reason means Local (OCPP 2.0.1 TransactionType, stoppedReason)."""
    last = [reading.energy_wh for reading in facts.readings if reading.energy_wh is not None][-1:]
    final = _register(facts.readings, context="Transaction.End")
    sessions.end(
        session,
        at=max(facts.happened_at or now, session.started_at),
        reason=facts.stop_reason or "Local",
        meter_stop_wh=final if final is not None else next(iter(last), None),
        now=now,
    )


def _keep_late(
    session: ChargingSession, facts: TransactionFacts, status: AuthorizationStatus | None, *, now: datetime
) -> None:
    """Nothing of a session changes after COMPLETED but the notes; what was measured is kept."""
    unseen = _unseen(session, replace(facts, seq_no=0))
    metering.keep(
        metering.rows(session.charge_point_id, session.evse_id, session, facts.transaction_id, unseen, now=now)
    )
    if unseen or facts.seq_no != session.seq_no:
        metering.note(session, f"event {facts.seq_no} ({facts.step.lower()}) came after the end: readings kept")
    if session.state == State.INVALID and facts.step is TransactionStep.STARTED:
        _complete_late(session, facts, status, now=now)


def _complete_late(
    session: ChargingSession, facts: TransactionFacts, status: AuthorizationStatus | None, *, now: datetime
) -> None:
    """Its end came first, and from that alone no energy could be told: its start tells it."""
    begin = _register(facts.readings, context="Transaction.Begin")
    refused = status not in {None, AuthorizationStatus.ACCEPTED}
    if refused or begin is None or session.id_token or session.reported_start_at or session.meter_stop_wh is None:
        return
    session.meter_start_wh = metering.fit(begin, 14, 3)
    metering.count_energy(session, session.meter_stop_wh)
    if session.kwh == 0:
        return
    _take_token(session, facts, status)
    session.state, session.last_updated = State.COMPLETED, now
    session.started_at = session.reported_start_at = facts.happened_at or session.started_at
    session.save()
    sessions.announce(session, now=now)
