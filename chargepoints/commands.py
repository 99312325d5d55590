"""The life of a command: QUEUED -> SENT -> ACCEPTED | REJECTED | UNKNOWN | FAILED, and QUEUED|SENT -> EXPIRED.

The row is the mail; channel layer and broker are only doorbells. Every step is an UPDATE whose row count is checked, so
a second doorbell, a redelivered task or a second worker finds nothing left to do. This is the only module that writes
the status of a command.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from chargepoints import doorbell, rate_units, signals
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession, OperatorLimit
from chargepoints.profiles import limit_state
from chargepoints.profiles import state as profile_state
from chargepoints.values import (
    ChargingSchedule,
    ClearProfile,
    CommandCall,
    CommandOutcome,
    CommandRequest,
    GetComposite,
    OutcomeStatus,
    PreparedSchedule,
    ProfilePurpose,
    RateUnit,
    RawCall,
    ScheduleRefused,
    SetProfile,
)

logger = logging.getLogger(__name__)
Kind = ChargePointCommand.Kind
Status = ChargePointCommand.Status
SYSTEM = profile_state.SYSTEM
INSTALLED_ALREADY = "already installed exactly so: not sent again"


# --- asking ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def request_set_profile(
    *,
    session: ChargingSession,
    owner: str,
    schedule: ChargingSchedule,
    requested_by: str,
    now: datetime,
    expires_at: datetime,
    correlation_id: str = "",
    correction: str = "",
) -> ChargePointCommand:
    """Asks for `schedule` on the charge point that runs `session`. Raises ScheduleRefused with nothing written.

    A SetChargingProfile of this owner that has not left yet is superseded. One that would install exactly what is
    installed is not sent again (flash wear): it is ACCEPTED at once. `correction`: why it is sent once more.
    """
    _supersede_profile(session, owner, now=now)
    profile, prepared = profile_state.want(session=session, owner=owner, schedule=schedule, now=now)
    command = _new(
        session.charge_point, Kind.SET_PROFILE, "SetChargingProfile",
        payload=set_profile_payload(session, profile, schedule, prepared, correction=correction),
        session=session, profile=profile, notes=_with_reason(prepared.notes, correction), requested_by=requested_by,
        correlation_id=correlation_id, now=now, expires_at=expires_at,
    )  # fmt: skip
    if profile_state.is_installed(profile, prepared) and not _has_open(profile, but=command):
        _finish_unsent(command, CommandOutcome(OutcomeStatus.ACCEPTED, INSTALLED_ALREADY), now=now)
    return command


def set_profile_payload(
    session: ChargingSession,
    profile: ChargingProfile,
    wish: ChargingSchedule,
    prepared: PreparedSchedule,
    *,
    correction: str = "",
) -> dict[str, Any]:
    return {
        "profile_id": profile.pk,
        "stack_level": profile.stack_level,
        "evse_id": session.evse.ocpp_evse_id,
        "transaction_id": session.ocpp_transaction_id,
        "wish": wish.to_json(),
        "correction": correction,
    } | _as_prepared(prepared)


def _as_prepared(prepared: PreparedSchedule) -> dict[str, Any]:
    """The part of a SET_PROFILE's payload that preparing made of its wish."""
    return {
        "schedule": prepared.schedule.to_json(),
        "follow_up_at": prepared.follow_up_at.isoformat() if prepared.follow_up_at else None,
        "capped_by": prepared.capped_by,
    }


def _with_reason(notes: Sequence[str], correction: str) -> list[str]:
    return [*notes, *([f"sent again: {correction}"] if correction else [])]


@transaction.atomic
def request_clear_profile(
    *,
    session: ChargingSession,
    owner: str,
    requested_by: str,
    now: datetime,
    expires_at: datetime,
    correlation_id: str = "",
    notes: Sequence[str] = (),
) -> ChargePointCommand:
    """Asks to remove the profile of `owner`. With nothing set it is UNKNOWN at once and nothing is sent."""
    _supersede_profile(session, owner, now=now)
    profile = ChargingProfile.objects.filter(session=session, owner=owner).first()
    command = _new(
        session.charge_point, Kind.CLEAR_PROFILE, "ClearChargingProfile",
        payload={"profile_id": profile.pk if profile else None}, session=session, profile=profile,
        notes=list(notes), requested_by=requested_by, correlation_id=correlation_id, now=now, expires_at=expires_at,
    )  # fmt: skip
    if profile is None or (profile_state.nothing_set(profile) and not _has_open(profile, but=command)):
        _finish_unsent(command, CommandOutcome(OutcomeStatus.UNKNOWN, "no charging profile was set"), now=now)
    return command


def request_composite(
    *,
    session: ChargingSession,
    duration_s: int,
    unit: RateUnit | None,
    requested_by: str,
    now: datetime,
    expires_at: datetime,
    correlation_id: str = "",
    not_before: datetime | None = None,
) -> ChargePointCommand:
    """Asks what the charge point plans for this session's EVSE over `duration_s` seconds from now."""
    payload = {"evse_id": session.evse.ocpp_evse_id, "duration_s": duration_s, "unit": unit.value if unit else None}
    return _new(
        session.charge_point, Kind.GET_COMPOSITE, "GetCompositeSchedule", payload=payload, session=session,
        requested_by=requested_by, correlation_id=correlation_id, now=now, expires_at=expires_at,
        not_before=not_before,
    )  # fmt: skip


@transaction.atomic
def request_limit(
    *, limit: OperatorLimit, kind: Kind, payload: dict[str, Any], notes: list[str], requested_by: str, now: datetime
) -> ChargePointCommand:
    """Asks to set or to clear the profile of an operator's limit. What waits for the same place is superseded."""
    supersede_limit(limit, now=now)
    action = "SetChargingProfile" if kind == Kind.SET_PROFILE else "ClearChargingProfile"
    return _new(
        limit.charge_point, kind, action, payload=payload, limit=limit, notes=notes, requested_by=requested_by,
        now=now, expires_at=now + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S),
    )  # fmt: skip


def supersede_limit(limit: OperatorLimit, *, now: datetime) -> None:
    of_place = OperatorLimit.objects.of_place(limit)
    _supersede(ChargePointCommand.objects.filter(limit__in=of_place, status=Status.QUEUED), now=now)


def request_call(
    *,
    charge_point: ChargePoint,
    action: str,
    payload: dict[str, Any],
    requested_by: str,
    now: datetime,
    timeout_s: float | None = None,
    session: ChargingSession | None = None,
) -> ChargePointCommand:
    """Asks for any CSMS-initiated OCPP call, payload in the wire form of the charge point's version."""
    expires_at = now + timedelta(seconds=timeout_s or settings.OCPP_COMMAND_TIMEOUT_S)
    return _new(
        charge_point, Kind.CALL, action, payload=payload, session=session,
        requested_by=requested_by, now=now, expires_at=expires_at,
    )  # fmt: skip


def _new(charge_point: ChargePoint, kind: Kind, action: str, *, now: datetime, **fields: Any) -> ChargePointCommand:
    command = ChargePointCommand.objects.create(
        charge_point=charge_point, kind=kind, action=action, created_at=now, **fields
    )
    transaction.on_commit(partial(_ring, command.pk, charge_point.connection_id))
    logger.info(
        "command queued id=%s identity=%s action=%s by=%s correlation_id=%s",
        command.pk, charge_point.identity, action, command.requested_by, command.correlation_id,
    )  # fmt: skip
    return command


def _ring(command_id: int, connection_id: str) -> None:
    """The socket itself if this process holds it; else a worker looks where it is."""
    from chargepoints.tasks import dispatch_command

    if not doorbell.ring_here(connection_id):
        dispatch_command.enqueue(command_id)


def session_began(session: ChargingSession, *, now: datetime) -> None:
    """What was kept for it can leave: prepared anew, for a start that is known only now."""
    for command in session.commands.filter(kind=Kind.SET_PROFILE, status=Status.QUEUED).select_related("profile"):
        try:
            payload = _prepared_anew(command, session, now=now)
        except ScheduleRefused as refused:
            reason = f"{refused.code}: {refused.detail}"
            _finish_unsent(command, CommandOutcome(OutcomeStatus.REJECTED, reason), now=now)
            continue
        ChargePointCommand.objects.filter(pk=command.pk, status=Status.QUEUED).update(payload=payload)
        transaction.on_commit(partial(_ring, command.pk, session.charge_point.connection_id))


def _prepared_anew(command: ChargePointCommand, session: ChargingSession, *, now: datetime) -> dict[str, Any]:
    wish, owner = ChargingSchedule.from_json(command.payload["wish"]), command.profile.owner if command.profile else ""
    prepared = profile_state.preview(session, owner, wish, now=now)
    where = {"evse_id": session.evse.ocpp_evse_id, "transaction_id": session.ocpp_transaction_id}
    return {**command.payload, **where, **_as_prepared(prepared)}


def withdraw_corrections(profile: ChargingProfile, *, now: datetime) -> None:
    """They have become needless before they left."""
    outcome = CommandOutcome(OutcomeStatus.REJECTED, "not sent: the plan is right after all")
    for command in profile.commands.filter(kind=Kind.SET_PROFILE, status=Status.QUEUED, requested_by=SYSTEM):
        if command.payload.get("correction"):
            _finish_unsent(command, outcome, now=now)


def _has_open(profile: ChargingProfile, *, but: ChargePointCommand) -> bool:
    return profile.commands.open().exclude(pk=but.pk).exists()


def _supersede_profile(session: ChargingSession, owner: str, *, now: datetime) -> None:
    """Before the profile is read: its state then says what the refusal of the older wish left."""
    waiting = session.commands.filter(profile__owner=owner, kind=Kind.SET_PROFILE, status=Status.QUEUED)
    _supersede(waiting, now=now)


def _supersede(waiting: QuerySet[ChargePointCommand], *, now: datetime) -> None:
    outcome = CommandOutcome(OutcomeStatus.REJECTED, "superseded by a newer request before it was sent")
    for command in waiting.only("pk").order_by("pk"):
        _finish_unsent(command, outcome, now=now)


# --- sending --------------------------------------------------------------------------------------------------------


def claim_next(charge_point_id: int, connection_id: str, *, now: datetime) -> CommandCall | None:
    """The oldest waiting command, now SENT and this connection's alone; None when there is no mail.

    Only the socket named in the charge point's row may claim: one that was replaced gets nothing.
    """
    waiting = ChargePointCommand.objects.waiting(now=now).filter(
        charge_point_id=charge_point_id, charge_point__connection_id=connection_id
    )
    needed = waiting.only("kind", "action", "payload", "expires_at").annotate(session_state=F("session__state"))
    for command in needed.order_by("id"):
        if command.kind == Kind.SET_PROFILE and command.session_state == ChargingSession.State.PENDING:
            continue  # it may still begin in time
        if command.kind == Kind.SET_PROFILE and command.session_state not in {None, ChargingSession.State.ACTIVE}:
            outcome = CommandOutcome(OutcomeStatus.REJECTED, "session_not_active: it ended before this was sent")
            _finish_unsent(command, outcome, now=now)
            continue
        mine = ChargePointCommand.objects.filter(pk=command.pk, status=Status.QUEUED)
        claimed = mine.update(status=Status.SENT, sent_at=now, connection_id=connection_id)
        if claimed:
            return CommandCall(command.pk, to_request(command), (command.expires_at - now).total_seconds())
    return None


def to_request(command: ChargePointCommand) -> CommandRequest:
    """The row as the frozen value that the link of any OCPP version understands."""
    payload = command.payload
    match command.kind:
        case Kind.SET_PROFILE:
            return SetProfile(
                profile_id=payload["profile_id"],
                stack_level=payload["stack_level"],
                evse_id=payload["evse_id"],
                transaction_id=payload["transaction_id"],
                schedule=ChargingSchedule.from_json(payload["schedule"]),
                purpose=ProfilePurpose(payload.get("purpose", ProfilePurpose.TX)),
                valid_to=datetime.fromisoformat(payload["valid_to"]) if payload.get("valid_to") else None,
            )
        case Kind.CLEAR_PROFILE:
            return ClearProfile(profile_id=payload["profile_id"])
        case Kind.GET_COMPOSITE:
            unit = RateUnit(payload["unit"]) if payload["unit"] else None
            return GetComposite(evse_id=payload["evse_id"], duration_s=payload["duration_s"], unit=unit)
        case _:
            return RawCall(action=command.action, payload=payload)


# --- ending ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def record_outcome(command_id: int, outcome: CommandOutcome, *, now: datetime) -> bool:
    """SENT -> its end. An answer to a command that had already EXPIRED or FAILED is kept beside it, once.

    Returns whether anything changed. The domain signal goes out in the same transaction.
    """
    if outcome.status == OutcomeStatus.REJECTED and _sent_in_other_unit(command_id, outcome, now=now):
        return True
    if _end(command_id, outcome, now=now, of=(Status.SENT,)):
        return True
    return _record_late(command_id, outcome, now=now)


@transaction.atomic
def record_and_claim_next(
    command_id: int, outcome: CommandOutcome, charge_point_id: int, connection_id: str, *, now: datetime
) -> CommandCall | None:
    record_outcome(command_id, outcome, now=now)
    return claim_next(charge_point_id, connection_id, now=now)


def _sent_in_other_unit(command_id: int, outcome: CommandOutcome, *, now: datetime) -> bool:
    """A refused SetChargingProfile goes back into the mail, once, in the other unit: same row, same promise."""
    command = ChargePointCommand.objects.with_effects().filter(pk=command_id, kind=Kind.SET_PROFILE).order_by().first()
    prepared = rate_units.other_unit(command, outcome, now=now) if command else None
    if command is None or prepared is None:
        return False
    refused = command.payload["schedule"]["unit"]
    payload = command.payload | _as_prepared(prepared) | {rate_units.REFUSED: refused}
    note = f"refused in {refused}, so sent again in {prepared.schedule.unit}"
    mine = ChargePointCommand.objects.filter(pk=command_id, status=Status.SENT)
    back = mine.update(
        status=Status.QUEUED, sent_at=None, connection_id="", payload=payload, notes=[*prepared.notes, note]
    )
    if back:
        transaction.on_commit(partial(_ring, command_id, command.charge_point.connection_id))
        logger.info("command id=%s %s", command_id, note)
    return bool(back)


def _end(command_id: int, outcome: CommandOutcome, *, now: datetime, of: tuple[Status, ...]) -> bool:
    changed = ChargePointCommand.objects.filter(pk=command_id, status__in=of).update(
        status=outcome.status.value, detail=outcome.detail[:500], answer=outcome.answer or None, finished_at=now
    )
    if changed:
        _announce(_load(command_id), outcome, late=False, now=now)
    return bool(changed)


def _record_late(command_id: int, outcome: CommandOutcome, *, now: datetime) -> bool:
    if outcome.status in {OutcomeStatus.EXPIRED, OutcomeStatus.FAILED}:
        return False
    changed = ChargePointCommand.objects.filter(
        pk=command_id, status__in=(Status.EXPIRED, Status.FAILED), late_status="", sent_at__isnull=False
    ).update(late_status=outcome.status.value, late_at=now, answer=outcome.answer or None)
    if changed:
        _announce(_load(command_id), outcome, late=True, now=now)
    return bool(changed)


def _finish_unsent(command: ChargePointCommand, outcome: CommandOutcome, *, now: datetime) -> None:
    with transaction.atomic():
        if _end(command.pk, outcome, now=now, of=(Status.QUEUED,)):
            command.refresh_from_db(fields=["status", "detail", "finished_at"])


def _load(command_id: int) -> ChargePointCommand:
    command = ChargePointCommand.objects.with_effects().order_by().get(pk=command_id)
    if command.session:
        command.session.charge_point = command.charge_point
    return command


def _announce(command: ChargePointCommand, outcome: CommandOutcome, *, late: bool, now: datetime) -> None:
    if command.limit_id:
        limit_state.apply_outcome(command, outcome, late=late, now=now)
    profile_state.apply_outcome(command, outcome, late=late, now=now)
    if outcome.status == OutcomeStatus.ACCEPTED and command.kind == Kind.SET_PROFILE:
        rate_units.learn(command)
    logger.info(
        "command finished id=%s identity=%s action=%s outcome=%s late=%s correlation_id=%s detail=%r",
        command.pk, command.charge_point.identity, command.action, outcome.status, late,
        command.correlation_id, outcome.detail,
    )  # fmt: skip
    signals.command_finished.send(sender=ChargePointCommand, command=command, outcome=outcome, late=late, now=now)


def expire_overdue(*, now: datetime, limit: int = 500) -> int:
    """Ends what is still open after its deadline. Called by beat; returns how many it ended."""
    overdue = ChargePointCommand.objects.open().filter(expires_at__lte=now).select_related("session")
    ended = 0
    for command in overdue.order_by("expires_at")[:limit]:
        detail = "no answer in time" if command.sent_at else _why_not_sent(command)
        with transaction.atomic():
            ended += _end(
                command.pk, CommandOutcome(OutcomeStatus.EXPIRED, detail), now=now, of=ChargePointCommand.OPEN
            )
    return ended


def _why_not_sent(command: ChargePointCommand) -> str:
    if command.session and command.session.state == ChargingSession.State.PENDING:
        return "session_not_active: it did not begin in time"
    return "charger_offline: it was not connected in time"


def fail_sent(*, connection_ids: list[str], now: datetime) -> None:
    """The sockets are gone: what was sent on them and not answered ends as FAILED. It is never sent a second time."""
    lost = ChargePointCommand.objects.filter(status=Status.SENT, connection_id__in=connection_ids)
    outcome = CommandOutcome(OutcomeStatus.FAILED, "the connection closed before the charge point answered")
    for command_id in lost.values_list("pk", flat=True):
        with transaction.atomic():
            _end(command_id, outcome, now=now, of=(Status.SENT,))


def reject_queued(session: ChargingSession, *, reason: str, now: datetime) -> None:
    """The session ended: what was still waiting for it will not be sent."""
    queued = session.commands.filter(status=Status.QUEUED).exclude(kind=Kind.CALL)
    for command in queued:
        _finish_unsent(command, CommandOutcome(OutcomeStatus.REJECTED, reason), now=now)
