"""Actions on sessions and charge points: permission, confirmation, effect, message, history."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from chargepoints.models import ChargePointCommand, ChargingProfile, Connector
from chargepoints.values import OutcomeStatus
from tests.support.operators import (
    HOSTILE,
    act,
    answer,
    ask_profile,
    client_of,
    install_profile,
    list_of,
    make_charge_point,
    make_session,
    messages_of,
    page,
    schedule,
)

pytestmark = pytest.mark.django_db
OPERATE = "chargepoints.operate_chargepoint"
STEER = "chargepoints.steer_session"
SESSION_ACTIONS = ["push_profile_again", "clear_profile", "fetch_active_profile", "remote_stop"]
CHARGE_POINT_ACTIONS = ["trigger_message", "refresh_capabilities", "soft_reset"]


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.fixture(autouse=True)
def rung(monkeypatch):
    ids = []
    monkeypatch.setattr("chargepoints.commands.mailbox.ring", ids.append)
    return ids


@pytest.fixture
def operator():
    return client_of("view", OPERATE, STEER)


@pytest.fixture
def session():
    return make_session()


def last_command():
    return ChargePointCommand.objects.latest("id")


def uncertain_profile(session):
    profile = install_profile(session, 11000, at=timezone.now())
    ChargingProfile.objects.filter(pk=profile.pk).update(state="UNCERTAIN")
    return profile


# --- permission -----------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_who_may_only_view_sees_no_action_and_no_button(session):
    viewer = client_of("view")
    for obj, actions in [(session, SESSION_ACTIONS), (session.charge_point, CHARGE_POINT_ACTIONS)]:
        for url in (list_of(obj), page(obj)):
            html = viewer.get(url).content.decode()
            assert not [action for action in actions if f'value="{action}"' in html]


@pytest.mark.once
@pytest.mark.parametrize("action", SESSION_ACTIONS)
def test_who_may_only_view_cannot_act_by_a_made_up_post(action, session):
    uncertain_profile(session)
    before = ChargePointCommand.objects.count()
    act(client_of("view"), action, session, confirmed=True)
    assert ChargePointCommand.objects.count() == before
    assert not LogEntry.objects.exists()


@pytest.mark.once
def test_an_operator_has_every_action_as_a_button(operator, session):
    html = operator.get(page(session)).content.decode()
    assert all(f'value="{action}"' in html for action in SESSION_ACTIONS)
    html = operator.get(page(session.charge_point)).content.decode()
    assert all(f'value="{action}"' in html for action in CHARGE_POINT_ACTIONS)


# --- confirmation ---------------------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("action", ["push_profile_again", "clear_profile", "remote_stop"])
def test_what_changes_a_charger_asks_first_and_sends_nothing(action, operator, session, rung):
    uncertain_profile(session)
    rung.clear()
    response = act(operator, action, session)
    assert response.templates[0].name == "admin/confirm_action.html"
    assert 'name="confirm"' in response.content.decode()
    assert rung == []


@pytest.mark.once
def test_reset_asks_first(operator, rung):
    response = act(operator, "soft_reset", make_charge_point())
    assert "It ends its transactions or waits for their end" in response.content.decode()
    assert rung == []


def test_more_than_a_hundred_at_once_are_refused(operator, rung, monkeypatch):
    monkeypatch.setattr("chargepoints.admin.confirmation.AT_ONCE", 1)
    response = act(operator, "soft_reset", make_charge_point("A"), make_charge_point("B"), confirmed=True)
    assert messages_of(response) == ["More than 1 were selected. Nothing was done: select at most 1 at once."]
    assert rung == []


@pytest.mark.once
def test_the_answer_goes_back_to_the_page_of_the_button(operator, session):
    response = act(operator, "fetch_active_profile", session, next=page(session))
    assert response.redirect_chain == [(page(session), 302)]


@pytest.mark.once
def test_a_foreign_way_back_is_not_followed(operator, session):
    response = act(operator, "fetch_active_profile", session, next="https://evil.example/")
    assert response.redirect_chain == [(list_of(session), 302)]


# --- push profile again ---------------------------------------------------------------------------------------------


def test_push_again_says_before_what_it_will_send(operator, session):
    uncertain_profile(session)
    html = act(operator, "push_profile_again", session).content.decode()
    assert "SetChargingProfile of NL*JED: 11000 W in total from 2025-03-01 08:00:00 UTC" in html


def test_push_again_queues_the_desired_schedule_in_the_name_of_its_owner(operator, session, settings):
    profile = uncertain_profile(session)
    response = act(operator, "push_profile_again", session, confirmed=True)
    command = last_command()
    assert (command.kind, command.status, command.requested_by) == ("SET_PROFILE", "QUEUED", "operator noor")
    assert command.profile == profile
    assert command.expires_at - command.created_at == timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S)
    link = f'<a href="{page(command)}">command {command.pk}</a>'
    assert messages_of(response) == [f"DEMO-16: SetChargingProfile queued as {link}"]
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("noor", str(session.pk))
    assert entry.change_message == f"DEMO-16: SetChargingProfile queued as command {command.pk}"


def test_push_again_of_what_is_installed_exactly_says_so_and_sends_nothing(operator, session):
    install_profile(session, 11000, at=timezone.now())
    assert "exactly this is installed already" in act(operator, "push_profile_again", session).content.decode()
    response = act(operator, "push_profile_again", session, confirmed=True)
    assert last_command().sent_at is None
    assert "is ACCEPTED at once, already installed exactly so: not sent again" in messages_of(response)[0]


def test_push_again_that_does_not_fit_says_why_and_writes_no_command(operator, session):
    uncertain_profile(session)
    before = ChargePointCommand.objects.count()
    profile = ChargingProfile.objects.get()
    profile.desired = {**schedule(11000).to_json(), "duration_s": 60}
    profile.save()
    response = act(operator, "push_profile_again", session, confirmed=True)
    assert messages_of(response)[0].startswith(
        "DEMO-16: nothing was sent. The schedule does not fit (profile_in_the_past):"
    )
    assert ChargePointCommand.objects.count() == before


def test_push_again_does_not_bring_back_what_its_owner_cleared(operator, session):
    from chargepoints.commands import request_clear_profile

    now = timezone.now()
    install_profile(session, 11000, at=now)
    request_clear_profile(session=session, owner="NL*JED", requested_by="NL*JED", now=now, expires_at=now)
    response = act(operator, "push_profile_again", session, confirmed=True)
    assert "nobody wants a charging profile on it now" in messages_of(response)[0]
    assert last_command().kind == "CLEAR_PROFILE"


def test_push_again_brings_back_what_an_operator_cleared(operator, session):
    install_profile(session, 11000, at=timezone.now())
    act(operator, "clear_profile", session, confirmed=True)
    answer(last_command(), OutcomeStatus.ACCEPTED, at=timezone.now())
    act(operator, "push_profile_again", session, confirmed=True)
    assert last_command().kind == "SET_PROFILE"


@pytest.mark.parametrize("action", ["push_profile_again", "fetch_active_profile", "remote_stop"])
def test_nothing_is_sent_for_a_session_that_is_over(action, operator, session, rung):
    ask_profile(session, 11000, at=timezone.now())
    session.state = "COMPLETED"
    session.save()
    rung.clear()
    response = act(operator, action, session, confirmed=True)
    assert messages_of(response) == [f"DEMO-16, session {session}: nothing was sent, the session is COMPLETED."]
    assert rung == []


def test_an_offline_charge_point_is_named_with_the_time_its_command_expires(operator):
    session = make_session(make_charge_point(online=False))
    response = act(operator, "fetch_active_profile", session)
    deadline = f"{last_command().expires_at:%Y-%m-%d %H:%M:%S} UTC"
    assert f"but the charge point is offline: it expires at {deadline}" in messages_of(response)[0]


# --- clear, fetch, stop ---------------------------------------------------------------------------------------------


def test_clear_sends_one_command_for_each_profile_that_is_set(operator, session):
    for owner in ("NL*JED", "NL*XYZ"):
        install_profile(session, 11000, at=timezone.now(), owner=owner)
    ChargingProfile.objects.filter(owner="NL*XYZ").update(state="CLEARED")
    html = act(operator, "clear_profile", session).content.decode()
    assert "ClearChargingProfile of NL*JED" in html
    assert "NL*XYZ" not in html
    act(operator, "clear_profile", session, confirmed=True)
    cleared = ChargePointCommand.objects.filter(kind="CLEAR_PROFILE")
    assert [(c.profile.owner, c.requested_by, c.status) for c in cleared] == [("NL*JED", "operator noor", "QUEUED")]


def test_fetch_asks_for_the_composite_schedule_without_confirmation(operator, session, settings):
    act(operator, "fetch_active_profile", session)
    command = last_command()
    assert command.action == "GetCompositeSchedule"
    assert command.payload == {"evse_id": 1, "duration_s": settings.OCPI_ACTIVE_PROFILE_DURATION_S, "unit": None}


def test_remote_stop_names_the_transaction_as_a_number(operator, session):
    act(operator, "remote_stop", session, confirmed=True)
    command = last_command()
    assert (command.action, command.payload, command.session) == (
        "RemoteStopTransaction",
        {"transactionId": 4711},
        session,
    )


def test_remote_stop_without_a_transaction_number_is_refused(operator, rung):
    response = act(operator, "remote_stop", make_session(ocpp_transaction_id=HOSTILE), confirmed=True)
    assert "is not a number, as OCPP 1.6 needs" in messages_of(response)[0]
    assert HOSTILE not in response.content.decode()
    assert rung == []


# --- charge points --------------------------------------------------------------------------------------------------


def test_trigger_message_sends_the_chosen_message_for_the_connector(operator):
    charge_point = make_charge_point()
    act(operator, "trigger_message", charge_point, confirmed=True, message="MeterValues", evse_id="2")
    command = last_command()
    assert (command.action, command.payload) == (
        "TriggerMessage",
        {"requestedMessage": "MeterValues", "connectorId": 2},
    )
    assert LogEntry.objects.get().object_id == str(charge_point.pk)


def test_a_heartbeat_is_triggered_without_a_connector(operator):
    act(operator, "trigger_message", make_charge_point(), confirmed=True, message="Heartbeat", evse_id="2")
    assert last_command().payload == {"requestedMessage": "Heartbeat"}


@pytest.mark.once
@pytest.mark.parametrize("wrong", [{"message": "Nonsense"}, {"message": "MeterValues", "evse_id": "0"}])
def test_a_wrong_choice_shows_the_form_again_and_sends_nothing(wrong, operator, rung):
    response = act(operator, "trigger_message", make_charge_point(), confirmed=True, **wrong)
    assert "errorlist" in response.content.decode()
    assert rung == []


def test_refresh_capabilities_reads_the_smart_charging_keys(operator):
    act(operator, "refresh_capabilities", make_charge_point())
    command = last_command()
    assert command.action == "GetConfiguration"
    assert "ChargingScheduleAllowedChargingRateUnit" in command.payload["key"]


def test_reset_is_soft(operator):
    act(operator, "soft_reset", make_charge_point(), confirmed=True)
    assert (last_command().action, last_command().payload) == ("Reset", {"type": "Soft"})


@pytest.mark.once
@pytest.mark.parametrize(("version", "why"), [("", "it has never connected"), ("ocpp9.9", "with OCPP ocpp9.9")])
def test_a_charge_point_of_another_version_gets_no_call(version, why, operator, rung):
    response = act(operator, "soft_reset", make_charge_point(ocpp_version=version), confirmed=True)
    assert why in messages_of(response)[0]
    assert rung == []


# --- the same on OCPP 2.0.1 -----------------------------------------------------------------------------------------


@pytest.fixture
def modern():
    return make_charge_point(ocpp_version="2.0.1")


def test_remote_stop_names_the_transaction_as_the_charge_point_did(operator, modern):
    act(operator, "remote_stop", make_session(modern, ocpp_transaction_id="a1b2-TX"), confirmed=True)
    assert (last_command().action, last_command().payload) == ("RequestStopTransaction", {"transactionId": "a1b2-TX"})


def test_a_status_is_triggered_for_each_connector(operator, modern):
    Connector.objects.create(evse=modern.evses.get(), ocpp_connector_id=2)
    act(operator, "trigger_message", modern, confirmed=True, message="StatusNotification")
    asked = ChargePointCommand.objects.filter(action="TriggerMessage").order_by("pk")
    assert [command.payload["evse"] for command in asked] == [
        {"id": 1, "connectorId": 1}, {"id": 1, "connectorId": 2},
    ]  # fmt: skip


def test_a_status_of_an_evse_nobody_knows_is_not_triggered(operator, modern, rung):
    response = act(operator, "trigger_message", modern, confirmed=True, message="StatusNotification", evse_id="9")
    assert "no connector of it is known" in messages_of(response)[0]
    assert rung == []


def test_capabilities_are_asked_of_the_device_model(operator, modern):
    act(operator, "refresh_capabilities", modern)
    assert last_command().action == "GetVariables"
    assert {"name": "SmartChargingCtrlr"} in [q["component"] for q in last_command().payload["getVariableData"]]


def test_a_reset_waits_until_the_charge_point_is_idle(operator, modern):
    act(operator, "soft_reset", modern, confirmed=True)
    assert (last_command().action, last_command().payload) == ("Reset", {"type": "OnIdle"})
