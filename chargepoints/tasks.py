"""Celery tasks: fetch an id, call a function. Each may run twice, or never: beat finds what is left."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from chargepoints import commands, doorbell, follow_ups, presence, sessions
from chargepoints.models import ChargePointCommand


@shared_task
def dispatch_command(command_id: int) -> None:
    """Rings the charge point of a waiting command. Offline: its mail is handed over when it connects."""
    waiting = ChargePointCommand.objects.waiting(now=timezone.now()).select_related("charge_point")
    command = waiting.filter(pk=command_id).first()
    if command and command.charge_point.is_online:
        doorbell.ring(command.charge_point.channel_name, command.charge_point.connection_id)


@shared_task
def watch_commands() -> None:
    """Ends what is overdue, and rings again for mail that nobody took."""
    now = timezone.now()
    presence.reap_dead_processes(now=now)
    commands.expire_overdue(now=now)
    waiting = ChargePointCommand.objects.waiting(now=now).exclude(charge_point__connection_id="")
    for channel_name, connection_id in set(
        waiting.values_list("charge_point__channel_name", "charge_point__connection_id")[: settings.RINGS_PER_WATCH]
    ):
        doorbell.ring(channel_name, connection_id)


@shared_task
def watch_sessions() -> None:
    """Sends the next part of long profiles; ends sessions that never began."""
    now = timezone.now()
    follow_ups.send_due(now=now)
    sessions.invalidate_pending(now=now)
