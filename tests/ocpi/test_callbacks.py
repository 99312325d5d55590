"""Each ACCEPTED gets exactly one result, in the commit of its outcome (OCPI 2.2.1 mod_charging_profiles, Flow)."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from chargepoints import commands
from chargepoints.models import ChargePointCommand, ChargingSession
from chargepoints.values import ChargingSchedule, CommandOutcome, OutcomeStatus, RateUnit, SchedulePeriod
from ocpi import callbacks, outbox
from ocpi.models import OutboxMessage, ProfileRequest
from ocpi.profile_requests import Kind
from tests.support import ocpi_factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

RESULT = OutboxMessage.Kind.RESULT
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=make.UTC)
MAPPING = {
    OutcomeStatus.ACCEPTED: "ACCEPTED",
    OutcomeStatus.REJECTED: "REJECTED",
    OutcomeStatus.UNKNOWN: "UNKNOWN",
    OutcomeStatus.FAILED: "REJECTED",
    OutcomeStatus.EXPIRED: "REJECTED",
}


def asked(kind: Kind = Kind.SET, **fields: Any) -> ProfileRequest:
    party, session = make.party(), make.session()
    if kind == Kind.CLEAR:
        make.installed(party, session)
    return make.accepted(party, session, kind, now=NOW, **fields)


def told(request: ProfileRequest) -> dict[str, Any]:
    return OutboxMessage.objects.get(profile_request=request).body


@pytest.mark.pure
@pytest.mark.parametrize("status", list(OutcomeStatus))
def test_results_have_three_words(status):
    assert callbacks.result_of(status) == MAPPING[status]


@pytest.mark.parametrize("kind", [Kind.SET, Kind.CLEAR])
@pytest.mark.parametrize("status", list(OutcomeStatus))
def test_an_outcome_becomes_the_result_bare_and_without_a_profile(kind, status):
    """Not wrapped in the envelope; `profile` belongs to ActiveChargingProfileResult."""
    request = asked(kind)
    make.finish(request.command, status, now=make.later(2))
    request.refresh_from_db()
    assert (request.result, request.result_at) == (MAPPING[status], make.later(2))
    assert told(request) == {"result": MAPPING[status]}


def test_the_message_goes_to_the_response_url_until_the_promised_time(enqueued):
    request = asked(response_url="https://jed.example/r?id=7", correlation_id="corr-9")
    make.finish(request.command, now=make.later(2))
    message = OutboxMessage.objects.get(profile_request=request)
    assert (message.kind, message.status, message.url) == ("RESULT", "PENDING", "https://jed.example/r?id=7")
    assert (message.due_at, message.expires_at) == (make.later(2), request.deadline_at)
    assert (message.correlation_id, message.party_id) == ("corr-9", request.party_id)
    assert enqueued == [message.pk]


# --- exactly once ---------------------------------------------------------------------------------------------------


def test_a_request_is_concluded_exactly_once():
    request = asked()
    assert callbacks.conclude(request, OutcomeStatus.ACCEPTED, None, now=NOW) is True
    with make.no_new(OutboxMessage):
        assert callbacks.conclude(request, OutcomeStatus.REJECTED, None, now=NOW) is False
    request.refresh_from_db()
    assert (request.result, told(request)) == ("ACCEPTED", {"result": "ACCEPTED"})


def test_a_refused_request_is_never_concluded():
    """Not ACCEPTED, no callback."""
    request = asked()
    ProfileRequest.objects.update(response="REJECTED")
    assert callbacks.conclude(request, OutcomeStatus.ACCEPTED, None, now=NOW) is False
    assert OutboxMessage.objects.count() == 0


def test_a_late_answer_changes_no_result_and_sends_no_second_one():
    """A timeout does not mean "not applied": the active profile corrects the partner, not a second result."""
    request = asked()
    make.finish(request.command, OutcomeStatus.EXPIRED, now=make.later(20))
    with make.no_new(OutboxMessage):
        late = commands.record_outcome(request.command_id, CommandOutcome(OutcomeStatus.ACCEPTED), now=make.later(25))
    request.refresh_from_db()
    assert (late, request.result) == (True, "REJECTED")


def test_a_command_of_nobody_at_ocpi_makes_no_message():
    session = make.session()
    command = commands.request_composite(
        session=session, duration_s=60, unit=None, requested_by="operator ann", now=NOW, expires_at=make.later(20)
    )
    make.finish(command, plan=make.plan(now=NOW), now=make.later(1))
    assert OutboxMessage.objects.count() == 0


# --- one commit -----------------------------------------------------------------------------------------------------


def test_outcome_and_message_are_one_commit():
    """Receivers run in the transaction of the outcome: when that is rolled back there is no message."""
    request = asked()

    with make.no_new(OutboxMessage), transaction.atomic():
        make.finish(request.command, now=make.later(1))
        assert OutboxMessage.objects.filter(profile_request=request).exists()
        transaction.set_rollback(True)
    request.refresh_from_db()
    assert (request.result, request.command.status) == ("", "QUEUED")


def test_a_message_that_cannot_be_written_leaves_the_outcome_unrecorded(monkeypatch):
    request = asked()

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(outbox, "post_result", fail)
    with pytest.raises(RuntimeError):
        make.finish(request.command, now=make.later(1))
    request.refresh_from_db()
    assert (request.result, request.command.status) == ("", "SENT")


def test_a_result_is_never_written_without_its_message(monkeypatch):
    """Also when beat catches up, outside any other transaction: a result without a message would be found by nobody."""
    request = asked()
    ChargePointCommand.objects.update(status="FAILED")

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "post_result", fail)
        with pytest.raises(RuntimeError):
            callbacks.catch_up(now=NOW)
    request.refresh_from_db()
    assert request.result == ""
    assert callbacks.catch_up(now=NOW) == 1


# --- the active profile ---------------------------------------------------------------------------------------------


def active(request: ProfileRequest) -> dict[str, Any]:
    body = told(request)
    assert sorted(body) == ["profile", "result"]
    return body["profile"]["charging_profile"]


@pytest.mark.parametrize(
    ("put", "unit", "limit"),
    [(None, "W", 11040), (make.schedule(9000), "W", 11040), (make.schedule(10, unit=RateUnit.AMPERE), "A", 16)],
    ids=["no PUT", "PUT in W", "PUT in A"],
)
def test_the_active_profile_is_told_in_the_unit_of_the_last_put(put, unit, limit):
    party, session = make.party(), make.session()
    if put:
        make.accepted(party, session, schedule=put, body={"unit": unit}, now=NOW)
    request = make.accepted(party, session, Kind.GET, now=NOW)
    make.finish(request.command, plan=make.plan(16, unit=RateUnit.AMPERE, now=NOW), now=make.later(1))
    profile = active(request)
    assert (profile["charging_rate_unit"], profile["charging_profile_period"]) == (
        unit, [{"start_period": 0, "limit": limit}],
    )  # fmt: skip


def test_the_unit_is_that_of_the_moment_of_asking():
    party, session = make.party(), make.session()
    request = make.accepted(party, session, Kind.GET, now=NOW)
    make.accepted(party, session, schedule=make.schedule(10, unit=RateUnit.AMPERE), body={"unit": "A"}, now=NOW)
    make.finish(request.command, plan=make.plan(11000, now=NOW), now=make.later(1))
    assert active(request)["charging_rate_unit"] == "W"


@pytest.mark.parametrize("nonsense", [48, 100000], ids=["a filler of 48 A", "far above"])
def test_the_active_profile_never_shows_more_than_the_evse_can(nonsense):
    """Composites may be filled with 48 A where nothing applies: clamp."""
    request = asked(Kind.GET)
    make.finish(request.command, plan=make.plan(nonsense, unit=RateUnit.AMPERE, now=NOW), now=make.later(1))
    assert active(request)["charging_profile_period"] == [{"start_period": 0, "limit": 22080}]


def test_without_a_schedule_the_active_profile_is_the_maximum_of_the_evse():
    """As the Sender interface PUT demands it where no charging profile is active any more."""
    request = asked(Kind.GET)
    make.finish(request.command, plan=None, now=make.later(1))
    profile = active(request)
    assert (profile["charging_profile_period"], profile["duration"]) == ([{"start_period": 0, "limit": 22080}], 900)


def test_the_active_profile_is_not_longer_than_asked_for():
    request = asked(Kind.GET, duration_s=600)
    periods = (SchedulePeriod(0, Decimal(11000)), SchedulePeriod(599, Decimal(5000)), SchedulePeriod(600, Decimal(0)))
    plan = ChargingSchedule(unit=RateUnit.WATT, periods=periods, start_at=make.later(1), duration_s=3600)
    make.finish(request.command, plan=plan, now=make.later(1))
    profile = active(request)
    assert (profile["duration"], len(profile["charging_profile_period"])) == (600, 2)


@pytest.mark.parametrize("status", [s for s in OutcomeStatus if s is not OutcomeStatus.ACCEPTED])
def test_a_profile_is_told_only_beside_accepted(status):
    request = asked(Kind.GET)
    make.finish(request.command, status, plan=make.plan(now=NOW), now=make.later(1))
    assert told(request) == {"result": MAPPING[status]}


# --- catching up ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(OutcomeStatus))
@pytest.mark.parametrize("kind", [Kind.SET, Kind.GET])
def test_beat_concludes_what_ended_without_a_result(status, kind):
    """A composite schedule is not kept with its command: a GET that was answered cannot be told, so it is REJECTED."""
    request = asked(kind)
    ChargePointCommand.objects.filter(pk=request.command_id).update(status=status)
    assert callbacks.catch_up(now=make.later(3)) == 1
    expected = "REJECTED" if kind == Kind.GET and status == OutcomeStatus.ACCEPTED else MAPPING[status]
    assert told(request) == {"result": expected}
    with make.no_new(OutboxMessage):
        assert callbacks.catch_up(now=make.later(4)) == 0


def test_beat_concludes_a_request_whose_command_is_gone():
    request = asked()
    ChargePointCommand.objects.all().delete()
    assert callbacks.catch_up(now=NOW) == 1
    assert told(request) == {"result": "REJECTED"}


@pytest.mark.parametrize("status", ["QUEUED", "SENT"])
def test_beat_leaves_a_request_whose_command_is_still_open(status):
    asked()
    ChargePointCommand.objects.update(status=status)
    with make.no_new(OutboxMessage):
        assert callbacks.catch_up(now=NOW) == 0


def test_a_result_that_comes_too_late_is_written_but_never_sent(partner):
    """Never after its deadline."""
    request = asked()
    ChargePointCommand.objects.update(status="ACCEPTED")
    now = timezone.now()
    ProfileRequest.objects.update(deadline_at=now - timedelta(seconds=1))
    callbacks.catch_up(now=now)
    message = OutboxMessage.objects.get(profile_request=request)
    outbox.deliver(message.pk, now=now)
    message.refresh_from_db()
    assert (message.status, partner.requests) == ("EXPIRED", [])


def test_a_deleted_session_takes_its_requests_along():
    request = asked()
    make.finish(request.command, now=make.later(1))
    ChargePointCommand.objects.all().delete()
    ChargingSession.objects.all().delete()
    assert (ProfileRequest.objects.count(), OutboxMessage.objects.count()) == (0, 0)
