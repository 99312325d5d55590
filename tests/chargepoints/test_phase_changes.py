"""A car on other phases than assumed: profiles in W are sent again, once, and no others."""

from decimal import Decimal

import pytest

from chargepoints import commands, metering
from chargepoints.models import ChargePointCommand, ChargingSession
from chargepoints.values import ChargingSchedule, MeterFacts, RateUnit
from tests.chargepoints.command_steps import ACCEPTED, PARTNER, ask, carry, installed, profile_of, send
from tests.support import factories
from tests.support.factories import NOW, at, reading, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
WATTS = schedule(3680, unit=RateUnit.WATT, start_at=NOW)


@pytest.fixture
def session(db):
    return factories.session(factories.evse(factories.charge_point(rate_units="A")))


def measure(session, *, seconds: float = 60, **fields) -> None:
    facts = MeterFacts(1, session.ocpp_transaction_id, (reading(seconds, **fields),))
    metering.meter(session.charge_point_id, facts, now=at(seconds))


def waiting() -> list[ChargePointCommand]:
    return list(ChargePointCommand.objects.filter(kind="SET_PROFILE", status="QUEUED"))


def limits(command: ChargePointCommand) -> list[tuple[Decimal, int | None]]:
    return [(p.limit, p.phases) for p in ChargingSchedule.from_json(command.payload["schedule"]).periods]


def test_a_single_phase_car_gets_its_whole_power(session):
    before = installed(session, WATTS)
    assert [(p.limit, p.phases) for p in before.applied_schedule.periods] == [(Decimal("5.3"), 3)]
    measure(session, phases=1)
    (command,) = waiting()
    assert (command.requested_by, limits(command)) == ("system", [(Decimal("16.0"), 1)])


def test_the_partner_is_told_by_the_plan_that_follows(session):
    installed(session, WATTS)
    measure(session, phases=1)
    carry(waiting()[0], ACCEPTED, now=at(61))
    assert ChargePointCommand.objects.filter(kind="GET_COMPOSITE", status="QUEUED").count() == 1
    assert profile_of(session).desired_schedule == WATTS


def test_the_same_phases_again_send_nothing(session):
    installed(session, WATTS)
    measure(session, phases=3)
    measure(session, seconds=120, phases=3)
    assert waiting() == []


def test_sessions_without_a_profile_cost_the_same_queries_however_many_begin(session, django_assert_num_queries):
    others = [factories.session() for _ in range(20)]
    reports = [
        metering.MeterReport(s.charge_point_id, MeterFacts(1, s.ocpp_transaction_id, (reading(60, phases=3),)), at(60))
        for s in (session, *others)
    ]
    with django_assert_num_queries(5):  # sessions; readings; new state; who is told; whose profile is for other phases
        metering.meter_all(reports)


def test_a_profile_in_amperes_needs_no_other_current(session):
    installed(session, schedule(16, start_at=NOW))
    measure(session, phases=1)
    assert waiting() == []


def test_a_profile_on_its_way_is_sent_for_the_phases_after_it_was_taken(session):
    command = ask(session, WATTS)
    send(command)
    ChargingSession.objects.update(detected_phases=1)
    assert waiting() == []
    carried = ChargePointCommand.objects.get(pk=command.pk)
    assert carried.status == "SENT"
    commands.record_outcome(command.pk, ACCEPTED, now=at(1))
    (again,) = waiting()
    assert limits(again) == [(Decimal("16.0"), 1)]


def test_a_partners_waiting_wish_is_not_superseded_by_ours(session):
    installed(session, WATTS)
    newer = ask(session, schedule(7360, unit=RateUnit.WATT, start_at=NOW))
    measure(session, phases=1)
    assert [command.pk for command in waiting()] == [newer.pk]
    assert newer.requested_by == PARTNER


def test_without_a_profile_nothing_is_sent(session):
    measure(session, phases=1)
    assert not ChargePointCommand.objects.exists()


# --- the offered current (OCPP 1.6 has no notification of limits) ----------------------------------------------------


def asked() -> int:
    return ChargePointCommand.objects.filter(kind="GET_COMPOSITE").count()


@pytest.mark.parametrize("quantity", ["offered_a", "offered_w"])
def test_another_offer_asks_for_the_plan_once(session, quantity):
    installed(session, WATTS)
    measure(session, **{quantity: Decimal(1600)})
    assert asked() == 0
    measure(session, seconds=120, **{quantity: Decimal(1000)})
    measure(session, seconds=180, **{quantity: Decimal(500)})
    assert asked() == 1


@pytest.mark.parametrize(("quantity", "later"), [("offered_a", "16.4"), ("offered_w", "90")])
def test_noise_in_the_offer_asks_nothing(session, quantity, later):
    installed(session, WATTS)
    measure(session, **{quantity: Decimal(16)})
    measure(session, seconds=120, **{quantity: Decimal(later)})
    assert asked() == 0
