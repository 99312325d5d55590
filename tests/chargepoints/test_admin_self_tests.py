"""Self-tests on the operators' site: confirmed before they begin, watched step by step, stopped."""

import pytest
from django.db.models import F

from chargepoints.models import ChargePointCommand, ChargingSession, SmartChargingTest
from tests.support.operators import (
    act,
    client_of,
    install_profile,
    list_of,
    make_charge_point,
    make_session,
    messages_of,
    page,
)

pytestmark = pytest.mark.django_db
OPERATE = "chargepoints.operate_chargepoint"


@pytest.fixture(autouse=True)
def quiet(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr("chargepoints.commands._ring", lambda *_: None)


@pytest.fixture
def client():
    return client_of("view", OPERATE)


@pytest.mark.parametrize("of_charge_point", [False, True])
def test_it_names_the_session_before_it_begins_and_leads_to_its_page(client, of_charge_point):
    session = make_session(make_charge_point(max_stack_level=8))
    target = session.charge_point if of_charge_point else session
    asked = act(client, "self_test", target)
    [effect] = asked.context["effects"]
    assert "SetChargingProfile, 6 A per phase above all others, for 5 minutes at most." in " ".join(effect.words)
    assert session.uid in asked.content.decode()
    assert not ChargePointCommand.objects.exists()
    response = act(client, "self_test", target, confirmed=True)
    test = SmartChargingTest.objects.get()
    assert (response.redirect_chain[0][0], test.requested_by) == (page(test), "operator noor")
    assert ChargePointCommand.objects.get().kind == "SET_PROFILE"


def test_where_it_cannot_be_it_says_why_and_nothing_is_sent(client):
    session = make_session(make_charge_point(online=False))
    [effect] = act(client, "self_test", session).context["effects"]
    assert effect.words == ("Nothing: the charge point is offline.",)
    response = act(client, "self_test", session, confirmed=True)
    assert messages_of(response) == [f"DEMO-16, session {session}: nothing was sent, the charge point is offline."]
    assert not SmartChargingTest.objects.exists()


def test_without_a_car_that_charges_there_is_nothing_to_test(client):
    response = act(client, "self_test", make_charge_point())
    assert "no session runs there" in messages_of(response)[0]


def test_who_may_not_operate_can_neither_start_nor_stop_one(client):
    session = make_session()
    act(client, "self_test", session, confirmed=True)
    test, looker = SmartChargingTest.objects.get(), client_of("view", name="looker")
    act(looker, "self_test", make_session(make_charge_point("DEMO-2"), ocpp_transaction_id="1"), confirmed=True)
    act(looker, "stop_test", test)
    test.refresh_from_db()
    assert (SmartChargingTest.objects.count(), test.step) == (1, "SETTING")


def test_its_page_shows_what_was_found_and_what_is_to_come(client):
    session = make_session()
    act(client, "self_test", session, confirmed=True)
    test = SmartChargingTest.objects.get()
    found = [{"at": "2025-03-01T08:00:00+00:00", "step": "SETTING", "tone": "ok", "words": "It <accepted>."}]
    SmartChargingTest.objects.update(step="PLAN", findings=found)
    html = client.get(page(test), {"live": "1"}).content.decode()
    assert "It &lt;accepted&gt;." in html
    assert html.count(">now</span>") == 1
    assert html.count(">waits</span>") == 3
    assert client.get(list_of(SmartChargingTest)).status_code == 200


def test_it_can_be_stopped_from_its_page(client):
    act(client, "self_test", make_session(), confirmed=True)
    test = SmartChargingTest.objects.get()
    ChargePointCommand.objects.update(status="SENT")
    response = act(client, "stop_test", test)
    assert messages_of(response) == [f"{test}: its limit is taken away now."]
    test.refresh_from_db()
    assert test.step == "CLEARING"


def test_the_page_of_the_session_tells_of_it(client):
    session = make_session()
    install_profile(session, 11000, at=session.started_at)
    act(client, "self_test", session, confirmed=True)
    SmartChargingTest.objects.update(ended_at=F("created_at"), verdict="FAILED", step="DONE")
    threads = client.get(page(ChargingSession.objects.get())).context["timeline"].threads
    test = SmartChargingTest.objects.get()
    told = [[step.entry.title for step in thread.steps] for thread in threads]
    assert [f"Smart-charging {test} by operator noor", f"{test} ended"] in told
