"""The end of a session: what it took with it, the same end again, and whose end it is."""

from decimal import Decimal

import pytest

from chargepoints import commands, metering, sessions
from chargepoints.models import ChargingSession, MeterValue
from chargepoints.values import AuthorizationStatus, MeterFacts
from tests.chargepoints.command_steps import ask, ask_composite, installed, profile_of, status_of
from tests.support import factories
from tests.support.factories import NOW, at, driver, reading, stop_facts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def session(db):
    return factories.session(meter_start_wh=Decimal(1000), started_at=NOW)


def meter(session, *readings, transaction_id="", evse_id=1, now=NOW) -> ChargingSession:
    facts = MeterFacts(evse_id, session.ocpp_transaction_id if transaction_id == "" else transaction_id, readings)
    metering.meter(session.charge_point_id, facts, now=now)
    return ChargingSession.objects.get(pk=session.pk)


def stop(session, *, now=None, transaction_id=None, **fields) -> ChargingSession:
    facts = stop_facts(session.ocpp_transaction_id if transaction_id is None else transaction_id, **fields)
    sessions.stop(session.charge_point_id, facts, now=now or at(600))
    return ChargingSession.objects.get(pk=session.pk)


def test_a_stop_completes_the_session_with_the_final_register(session, heard):
    after = stop(session, meter_stop_wh=Decimal("4000.5"), stopped_at=at(590), reason="EVDisconnected")
    assert (after.state, after.ended_at, after.stop_reason) == ("COMPLETED", at(590), "EVDisconnected")
    assert (after.kwh, after.meter_stop_wh) == (Decimal("3.0005"), Decimal("4000.5"))
    assert (after.power_w, after.current_a, after.last_updated) == (0, 0, at(600))
    assert heard.sessions == [(session.uid, "COMPLETED", True)]
    assert MeterValue.objects.get(session=session).energy_wh == Decimal("4000.5")


def test_the_readings_in_a_stop_count(session):
    after = stop(session, readings=(reading(300, energy_wh=6000),), meter_stop_wh=Decimal(5000))
    assert after.kwh == 5
    assert MeterValue.objects.filter(session=session).count() == 2


def test_a_final_register_below_what_was_measured_does_not_lower_the_energy(session):
    meter(session, reading(60, energy_wh=6000))
    assert stop(session, meter_stop_wh=Decimal(2000)).kwh == 5


def test_a_stop_without_a_believable_time_ends_now(session):
    assert stop(session, stopped_at=None, now=at(601)).ended_at == at(601)


def test_a_session_never_ends_before_it_began(session):
    assert stop(session, stopped_at=at(-5)).ended_at == NOW


def test_the_end_clears_the_profiles_and_rejects_what_still_waits(session, heard):
    installed(session)
    waiting, question = ask(session, factories.schedule(10)), ask_composite(session)
    call = commands.request_call(
        charge_point=session.charge_point, action="Reset", payload={}, requested_by="operator", now=NOW
    )
    heard.finished.clear()
    stop(session)
    profile = profile_of(session)
    assert (profile.state, profile.applied, profile.follow_up_at) == ("CLEARED", None, None)
    assert [status_of(waiting), status_of(question), status_of(call)] == ["REJECTED", "REJECTED", "QUEUED"]
    assert sorted(heard.finished) == [(waiting.pk, "REJECTED", False), (question.pk, "REJECTED", False)]


@pytest.mark.parametrize("state", ["ACTIVE", "INVALID"])
def test_a_second_stop_is_kept_and_noted_and_changes_nothing(session, heard, state):
    ChargingSession.objects.update(state=state)
    first = stop(session)
    heard.sessions.clear()
    second = stop(session, meter_stop_wh=Decimal(9000), stopped_at=at(900), reason="PowerLoss", now=at(900))
    assert (second.state, second.kwh, second.ended_at, second.meter_stop_wh, second.stop_reason) == (
        first.state, first.kwh, first.ended_at, first.meter_stop_wh, first.stop_reason,
    )  # fmt: skip
    assert second.notes == [*first.notes, "a second StopTransaction came: meter 9000 Wh, reason PowerLoss"]
    assert MeterValue.objects.filter(session=session, energy_wh=9000).exists()
    assert heard.sessions == []


def test_a_session_of_a_refused_token_stays_invalid_at_its_end(session):
    ChargingSession.objects.update(state="INVALID")
    after = stop(session, meter_stop_wh=Decimal(1500))
    assert (after.state, after.ended_at, after.kwh) == ("INVALID", at(600), Decimal("0.5"))


def test_the_end_of_an_unknown_transaction_is_kept_and_acknowledged(session):
    answer = sessions.stop(session.charge_point_id, stop_facts("77", id_token=""), now=at(600))
    assert answer is None
    kept = MeterValue.objects.get()
    assert (kept.session, kept.ocpp_transaction_id, kept.energy_wh) == (None, "77", 5000)
    session.refresh_from_db()
    assert session.state == "ACTIVE"


@pytest.mark.parametrize("unusable", ["", "0", "-1"])
def test_a_stop_without_a_usable_id_ends_the_drivers_only_open_session(session, unusable):
    assert stop(session, transaction_id=unusable, id_token="CARD").state == "COMPLETED"


def test_a_stop_without_a_usable_id_ends_nobodys_session_when_two_could_be_meant(session):
    factories.session(factories.evse(session.charge_point, number=2))
    assert stop(session, transaction_id="0", id_token="CARD").state == "ACTIVE"


def test_a_stop_without_a_usable_id_does_not_end_another_drivers_session(session):
    assert stop(session, transaction_id="0", id_token="OTHER").state == "ACTIVE"


@pytest.mark.parametrize(
    ("id_token", "answer"),
    [("CARD", AuthorizationStatus.ACCEPTED), ("NOBODY", AuthorizationStatus.INVALID), ("", None)],
)
def test_a_stop_is_answered_with_the_state_of_its_token_if_it_has_one(session, id_token, answer):
    driver("CARD")
    facts = stop_facts(session.ocpp_transaction_id, id_token=id_token)
    assert sessions.stop(session.charge_point_id, facts, now=at(600)) == answer


def test_a_final_register_below_an_earlier_reading_is_noted_and_kwh_stays(session):
    session.kwh = Decimal("9.5")
    session.save()
    ended = stop(session, meter_stop_wh=session.meter_start_wh + 2000)
    assert ended.kwh == Decimal("9.5")
    assert any("is below an earlier reading" in note for note in ended.notes)
