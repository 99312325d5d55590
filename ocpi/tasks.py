"""Celery tasks: fetch an id, call a function. Each may run twice, or never: beat finds what is left."""

from celery import shared_task
from django.utils import timezone

from ocpi import callbacks, fail_safe, location_pushes, outbox, pushes, service_slots


@shared_task
def deliver_message(message_id: int) -> None:
    outbox.deliver(message_id, now=timezone.now())


@shared_task
def watch_outbox() -> None:
    """Delivers what is due, first: nothing that is wrong with one request may stop it. Then catches up."""
    now = timezone.now()
    outbox.watch(now=now)
    callbacks.catch_up(now=now)
    pushes.open_missing(now=now)
    fail_safe.watch(now=now)


@shared_task
def watch_locations() -> None:
    location_pushes.catch_up(now=timezone.now())


@shared_task
def watch_service_levels() -> None:
    service_slots.watch(now=timezone.now())
