"""Which worker takes which task, and what it logs."""

import logging

import pytest
from celery.app.log import Logging

from chargepoints.tasks import dispatch_command
from cpo_backoffice.celery import app
from cpo_backoffice.embedded import WORKERS
from ocpi.tasks import deliver_message

pytestmark = pytest.mark.pure


def queues() -> dict[str, str]:
    """Of each of our tasks, as its publisher chooses it."""
    app.loader.import_default_modules()
    ours = (name for name in app.tasks if name.startswith(("chargepoints.", "ocpi.", "cpo_backoffice.")))
    return {name: app.amqp.router.route({}, name)["queue"].name for name in ours}


def test_a_slow_partner_delays_no_charge_point() -> None:
    """Deliveries wait for partners: nothing else stands behind them."""
    assert [name for name, queue in queues().items() if queue == "deliveries"] == [deliver_message.name]
    assert queues()[dispatch_command.name] == "commands"
    assert [worker["queues"] for worker in WORKERS] == [["commands", "periodic"], ["deliveries"]]


def test_every_task_goes_to_a_queue_that_an_embedded_worker_takes() -> None:
    taken = {queue for worker in WORKERS for queue in worker["queues"]}
    assert set(queues().values()) == taken


def test_everything_beat_rings_is_a_task() -> None:
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(queues())


def test_a_worker_logs_as_the_settings_say() -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    Logging(app).setup_logging_subsystem(loglevel="CRITICAL")
    assert (root.level, list(root.handlers)) == before
