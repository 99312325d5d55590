"""Metering: energy never falls, nothing measured is lost, nobody touches another's session."""

from decimal import Decimal

import pytest

from chargepoints import metering, sessions
from chargepoints.models import ChargingSession, MeterValue
from chargepoints.values import MeterFacts, Sample
from tests.support import factories
from tests.support.factories import NOW, at, reading, stop_facts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
RESET = "the energy register fell below its start or jumped: those readings do not count for kWh"


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


# --- metering -------------------------------------------------------------------------------------------------------


def test_kwh_is_what_the_register_gained_since_the_start(session):
    assert meter(session, reading(60, energy_wh="2234.5")).kwh == Decimal("1.2345")


def test_energy_never_falls(session):
    meter(session, reading(60, energy_wh=3000))
    after = meter(session, reading(120, energy_wh=2500))
    assert (after.kwh, after.notes) == (Decimal(2), [])


@pytest.mark.parametrize("register_wh", [999, 0, 1_001_000], ids=["below", "zero", "jump"])
def test_a_register_that_was_reset_does_not_count_and_is_noted_once(session, register_wh):
    meter(session, reading(60, energy_wh=3000))
    meter(session, reading(120, energy_wh=register_wh))
    after = meter(session, reading(180, energy_wh=register_wh))
    assert (after.kwh, after.notes) == (Decimal(2), [RESET])


def test_the_session_follows_the_newest_reading(session, heard):
    after = meter(
        session, reading(60, power_w=Decimal(7000), current_a=Decimal("10.25"), soc_percent=Decimal(40), phases=3),
        now=at(61),
    )  # fmt: skip
    assert (after.power_w, after.current_a, after.soc_percent, after.detected_phases) == (
        7000, Decimal("10.25"), 40, 3,
    )  # fmt: skip
    assert (after.measured_at, after.last_updated) == (at(60), at(61))
    assert heard.sessions == [(session.uid, "ACTIVE", False)]


def test_what_a_reading_does_not_say_stays_as_it_was(session):
    meter(session, reading(60, power_w=Decimal(7000), soc_percent=Decimal(40), phases=1))
    after = meter(session, reading(120, energy_wh=2000))
    assert (after.power_w, after.soc_percent, after.detected_phases, after.measured_at) == (7000, 40, 1, at(120))


def test_a_reading_out_of_order_counts_its_energy_but_is_not_the_newest(session):
    meter(session, reading(120, energy_wh=2000, power_w=Decimal(7000)))
    after = meter(session, reading(60, energy_wh=2500, power_w=Decimal(1)))
    assert (after.kwh, after.power_w, after.measured_at) == (Decimal("1.5"), 7000, at(120))


def test_the_readings_of_one_message_may_come_in_any_order(session):
    after = meter(session, reading(120, power_w=Decimal(2)), reading(60, power_w=Decimal(1)))
    assert (after.power_w, after.measured_at) == (2, at(120))
    assert MeterValue.objects.count() == 2


def test_every_reading_is_kept_exactly_as_it_was_sent(session):
    sample = Sample("Energy.Active.Import.Register", Decimal("1.5"), "1.50", "kWh", context="Transaction.Begin")
    full = sessions.Reading(measured_at=at(60), samples=(sample,), energy_wh=Decimal(1500))
    meter(session, full, now=at(61))
    kept = MeterValue.objects.get()
    assert (kept.session, kept.evse, kept.ocpp_transaction_id) == (session, session.evse, session.ocpp_transaction_id)
    assert (kept.measured_at, kept.received_at, kept.energy_wh) == (at(60), at(61), 1500)
    assert kept.samples == [
        {
            "measurand": "Energy.Active.Import.Register", "value": "1.50", "unit": "kWh",
            "context": "Transaction.Begin", "format": "Raw",
        }
    ]  # fmt: skip


def test_a_figure_beyond_all_meters_is_left_out_of_the_columns(session):
    after = meter(session, reading(60, energy_wh="99999999999.9999", power_w=Decimal("1e12"), soc_percent=Decimal(50)))
    kept = MeterValue.objects.get()
    assert (kept.energy_wh, kept.power_w, kept.soc_percent) == (None, None, 50)
    assert (after.kwh, after.power_w) == (0, None)


def test_meter_values_without_a_transaction_id_belong_to_the_open_session_of_their_evse(session):
    other = factories.session(factories.evse(session.charge_point, number=2), meter_start_wh=Decimal(0))
    after = meter(session, reading(60, energy_wh=2000), transaction_id=None, evse_id=1)
    other.refresh_from_db()
    assert (after.kwh, other.kwh) == (1, 0)
    assert MeterValue.objects.get().session == session


def test_meter_values_of_an_idle_evse_are_kept_without_a_session(session):
    stop(session)
    MeterValue.objects.all().delete()
    meter(session, reading(900, energy_wh=9000), transaction_id=None)
    kept = MeterValue.objects.get()
    assert (kept.session, kept.evse) == (None, session.evse)


def test_meter_values_of_the_charge_point_itself_are_kept_without_evse_and_session(session):
    meter(session, reading(60, energy_wh=9000), transaction_id=None, evse_id=0)
    kept = MeterValue.objects.get()
    assert (kept.session, kept.evse, kept.charge_point) == (None, None, session.charge_point)


def test_meter_values_of_an_unknown_transaction_are_kept_and_touch_no_session(session, heard):
    after = meter(session, reading(60, energy_wh=9000), transaction_id="77")
    assert (after.kwh, after.measured_at) == (0, None)
    assert (MeterValue.objects.get().session, MeterValue.objects.get().ocpp_transaction_id) == (None, "77")
    assert heard.sessions == []


def test_another_charge_points_transaction_id_changes_nothing(session, heard):
    stranger = factories.evse().charge_point
    metering.meter(stranger.pk, MeterFacts(1, session.ocpp_transaction_id, (reading(60, energy_wh=9000),)), now=at(60))
    sessions.stop(stranger.pk, stop_facts(session.ocpp_transaction_id), now=at(600))
    session.refresh_from_db()
    assert (session.state, session.kwh, session.ended_at) == ("ACTIVE", 0, None)
    assert set(MeterValue.objects.values_list("charge_point", "session")) == {(stranger.pk, None)}
    assert heard.sessions == []


def test_readings_after_the_end_are_kept_and_change_nothing(session, heard):
    ended = stop(session)
    heard.sessions.clear()
    after = meter(session, reading(900, energy_wh=9000, power_w=Decimal(5)), now=at(900))
    assert (after.kwh, after.power_w, after.last_updated) == (ended.kwh, ended.power_w, ended.last_updated)
    assert MeterValue.objects.filter(session=session, energy_wh=9000).exists()
    assert heard.sessions == []


def test_what_is_measured_under_a_refused_token_is_kept_but_no_session_grows(session):
    ChargingSession.objects.update(state="INVALID")
    after = meter(session, reading(60, energy_wh=2000))
    assert after.kwh == 0
    assert MeterValue.objects.get().session == session


# --- many at once ---------------------------------------------------------------------------------------------------


def report(point, transaction_id, *readings, evse_id=1, now=NOW) -> metering.MeterReport:
    return metering.MeterReport(point.pk, MeterFacts(evse_id, transaction_id, readings), now)


def test_in_one_batch_each_report_reaches_its_own_session_and_a_stranger_none(session, heard):
    other = factories.session(meter_start_wh=Decimal(0))
    metering.meter_all(
        [
            report(session.charge_point, session.ocpp_transaction_id, reading(60, energy_wh=2000)),
            report(other.charge_point, session.ocpp_transaction_id, reading(60, energy_wh=900_000)),
            report(other.charge_point, None, reading(60, energy_wh=3000)),
        ]
    )
    session.refresh_from_db()
    other.refresh_from_db()
    assert (session.kwh, other.kwh) == (1, 3)
    assert set(MeterValue.objects.values_list("session", "energy_wh")) == {
        (session.pk, 2000), (None, 900_000), (other.pk, 3000),
    }  # fmt: skip
    assert sorted(heard.sessions) == sorted([(session.uid, "ACTIVE", False), (other.uid, "ACTIVE", False)])


def test_two_reports_of_one_session_in_one_batch_both_count_and_are_told_once(session, heard):
    point, transaction_id = session.charge_point, session.ocpp_transaction_id
    metering.meter_all(
        [
            report(point, transaction_id, reading(120, energy_wh=4000, power_w=Decimal(2)), now=at(121)),
            report(point, None, reading(60, energy_wh=3000, power_w=Decimal(1)), now=at(122)),
        ]
    )
    session.refresh_from_db()
    assert (session.kwh, session.power_w, session.measured_at, session.last_updated) == (3, 2, at(120), at(122))
    assert heard.sessions == [(session.uid, "ACTIVE", False)]


def test_a_batch_takes_the_same_few_statements_however_large(session, django_assert_max_num_queries):
    places = [factories.session() for _ in range(20)]
    with django_assert_max_num_queries(10):
        metering.meter_all([report(s.charge_point, s.ocpp_transaction_id, reading(60, energy_wh=2000)) for s in places])
    assert MeterValue.objects.count() == 20
