"""A charge point that refuses one unit and takes the other."""

import pytest

from chargepoints import commands
from chargepoints.models import ChargePoint, ChargePointCommand
from chargepoints.values import ChargingSchedule, CommandOutcome, OutcomeStatus, RateUnit
from tests.chargepoints.command_steps import ACCEPTED, EXPIRED, REJECTED, ask, carry, installed, profile_of, send
from tests.support import factories
from tests.support.factories import NOW, at, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
WATTS = schedule(11040, unit=RateUnit.WATT)


def session_on(**fields):
    return factories.session(factories.evse(factories.charge_point(**fields)))


@pytest.fixture
def session(db):
    return session_on(rate_units="AW")


def refuse(command, *, now=NOW, outcome=REJECTED):
    send(command, now=now)
    assert commands.record_outcome(command.pk, outcome, now=now)
    command.refresh_from_db()
    return command


def sent(command) -> ChargingSchedule:
    return ChargingSchedule.from_json(command.payload["schedule"])


@pytest.mark.parametrize(("wish", "limit"), [(WATTS, "16.0"), (schedule(16), "11040.0")])
def test_what_is_refused_in_one_unit_is_sent_in_the_other(session, heard, wish, limit):
    command = refuse(ask(session, wish))
    assert (command.status, command.sent_at, command.connection_id) == ("QUEUED", None, "")
    assert sent(command).unit is not wish.unit
    assert str(sent(command).periods[0].limit) == limit
    assert command.notes[-1] == f"refused in {wish.unit}, so sent again in {sent(command).unit}"
    assert heard.finished == []


def test_it_is_tried_once_and_then_refused(session, heard):
    command = refuse(ask(session, WATTS))
    assert refuse(command).status == "REJECTED"
    assert heard.finished == [(command.pk, "REJECTED", False)]
    assert profile_of(session).state == "REJECTED"


def test_the_unit_it_took_is_remembered_against_what_it_says(session):
    command = refuse(ask(session, WATTS))
    carry(command, ACCEPTED)
    assert profile_of(session).applied_schedule == sent(command)
    charge_point = ChargePoint.objects.get()
    assert (charge_point.rate_units, charge_point.refused_units) == ("AW", "W")
    assert charge_point.capabilities.units == {RateUnit.AMPERE}
    assert sent(ask(session, schedule(5520, unit=RateUnit.WATT))).unit is RateUnit.AMPERE


def test_one_that_has_not_said_what_it_takes_is_asked_in_the_other_unit_too():
    session = session_on(rate_units="")
    carry(refuse(ask(session, schedule(16))), ACCEPTED)
    assert ChargePoint.objects.get().capabilities.units == {RateUnit.WATT}


def test_one_that_says_it_takes_this_unit_only_is_believed():
    assert refuse(ask(session_on(rate_units="W"), WATTS)).status == "REJECTED"


def test_a_unit_that_it_took_before_is_not_what_it_refuses(session):
    installed(session, WATTS)
    assert refuse(ask(session, schedule(5520, unit=RateUnit.WATT))).status == "REJECTED"


def test_without_time_for_a_second_answer_it_is_refused_at_once(session):
    assert refuse(ask(session, WATTS), now=at(28)).status == "REJECTED"


def rejected(**answer):
    return CommandOutcome(OutcomeStatus.REJECTED, "no", answer)


def test_a_reason_that_names_the_unit_is_a_refusal_of_the_unit(session):
    outcome = rejected(status="Rejected", statusInfo={"reasonCode": "UnsupportedRateUnit"})
    assert refuse(ask(session, WATTS), outcome=outcome).status == "QUEUED"


@pytest.mark.parametrize("outcome", [
    rejected(errorCode="NotImplemented"), rejected(status="NotSupported"), rejected(),
    rejected(status="Rejected", statusInfo={"reasonCode": "InvalidStackLevel"}), EXPIRED,
])  # fmt: skip
def test_no_other_answer_and_no_silence_is_a_refusal_of_the_unit(session, outcome):
    assert refuse(ask(session, WATTS), outcome=outcome).status == outcome.status


def test_dc_is_not_converted():
    session = factories.session(factories.evse(factories.charge_point(rate_units=""), current_type="DC"))
    assert refuse(ask(session, WATTS)).status == "REJECTED"


def test_if_it_ends_before_the_second_try_left_the_profile_is_as_it_was(session):
    command = refuse(ask(session, WATTS))
    assert commands.expire_overdue(now=at(30)) == 1
    assert ChargePointCommand.objects.get(pk=command.pk).status == "EXPIRED"
    assert profile_of(session).state == "REJECTED"
