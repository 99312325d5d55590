"""A new row, and the bell: whoever holds the socket is told that there is mail."""

import logging
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from chargepoints import doorbell
from chargepoints.models import ChargePoint, ChargePointCommand

logger = logging.getLogger(__name__)
Kind = ChargePointCommand.Kind


def new(charge_point: ChargePoint, kind: Kind, action: str, *, now: datetime, **fields: Any) -> ChargePointCommand:
    command = ChargePointCommand.objects.create(
        charge_point=charge_point, kind=kind, action=action, created_at=now, **fields
    )
    transaction.on_commit(partial(ring, command.pk, charge_point.connection_id))
    logger.info(
        "command queued id=%s identity=%s action=%s by=%s correlation_id=%s",
        command.pk, charge_point.identity, action, command.requested_by, command.correlation_id,
    )  # fmt: skip
    return command


def ring(command_id: int, connection_id: str) -> None:
    """The socket itself if this process holds it; else a worker looks where it is."""
    from chargepoints.tasks import dispatch_command

    if not doorbell.ring_here(connection_id):
        dispatch_command.enqueue(command_id)
