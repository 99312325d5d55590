"""How long records are kept: what is older than its setting says is deleted by beat, oldest first, in small batches.

Constraints:
- nothing that is still needed: open commands, messages that have not arrived, requests without a result, whatever a
  session is that goes on;
- Sessions, Locations and profiles are no records of this kind: nothing deletes them. What operators did is kept for
  ever unless somebody decides otherwise;
- each batch is a transaction of its own, short enough for whoever waits; a run ends after RUN_S seconds, of which each
  rule gets its share, and the next beat goes on where it ended. Two runs at once delete the same rows, once;
- many rows that must stay (what parties have of each EVSE) keep no others from being looked at.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db.models import Model, Q, QuerySet

from chargepoints.transactions import committed

logger = logging.getLogger(__name__)
BATCH = 200
"""The slowest, requests and commands, take some 30 ms on SQLite, where charge points wait for the one writer."""

RUN_S = 3.0
REMEMBERED_S = 3600
ENDED = Q(session__state__in=["COMPLETED", "INVALID"])
CLOSED = Q(status__in=["DELIVERED", "FAILED", "EXPIRED", "IN_DOUBT"])
_ANSWERED = ~Q(status__in=["QUEUED", "SENT"])


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of `model` (`app.Model`) whose `age` is older than the days of `setting`, if they `may_go`.

    Ages rise with ids, as for everything that is written when it happens: the oldest rows have the lowest ids.
    """

    setting: str
    model: str
    age: str
    may_go: Q = field(default_factory=Q)

    def cutoff(self, *, now: datetime) -> datetime | None:
        """None: for ever."""
        days: int = getattr(settings, self.setting)
        return now - timedelta(days=days) if days > 0 else None

    def rows(self) -> QuerySet[Model]:
        return apps.get_model(self.model)._default_manager.all()


KEPT: Sequence[Kept] = (
    Kept("KEEP_METER_VALUES_DAYS", "chargepoints.MeterValue", "received_at"),
    Kept("KEEP_DELIVERIES_DAYS", "ocpi.DeliveryAttempt", "started_at", Q(finished_at__isnull=False)),
    Kept("KEEP_LOGS_DAYS", "ocpi.InboundRequest", "at"),
    Kept("KEEP_LOGS_DAYS", "chargepoints.OcppMessage", "at"),
    Kept("KEEP_AUDIT_DAYS", "chargepoints.AuditEntry", "at", ~Q(outcome="OPEN")),
    Kept("KEEP_AUDIT_DAYS", "admin.LogEntry", "action_time"),
    Kept("KEEP_REQUESTS_DAYS", "ocpi.OutboxMessage", "created_at", CLOSED & (Q(kind="RESULT") | ENDED)),
    Kept("KEEP_REQUESTS_DAYS", "ocpi.ProfileRequest", "received_at", ~Q(response="ACCEPTED") | ~Q(result="")),
    Kept("KEEP_COMMANDS_DAYS", "chargepoints.ChargePointCommand", "created_at", _ANSWERED & (Q(session=None) | ENDED)),
)


def sweep(*, now: datetime, kept: Sequence[Kept] = KEPT, run_s: float = RUN_S) -> dict[str, int]:
    """Returns how many rows of each model were deleted."""
    end, deleted = time.monotonic() + run_s, dict[str, int]()
    rules = [(rule, cutoff) for rule in kept if (cutoff := rule.cutoff(now=now))]
    for done, (rule, cutoff) in enumerate(rules):
        began = time.monotonic()
        count = _sweep(rule, cutoff, until=began + (end - began) / (len(rules) - done))
        if count:
            deleted[rule.model] = deleted.get(rule.model, 0) + count
            logger.info("retention deleted model=%s rows=%s older_than=%s", rule.model, count, cutoff)
    return deleted


def _sweep(rule: Kept, cutoff: datetime, *, until: float) -> int:
    """From where the last run ended, or the lowest id, upwards to the first row that is young enough."""
    place, count = f"retention.{rule.model}", 0
    after = cache.get(place, 0)
    while time.monotonic() < until:
        seen = list(rule.rows().filter(pk__gt=after).order_by("pk").values_list("pk", rule.age)[:BATCH])
        old = [pk for pk, at in seen if at < cutoff]
        if old:
            count += _delete(rule, old)
        after = seen[-1][0] if len(old) == BATCH else 0
        if not after:
            break
    cache.set(place, after, REMEMBERED_S)
    return count


@committed
def _delete(rule: Kept, ids: list[int]) -> int:
    return rule.rows().filter(rule.may_go, pk__in=ids).delete()[1].get(rule.model, 0)
