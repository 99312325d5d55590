"""Whether more is asked than this product carries: then a request is refused at once instead of answered too late."""

import time
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from chargepoints.models import ChargePointCommand
from ocpi.models import OutboxMessage, Party

LATE = timedelta(seconds=5)
LOOKED_UP_EVERY_S = 1.0
_known: dict[int, tuple[float, bool]] = {}


def is_late(party: Party, *, now: datetime) -> bool:
    """Looked up at most once a second for each party, by each process: it is asked for every request."""
    looked_up_at, late = _known.get(party.pk, (float("-inf"), False))
    if time.monotonic() - looked_up_at >= LOOKED_UP_EVERY_S:
        late = _results_wait(party, now=now) or _commands_wait(now=now)
        _known[party.pk] = (time.monotonic(), late)
    return late


def _results_wait(party: Party, *, now: datetime) -> bool:
    """Of this party: a slow one harms nobody else."""
    untried = OutboxMessage.objects.filter(kind=OutboxMessage.Kind.RESULT, attempt_count=0, party=party)
    return untried.filter(status=OutboxMessage.Status.PENDING, due_at__lt=now - LATE).exists()


def _commands_wait(*, now: datetime) -> bool:
    """A charge point that is silent keeps its own commands waiting: that is not our backlog."""
    under_way = ChargePointCommand.objects.filter(
        charge_point=OuterRef("charge_point"), status=ChargePointCommand.Status.SENT
    )
    waiting = ChargePointCommand.objects.waiting(now=now).filter(created_at__lt=now - LATE)
    return waiting.exclude(charge_point__connection_id="").exclude(Exists(under_way)).exists()
