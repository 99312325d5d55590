"""A profile kept for a session that has not begun leaves fitted to where, and under what limits, it begins."""

import pytest

from chargepoints import transaction_events
from chargepoints.models import ChargePointCommand, ChargingSession
from chargepoints.values import ChargingSchedule, SetProfile
from tests.chargepoints.command_steps import ask, claim, status_of
from tests.chargepoints.event_steps import started, updated
from tests.chargepoints.limit_steps import want
from tests.support import factories
from tests.support.factories import NOW, at, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def point(db):
    """Two EVSEs: of 32 A, and of 16 A. The driver is known."""
    factories.driver("CARD")
    point = factories.charge_point(ocpp_version="2.0.1")
    factories.evse(point, number=1)
    factories.evse(point, number=2, max_current_a=16)
    return point


def authorised(point, *, evse_id: int) -> ChargingSession:
    """The driver has shown the card; the car is not connected yet."""
    transaction_events.take(point.pk, started(0, evse_id=evse_id, id_token="CARD", authorizes=True), now=NOW)
    session = ChargingSession.objects.get()
    assert (session.state, session.evse.ocpp_evse_id) == ("PENDING", evse_id)
    return session


def plugged_in(point, *, evse_id: int = 0) -> None:
    transaction_events.take(
        point.pk, updated(1, evse_id=evse_id, charging_state="EVConnected", seconds=2), now=at(2)
    )  # fmt: skip
    assert ChargingSession.objects.get().state == "ACTIVE"


def sent(session) -> SetProfile:
    call = claim(session, now=at(3))
    assert isinstance(call.request, SetProfile)
    return call.request


def test_it_names_the_evse_that_the_car_is_plugged_in_at(point):
    session = authorised(point, evse_id=0)
    ask(session, schedule(10))
    plugged_in(point, evse_id=2)
    assert sent(session).evse_id == 2


def test_it_is_clamped_to_the_connector_that_the_car_is_plugged_in_at(point):
    session = authorised(point, evse_id=0)
    ask(session, schedule(32))
    plugged_in(point, evse_id=2)
    assert [int(period.limit) for period in sent(session).schedule.periods] == [16]


def test_it_respects_a_limit_that_an_operator_set_meanwhile(point):
    session = authorised(point, evse_id=1)
    command = ask(session, schedule(32))
    limit = want(session.evse, 10, now=at(1))
    plugged_in(point)
    assert [int(period.limit) for period in sent(session).schedule.periods] == [10]
    command.refresh_from_db()
    assert command.payload["capped_by"] == limit.pk
    assert ChargingSchedule.from_json(command.payload["wish"]) == schedule(32)


def test_one_that_fits_no_more_is_refused_with_the_reason(point):
    session = authorised(point, evse_id=1)
    command = ask(session, schedule(10, start_at=NOW, duration_s=1))
    plugged_in(point)
    assert claim(session, now=at(3)) is None
    command.refresh_from_db()
    assert command.status == "REJECTED"
    assert command.detail.startswith("profile_in_the_past: ")


def test_other_kept_mail_is_not_touched(point):
    session = authorised(point, evse_id=1)
    call = ChargePointCommand.objects.create(
        charge_point=point, session=session, kind="CALL", action="TriggerMessage", payload={"requestedMessage": "X"},
        requested_by="operator", created_at=NOW, expires_at=at(30),
    )  # fmt: skip
    plugged_in(point)
    call.refresh_from_db()
    assert (status_of(call), call.payload) == ("QUEUED", {"requestedMessage": "X"})
