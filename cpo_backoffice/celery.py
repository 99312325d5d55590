"""The Celery application: a doorbell for workers. No result backend: results are rows. Never eager."""

import logging
import os
from functools import partial
from typing import Any

from celery import Celery, Task, signals
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpo_backoffice.settings")

from django.conf import settings

RING_LASTS_S = 30  # beat rings again, so that old rings need not pile up behind busy workers
logger = logging.getLogger(__name__)


class DoorbellTask(Task):
    abstract = True

    def enqueue(self, *args: Any) -> None:
        """Publishes after the commit of the current transaction. A broker that is away loses nothing but time."""
        transaction.on_commit(partial(self._publish, args))

    def _publish(self, args: tuple[Any, ...]) -> None:
        try:
            self.apply_async(args=args, expires=RING_LASTS_S)
        except Exception as error:  # whatever the broker's client raises: beat finds the row
            logger.warning("broker away, beat will find %s%s: %s", self.name, args, type(error).__name__)


app = Celery("cpo_backoffice", task_cls=DoorbellTask)
app.conf.update(
    broker_url=settings.REDIS_URL or "memory://localhost/",
    # memory://: the default polling adds a second to everything; redis: no publisher waits for a dead broker
    broker_transport_options=(
        {"socket_timeout": 5, "socket_connect_timeout": 2} if settings.REDIS_URL else {"polling_interval": 0.01}
    ),
    broker_connection_retry_on_startup=True,
    task_publish_retry=False,
    task_ignore_result=True,
    task_default_queue="periodic",
    task_routes={
        "chargepoints.tasks.dispatch_command": {"queue": "commands"},
        "ocpi.tasks.deliver_message": {"queue": "deliveries"},  # waits for partners, so never ahead of a charge point
    },
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    timezone="UTC",
    beat_scheduler="celery.beat:Scheduler",  # in memory: nothing it does needs yesterday's state
    beat_schedule={
        "commands": {"task": "chargepoints.tasks.watch_commands", "schedule": 2.0, "options": {"expires": 10}},
        "self-tests": {"task": "chargepoints.tasks.watch_self_tests", "schedule": 3.0, "options": {"expires": 10}},
        "outbox": {"task": "ocpi.tasks.watch_outbox", "schedule": 2.0, "options": {"expires": 10}},
        "locations": {"task": "ocpi.tasks.watch_locations", "schedule": 20.0, "options": {"expires": 30}},
        "service levels": {"task": "ocpi.tasks.watch_service_levels", "schedule": 30.0, "options": {"expires": 30}},
        "sessions": {"task": "chargepoints.tasks.watch_sessions", "schedule": 10.0, "options": {"expires": 30}},
        "retention": {"task": "cpo_backoffice.tasks.sweep", "schedule": 60.0, "options": {"expires": 60}},
    },
)
app.autodiscover_tasks()


@signals.setup_logging.connect
def _keep_djangos_logging(**_: Any) -> None:
    """Celery's own set-up would raise the root logger to WARNING: deliveries would leave no line."""
