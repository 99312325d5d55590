"""A profile that was cleared and is planned all the same: cleared again a few times, then a visible drift."""

from datetime import timedelta

import pytest

from chargepoints import capping, observation
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile
from chargepoints.values import RateUnit
from tests.chargepoints.command_steps import ask, ask_clear, profile_of
from tests.chargepoints.limit_steps import installed_limit
from tests.chargepoints.model_charger import NONE_SUCH, YES, ModelCharger
from tests.support import factories
from tests.support.factories import NOW, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def session(db):
    return factories.session(factories.evse(factories.charge_point(rate_units="A", tells_plans=True)))


@pytest.fixture
def charger(session):
    """With 16 A installed."""
    charger = ModelCharger(session)
    ask(session, schedule(16, start_at=NOW))
    charger.serve()
    assert profile_of(session).state == "INSTALLED"
    return charger


def cleared(charger, answer=YES) -> ChargingProfile:
    """By its owner; `answer` with nothing done, None: honestly."""
    charger.keeps = answer
    ask_clear(charger.session, now=charger.now)
    charger.serve()
    return profile_of(charger.session)


FINDING = "it was cleared, and is planned all the same: 16 A"


@pytest.mark.parametrize("answer", [YES, NONE_SUCH])
def test_a_clear_that_is_not_done_is_repeated_and_ends_as_drift_with_its_reason(charger, session, settings, answer):
    profile = cleared(charger, answer)
    assert (profile.state, profile.applied, profile.finding) == ("DRIFTED", None, FINDING)
    assert charger.clears == 1 + settings.OCPP_PROFILE_CORRECTIONS
    assert len(charger.sets) == 1


def test_a_clear_that_is_done_is_not_repeated(charger):
    profile = cleared(charger, None)
    assert (profile.state, profile.corrections, profile.finding, charger.clears) == ("CLEARED", 0, "", 1)


def test_a_clear_that_is_done_the_second_time_leaves_no_trace(charger, session):
    charger.keeps = YES
    ask_clear(session)
    charger.serve_one()
    charger.keeps = None
    charger.serve()
    profile = profile_of(session)
    assert (profile.state, profile.corrections, profile.finding, charger.clears) == ("CLEARED", 0, "", 2)


def test_a_drift_after_a_clear_stays_as_it_is_through_plans_reboots_and_beat(charger, session, settings):
    cleared(charger)
    charger.reboot(forgets=False)
    for _ in range(3):
        charger.serve()
        charger.beat()
    assert (profile_of(session).state, profile_of(session).finding) == ("DRIFTED", FINDING)
    assert charger.clears == 1 + settings.OCPP_PROFILE_CORRECTIONS


def test_a_drift_after_a_clear_ends_when_the_plan_no_longer_shows_it(charger, session):
    cleared(charger)
    charger.reboot(forgets=True)
    charger.serve()
    profile = profile_of(session)
    assert (profile.state, profile.finding, len(charger.sets)) == ("CLEARED", "", 1)


def test_a_new_wish_after_a_drifted_clear_is_installed(charger, session):
    cleared(charger)
    ask(session, schedule(10, start_at=NOW))
    charger.serve()
    profile = profile_of(session)
    assert (profile.state, profile.corrections, profile.finding) == ("INSTALLED", 0, "")


def test_a_plan_that_is_low_for_another_reason_is_nobodys_drift(charger, session):
    charger.profiles[99] = (0, schedule(10, start_at=NOW))
    profile = cleared(charger, None)
    assert (profile.state, profile.finding, charger.clears) == ("CLEARED", "", 1)


def test_where_an_operators_limit_is_what_the_plan_shows_nothing_is_cleared_again(charger, session):
    installed_limit(session.charge_point, 16, now=charger.now)
    charger.profiles[99] = (0, schedule(16, start_at=NOW))
    profile = cleared(charger, None)
    assert (profile.state, profile.finding, charger.clears) == ("CLEARED", "", 1)


def test_where_another_partys_profile_is_what_the_plan_shows_nothing_is_cleared_again(charger, session):
    ask(session, schedule(16, start_at=NOW), owner="NL*OTH")
    charger.serve()
    profile = cleared(charger, None)
    assert (profile.state, profile.finding, charger.clears) == ("CLEARED", "", 1)


def test_a_profile_that_should_be_gone_is_not_sent_under_a_new_limit_of_its_evse(charger, session):
    cleared(charger)
    assert capping.profiles_on(session.evse_id) == []


def test_after_a_clear_the_plan_is_asked_for_in_the_unit_of_what_was_cleared(session):
    ChargePoint.objects.update(rate_units="AW")
    charger = ModelCharger(session)
    ask(session, schedule(11000, unit=RateUnit.WATT, start_at=NOW))
    charger.serve()
    cleared(charger, None)
    observation.look_again(session.charge_point_id, now=NOW + timedelta(seconds=1))
    questions = ChargePointCommand.objects.filter(kind="GET_COMPOSITE").order_by("pk")
    assert [question.payload["unit"] for question in questions] == ["W", "W", "W"]
