"""Whose session? reachable? too often? same again? (OCPI 2.2.1 mod_charging_profiles)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile
from chargepoints.values import OutcomeStatus, RateUnit
from ocpi import profile_requests
from ocpi.models import OutboxMessage, ProfileRequest
from ocpi.profile_requests import Kind
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START, later

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

Response = ProfileRequest.Response
KINDS = [Kind.SET, Kind.CLEAR, Kind.GET]


def receive(of: Any, on: Any, kind: Kind = Kind.SET, *, at: float = 0, **fields: Any) -> ProfileRequest:
    return profile_requests.receive(of, make.wish(on, kind, **fields), now=later(at))


# --- accepted -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.SET, Kind.GET])
def test_accepted_leaves_a_queued_command_and_the_promise_behind(kind):
    """Only after the request is committed, with what stands behind it."""
    session = make.session()
    request = receive(make.party(), session, kind)
    request.refresh_from_db()
    assert (request.response, request.reason, request.result, request.timeout_s) == ("ACCEPTED", "", "", 30)
    assert (request.received_at, request.deadline_at) == (START, later(30))
    command = request.command
    assert (command.status, command.session_id, command.correlation_id) == ("QUEUED", session.pk, "correlation-1")
    assert (command.requested_by, command.charge_point_id) == ("NL*JED", session.charge_point_id)
    assert OutboxMessage.objects.count() == 0


def test_the_command_ends_before_the_promise_so_that_the_result_can_still_be_posted(settings):
    """ChargingProfileResponse: the timeout covers queueing, the charger and the callback."""
    settings.OCPI_PROFILE_TIMEOUT_S, settings.OCPI_CALLBACK_RESERVE_S = 60, 15
    request = receive(make.party(), make.session())
    assert (request.deadline_at, request.command.expires_at) == (later(60), later(45))


def test_a_reserve_larger_than_half_the_promise_leaves_the_charge_point_half(settings):
    settings.OCPI_PROFILE_TIMEOUT_S, settings.OCPI_CALLBACK_RESERVE_S = 30, 25
    assert receive(make.party(), make.session()).command.expires_at == later(15)


def test_set_asks_for_this_party_profile_on_the_transaction():
    session = make.session()
    command = receive(make.party(), session, limit=6900).command
    profile = ChargingProfile.objects.get()
    assert (command.kind, command.profile_id, profile.owner) == ("SET_PROFILE", profile.pk, "NL*JED")
    assert (command.payload["transaction_id"], command.payload["profile_id"]) == ("4711", profile.pk)
    assert profile.desired_schedule == make.schedule(6900)


@pytest.mark.parametrize(("takes", "asked"), [("AW", "W"), ("W", "W"), ("A", None), ("", None)])
def test_get_asks_only_for_a_unit_that_the_charge_point_says_it_knows(takes, asked):
    session = make.session()
    ChargePoint.objects.update(rate_units=takes)
    command = receive(make.party(), session, Kind.GET).command
    assert command.payload == {"evse_id": 1, "duration_s": 900, "unit": asked}


@pytest.mark.parametrize(("last_put", "unit"), [(None, "W"), (RateUnit.WATT, "W"), (RateUnit.AMPERE, "A")])
def test_get_is_answered_in_the_unit_of_the_last_put(last_put, unit):
    """W, the usual unit of a provider, before any PUT."""
    party, session = make.party(), make.session()
    if last_put:
        receive(party, session, schedule=make.schedule(16, unit=last_put), body={"unit": last_put})
    request = receive(party, session, Kind.GET)
    assert request.body == {"duration": 900, "unit": unit}
    assert request.command.payload["unit"] == unit


def test_the_unit_of_another_owner_changes_nothing():
    party, session = make.party(), make.session()
    receive(make.party("OTH"), session, schedule=make.schedule(16, unit=RateUnit.AMPERE))
    assert profile_requests.unit_of(session, party) is RateUnit.WATT


@pytest.mark.parametrize("kind", KINDS)
def test_ids_ignore_case(kind):
    """OCPI 2.2.1 types, CiString."""
    party, session = make.party(), make.session()
    request = receive(party, session.uid.upper(), kind)
    assert (request.response, request.session) == ("ACCEPTED", session)
    assert request.session_uid == session.uid.upper()


def test_a_charge_point_that_has_not_said_whether_it_takes_smart_charging_is_asked():
    session = make.session()
    ChargePoint.objects.update(smart_charging=None, rate_units="")
    request = receive(make.party(), session)
    assert (request.response, request.command.status) == ("ACCEPTED", "QUEUED")


def test_clear_with_nothing_set_is_accepted_and_then_unknown():
    """ClearProfileResult UNKNOWN; nothing is sent to the charge point."""
    party, session = make.party(), make.session()
    request = receive(party, session, Kind.CLEAR)
    request.refresh_from_db()
    assert (request.response, request.result) == ("ACCEPTED", "UNKNOWN")
    assert (request.command.status, request.command.sent_at) == ("UNKNOWN", None)
    message = make.message(party, OutboxMessage.Kind.RESULT)
    assert (message.body, message.profile_request_id) == ({"result": "UNKNOWN"}, request.pk)


def test_clear_after_an_accepted_put_waits_for_the_charge_point():
    party, session = make.party(), make.session()
    profile = make.installed(party, session)
    request = receive(party, session, Kind.CLEAR)
    assert (request.result, request.command.status) == ("", "QUEUED")
    assert request.command.payload == {"profile_id": profile.pk}


def test_what_is_installed_exactly_so_is_accepted_at_once_and_told_once():
    """Never resend an identical profile to a charger; yet each ACCEPTED gets its one result."""
    party, session = make.party(), make.session()
    first = make.accepted(party, session, now=START)
    make.finish(first.command, now=later(1))
    second = receive(party, session, response_url="https://jed.example/result?id=2", at=2)
    assert (second.response, second.result, second.command.status, second.command.sent_at) == (
        "ACCEPTED", "ACCEPTED", "ACCEPTED", None,
    )  # fmt: skip
    assert [m.url for m in OutboxMessage.objects.filter(profile_request=second)] == ["https://jed.example/result?id=2"]


def test_a_newer_put_ends_one_that_has_not_left_as_rejected():
    """The older request's callback says REJECTED."""
    party, session = make.party(), make.session()
    older = receive(party, session, limit=6900)
    newer = receive(party, session, limit=11000, at=1)
    older.refresh_from_db()
    assert (older.result, newer.result) == ("REJECTED", "")
    assert [c.status for c in ChargePointCommand.objects.order_by("pk")] == ["REJECTED", "QUEUED"]
    assert OutboxMessage.objects.get().profile_request_id == older.pk


def test_a_newer_put_of_another_party_ends_nothing():
    session = make.session()
    mine = receive(make.party(), session)
    receive(make.party("OTH"), session, limit=6900)
    mine.refresh_from_db()
    assert (mine.result, mine.command.status) == ("", "QUEUED")


# --- the same again -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("request_id", ["request-1", "request-2"])
def test_the_same_request_within_the_timeout_is_the_same_row_and_one_command(kind, request_id):
    """The same body and response_url within the timeout is one request, whatever its id."""
    party, session = make.party(), make.session()
    first = receive(party, session, kind)
    with make.no_new(ProfileRequest, ChargePointCommand, OutboxMessage):
        assert receive(party, session, kind, at=29, request_id=request_id) == first


def test_a_repeat_gets_the_answer_of_the_first_even_when_the_charge_point_has_left():
    party, session = make.party(), make.session()
    first = receive(party, session)
    ChargePoint.objects.update(connection_id="")
    assert receive(party, session, at=1) == first


def test_a_repeat_after_the_result_is_still_the_same_request_and_gets_no_second_result():
    party, session = make.party(), make.session()
    first = receive(party, session)
    make.finish(first.command, now=later(1))
    with make.no_new(ProfileRequest, ChargePointCommand, OutboxMessage):
        assert receive(party, session, at=2) == first


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 6900},
        {"response_url": "https://jed.example/result?id=2"},
        {"kind": Kind.GET},
        {"kind": Kind.CLEAR},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_request_id_with_other_content_is_a_new_request(change):
    """Some peers never change their X-Request-ID."""
    party, session = make.party(), make.session()
    first = receive(party, session)
    second = receive(party, session, at=1, **change)
    assert (second.pk != first.pk, second.command_id != first.command_id) == (True, True)
    assert (second.response, second.request_id) == ("ACCEPTED", first.request_id)


def test_after_the_timeout_the_same_again_is_a_new_request():
    party, session = make.party(), make.session()
    first = receive(party, session)
    assert receive(party, session, at=31).pk != first.pk


def test_the_same_body_of_another_party_is_another_request():
    session = make.session()
    first, second = receive(make.party(), session), receive(make.party("OTH"), session, at=1)
    assert (first.pk != second.pk, second.party.party_id) == (True, "OTH")


def test_the_same_body_for_another_session_is_another_request():
    party = make.party()
    first = receive(party, make.session())
    second = receive(party, make.session("CP2", ocpp_transaction_id="4712"), at=1)
    assert first.pk != second.pk


@pytest.mark.parametrize("between", [{"limit": 6900}, {"kind": Kind.CLEAR}], ids=["another PUT", "a DELETE"])
def test_back_to_an_earlier_wish_is_a_new_request(between):
    """Some peers have one response_url for all: the third of A, B, A asks for a change, not for the first answer."""
    party, session = make.party(), make.session()
    first = receive(party, session, limit=11000)
    receive(party, session, at=1, **between)
    third = receive(party, session, limit=11000, at=2)
    assert third.pk != first.pk
    assert ChargingProfile.objects.get().desired_schedule == make.schedule(11000)
    assert third.command.status == "QUEUED"


def test_a_get_between_makes_no_put_new():
    party, session = make.party(), make.session()
    first = receive(party, session)
    receive(party, session, Kind.GET, at=1)
    assert receive(party, session, at=2) == first


def test_a_repeat_by_id_in_another_case_is_the_same_request():
    party, session = make.party(), make.session()
    first = receive(party, session)
    assert receive(party, session.uid.upper(), at=1) == first


# --- whole or not at all --------------------------------------------------------------------------------------------


def test_a_request_that_cannot_be_kept_leaves_no_command(monkeypatch):
    """No half-done state: the command and the request are one commit."""
    party, session = make.party(), make.session()

    def fail(**_: Any) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(ProfileRequest.objects, "create", fail)
    with make.no_new(ChargePointCommand, ChargingProfile, OutboxMessage), pytest.raises(RuntimeError):
        receive(party, session)


def test_the_result_of_a_command_goes_to_the_request_that_made_it():
    party, session = make.party(), make.session()
    first = make.accepted(party, session, limit=6900, now=START)
    make.finish(first.command, OutcomeStatus.ACCEPTED, now=later(1))
    second = make.accepted(party, session, limit=8000, response_url="https://jed.example/2", now=later(2))
    make.finish(second.command, OutcomeStatus.REJECTED, now=later(3))
    told = {m.url: m.body["result"] for m in OutboxMessage.objects.filter(kind="RESULT")}
    assert told == {"https://jed.example/result?id=1": "ACCEPTED", "https://jed.example/2": "REJECTED"}


def test_fingerprints_differ_with_everything_but_the_ids():
    wish = make.wish("ABC")
    same = replace(wish, request_id="other", correlation_id="other", session_uid="abc")
    assert wish.fingerprint == same.fingerprint
    changes: list[dict[str, Any]] = [
        {"body": {"limit": 1}}, {"response_url": "https://jed.example/x"}, {"session_uid": "abd"}, {"kind": Kind.GET},
        {"duration_s": 1},
    ]  # fmt: skip
    assert wish.fingerprint not in {replace(wish, **change).fingerprint for change in changes}


def test_deadlines_are_kept_with_the_row_when_the_setting_changes(settings):
    party, session = make.party(), make.session()
    first = receive(party, session)
    settings.OCPI_PROFILE_TIMEOUT_S = 300
    first.refresh_from_db()
    assert first.deadline_at - first.received_at == timedelta(seconds=first.timeout_s)
