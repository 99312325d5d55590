"""Who takes the next of the mail: the socket that the charge point's row names, one at a time, oldest first."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from chargepoints.commands import endings, payloads
from chargepoints.models import ChargePointCommand, ChargingSession
from chargepoints.values import CommandCall, CommandOutcome, OutcomeStatus

Kind = ChargePointCommand.Kind
Status = ChargePointCommand.Status


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
            endings.finish_unsent(command, outcome, now=now)
            continue
        mine = ChargePointCommand.objects.filter(pk=command.pk, status=Status.QUEUED)
        claimed = mine.update(status=Status.SENT, sent_at=now, connection_id=connection_id)
        if claimed:
            return CommandCall(command.pk, payloads.to_request(command), (command.expires_at - now).total_seconds())
    return None


@transaction.atomic
def record_and_claim_next(
    command_id: int, outcome: CommandOutcome, charge_point_id: int, connection_id: str, *, now: datetime
) -> CommandCall | None:
    endings.record_outcome(command_id, outcome, now=now)
    return claim_next(charge_point_id, connection_id, now=now)
