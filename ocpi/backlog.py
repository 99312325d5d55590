"""Whether more is asked than this product carries: then a request is refused at once instead of answered too late."""

import time
from datetime import datetime, timedelta

from ocpi.models import OutboxMessage, Party

LATE = timedelta(seconds=5)
LOOKED_UP_EVERY_S = 1.0
_known: dict[int, tuple[float, bool]] = {}


def is_late(party: Party, *, now: datetime) -> bool:
    """Looked up at most once a second for each party, by each process: it is asked for every request."""
    looked_up_at, late = _known.get(party.pk, (float("-inf"), False))
    if time.monotonic() - looked_up_at >= LOOKED_UP_EVERY_S:
        late = _results_wait(party, now=now)
        _known[party.pk] = (time.monotonic(), late)
    return late


def _results_wait(party: Party, *, now: datetime) -> bool:
    """Of this party: a slow one harms nobody else. Nobody has even tried: that is not the partner's silence."""
    untried = OutboxMessage.objects.filter(kind=OutboxMessage.Kind.RESULT, attempt_count=0, party=party)
    return untried.filter(status=OutboxMessage.Status.PENDING, due_at__lt=now - LATE).exists()
