"""PUT chargingprofiles: every way it can end, from the partner to the charge point and back."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests

from chargepoints.models import ChargePointCommand
from chargepoints.simulator import Answer
from ocpi.models import OutboxMessage, ProfileRequest
from tests.flows.told import sent_limits
from tests.support.bay import Bay, MakeBay
from tests.support.charger import PATIENCE_S
from tests.support.processes import until
from tests.support.server import Server

both_versions = pytest.mark.parametrize("version", ["1.6", "2.0.1"])
ACCEPTED, REJECTED = {"result": "ACCEPTED"}, {"result": "REJECTED"}
MESSAGE = OutboxMessage.Status


def limits(call: dict) -> list[float]:
    """What a SetChargingProfile asks for."""
    return [period["limit"] for period in call["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]]


def settled(bay: Bay) -> None:
    """Nothing is on its way to the charge point or the partner any more."""
    until(lambda: not ChargePointCommand.objects.open().filter(charge_point=bay.charge_point).exists(), what="commands")
    waiting = OutboxMessage.objects.filter(party=bay.party, status__in=[MESSAGE.PENDING, MESSAGE.SENDING])
    until(lambda: not waiting.exists(), what="messages")


# --- answered by the charge point -----------------------------------------------------------------------------------


@both_versions
def test_an_accepted_profile_limits_the_car_and_the_active_profile_is_pushed(bay: MakeBay, version: str):
    b = bay(version=version).plug_in()
    call = b.put(11000, 0, 7400, start=datetime.now(UTC))
    assert (call.http_status, call.status_code, call.result, call.timeout_s) == (200, 1000, "ACCEPTED", 30)
    assert b.result(call) == ACCEPTED
    assert sent_limits(b) == [[("W", 11000), ("W", 0), ("W", 7400)]]
    assert b.charger.current_limit() == Decimal(11000) / 690
    assert b.scsp.wait_for(lambda: b.scsp.pushes, PATIENCE_S)
    settled(b)
    assert [push.session_id for push in b.scsp.pushes] == [b.session_id]
    pushed = b.scsp.pushes[0].body["charging_profile"]
    assert pushed["charging_rate_unit"] == "W"
    told = [period["limit"] for period in pushed["charging_profile_period"]]
    assert told[:2] == [11000, 0]  # of the next hour, at whose last second the third begins on a slow machine
    assert told[2:] in ([], [7400])
    assert b.results(call) == [ACCEPTED]
    assert (b.profile.state, b.profile.ever_accepted) == ("INSTALLED", True)


@pytest.mark.parametrize("answer", [Answer.REJECTED, Answer.NOT_SUPPORTED, Answer.CALL_ERROR])
def test_whatever_is_no_acceptance_is_told_as_rejected_and_nothing_is_pushed(bay: MakeBay, answer: Answer):
    b = bay().plug_in()
    b.charger.set_knobs(answer=answer)
    call = b.put(11000)
    assert call.result == "ACCEPTED"
    assert b.result(call) == REJECTED
    settled(b)
    assert b.results(call) == [REJECTED]
    units = [
        payload["csChargingProfiles"]["chargingSchedule"]["chargingRateUnit"]
        for payload in b.charger.calls("SetChargingProfile")
    ]
    assert units == (["W", "A"] if answer is Answer.REJECTED else ["W"])  # a plain no may be meant for the unit
    assert b.scsp.pushes == []
    assert b.profile.state == "REJECTED"


def test_a_refused_change_leaves_the_profile_that_is_installed(bay: MakeBay):
    b = bay().plug_in()
    assert b.result(b.put(11000)) == ACCEPTED
    b.charger.set_knobs(answer=Answer.REJECTED)
    assert b.result(b.put(5000)) == REJECTED
    assert b.profile.state == "INSTALLED"
    assert b.profile.applied["periods"][0]["limit"] == "11000.0"


# --- not answered ---------------------------------------------------------------------------------------------------


@both_versions
def test_a_charge_point_that_never_answers_is_told_as_rejected_before_the_promised_time(
    bay: MakeBay, hasty: Server, version: str
):
    b = bay(hasty, version=version).plug_in()
    b.charger.set_knobs(answer=Answer.NEVER)
    call = b.put(11000)
    assert (call.result, call.timeout_s) == ("ACCEPTED", 4)
    assert b.result(call) == REJECTED
    received_at = b.scsp.results[0].received_at
    assert call.sent_at + timedelta(seconds=2) <= received_at < call.sent_at + timedelta(seconds=4)
    assert b.request(call).command.status == "EXPIRED"
    b.charger.set_knobs(answer=Answer.HONEST)
    until(lambda: b.profile.state == "INSTALLED", timeout_s=PATIENCE_S, what="what its plan shows")
    assert b.results(call) == [REJECTED]
    assert len(b.charger.calls("SetChargingProfile")) == 1


@both_versions
def test_a_late_answer_corrects_the_partner_by_a_push_and_not_by_a_second_result(
    bay: MakeBay, hasty: Server, version: str
):
    b = bay(hasty, version=version).plug_in()
    b.charger.set_knobs(answer=Answer.HELD)
    call = b.put(11000)
    assert b.result(call) == REJECTED
    assert b.scsp.pushes == []
    b.charger.release_answers()
    assert b.scsp.wait_for(lambda: b.scsp.pushes, PATIENCE_S)
    settled(b)
    command = b.request(call).command
    assert (command.status, command.late_status) == ("EXPIRED", "ACCEPTED")
    assert b.profile.state == "INSTALLED"
    assert b.scsp.pushes[0].body["charging_profile"]["charging_profile_period"] == [{"start_period": 0, "limit": 11000}]
    assert b.results(call) == [REJECTED]


# --- refused at once ------------------------------------------------------------------------------------------------


def refused(bay: Bay, session_id: str, *, periods: tuple = ((0, 11000),)) -> tuple[str | None, str]:
    """Response and reason; and nothing has been asked of the charge point or promised to the partner."""
    calls, results = len(bay.charger.received), len(bay.scsp.results)
    call = bay.scsp.put_profile(session_id, list(periods))
    assert (call.http_status, call.status_code, call.timeout_s) == (200, 1000, 30)
    request = ProfileRequest.objects.get(request_id=call.request_id)
    assert (request.command, request.result) == (None, "")
    assert not OutboxMessage.objects.filter(profile_request=request).exists()
    assert (len(bay.charger.received), len(bay.scsp.results)) == (calls, results)
    return call.result, call.status_message.partition(":")[0]


def test_a_charge_point_that_is_offline_is_refused_at_once_and_without_a_callback(bay: MakeBay):
    b = bay().plug_in()
    b.charger.drop(stay_away=True)
    until(lambda: not b.charge_point.is_online)
    assert refused(b, b.session_id) == ("REJECTED", "charger_offline")


def test_a_session_nobody_knows_is_unknown(bay: MakeBay):
    b = bay().plug_in()
    assert refused(b, "7c3b0d5e-0000-4000-8000-000000000000") == ("UNKNOWN_SESSION", "unknown_session")


def test_a_session_that_is_over_is_refused(bay: MakeBay):
    b = bay().plug_in()
    b.charger.stop_transaction()
    assert refused(b, b.session_id) == ("REJECTED", "session_not_active")


def test_a_session_that_is_shared_with_another_party_is_refused(bay: MakeBay):
    ours, theirs = bay().plug_in(), bay().plug_in()
    assert refused(ours, theirs.session_id) == ("REJECTED", "session_not_shared")
    assert theirs.charger.calls("SetChargingProfile") == []


def test_a_charge_point_without_smart_charging_does_not_support_it(bay: MakeBay):
    b = bay(configuration={"SupportedFeatureProfiles": "Core"}).plug_in()
    assert refused(b, b.session_id) == ("NOT_SUPPORTED", "smart_charging_unsupported")


@pytest.mark.parametrize("url", ["https://elsewhere.example/result", "ftp://127.0.0.1/result", "http://[::1"])
def test_a_response_url_that_may_not_be_called_is_refused_and_nothing_is_sent(bay: MakeBay, url: str):
    b = bay().plug_in()
    body = {
        "charging_profile": {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 1}]},
        "response_url": url,
    }
    with requests.Session() as http:
        http.trust_env = False
        answer = http.put(
            f"{b.server.url}/ocpi/2.2.1/chargingprofiles/{b.session_id}", json=body, timeout=10,
            headers={"Authorization": f"Token {b.tokens.theirs}", "X-Request-ID": "r", "X-Correlation-ID": "c"},
        )  # fmt: skip
    assert (answer.status_code, answer.json()["status_code"]) == (200, 2001)
    assert answer.json()["status_message"].startswith("response_url")
    assert not ProfileRequest.objects.filter(session__uid=b.session_id).exists()
    assert b.commands("SetChargingProfile") == []


def test_more_requests_than_the_bucket_holds_are_too_often_and_delete_is_free(bay: MakeBay, hasty: Server):
    b = bay(hasty).plug_in()
    assert [b.put(watts).result for watts in (5000, 6000, 7000)] == ["ACCEPTED"] * 3
    call = b.put(8000)
    assert (call.result, call.status_message.partition(":")[0]) == ("TOO_OFTEN", "too_often")
    assert b.delete().result == "ACCEPTED"
    settled(b)
    assert b.results(call) == []
    assert len(b.scsp.results) == 4


# --- again, and newer -----------------------------------------------------------------------------------------------


def test_an_identical_profile_is_answered_and_not_sent_to_the_charge_point_again(bay: MakeBay):
    b = bay().plug_in()
    first, second = (b.result(b.put(11000)) for _ in range(2))
    settled(b)
    assert (first, second) == (ACCEPTED, ACCEPTED)
    assert len(b.charger.calls("SetChargingProfile")) == 1


def test_a_repeated_request_is_one_call_and_one_result(bay: MakeBay):
    b = bay().plug_in()
    b.charger.set_knobs(answer=Answer.HELD)
    first = b.put(11000)
    again = b.put(11000, request_id=first.request_id)
    assert (first.result, again.result) == ("ACCEPTED", "ACCEPTED")
    b.charger.wait_call("SetChargingProfile")
    b.charger.release_answers()
    assert b.result(first) == ACCEPTED
    assert b.put(11000, request_id=first.request_id).result == "ACCEPTED"
    settled(b)
    assert b.results(first) == [ACCEPTED]
    assert len(b.charger.calls("SetChargingProfile")) == 1
    assert ProfileRequest.objects.filter(request_id=first.request_id).count() == 1


def test_a_newer_profile_supersedes_one_that_has_not_left(bay: MakeBay):
    b = bay().plug_in()
    b.charger.set_knobs(answer=Answer.HELD)
    on_the_wire = b.put(11000)
    b.charger.wait_call("SetChargingProfile")
    unsent = b.put(5000)
    newest = b.put(7400)
    assert b.result(unsent) == REJECTED
    b.charger.set_knobs(answer=Answer.HONEST)
    b.charger.release_answers()
    assert (b.result(on_the_wire), b.result(newest)) == (ACCEPTED, ACCEPTED)
    settled(b)
    assert [limits(call) for call in b.charger.calls("SetChargingProfile")] == [[11000], [7400]]
    assert [len(b.results(call)) for call in (on_the_wire, unsent, newest)] == [1, 1, 1]


# --- the way back ---------------------------------------------------------------------------------------------------


def test_a_result_that_the_partner_fails_to_take_twice_is_taken_once(bay: MakeBay):
    b = bay().plug_in()
    b.scsp.faults.fail_next(2, kind="result", fault="500")
    call = b.put(11000)
    assert b.result(call) == ACCEPTED
    settled(b)
    message = b.request(call).message
    assert message.status == MESSAGE.DELIVERED
    assert [attempt.http_status for attempt in message.attempts.order_by("number")] == [500, 500, 200]
    assert b.results(call) == [ACCEPTED]


def test_a_partner_that_does_not_answer_delays_no_other_charge_point(bay: MakeBay):
    slow, quick = bay().plug_in(), bay().plug_in()
    slow.scsp.faults.set("result", "hang")
    slow.scsp.faults.set("sessions", "hang")
    held = [slow.put(watts) for watts in range(5000, 5010)]
    slow.charger.wait_call("SetChargingProfile")
    began = time.monotonic()
    assert quick.result(quick.put(11000)) == ACCEPTED
    assert time.monotonic() - began < 4
    assert [slow.results(call) for call in held] == [[]] * 10
    slow.scsp.faults.clear()
