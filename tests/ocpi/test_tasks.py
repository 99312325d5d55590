"""Celery may run a task twice, or never: a second run changes nothing, and beat finds what is left."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from chargepoints.models import ChargePointCommand
from cpo_backoffice.celery import app
from ocpi import callbacks, outbox, pushes, tasks
from ocpi.models import DeliveryAttempt, OutboxMessage, Party, ProfileRequest
from tests.support import location_steps
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

OURS = sorted(name for name in app.tasks if name.startswith("ocpi."))


def everything() -> Any:
    return make.snapshot(OutboxMessage, DeliveryAttempt, ProfileRequest, ChargePointCommand, Party)


def _result() -> OutboxMessage:
    request = make.accepted(make.party(), make.session())
    make.finish(request.command)
    return OutboxMessage.objects.get()


def _session() -> OutboxMessage:
    make.party()
    pushes.session_changed(make.session(), now=timezone.now())
    return OutboxMessage.objects.get()


def _active_profile() -> OutboxMessage:
    now = timezone.now()
    pushes.active_profile_changed(make.installed(make.party(), make.session()), make.plan(now=now), now=now)
    return OutboxMessage.objects.get()


@pytest.mark.parametrize("waiting", [_result, _session, _active_profile])
def test_delivering_a_message_twice_changes_nothing_the_second_time(partner: Partner, waiting: Callable[[], Any]):
    message = waiting()
    tasks.deliver_message(message.pk)
    before = everything()
    tasks.deliver_message(message.pk)
    message.refresh_from_db()
    assert (message.status, len(partner.requests)) == ("DELIVERED", 1)
    assert everything() == before


def test_watching_twice_changes_nothing_the_second_time(partner: Partner, enqueued):
    request = make.accepted(make.party(), make.session())
    ChargePointCommand.objects.update(status="FAILED")
    tasks.watch_outbox()
    assert ProfileRequest.objects.get(pk=request.pk).result == "REJECTED"
    before = everything()
    tasks.watch_outbox()
    assert everything() == before
    assert set(enqueued) == set(OutboxMessage.objects.values_list("pk", flat=True))


def test_watching_brings_what_a_lost_doorbell_left(partner: Partner, enqueued):
    message = _result()
    del enqueued[:]
    tasks.watch_outbox()
    assert enqueued == [message.pk]


def test_every_task_of_ocpi_is_tested_here():
    assert OURS == ["ocpi.tasks.deliver_message", "ocpi.tasks.watch_locations", "ocpi.tasks.watch_outbox",
                    "ocpi.tasks.watch_service_levels"]  # fmt: skip


def test_watching_locations_writes_what_partners_lack_and_rings_for_nothing(enqueued):
    """`watch_outbox` does, for each partner as much as it may take at once."""
    location_steps.listener()
    location_steps.evses()
    tasks.watch_locations()
    message = OutboxMessage.objects.get()
    assert (message.kind, message.status, enqueued) == ("LOCATION", "PENDING", [])


def test_a_request_that_cannot_be_concluded_does_not_stop_the_deliveries(monkeypatch, partner: Partner, enqueued):
    message = _result()
    del enqueued[:]

    def fail(**_: Any) -> None:
        raise RuntimeError("a row nobody understands")

    monkeypatch.setattr(callbacks, "catch_up", fail)
    with pytest.raises(RuntimeError):
        tasks.watch_outbox()
    assert enqueued == [message.pk]


@pytest.mark.django_db(transaction=True)
def test_a_message_is_enqueued_only_after_its_commit(monkeypatch):
    """The worker must find the row; nothing is rung for what was rolled back."""
    rung: list[Any] = []
    monkeypatch.undo()  # the recording queue
    monkeypatch.setattr(tasks.deliver_message, "apply_async", lambda args, **_: rung.append(args))
    with transaction.atomic():
        outbox.enqueue([7])
        assert rung == []
    assert rung == [(7,)]
    with transaction.atomic():
        outbox.enqueue([8])
        transaction.set_rollback(True)
    assert rung == [(7,)]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_fails_nobody(monkeypatch, caplog):
    def away(**_: Any) -> None:
        raise OSError("redis://:secret@broker is away")

    monkeypatch.undo()
    monkeypatch.setattr(tasks.deliver_message, "apply_async", away)
    outbox.enqueue([7])
    assert "broker away, beat will find ocpi.tasks.deliver_message(7,): OSError" in caplog.text
    assert "secret" not in caplog.text
