"""What beat does for the product as a whole."""

from celery import shared_task
from django.utils import timezone

from cpo_backoffice import retention


@shared_task
def sweep() -> None:
    retention.sweep(now=timezone.now())
