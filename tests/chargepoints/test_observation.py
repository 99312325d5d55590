"""Looking again at the plan of a charge point: whose, and whose not."""

import pytest

from chargepoints import observation
from chargepoints.models import ChargePointCommand
from tests.chargepoints.command_steps import REJECTED, ask, carry, installed
from tests.support import factories
from tests.support.factories import NOW, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def charge_point(db):
    return factories.charge_point()


@pytest.fixture
def session(charge_point):
    return factories.session(factories.evse(charge_point))


def asked() -> list[int | None]:
    """The sessions whose composite schedule is asked for."""
    return list(ChargePointCommand.objects.filter(kind="GET_COMPOSITE").values_list("session", flat=True))


def test_a_running_session_under_a_profile_is_looked_at(session, charge_point):
    installed(session, schedule(16))
    observation.look_again(charge_point.pk, now=NOW)
    assert asked() == [session.pk]


def test_many_reasons_make_one_question(session, charge_point):
    installed(session, schedule(16))
    for _ in range(3):
        observation.look_again(charge_point.pk, ocpp_evse_id=session.evse.ocpp_evse_id, now=NOW)
    assert asked() == [session.pk]


def test_another_evse_or_charge_point_is_not_looked_at(session, charge_point):
    installed(session, schedule(16))
    observation.look_again(charge_point.pk, ocpp_evse_id=session.evse.ocpp_evse_id + 1, now=NOW)
    observation.look_again(factories.charge_point().pk, now=NOW)
    assert asked() == []


def test_without_a_profile_that_was_ever_accepted_nobody_looks(session, charge_point):
    carry(ask(session), REJECTED)
    observation.look_again(charge_point.pk, now=NOW)
    assert asked() == []


def test_a_session_that_is_over_is_not_looked_at(session, charge_point):
    installed(session, schedule(16))
    session.state = "COMPLETED"
    session.save(update_fields=["state"])
    observation.look_again(charge_point.pk, now=NOW)
    assert asked() == []
