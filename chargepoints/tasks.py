"""Celery tasks: fetch an id, call a function. Each may run twice, or never: beat finds what is left."""

import logging

from celery import shared_task
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from chargepoints import audit, commands, doorbell, follow_ups, limits, presence, reconciliation, self_tests, sessions
from chargepoints.models import ChargePointCommand

logger = logging.getLogger(__name__)


@shared_task
def dispatch_command(command_id: int) -> None:
    """Rings the charge point of a waiting command. Offline: its mail is handed over when it connects."""
    waiting = ChargePointCommand.objects.waiting(now=timezone.now()).filter(pk=command_id)
    for channel_name, connection_id in _sockets_of(waiting):
        doorbell.ring(channel_name, connection_id)


@shared_task
def watch_commands() -> None:
    """Ends what is overdue, and rings again for mail that nobody took."""
    now = timezone.now()
    presence.reap_dead_processes(now=now)
    commands.expire_overdue(now=now)
    for channel_name, connection_id in _sockets_of(ChargePointCommand.objects.waiting(now=now)):
        doorbell.ring(channel_name, connection_id)


def _sockets_of(waiting: QuerySet[ChargePointCommand]) -> set[tuple[str, str]]:
    """Channel and connection of the charge points that are online."""
    online = waiting.exclude(charge_point__connection_id="").order_by()
    names = online.values_list("charge_point__channel_name", "charge_point__connection_id")
    return set(names[: settings.RINGS_PER_WATCH])


@shared_task
def watch_self_tests() -> None:
    """Reads what was measured under a test's limit, and ends tests that nobody carries on."""
    self_tests.watch(now=timezone.now())


@shared_task
def watch_sessions() -> None:
    """Sends the next part of long profiles; keeps limits in step; settles doubts; ends sessions that never began."""
    now = timezone.now()
    for step in (limits.watch, follow_ups.send_due, reconciliation.watch, sessions.invalidate_pending, audit.settle):
        try:
            step(now=now)
        except Exception:  # what is wrong with one must not stop the others; the next beat tries it again
            logger.exception("%s failed", step.__module__)
