"""Operators start a session: which EVSE, whose token, what is sent, and what is refused before."""

import pytest

from chargepoints.models import AuditEntry, ChargePointCommand, DriverToken
from tests.support import factories
from tests.support.operators import act, client_in, make_charge_point, make_session, messages_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def surroundings(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr("chargepoints.commands.mailbox.ring", lambda *_: None)


@pytest.fixture
def operator():
    return client_in("Operator")


@pytest.fixture
def driver():
    return factories.driver("CARD-1")


def start(client, point, *, evse=None, token="CARD-1"):
    where = evse or point.evses.get()
    return act(
        client, "remote_start", evse or point, confirmed=True, evse=where.pk, token=token, why="card reader is dead"
    )


def test_a_16_charge_point_is_asked_with_connector_and_id_tag(operator, driver):
    start(operator, make_charge_point())
    command = ChargePointCommand.objects.get()
    assert (command.action, command.payload) == ("RemoteStartTransaction", {"connectorId": 1, "idTag": "CARD-1"})
    assert (command.requested_by, command.status) == ("operator operator", "QUEUED")


@pytest.mark.parametrize(("kind", "as_told"), [("RFID", "ISO14443"), ("APP_USER", "Central")])
def test_a_201_charge_point_is_asked_with_evse_token_and_its_type(operator, kind, as_told):
    factories.driver("CARD-1", type=kind)
    point = make_charge_point("DEMO-201", ocpp_version="ocpp2.0.1")
    start(operator, point, evse=point.evses.get())
    command = ChargePointCommand.objects.get()
    request_id = command.payload.pop("remoteStartId")
    assert 0 < request_id < 2**31
    assert command.action == "RequestStartTransaction"
    assert command.payload == {"evseId": 1, "idToken": {"idToken": "CARD-1", "type": as_told}}


def test_it_asks_first_and_shows_what_runs_where(operator, driver):
    session = make_session()
    html = act(operator, "remote_start", session.charge_point).content.decode()
    assert f"EVSE 1: session {session} runs there" in html
    assert 'name="token"' in html
    assert not ChargePointCommand.objects.exists()


def test_who_started_why_and_where_is_in_the_audit_log(operator, driver):
    point = make_charge_point()
    start(operator, point, evse=point.evses.get())
    entry = AuditEntry.objects.get(action="Remote start")
    assert (entry.comment, entry.target, entry.outcome) == ("card reader is dead", "DEMO-16/1", "OPEN")


@pytest.mark.parametrize("status", ["blocked", "expired", None])
def test_a_token_that_is_not_accepted_starts_nothing(operator, status):
    if status:
        factories.driver("CARD-1", status=status)
    html = start(operator, make_charge_point()).content.decode()
    assert (f"This token is {status}" if status else "There is no driver&#x27;s token") in html
    assert not ChargePointCommand.objects.exists()


def test_an_evse_of_another_charge_point_is_no_choice(operator, driver):
    other = make_charge_point("OTHER").evses.get()
    act(operator, "remote_start", make_charge_point(), confirmed=True, evse=other.pk, token="CARD-1")
    assert not ChargePointCommand.objects.exists()


def test_where_a_session_runs_nothing_is_started(operator, driver):
    session = make_session()
    response = start(operator, session.charge_point)
    assert messages_of(response) == [f"DEMO-16/1: nothing was sent, session {session} runs there."]
    assert not ChargePointCommand.objects.exists()


@pytest.mark.parametrize(
    ("fields", "uid", "why"),
    [
        ({"online": False}, "CARD-1", "is offline"),
        ({"ocpp_version": ""}, "CARD-1", "it has never connected"),
        ({}, "X" * 21, "at most 20 characters"),
    ],
)
def test_what_cannot_work_is_not_asked_for(operator, fields, uid, why):
    DriverToken.objects.create(uid=uid)
    assert why in messages_of(start(operator, make_charge_point(**fields), token=uid))[0]
    assert not ChargePointCommand.objects.exists()


@pytest.mark.once
def test_sessions_are_started_one_by_one(operator, driver):
    response = act(operator, "remote_start", make_charge_point("A"), make_charge_point("B"))
    assert messages_of(response) == ["Start sessions one by one: select one."]
