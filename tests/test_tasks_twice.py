"""Brokers deliver a task more than once: whatever its first run leaves, its second run changes nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from chargepoints import doorbell
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, Evse, ServerProcess
from chargepoints.models.sessions import ChargingSession, MeterValue
from chargepoints.values import OutcomeStatus
from cpo_backoffice.celery import DoorbellTask, app
from ocpi.models import OutboxMessage, ProfileRequest
from ocpi.profile_requests import Kind
from tests.support import location_steps
from tests.support import ocpi_factories as factories
from tests.support.ocpi_factories import Partner

pytestmark = pytest.mark.django_db
app.autodiscover_tasks(force=True)
Rows = dict[str, list[dict[str, Any]]]

PLAN = {
    "start_date_time": "2026-01-05T12:00:00Z",
    "charging_profile": {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 11000}]},
}


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch) -> Partner:
    """Takes everything."""
    partner = Partner()
    monkeypatch.setattr("ocpi.client.send", partner)
    return partner


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(DoorbellTask, "_publish", lambda task, args: sent.append((task.name, *args)))
    monkeypatch.setattr(doorbell, "ring", lambda *args: None)
    return sent


def rows() -> Rows:
    models = [m for label in ("chargepoints", "ocpi") for m in apps.get_app_config(label).get_models()]
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


# --- what a task may find -------------------------------------------------------------------------------------------


def waiting_command() -> ChargePointCommand:
    """For a charge point that is connected."""
    request = factories.accepted(factories.party(), factories.session())
    assert request.command is not None
    return request.command


def dead_process_with_a_call_on_its_socket() -> None:
    command = waiting_command()
    ServerProcess.objects.create(channel_name="process-1", started_at=ago(600), alive_at=ago(300))
    ChargePointCommand.objects.filter(pk=command.pk).update(
        status="SENT", sent_at=ago(5), connection_id=factories.CONNECTION
    )


def overdue_command() -> None:
    ChargePointCommand.objects.filter(pk=waiting_command().pk).update(expires_at=ago(1))


def waiting_mail() -> None:
    waiting_command()


def long_profile_whose_next_part_is_due() -> None:
    command = waiting_command()
    ChargePointCommand.objects.filter(pk=command.pk).update(status="ACCEPTED", sent_at=ago(60), finished_at=ago(59))
    ChargingProfile.objects.filter(pk=command.profile_id).update(state="INSTALLED", follow_up_at=ago(1))


def session_that_never_began() -> None:
    factories.party()
    factories.session(state="PENDING", started_at=ago(100_000))


def outcome_without_its_result() -> None:
    ChargePointCommand.objects.filter(pk=waiting_command().pk).update(status="REJECTED", finished_at=ago(1))


def result_held_by_a_dead_worker() -> None:
    message = result_to_post()
    message.attempts.create(number=1, started_at=ago(20), sent_at=ago(20))
    OutboxMessage.objects.filter(pk=message.pk).update(status="SENDING", lease_until=ago(1))


def result_to_post() -> OutboxMessage:
    request = factories.accepted(factories.party(), factories.session())
    factories.finish(request.command)
    return factories.message(request.party, OutboxMessage.Kind.RESULT)


def plan_to_get() -> OutboxMessage:
    request = factories.accepted(factories.party(), factories.session(), Kind.GET)
    factories.finish(request.command, plan=factories.plan(now=timezone.now()))
    return factories.message(request.party, OutboxMessage.Kind.RESULT)


def session_to_push() -> OutboxMessage:
    party, session = factories.party(), factories.session()
    return OutboxMessage.objects.create(
        kind="SESSION", party=party, session=session, due_at=ago(1), created_at=ago(1)
    )  # fmt: skip


def active_profile_to_push() -> OutboxMessage:
    party, session = factories.party(), factories.session()
    factories.installed(party, session)
    return OutboxMessage.objects.create(
        kind="ACTIVE_PROFILE", party=party, session=session, body=PLAN, due_at=ago(1), created_at=ago(1)
    )


def location_that_a_party_has_not() -> None:
    location_steps.listener()
    location_steps.evses(2)


def location_to_push() -> OutboxMessage:
    location_that_a_party_has_not()
    app.tasks["ocpi.tasks.watch_locations"]()
    return OutboxMessage.objects.get()


def status_to_push() -> OutboxMessage:
    app.tasks["ocpi.tasks.deliver_message"](location_to_push().pk)
    evse = Evse.objects.order_by("pk")[0]
    location_steps.say(evse, "Charging", now=ago(9))
    return OutboxMessage.objects.get(evse=evse)


def meter_value_of_long_ago() -> None:
    point, at = factories.session().charge_point, timezone.now() - timedelta(days=5000)
    MeterValue.objects.create(charge_point=point, measured_at=at, received_at=at)


FOUND: list[tuple[str, Callable[[], Any]]] = [
    ("chargepoints.tasks.dispatch_command", waiting_command),
    ("chargepoints.tasks.watch_commands", dead_process_with_a_call_on_its_socket),
    ("chargepoints.tasks.watch_commands", overdue_command),
    ("chargepoints.tasks.watch_commands", waiting_mail),
    ("chargepoints.tasks.watch_sessions", long_profile_whose_next_part_is_due),
    ("chargepoints.tasks.watch_sessions", session_that_never_began),
    ("cpo_backoffice.tasks.sweep", meter_value_of_long_ago),
    ("ocpi.tasks.deliver_message", result_to_post),
    ("ocpi.tasks.deliver_message", plan_to_get),
    ("ocpi.tasks.deliver_message", session_to_push),
    ("ocpi.tasks.deliver_message", active_profile_to_push),
    ("ocpi.tasks.deliver_message", location_to_push),
    ("ocpi.tasks.deliver_message", status_to_push),
    ("ocpi.tasks.watch_service_levels", outcome_without_its_result),
    ("ocpi.tasks.watch_locations", location_that_a_party_has_not),
    ("ocpi.tasks.watch_outbox", outcome_without_its_result),
    ("ocpi.tasks.watch_outbox", result_held_by_a_dead_worker),
]
# Rings at doors: they leave no trace in any row, however often.
RINGS = {waiting_command, waiting_mail}


def test_every_task_of_ours_is_tried_here():
    ours = {name for name in app.tasks if name.startswith(("chargepoints.", "ocpi.", "cpo_backoffice."))}
    assert ours == {name for name, _ in FOUND}


@pytest.mark.parametrize(("name", "find"), FOUND, ids=lambda value: getattr(value, "__name__", str(value)))
def test_the_second_run_of_a_task_changes_nothing(
    name: str, find: Callable[[], Any], partner: Partner, published: list[tuple[Any, ...]]
):
    found = find()
    arguments = (found.pk,) if found is not None else ()
    before = rows()
    app.tasks[name](*arguments)
    once, sent_once = rows(), len(partner.requests)
    assert (once == before) == (find in RINGS)
    app.tasks[name](*arguments)
    assert rows() == once
    assert len(partner.requests) == sent_once


def test_a_result_is_posted_once_however_often_and_by_whomever_it_is_delivered(partner: Partner, published: list[Any]):
    message = result_to_post()
    for _ in range(2):
        app.tasks["ocpi.tasks.deliver_message"](message.pk)
        app.tasks["ocpi.tasks.watch_outbox"]()
    assert [request.method for request in partner.requests if request.url == message.url] == ["POST"]
    assert message.attempts.count() == 1


def test_the_ends_that_beat_brings_are_told_once(published: list[Any]):
    overdue_command()
    for _ in range(2):
        app.tasks["chargepoints.tasks.watch_commands"]()
        app.tasks["ocpi.tasks.watch_outbox"]()
    request = ProfileRequest.objects.get()
    assert (request.result, request.command.status) == ("REJECTED", OutcomeStatus.EXPIRED)
    assert OutboxMessage.objects.filter(kind="RESULT").count() == 1
    assert ChargePoint.objects.get().is_online
    assert ChargingSession.objects.get().state == "ACTIVE"
