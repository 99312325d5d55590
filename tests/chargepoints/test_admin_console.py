"""The command console: what is checked before a call is sent, who may send it, and how its answer is shown."""

import json
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from chargepoints import commands
from chargepoints.admin import console
from chargepoints.models import ChargePointCommand
from chargepoints.values import CommandOutcome, OutcomeStatus
from tests.support.operators import HOSTILE, act, client_of, make_charge_point

pytestmark = pytest.mark.django_db
OPERATE = "chargepoints.operate_chargepoint"


@pytest.fixture(autouse=True)
def quiet(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr("chargepoints.commands._ring", lambda *_: None)


@pytest.fixture
def client():
    return client_of("view", OPERATE)


def fill(client, charge_point, action: str, **fields: str):
    return client.post(console.url_of(charge_point), {"ocpp_action": action, "check": "yes", **fields}, follow=True)


def test_a_call_that_only_asks_is_sent_at_once(client):
    charge_point = make_charge_point()
    response = fill(client, charge_point, "GetConfiguration", **{"key.0": "HeartbeatInterval", "count:key": "1"})
    [command] = ChargePointCommand.objects.all()
    assert (command.kind, command.action, command.payload) == (
        "CALL",
        "GetConfiguration",
        {"key": ["HeartbeatInterval"]},
    )
    assert command.requested_by == "operator noor"
    assert response.redirect_chain[0][0].endswith(f"?ocpp_action=GetConfiguration&sent={command.pk}")
    assert "GetConfiguration" in LogEntry.objects.get().change_message


def test_a_call_that_changes_something_is_sent_only_after_it_was_confirmed(client):
    charge_point = make_charge_point()
    response = fill(client, charge_point, "Reset", type="Soft")
    assert ChargePointCommand.objects.count() == 0
    assert json.loads(response.context["to_confirm"]) == {"type": "Soft"}
    fill(client, charge_point, "Reset", raw=response.context["to_confirm"], confirm="yes")
    assert ChargePointCommand.objects.get().payload == {"type": "Soft"}


@pytest.mark.parametrize("confirm", [{}, {"confirm": "yes"}])
@pytest.mark.parametrize(
    ("fields", "where"),
    [({"type": "Hardest"}, "type"), ({}, "type"), ({"raw": '{"type": "Hardest"}'}, "raw"), ({"raw": "{"}, "raw")],
)
def test_nothing_is_sent_that_the_schema_forbids_confirmed_or_not(client, fields, where, confirm):
    response = fill(client, make_charge_point(), "Reset", **fields, **confirm)
    assert ChargePointCommand.objects.count() == 0
    errors = {node.path: node.errors for node in response.context["nodes"]} | {"raw": response.context["raw_error"]}
    assert errors[where]
    assert response.context["has_errors"]


def test_an_error_deep_in_the_form_stands_at_its_field(client):
    charge_point = make_charge_point(ocpp_version="2.0.1")
    response = fill(client, charge_point, "TriggerMessage", requestedMessage="Heartbeat", **{"evse.connectorId": "1"})
    [evse] = [node for node in response.context["nodes"] if node.path == "evse"]
    assert [(child.path, child.errors) for child in evse.children if child.errors] == [
        ("evse.id", ["evse.id is missing"])
    ]
    assert evse.is_open


def test_another_item_keeps_what_was_typed_and_sends_nothing(client):
    charge_point = make_charge_point()
    fields = {"ocpp_action": "GetConfiguration", "key.0": "One", "count:key": "1", "add": "key"}
    [keys] = client.post(console.url_of(charge_point), fields).context["nodes"]
    assert [item.value for item in keys.children] == ["One", ""]
    assert ChargePointCommand.objects.count() == 0


def test_a_call_of_another_version_or_of_a_charge_point_is_no_call(client):
    charge_point = make_charge_point()
    for action in ("SetVariables", "BootNotification", HOSTILE):
        response = fill(client, charge_point, action, raw="{}", confirm="yes")
        assert HOSTILE not in response.content.decode()
    assert ChargePointCommand.objects.count() == 0


def test_one_that_never_connected_says_why_nothing_can_be_sent(client):
    response = client.get(console.url_of(make_charge_point(ocpp_version="", online=False)))
    assert "it has never connected" in response.content.decode()


def test_who_may_not_operate_does_not_see_it():
    assert client_of("view").get(console.url_of(make_charge_point())).status_code == 403


def test_the_answer_is_shown_when_it_comes_without_its_secrets(client):
    charge_point = make_charge_point()
    fill(client, charge_point, "GetConfiguration")
    command = ChargePointCommand.objects.get()
    url, live = console.url_of(charge_point), {"live": "1", "sent": command.pk}
    before = client.get(url, live)
    assert "none yet" in before.content.decode()
    ChargePointCommand.objects.update(status="SENT", sent_at=timezone.now())
    secret = {"configurationKey": [{"key": "AuthorizationKey", "value": "hunter2hunter2"}, {"key": HOSTILE}]}
    commands.record_outcome(
        command.pk, CommandOutcome(OutcomeStatus.ACCEPTED, answer=secret), now=timezone.now() + timedelta(seconds=1)
    )
    after = client.get(url, live).content.decode()
    assert "ACCEPTED" in after
    assert "AuthorizationKey" in after
    assert "hunter2" not in after
    assert HOSTILE not in after
    assert client.get(url, live, headers={"if-none-match": client.get(url, live)["ETag"]}).status_code == 304


def test_what_the_system_asks_and_other_charge_points_is_not_in_the_history(client):
    charge_point, other = make_charge_point(), make_charge_point("DEMO-2")
    for where, by in ((charge_point, commands.SYSTEM), (other, "operator noor")):
        commands.request_call(
            charge_point=where, action="GetConfiguration", payload={}, requested_by=by, now=timezone.now()
        )
    assert client.get(console.url_of(charge_point)).context["calls"] == []


def test_the_page_of_the_charge_point_leads_to_it(client):
    charge_point = make_charge_point()
    response = act(client, "open_console", charge_point)
    assert response.redirect_chain[0][0] == console.url_of(charge_point)
