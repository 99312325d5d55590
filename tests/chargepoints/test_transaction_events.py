"""A transaction told by events: when it is a session, whose, where, and what refuses or forgets it."""

from decimal import Decimal

import pytest

from chargepoints import metering, sessions, transaction_events
from chargepoints.models import ChargingSession, Evse
from chargepoints.values import AuthorizationStatus, ChargingSchedule, MeterFacts, StartFacts
from tests.chargepoints.command_steps import ask
from tests.chargepoints.event_steps import EVENT, ended, energy, event, started, updated
from tests.support import factories
from tests.support.factories import NOW, at, driver, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
ACCEPTED, BLOCKED, INVALID = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED, AuthorizationStatus.INVALID
CARD = {"id_token": "CARD", "authorizes": True}


@pytest.fixture
def point(db):
    driver("CARD", contract_id="NL-ABC-C1")
    driver("OTHER")
    driver("LOST", status="blocked")
    return factories.evse().charge_point


def take(point, facts, *, now=None):
    return transaction_events.take(point.pk, facts, now=now or facts.happened_at or NOW)


def the_session(**fields) -> ChargingSession:
    return ChargingSession.objects.get(**fields)


def state_after(point, *events) -> str:
    for facts in events:
        take(point, facts)
    return the_session().state


# --- when it is ACTIVE ----------------------------------------------------------------------------------------------


def test_a_transaction_of_an_authorised_driver_and_a_connected_car_is_an_active_session(point, heard):
    assert take(point, started(charging_state="Charging", connector_id=1, **CARD), now=at(2)) == ACCEPTED
    session = the_session()
    assert (session.charge_point, session.evse.ocpp_evse_id, session.state) == (point, 1, "ACTIVE")
    assert (session.ocpp_transaction_id, session.id_token, session.contract_id) == ("TX-1", "CARD", "NL-ABC-C1")
    assert (session.started_at, session.reported_start_at, session.last_updated) == (NOW, NOW, at(2))
    assert (session.connector, session.meter_start_wh, session.notes) == (session.evse.connectors.get(), None, [])
    assert heard.sessions == [(session.uid, "ACTIVE", True)]


def test_a_cable_without_a_driver_is_pending(point, heard):
    assert take(point, started(charging_state="EVConnected")) is None
    session = the_session()
    assert (session.state, session.id_token, session.started_at) == ("PENDING", "", NOW)
    assert heard.sessions == [(session.uid, "PENDING", True)]


def test_a_driver_without_a_cable_is_pending(point):
    assert state_after(point, started(charging_state="Idle", **CARD)) == "PENDING"


@pytest.mark.parametrize("state", ["EVConnected", "Charging", "SuspendedEV", "SuspendedEVSE"])
def test_a_late_token_makes_it_active_and_moves_its_start(point, heard, state):
    take(point, started(charging_state=state if state != "Charging" else "EVConnected"))
    assert take(point, updated(1, charging_state=state, seconds=90, **CARD)) == ACCEPTED
    session = the_session()
    assert (session.state, session.started_at, session.reported_start_at) == ("ACTIVE", at(90), NOW)
    assert (session.id_token, session.contract_id) == ("CARD", "NL-ABC-C1")
    assert [told[1] for told in heard.sessions] == ["PENDING", "ACTIVE"]


def test_a_cable_after_the_token_makes_it_active(point):
    events = started(charging_state="Idle", **CARD), updated(1, charging_state="EVConnected", seconds=40)
    assert state_after(point, *events) == "ACTIVE"
    assert the_session().started_at == at(40)


def test_a_state_is_said_only_when_it_changes(point):
    assert state_after(point, started(charging_state="EVConnected"), updated(1, **CARD)) == "ACTIVE"


def test_energy_that_flows_needs_no_other_sign(point):
    events = started(charging_state="EVConnected"), updated(1, charging_state="Charging", seconds=60)
    assert state_after(point, *events) == "ACTIVE"


def test_energy_that_is_measured_needs_no_other_sign(point):
    events = (
        started(readings=(energy(1000),)),
        updated(1, seconds=60, readings=(energy(1000, 60),)),
        updated(2, seconds=120, readings=(energy(1100, 120),)),
    )
    assert [state_after(point, facts) for facts in events] == ["PENDING", "PENDING", "ACTIVE"]
    assert the_session().started_at == at(120)


def test_a_charge_point_that_asks_nobody_needs_no_token(point):
    start = started(charging_state="EVConnected", authorizes=True, needs_no_token=True)
    assert take(point, start) == ACCEPTED
    assert (the_session().state, the_session().id_token) == ("ACTIVE", "")


def test_a_remote_start_is_told_as_a_command(point):
    take(point, started(charging_state="Charging", remote_start_id=7, **CARD))
    assert the_session().auth_method == "COMMAND"


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("token", "status"), [("LOST", BLOCKED), ("NOBODY", INVALID), ("", INVALID)])
def test_a_refused_token_makes_it_invalid(point, heard, token, status):
    assert take(point, started(charging_state="EVConnected", id_token=token, authorizes=True)) == status
    assert (the_session().state, the_session().id_token) == ("INVALID", token)
    assert heard.sessions == [(the_session().uid, "INVALID", True)]


def test_what_is_measured_after_a_refusal_is_kept_and_told_to_nobody(point, heard):
    refused = started(charging_state="EVConnected", id_token="LOST", authorizes=True, readings=(energy(1000),))
    take(point, refused)
    take(point, updated(1, charging_state="Charging", seconds=60, readings=(energy(1500, 60),)))
    session = the_session()
    assert (session.state, session.kwh, session.meter_values.count()) == ("INVALID", Decimal("0.5"), 2)
    assert len(heard.sessions) == 1
    take(point, ended(2, seconds=90))
    assert the_session().state == "INVALID"


def test_a_late_refusal_ends_what_was_only_pending(point):
    take(point, started(charging_state="EVConnected"))
    assert take(point, updated(1, id_token="LOST", authorizes=True)) == BLOCKED
    assert the_session().state == "INVALID"


def test_the_token_of_whoever_stops_changes_neither_driver_nor_state(point):
    take(point, started(charging_state="Charging", **CARD))
    assert take(point, updated(1, trigger="StopAuthorized", id_token="LOST", authorizes=True)) == BLOCKED
    assert take(point, updated(2, trigger="StopAuthorized", id_token="OTHER", authorizes=True)) == ACCEPTED
    assert (the_session().state, the_session().id_token) == ("ACTIVE", "CARD")


def test_a_token_accepted_after_a_refusal_begins_a_new_session_of_the_same_transaction(point, heard):
    take(point, started(charging_state="EVConnected", id_token="LOST", authorizes=True))
    refused = the_session()
    take(point, updated(1, seconds=30, charging_state="EVConnected", **CARD))
    session = the_session(ocpp_transaction_id="TX-1")
    refused.refresh_from_db()
    assert (session.state, session.id_token, session.started_at) == ("ACTIVE", "CARD", at(30))
    assert (refused.state, refused.ended_at, refused.ocpp_transaction_id) == ("INVALID", NOW, "")
    assert refused.notes == ["transaction TX-1 is another session from now on"]


def test_a_driver_who_comes_after_the_timer_begins_a_new_session(point, settings):
    settings.OCPI_PENDING_SESSION_TIMEOUT_S = 60
    take(point, started(charging_state="EVConnected"))
    assert sessions.invalidate_pending(now=at(61)) == 1
    timed_out = the_session()
    take(point, updated(1, seconds=70))
    assert the_session().state == "INVALID"
    take(point, updated(2, seconds=90, charging_state="EVConnected", **CARD))
    timed_out.refresh_from_db()
    assert (timed_out.state, timed_out.ended_at) == ("INVALID", at(61))
    assert the_session(ocpp_transaction_id="TX-1").state == "ACTIVE"


def test_an_old_event_that_comes_again_begins_nothing(point, settings):
    settings.OCPI_PENDING_SESSION_TIMEOUT_S = 60
    first = started(charging_state="Idle", **CARD)
    take(point, first)
    sessions.invalidate_pending(now=at(61))
    take(point, first, now=at(70))
    assert the_session().state == "INVALID"


def test_a_transaction_id_that_is_used_again_is_a_new_session(point):
    take(point, started(charging_state="Charging", **CARD))
    take(point, ended(1, seconds=60))
    first = the_session()
    take(point, started(seconds=90, charging_state="Charging", **CARD))
    second = the_session(ocpp_transaction_id="TX-1")
    first.refresh_from_db()
    assert (second.state, second.started_at, first.state) == ("ACTIVE", at(90), "COMPLETED")
    assert (first.ocpp_transaction_id, first.ended_at, first.last_updated) == ("", at(60), at(60))


# --- where ----------------------------------------------------------------------------------------------------------


def test_the_same_transaction_id_on_two_charge_points_is_two_sessions(point):
    other = factories.evse().charge_point
    for each in (point, other):
        take(each, started(charging_state="Charging", **CARD))
    take(point, ended(1, seconds=60))
    assert [the_session(charge_point=each).state for each in (point, other)] == ["COMPLETED", "ACTIVE"]


def test_two_evses_have_their_own_transactions(point):
    factories.evse(point, number=2)
    take(point, started(charging_state="Charging", **CARD))
    take(point, started(transaction_id="TX-2", evse_id=2, charging_state="Charging", **CARD))
    assert ChargingSession.objects.filter(state="ACTIVE").count() == 2


def test_an_evse_and_connector_that_nobody_entered_are_added(point):
    take(point, started(evse_id=3, connector_id=2, charging_state="Charging", **CARD))
    session = the_session()
    assert (session.evse.ocpp_evse_id, session.connector.ocpp_connector_id) == (3, 2)


def test_an_event_without_an_evse_is_of_the_only_one(point):
    take(point, started(evse_id=0, charging_state="Idle", **CARD))
    assert the_session().evse == point.evses.get()


def test_a_driver_who_authorises_before_plugging_in_is_placed_when_the_cable_is(point):
    factories.evse(point, number=2)
    forgotten = factories.session(Evse.objects.get(ocpp_evse_id=2))
    take(point, started(evse_id=0, charging_state="Idle", **CARD))
    assert the_session(ocpp_transaction_id="TX-1").evse.ocpp_evse_id == 0
    take(point, updated(1, evse_id=2, connector_id=1, charging_state="EVConnected", seconds=9))
    session = the_session(ocpp_transaction_id="TX-1")
    assert (session.evse.ocpp_evse_id, session.connector.evse.ocpp_evse_id, session.state) == (2, 2, "ACTIVE")
    forgotten.refresh_from_db()
    assert forgotten.state == "COMPLETED"


def test_later_events_need_no_evse_and_another_one_is_not_taken(point):
    factories.evse(point, number=2)
    take(point, started(charging_state="Charging", **CARD))
    take(point, updated(1, evse_id=0, seconds=5))
    take(point, updated(2, evse_id=2, connector_id=1, seconds=9))
    assert the_session().evse.ocpp_evse_id == 1
    assert the_session().notes == ["event 2 names EVSE 2: not taken"]


# --- what was never ended -------------------------------------------------------------------------------------------


def test_what_is_odd_about_every_event_does_not_fill_the_session(point, monkeypatch):
    monkeypatch.setattr(metering, "MOST_NOTES", 3)
    take(point, started(0, charging_state="Charging"))
    for number in range(1, 6):
        take(point, updated(number, evse_id=9, seconds=number))
    assert the_session().notes == [f"event {number} names EVSE 9: not taken" for number in (1, 2, 3)]


def test_a_transaction_ends_the_one_that_was_never_ended_on_its_evse(point, heard):
    take(point, started(charging_state="Charging", **CARD))
    take(point, started(transaction_id="TX-2", seconds=600, charging_state="Charging", **CARD))
    forgotten = the_session(ocpp_transaction_id="TX-1")
    assert (forgotten.state, forgotten.stop_reason) == ("COMPLETED", "Other")
    assert forgotten.notes == ["ended by the next transaction here: the charge point never sent its end"]
    assert the_session(ocpp_transaction_id="TX-2").state == "ACTIVE"


def test_a_forgotten_pending_one_has_never_been_a_session(point):
    take(point, started(charging_state="EVConnected"))
    take(point, started(transaction_id="TX-2", seconds=600, charging_state="Charging", **CARD))
    assert the_session(ocpp_transaction_id="TX-1").state == "INVALID"


def test_an_older_transaction_whose_news_come_late_ends_nothing(point):
    take(point, started(transaction_id="TX-2", seconds=600, charging_state="Charging", **CARD))
    take(point, started(transaction_id="TX-1", offline=True, charging_state="Charging", **CARD), now=at(700))
    take(point, ended(1, transaction_id="TX-1", offline=True, seconds=300), now=at(700))
    assert the_session(ocpp_transaction_id="TX-2").state == "ACTIVE"
    late = the_session(ocpp_transaction_id="TX-1")
    assert (late.state, late.started_at, late.ended_at) == ("COMPLETED", NOW, at(300))


def test_the_end_of_an_unknown_transaction_ends_no_other(point):
    take(point, started(charging_state="Charging", **CARD))
    take(point, ended(5, transaction_id="TX-0", seconds=600))
    assert the_session(ocpp_transaction_id="TX-1").state == "ACTIVE"


def test_an_evse_of_another_version_before_is_cleared_too(point):
    sessions.start(point.pk, StartFacts(1, "CARD", Decimal(0), at(-60)), now=at(-60))
    take(point, started(charging_state="Charging", **CARD))
    assert sorted(ChargingSession.objects.values_list("state", flat=True)) == ["ACTIVE", "COMPLETED"]


# --- without an id --------------------------------------------------------------------------------------------------


def test_an_event_without_a_usable_id_still_counts_for_the_evse(point):
    take(point, started(charging_state="Charging", readings=(energy(1000),), **CARD))
    take(point, event(EVENT.UPDATED, 1, transaction_id="", seconds=60, readings=(energy(1500, 60),)))
    assert (the_session().kwh, the_session().meter_values.count()) == (Decimal("0.5"), 2)


def test_meter_values_beside_the_events_count_for_the_transaction_on_their_evse(point):
    take(point, started(charging_state="Charging", **CARD))
    for register, seconds in ((7_000_000, 10), (7_000_800, 20)):
        metering.meter(point.pk, MeterFacts(1, None, (energy(register, seconds),)), now=at(seconds))
    session = the_session()
    assert (session.meter_start_wh, session.kwh, session.notes) == (7_000_000, Decimal("0.8"), [])


# --- profiles of a session that begins ------------------------------------------------------------------------------


def test_a_profile_counts_from_when_charging_became_possible_and_says_so_to_the_charge_point(point):
    """The charge point would count a relative one from the beginning of its transaction."""
    take(point, started(charging_state="EVConnected"))
    kept = ask(the_session(), schedule(6, 16))
    assert ChargingSchedule.from_json(kept.payload["schedule"]).start_at is None
    take(point, updated(1, charging_state="EVConnected", seconds=15, **CARD))
    kept.refresh_from_db()
    assert (kept.status, ChargingSchedule.from_json(kept.payload["schedule"]).start_at) == ("QUEUED", at(15))
    later = ask(the_session(), schedule(10), now=at(60))
    assert ChargingSchedule.from_json(later.payload["schedule"]).start_at == at(15)
    assert ChargingSchedule.from_json(later.payload["wish"]).start_at is None


def test_a_profile_of_a_session_that_began_with_its_transaction_stays_relative(point):
    take(point, started(charging_state="Charging", **CARD))
    assert ChargingSchedule.from_json(ask(the_session(), schedule(10)).payload["schedule"]).start_at is None


def test_a_kept_profile_is_on_the_evse_that_the_session_begins_on(point):
    take(point, started(charging_state="Idle", evse_id=0, **CARD))
    kept = ask(the_session(), schedule(6))
    take(point, updated(1, charging_state="EVConnected", evse_id=1, seconds=10))
    kept.refresh_from_db()
    assert kept.payload["evse_id"] == 1


def test_a_kept_profile_that_can_no_longer_be_sent_is_refused_with_the_reason(point):
    take(point, started(charging_state="EVConnected"))
    kept = ask(the_session(), schedule(6, duration_s=10, start_at=NOW))
    take(point, updated(1, charging_state="EVConnected", seconds=15, **CARD))
    kept.refresh_from_db()
    assert (kept.status, kept.detail.split(":")[0]) == ("REJECTED", "profile_in_the_past")
