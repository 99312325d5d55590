"""The simulated SCSP over real HTTP: the CPO's side of the conversation is played by the test."""

import base64
import re
from datetime import UTC, datetime

import pytest
import requests

from ocpi.simulator.client import CpoUnreachable
from ocpi.simulator.scsp import SimulatedScsp
from tests.ocpi.simulator.fake_cpo import SESSION_ID, TOKEN_FOR_CPO, TOKEN_FOR_SCSP, found, send, session, session_url

pytestmark = pytest.mark.once
JEDLIX_PERIODS = [(0, 22000), (1800, 0), (3600, 10000)]
ACTIVE_PROFILE = {
    "start_date_time": "2024-05-01T10:00:00Z",
    "charging_profile": {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 11000}]},
}


def post_result(scsp, request_id, body):
    return send("POST", f"{scsp.chargingprofiles_url}/response/{request_id}", body=body)


# --- being called ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("presented", [TOKEN_FOR_CPO, base64.b64encode(TOKEN_FOR_CPO.encode() + b"\n").decode()])
def test_a_token_is_taken_raw_and_encoded(scsp, presented):
    answer = send("GET", scsp.versions_url, headers={"Authorization": f"Token {presented}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("authorization", [None, "Token wrong", f"Bearer {TOKEN_FOR_CPO}"])
def test_without_the_token_nothing_is_stored(scsp, authorization):
    answer = send("PUT", session_url(scsp), body=session(), headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert scsp.sessions == {}


def test_versions_and_details_list_the_interfaces_of_a_scsp(scsp):
    versions = send("GET", scsp.versions_url).json()["data"]
    assert versions == [{"version": "2.2.1", "url": f"{scsp.base_url}/ocpi/2.2.1"}]
    assert send("GET", versions[0]["url"]).json()["data"] == {
        "version": "2.2.1",
        "endpoints": [
            {"identifier": "credentials", "role": "SENDER", "url": f"{scsp.base_url}/ocpi/2.2.1/credentials"},
            {"identifier": "sessions", "role": "RECEIVER", "url": scsp.sessions_url},
            {"identifier": "locations", "role": "RECEIVER", "url": scsp.locations_url},
            {"identifier": "chargingprofiles", "role": "SENDER", "url": scsp.chargingprofiles_url},
        ],
    }


def test_ids_are_echoed_and_routing_headers_swapped(scsp):
    routing = {"OCPI-from-party-id": "CPO", "OCPI-from-country-code": "NL", "X-Request-ID": "request-1"}
    answer = send("PUT", session_url(scsp), body=session(), headers=routing)
    assert (answer.headers["X-Request-ID"], answer.headers["X-Correlation-ID"]) == ("request-1", "correlation-1")
    assert (answer.headers["OCPI-to-party-id"], answer.headers["OCPI-from-party-id"]) == ("CPO", "JED")
    assert "OCPI-to-party-id" not in send("GET", scsp.versions_url, headers=routing).headers


def test_what_the_headers_lack_is_a_violation(scsp):
    send("GET", session_url(scsp), headers={"X-Request-ID": None})
    assert found(scsp) == [f"GET /ocpi/2.2.1/sessions/NL/CPO/{SESSION_ID}: no header X-Request-ID"]


def test_invalid_json_is_http_400(scsp):
    with requests.Session() as client:
        headers = {"Authorization": f"Token {TOKEN_FOR_CPO}", "Content-Type": "application/json"}
        answer = client.put(session_url(scsp), data=b"{", headers=headers, timeout=5)
    assert answer.status_code == 400
    assert scsp.sessions == {}


def test_unknown_paths_and_methods_are_refused(scsp):
    assert send("GET", f"{scsp.base_url}/ocpi/2.2.1/tariffs").status_code == 404
    assert send("DELETE", session_url(scsp)).status_code == 405


def test_received_requests_are_kept_without_secrets(scsp):
    send("PUT", session_url(scsp), body=session())
    send("POST", f"{scsp.base_url}/ocpi/2.2.1/credentials", body={"token": "secret", "url": "u", "roles": []})
    pushed, credentials = scsp.requests_received
    assert (pushed.method, pushed.path, pushed.body) == ("PUT", f"/ocpi/2.2.1/sessions/NL/CPO/{SESSION_ID}", session())
    assert pushed.headers["x-correlation-id"] == "correlation-1"
    assert "Authorization" not in pushed.headers
    assert credentials.body == {"url": "u", "roles": []}


# --- sessions -------------------------------------------------------------------------------------------------------


def test_a_session_is_stored_patched_and_given_back(scsp, events):
    created = send("PUT", session_url(scsp), body=session())
    patched = send("PATCH", session_url(scsp), body={"kwh": 1.5, "last_updated": "2024-05-01T10:01:00Z"})
    assert (created.status_code, created.json()["status_code"], "data" in created.json()) == (201, 1000, False)
    assert (patched.status_code, patched.json()["status_code"]) == (200, 1000)
    assert send("GET", session_url(scsp)).json()["data"]["kwh"] == 1.5
    assert scsp.sessions[SESSION_ID]["last_updated"] == "2024-05-01T10:01:00Z"
    assert [(name, fields["method"], fields["kwh"]) for name, fields in events] == [
        ("session_received", "PUT", 0.0),
        ("session_received", "PATCH", 1.5),
    ]
    assert scsp.violations == []


def test_a_push_against_the_rules_is_a_violation_answered_2001(scsp, events):
    answer = send("PATCH", session_url(scsp), body={"kwh": 1, "last_updated": "2024-05-01T10:01:00Z"})
    assert (answer.status_code, answer.json()["status_code"]) == (200, 2001)
    assert found(scsp) == [f"PATCH session NL/CPO/{SESSION_ID}: PATCH before PUT"]
    assert (scsp.sessions, events) == ({}, [])


def test_an_unknown_session_is_http_404(scsp):
    assert send("GET", session_url(scsp, "unknown")).status_code == 404


# --- charging profiles ----------------------------------------------------------------------------------------------


def test_put_profile_sends_set_charging_profile_and_returns_the_answer(scsp, cpo, events):
    send("PUT", session_url(scsp), body=session())
    start = datetime(2023, 10, 1, 12, tzinfo=UTC)
    profile_call = scsp.put_profile(SESSION_ID, JEDLIX_PERIODS, start=start, request_id="123456")
    asked = cpo.asked[-1]
    assert (asked["method"], asked["path"]) == ("PUT", f"/ocpi/2.2.1/chargingprofiles/{SESSION_ID}")
    assert asked["token"] == TOKEN_FOR_SCSP
    assert asked["headers"]["X-Request-ID"] == "123456"
    assert asked["headers"]["X-Correlation-ID"]
    assert (asked["headers"]["OCPI-from-party-id"], asked["headers"]["OCPI-to-party-id"]) == ("JED", "CPO")
    assert asked["body"] == {
        "charging_profile": {
            "charging_rate_unit": "W",
            "start_date_time": "2023-10-01T12:00:00Z",
            "charging_profile_period": [
                {"start_period": 0, "limit": 22000},
                {"start_period": 1800, "limit": 0},
                {"start_period": 3600, "limit": 10000},
            ],
        },
        "response_url": f"{scsp.chargingprofiles_url}/response/123456",
    }
    assert (profile_call.http_status, profile_call.result, profile_call.timeout_s) == (200, "ACCEPTED", 30)
    assert [name for name, _ in events] == ["session_received", "profile_sent"]


def test_delete_and_get_name_their_response_url_in_the_query(scsp, cpo, events):
    scsp.delete_profile(SESSION_ID, request_id="d")
    scsp.get_active_profile(SESSION_ID, 900, request_id="g")
    deleted, got = cpo.asked
    assert (deleted["method"], deleted["query"]) == (
        "DELETE",
        {"response_url": f"{scsp.chargingprofiles_url}/response/d"},
    )
    assert (got["method"], got["query"]["duration"]) == ("GET", "900")
    assert got["body"] is None
    assert [(name, fields["request_id"], fields["result"]) for name, fields in events] == [
        ("profile_cleared", "d", "ACCEPTED"),
        ("plan_asked", "g", "ACCEPTED"),
    ]


def test_an_ocpi_error_is_no_charging_profile_response(scsp, cpo):
    cpo.status_code = 2001
    profile_call = scsp.put_profile(SESSION_ID, [(0, 1)])
    assert (profile_call.http_status, profile_call.status_code, profile_call.result) == (200, 2001, None)


def test_the_one_result_in_time_is_received(scsp, events):
    profile_call = scsp.put_profile(SESSION_ID, JEDLIX_PERIODS)
    answer = post_result(scsp, profile_call.request_id, {"result": "ACCEPTED"})
    assert answer.json()["status_code"] == 1000
    assert scsp.wait_result(profile_call.request_id, 1) == {"result": "ACCEPTED"}
    assert scsp.results[0].received_at >= profile_call.sent_at
    expected = {"request_id": profile_call.request_id, "session_id": SESSION_ID, "result": "ACCEPTED"}
    assert events[-1] == ("result_received", expected)
    assert (scsp.violations, scsp.overdue_requests) == ([], [])


def test_a_result_may_overtake_the_answer_that_promises_it(scsp, cpo):
    cpo.before_answering = lambda asked: post_result(scsp, "r", {"result": "ACCEPTED"})
    scsp.put_profile(SESSION_ID, JEDLIX_PERIODS, request_id="r")
    assert scsp.violations == []


def test_a_second_result_is_a_violation(scsp):
    scsp.put_profile(SESSION_ID, JEDLIX_PERIODS, request_id="r")
    post_result(scsp, "r", {"result": "ACCEPTED"})
    answer = post_result(scsp, "r", {"result": "ACCEPTED"})
    assert found(scsp) == ["result of r: the second one"]
    assert answer.json()["status_code"] == 1000


def test_a_repeated_request_is_owed_one_result(scsp, cpo):
    for _ in range(2):
        scsp.put_profile(SESSION_ID, JEDLIX_PERIODS, request_id="r")
    post_result(scsp, "r", {"result": "ACCEPTED"})
    assert cpo.asked[0]["body"] == cpo.asked[1]["body"]
    assert scsp.violations == []


def test_a_result_after_its_timeout_is_a_violation(scsp, cpo):
    cpo.response = {"result": "ACCEPTED", "timeout": 0}
    scsp.put_profile(SESSION_ID, JEDLIX_PERIODS, request_id="r")
    assert scsp.overdue_requests == ["r"]
    post_result(scsp, "r", {"result": "ACCEPTED"})
    [violation] = found(scsp)
    assert re.fullmatch(r"result of r: \d+\.\d s after its timeout", violation)


@pytest.mark.parametrize("overtakes", [False, True])
def test_a_result_of_a_request_that_was_not_accepted_is_a_violation(scsp, cpo, overtakes):
    cpo.response = {"result": "REJECTED", "timeout": 30}
    if overtakes:
        cpo.before_answering = lambda asked: post_result(scsp, "r", {"result": "REJECTED"})
    scsp.put_profile(SESSION_ID, JEDLIX_PERIODS, request_id="r")
    if not overtakes:
        post_result(scsp, "r", {"result": "REJECTED"})
    assert found(scsp) == ["result of r: of a request that was not ACCEPTED"]


@pytest.mark.parametrize(
    ("body", "violation"),
    [
        ({"data": {"result": "ACCEPTED"}, "status_code": 1000}, "result of r: wrapped in the envelope of a response"),
        ({"result": "TOO_OFTEN"}, "result of r: without a result of the enum"),
        ({"result": "ACCEPTED", "profile": ACTIVE_PROFILE}, "result of r: with a profile"),
        (["ACCEPTED"], "result of r: is not an object"),
    ],
)
def test_a_misshapen_result_is_a_violation(scsp, body, violation):
    scsp.put_profile(SESSION_ID, JEDLIX_PERIODS, request_id="r")
    assert post_result(scsp, "r", body).json()["status_code"] == 2001
    assert found(scsp) == [violation]


def test_an_accepted_active_profile_result_has_its_profile(scsp):
    scsp.get_active_profile(SESSION_ID, 900, request_id="with")
    scsp.get_active_profile(SESSION_ID, 900, request_id="without")
    post_result(scsp, "with", {"result": "ACCEPTED", "profile": ACTIVE_PROFILE})
    post_result(scsp, "without", {"result": "ACCEPTED"})
    assert found(scsp) == ["result of without: without a profile"]


def test_a_result_nobody_asked_for_is_a_violation(scsp):
    post_result(scsp, "r", {"result": "ACCEPTED"})
    assert found(scsp) == ["result of r: of a request that was never made"]


def test_no_result_in_time_raises(scsp):
    with pytest.raises(TimeoutError):
        scsp.wait_result("r", 0.01)


def test_an_active_charging_profile_is_received_once_a_profile_was_set(scsp, events):
    scsp.put_profile(SESSION_ID, JEDLIX_PERIODS)
    answer = send("PUT", f"{scsp.chargingprofiles_url}/{SESSION_ID}", body=ACTIVE_PROFILE)
    assert (answer.status_code, answer.json()["status_code"]) == (200, 1000)
    assert [(push.session_id, push.body) for push in scsp.pushes] == [(SESSION_ID, ACTIVE_PROFILE)]
    assert events[-1] == ("active_profile_received", {"session_id": SESSION_ID, **ACTIVE_PROFILE})


def test_an_active_charging_profile_before_any_put_is_a_violation(scsp):
    scsp.get_active_profile(SESSION_ID, 900)
    send("PUT", f"{scsp.chargingprofiles_url}/{SESSION_ID}", body=ACTIVE_PROFILE)
    assert scsp.pushes == []
    assert found(scsp) == [f"ActiveChargingProfile of {SESSION_ID}: no profile was set on this session"]


# --- outages --------------------------------------------------------------------------------------------------------


def test_an_unreachable_cpo_is_said_to_be_so():
    with SimulatedScsp(token=TOKEN_FOR_CPO) as scsp, pytest.raises(CpoUnreachable, match="not connected"):
        scsp.put_profile(SESSION_ID, JEDLIX_PERIODS)


def test_a_restarted_scsp_keeps_its_port_and_its_sessions(scsp):
    send("PUT", session_url(scsp), body=session())
    url = scsp.sessions_url
    scsp.stop()
    with pytest.raises(requests.ConnectionError):
        send("GET", session_url(scsp))
    scsp.start()
    assert scsp.sessions_url == url
    assert send("GET", session_url(scsp)).status_code == 200


def test_stopping_ends_idle_connections(scsp):
    with requests.Session() as client:
        client.get(scsp.versions_url, headers={"Authorization": f"Token {TOKEN_FOR_CPO}"}, timeout=5)
        scsp.stop()
        scsp.stop()


def test_a_failing_event_listener_harms_nobody():
    def fail(name, fields):
        raise RuntimeError(name)

    with SimulatedScsp(token=TOKEN_FOR_CPO, on_event=fail) as scsp:
        assert send("PUT", session_url(scsp), body=session()).status_code == 201


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a": 1'], ids=["nested", "cut"])
def test_a_body_that_is_no_json_is_http_400_whatever_it_is(scsp, content):
    with requests.Session() as client:
        headers = {"Authorization": f"Token {TOKEN_FOR_CPO}", "Content-Type": "application/json"}
        assert client.put(session_url(scsp), data=content, headers=headers, timeout=5).status_code == 400
