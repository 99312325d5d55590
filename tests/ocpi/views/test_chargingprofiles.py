"""ChargingProfiles, Receiver interface, as a partner calls it (OCPI 2.2.1 mod_charging_profiles)."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.utils import timezone

from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from ocpi.models import OutboxMessage, ProfileRequest
from ocpi.protocol.datetimes import parse_datetime
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names")]

RESPONSE_URL = "https://jed.example/result?id=1"
JEDLIX = json.loads(Path("tests/fixtures/ocpi/jedlix_set_charging_profile.json").read_text())
METHODS = ["put", "get", "delete"]


@pytest.fixture
def api() -> Api:
    make.party()
    return Api()


@pytest.fixture
def session() -> ChargingSession:
    return make.session()


def profile(limit: float = 11000, **changes: Any) -> dict[str, Any]:
    periods = [{"start_period": 0, "limit": limit}]
    return {"charging_rate_unit": "W", "charging_profile_period": periods, **changes}


def call(api: Api, method: str, session_id: str, *, url: str = RESPONSE_URL, ending: str = "", **headers: str) -> Any:
    path = f"/ocpi/2.2.1/chargingprofiles/{session_id}{ending}"
    match method:
        case "put":
            return api("put", path, {"charging_profile": profile(), "response_url": url}, **headers)
        case "get":
            return api("get", f"{path}?duration=900&response_url={quote(url, safe='')}", **headers)
        case _:
            return api("delete", f"{path}?response_url={quote(url, safe='')}", **headers)


def refused(response: Any, code: int = 2001) -> str:
    body = response.json()
    assert (response.status_code, body["status_code"], "data" in body) == (200, code, False)
    return body["status_message"]


# --- accepted -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ending", ["", "/"])
def test_accepted_has_its_row_behind_it(api, session, method, ending):
    """ACCEPTED, timeout, HTTP 200, status 1000; and behind it the committed request, command and deadline."""
    make.installed(make.Party.objects.get(), session, limit=6900)
    before = timezone.now()
    response = call(api, method, session.uid, ending=ending)
    assert response.status_code == 200
    body = response.json()
    parse_datetime(body.pop("timestamp"))
    assert body == {"data": {"result": "ACCEPTED", "timeout": 30}, "status_code": 1000}
    request = ProfileRequest.objects.get()
    kind, command_kind = {
        "put": ("SET", "SET_PROFILE"),
        "get": ("GET", "GET_COMPOSITE"),
        "delete": ("CLEAR", "CLEAR_PROFILE"),
    }[method]
    assert (request.kind, request.response, request.result, request.response_url) == (
        kind,
        "ACCEPTED",
        "",
        RESPONSE_URL,
    )
    assert (request.deadline_at - request.received_at).total_seconds() == request.timeout_s == 30
    assert before <= request.received_at <= timezone.now()
    assert (request.command.kind, request.command.status) == (command_kind, "QUEUED")
    assert request.command.expires_at < request.deadline_at
    assert OutboxMessage.objects.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", METHODS)
def test_the_row_is_committed_before_the_answer(api, session, method, monkeypatch):
    """Accepting with nothing behind it is the classic mistake: what fails before the commit is no ACCEPTED."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("disk full")

    make.installed(make.Party.objects.get(), session, limit=6900)
    monkeypatch.setattr(ProfileRequest.objects, "create", fail)
    with make.no_new(ChargePointCommand, OutboxMessage):
        response = call(api, method, session.uid)
    body = response.json()
    assert (response.status_code, body["status_code"], body["status_message"]) == (500, 3000, "internal error")


def test_the_profile_is_what_was_sent(api, session):
    call(api, "put", session.uid)
    assert ChargingProfile.objects.get().desired_schedule == make.schedule(11000)
    assert ProfileRequest.objects.get().body["charging_profile"] == profile()


def test_the_sample_of_the_first_provider_is_understood(session):
    """W, absolute start, no duration, a pause. Its start is long ago: the last limit holds until the end."""
    make.party(allowed_hosts=["www.jedlix.com"])
    response = Api()("put", f"/ocpi/2.2.1/chargingprofiles/{session.uid}", JEDLIX)
    assert response.json()["data"] == {"result": "ACCEPTED", "timeout": 30}
    request = ProfileRequest.objects.get()
    assert (request.body, request.response_url) == (JEDLIX, JEDLIX["response_url"])
    assert request.command.payload["schedule"]["periods"][-1]["limit"] == "10000.0"


@pytest.mark.parametrize("method", METHODS)
def test_ids_ignore_case(api, session, method):
    assert call(api, method, session.uid.upper()).json()["data"]["result"] == "ACCEPTED"


def test_a_chargers_plan_is_asked_for_the_wanted_duration(api, session):
    call(api, "get", session.uid)
    assert ChargePointCommand.objects.get().payload["duration_s"] == 900


def test_a_plan_is_never_asked_for_more_than_a_day(api, session):
    api("get", f"/ocpi/2.2.1/chargingprofiles/{session.uid}?duration=2147483647&response_url={RESPONSE_URL}")
    assert ChargePointCommand.objects.get().payload["duration_s"] == 86400


@pytest.mark.once
@pytest.mark.parametrize(
    "query",
    [
        "duration=900&response_url=https://jed.example/r?a=1&b=2",
        "response_url=https://jed.example/r?a=1&b=2&duration=900",
        "duration=900&response_url=https%3A%2F%2Fjed.example%2Fr%3Fa%3D1%26b%3D2",
    ],
    ids=["duration before", "duration after", "encoded"],
)
def test_a_response_url_in_the_query_may_be_unencoded(api, session, query):
    """As in the specification's own samples, with a `?` and `&` of its own."""
    assert api("get", f"/ocpi/2.2.1/chargingprofiles/{session.uid}?{query}").json()["data"]["result"] == "ACCEPTED"
    assert ProfileRequest.objects.get().response_url == "https://jed.example/r?a=1&b=2"


def test_message_ids_are_echoed_and_kept_for_the_result(api, session):
    """OCPI 2.2.1 transport_and_format, Unique message IDs."""
    response = call(api, "put", session.uid, **{"X-Request-ID": "r-7", "X-Correlation-ID": "c-7"})
    assert (response["X-Request-ID"], response["X-Correlation-ID"]) == ("r-7", "c-7")
    request = ProfileRequest.objects.get()
    assert (request.request_id, request.correlation_id, request.command.correlation_id) == ("r-7", "c-7", "c-7")


@pytest.mark.once
def test_routing_is_swapped_in_the_answer(api, session):
    ends = {"OCPI-from-country-code": "NL", "OCPI-from-party-id": "JED", "OCPI-to-country-code": "NL"}
    response = call(api, "put", session.uid, **ends, **{"OCPI-to-party-id": "CPO"})
    assert (response["OCPI-from-party-id"], response["OCPI-to-party-id"]) == ("CPO", "JED")


@pytest.mark.once
def test_missing_headers_are_tolerated(api, session):
    response = call(api, "put", session.uid, **{"X-Request-ID": "", "X-Correlation-ID": ""})
    assert response.json()["data"]["result"] == "ACCEPTED"
    assert (response["X-Request-ID"], "OCPI-to-party-id" in response) == (
        ProfileRequest.objects.get().request_id,
        False,
    )


# --- not accepted ---------------------------------------------------------------------------------------------------


def told(response: Any) -> tuple[int, int, str, int, str]:
    body = response.json()
    reason = body["status_message"].partition(":")[0]
    return response.status_code, body["status_code"], body["data"]["result"], body["data"]["timeout"], reason


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("spoil", "result", "reason"),
    [
        (lambda s: ChargingSession.objects.update(uid="gone"), "UNKNOWN_SESSION", "unknown_session"),
        (lambda s: ChargingSession.objects.update(state="COMPLETED"), "REJECTED", "session_not_active"),
        (lambda s: ChargePoint.objects.update(connection_id=""), "REJECTED", "charger_offline"),
        (lambda s: ChargePoint.objects.update(smart_charging=False), "NOT_SUPPORTED", "smart_charging_unsupported"),
        (lambda s: make.Party.objects.update(shares_all_evses=False), "REJECTED", "session_not_shared"),
    ],
    ids=["unknown", "over", "offline", "unsupported", "not shared"],
)
def test_a_refusal_is_a_success_of_transport_with_a_reason_and_no_callback(api, session, method, spoil, result, reason):
    spoil(session)
    with make.no_new(ChargePointCommand, OutboxMessage):
        response = call(api, method, session.uid)
    assert told(response) == (200, 1000, result, 30, reason)
    assert ProfileRequest.objects.get().command is None


def test_too_often_is_said_as_such(api, session, settings):
    settings.OCPI_SESSION_BURST, settings.OCPI_SESSION_PER_MINUTE = 0, 0
    with make.no_new(ChargePointCommand, OutboxMessage):
        assert told(call(api, "put", session.uid)) == (200, 1000, "TOO_OFTEN", 30, "too_often")
        assert told(call(api, "get", session.uid)) == (200, 1000, "TOO_OFTEN", 30, "too_often")
    assert call(api, "delete", session.uid).json()["data"]["result"] == "ACCEPTED"


def test_a_repeated_put_is_answered_as_the_first_with_one_command(api, session):
    first, second = call(api, "put", session.uid), call(api, "put", session.uid, **{"X-Request-ID": "other"})
    assert first.json()["data"] == second.json()["data"]
    assert (ProfileRequest.objects.count(), ChargePointCommand.objects.count()) == (1, 1)


# --- what cannot be understood --------------------------------------------------------------------------------------

WRONG = [
    ("charging_profile: is required", {"response_url": RESPONSE_URL}),
    ("response_url: is required", {"charging_profile": profile()}),
    ("charging_profile.charging_rate_unit: ", {"charging_profile": profile(charging_rate_unit="kW")}),
    (
        "charging_profile.charging_profile_period: must not be empty",
        {"charging_profile": profile(charging_profile_period=[])},
    ),
    ("charging_profile.charging_profile_period[0].limit: must not be negative", {"charging_profile": profile(-1)}),
    ("charging_profile.charging_profile_period[0].limit: at most one decimal", {"charging_profile": profile(1.25)}),
    ("charging_profile.charging_profile_period[0].limit: must be a number", {"charging_profile": profile("11000")}),
    ("charging_profile.start_date_time: ", {"charging_profile": profile(start_date_time="2023-10-01T12:00:00+02:00")}),
    ("response_url: must be https", {"response_url": "http://jed.example/r"}),
    ("response_url: host is not one this party may name", {"response_url": "https://elsewhere.example/r"}),
    ("response_url: must be an absolute URL", {"response_url": "/r"}),
    ("response_url: must be a string", {"response_url": 7}),
]


@pytest.mark.once
@pytest.mark.parametrize(("message", "change"), WRONG, ids=[message for message, _ in WRONG])
def test_a_wrong_field_is_2001_and_named_and_nothing_is_kept(api, session, message, change):
    """OCPI 2.2.1 status_codes: valid JSON to an existing resource is HTTP 200."""
    whole = {"charging_profile": profile(), "response_url": RESPONSE_URL}
    document = change if "is required" in message else {**whole, **change}
    with make.no_new(ProfileRequest, ChargePointCommand, OutboxMessage):
        response = api("put", f"/ocpi/2.2.1/chargingprofiles/{session.uid}", document)
    assert refused(response).startswith(message)


@pytest.mark.once
@pytest.mark.parametrize(
    ("method", "query", "message"),
    [
        ("get", "response_url=https://jed.example/r", "duration: is required"),
        ("get", "duration=0&response_url=https://jed.example/r", "duration: must be"),
        ("get", "duration=ten&response_url=https://jed.example/r", "duration: must be"),
        ("get", "duration=900", "response_url: is required"),
        ("delete", "", "response_url: is required"),
        ("delete", "response_url=https://elsewhere.example/r", "response_url: host is not one this party may name"),
    ],
)
def test_a_wrong_query_is_2001_and_named(api, session, method, query, message):
    with make.no_new(ProfileRequest, ChargePointCommand, OutboxMessage):
        response = api(method, f"/ocpi/2.2.1/chargingprofiles/{session.uid}?{query}")
    assert refused(response).startswith(message)


@pytest.mark.once
def test_invalid_json_is_http_400(api, session):
    response = api("put", f"/ocpi/2.2.1/chargingprofiles/{session.uid}", "{nonsense")
    assert (response.status_code, response.json()["status_code"]) == (400, 2000)


@pytest.mark.once
@pytest.mark.parametrize("extra", [{"more": {"a": [1]}}, {"huge": 10**400}])
def test_unknown_fields_are_ignored(api, session, extra):
    body = {"charging_profile": {**profile(), **extra}, "response_url": RESPONSE_URL, **extra}
    response = api("put", f"/ocpi/2.2.1/chargingprofiles/{session.uid}", body)
    assert response.json()["data"]["result"] == "ACCEPTED"


def test_a_number_beyond_all_bounds_is_refused_and_does_not_break_us(api, session):
    body = json.dumps({"charging_profile": profile(), "response_url": RESPONSE_URL, "x": 0})
    path = f"/ocpi/2.2.1/chargingprofiles/{session.uid}"
    response = api("put", path, body.replace('"x": 0', '"x": 1.5e400'))
    assert refused(response) == "body: a number is out of range"


@pytest.mark.parametrize("session_id", ["%00", "%E2%82%AC", "a%0Ab", "x" * 37, "x" * 300, "%F0%9F%94%8C", "a%20b"])
@pytest.mark.parametrize("method", METHODS)
def test_an_id_that_no_session_can_have_breaks_nothing(api, method, session_id):
    """UNKNOWN_SESSION, or no such endpoint where it is no CiString(36) at all."""
    response = call(api, method, session_id)
    known = response.status_code == 200 and response.json()["data"]["result"] == "UNKNOWN_SESSION"
    assert known or (response.status_code, response.json()["status_code"]) == (404, 2000)


@pytest.mark.once
@pytest.mark.parametrize("method", ["post", "patch", "options", "head"])
def test_other_methods_are_not_allowed(api, session, method):
    assert api(method, f"/ocpi/2.2.1/chargingprofiles/{session.uid}").status_code == 405


# --- who ------------------------------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("token", ["", "unknown", "first-NEW"], ids=["none", "unknown", "token A"])
def test_nobody_without_a_registered_token_gets_in(session, method, token):
    """OCPI 2.2.1 credentials, Registration: token A opens versions and credentials only."""
    make.unregistered()
    api = Api(token)
    with make.no_new(ProfileRequest, ChargePointCommand):
        response = call(api, method, session.uid, **({"Authorization": ""} if not token else {}))
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Token")


def test_the_result_follows_to_the_response_url(api, session, partner):
    """From PUT to callback, the charge point's side played by hand."""
    from ocpi import outbox

    call(api, "put", session.uid)
    make.finish(ProfileRequest.objects.get().command)
    outbox.deliver(OutboxMessage.objects.get().pk, now=timezone.now())
    assert partner.calls == [("POST", RESPONSE_URL)]
    assert (partner.bodies, partner.requests[0].correlation_id) == ([{"result": "ACCEPTED"}], "co-1")
