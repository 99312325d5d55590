"""How a command ends: by an answer, by time, with its connection, or before it left; and who hears of it."""

import logging
from datetime import datetime
from functools import partial

from django.db import transaction

from chargepoints import rate_units, signals
from chargepoints.commands import mailbox, payloads
from chargepoints.models import ChargePointCommand, ChargingSession
from chargepoints.profiles import limit_state
from chargepoints.profiles import state as profile_state
from chargepoints.values import CommandOutcome, OutcomeStatus

logger = logging.getLogger(__name__)
Kind = ChargePointCommand.Kind
Status = ChargePointCommand.Status


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
        finish_unsent(command, CommandOutcome(OutcomeStatus.REJECTED, reason), now=now)


def finish_unsent(command: ChargePointCommand, outcome: CommandOutcome, *, now: datetime) -> None:
    with transaction.atomic():
        if _end(command.pk, outcome, now=now, of=(Status.QUEUED,)):
            command.refresh_from_db(fields=["status", "detail", "finished_at"])


def _end(command_id: int, outcome: CommandOutcome, *, now: datetime, of: tuple[Status, ...]) -> bool:
    changed = ChargePointCommand.objects.filter(pk=command_id, status__in=of).update(
        status=outcome.status.value, detail=outcome.detail[:500], answer=outcome.answer or None, finished_at=now
    )
    if changed:
        _announce(_load(command_id), outcome, late=False, now=now)
    return bool(changed)


def _sent_in_other_unit(command_id: int, outcome: CommandOutcome, *, now: datetime) -> bool:
    """A refused SetChargingProfile goes back into the mail, once, in the other unit: same row, same promise."""
    command = ChargePointCommand.objects.with_effects().filter(pk=command_id, kind=Kind.SET_PROFILE).order_by().first()
    prepared = rate_units.other_unit(command, outcome, now=now) if command else None
    if command is None or prepared is None:
        return False
    refused = command.payload["schedule"]["unit"]
    payload = command.payload | payloads.as_prepared(prepared) | {rate_units.REFUSED: refused}
    note = f"refused in {refused}, so sent again in {prepared.schedule.unit}"
    mine = ChargePointCommand.objects.filter(pk=command_id, status=Status.SENT)
    back = mine.update(
        status=Status.QUEUED, sent_at=None, connection_id="", payload=payload, notes=[*prepared.notes, note]
    )
    if back:
        transaction.on_commit(partial(mailbox.ring, command_id, command.charge_point.connection_id))
        logger.info("command id=%s %s", command_id, note)
    return bool(back)


def _record_late(command_id: int, outcome: CommandOutcome, *, now: datetime) -> bool:
    if outcome.status in {OutcomeStatus.EXPIRED, OutcomeStatus.FAILED}:
        return False
    changed = ChargePointCommand.objects.filter(
        pk=command_id, status__in=(Status.EXPIRED, Status.FAILED), late_status="", sent_at__isnull=False
    ).update(late_status=outcome.status.value, late_at=now, answer=outcome.answer or None)
    if changed:
        _announce(_load(command_id), outcome, late=True, now=now)
    return bool(changed)


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
