"""What partners asked and were told, in the timeline of a session, and the raw bodies of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chargepoints.admin import timeline
from chargepoints.admin.threads import timeline_of
from chargepoints.models import ChargingSession
from chargepoints.values import OutcomeStatus
from ocpi.models import Credentials, DeliveryAttempt, OutboxMessage, ProfileRequest
from tests.support import ocpi_factories
from tests.support.operators import (
    HOSTILE,
    answer,
    ask_profile,
    client_of,
    client_of_all,
    make_message,
    make_request,
    make_session,
    page,
)

pytestmark = pytest.mark.django_db
START = timezone.now().replace(microsecond=0) - timedelta(minutes=5)
BODY = {
    "charging_profile": {
        "charging_rate_unit": "W",
        "charging_profile_period": [{"start_period": 0, "limit": 11000}, {"start_period": 60, "limit": 0}],
    },
    "response_url": "https://partner.example/result",
}


@pytest.fixture(autouse=True)
def nothing_leaves(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    settings.PUBLIC_URL = "https://cpo.example"
    monkeypatch.setattr("chargepoints.commands._ring", lambda *asked: None)


@pytest.fixture
def party():
    return ocpi_factories.party()


@pytest.fixture
def session():
    return make_session()


def at(seconds):
    return START + timedelta(seconds=seconds)


def threads(session):
    return timeline_of(timeline.entries_of(ChargingSession.objects.get(pk=session.pk)))


def attempt(message, seconds, *, number=1, **fields):
    fields = {"method": "POST", "url": message.url or "https://partner.example/x", "http_status": 200, **fields}
    return DeliveryAttempt.objects.create(
        message=message, number=number, started_at=at(seconds), sent_at=at(seconds), finished_at=at(seconds), **fields
    )


def result_of(request, **fields):
    return make_message(
        request.party, request.session, at=at(2), kind="RESULT", profile_request=request, url=request.response_url,
        expires_at=request.deadline_at, body={"result": "ACCEPTED"}, correlation_id=request.correlation_id, **fields,
    )  # fmt: skip


def test_a_request_is_one_thread_from_the_partner_to_the_partner(party, session):
    command = ask_profile(session, 11000, at=at(0))
    answer(command, OutcomeStatus.ACCEPTED, at=at(1))
    command.correlation_id = "correlation-1"
    command.save(update_fields=["correlation_id"])
    request = make_request(party, session, at=at(0), body=BODY, command=command, result="ACCEPTED", result_at=at(2))
    message = result_of(request, status="DELIVERED")
    attempt(message, 3, ocpi_status=1000, duration_ms=40, correlation_id="correlation-1")
    plan = make_message(party, session, at=at(4), kind="ACTIVE_PROFILE", status="DELIVERED")
    attempt(plan, 4, method="PUT", correlation_id="correlation-1")
    [thread] = [thread for thread in threads(session).threads if thread.key == "correlation-1"]
    assert thread.title == "NL*JED asked a charging profile: 11000, 0 W"
    assert [(step.entry.title, step.entry.status, step.waited) for step in thread.steps] == [
        (f"Request of NL*JED ({request})", "", ""),
        ("Validated and answered at once", "ACCEPTED", "+0 ms"),
        (f"SetChargingProfile {command.pk} asked by NL*JED", "", "+0 ms"),
        ("CALL SetChargingProfile to the charge point", "", "+1.0 s"),
        (f"SetChargingProfile {command.pk} ended", "ACCEPTED", "+0 ms"),
        (f"Result of {request} for NL*JED written", "ACCEPTED", "+1.0 s"),
        ("POST result to NL*JED, attempt 1", "HTTP 200, OCPI 1000", "+1.0 s"),
        ("PUT active profile to NL*JED, attempt 1", "HTTP 200", "+1.0 s"),
    ]


def test_a_plan_pushed_for_another_request_is_not_in_the_thread_of_the_first(party, session):
    plan = make_message(party, session, at=at(0), kind="ACTIVE_PROFILE", correlation_id="second")
    attempt(plan, 1, correlation_id="first")
    attempt(plan, 2, number=2, correlation_id="second")
    assert [thread.key for thread in threads(session).threads][:2] == ["second", "first"]


def test_session_pushes_are_routine_until_one_fails(party, session):
    message = make_message(party, session, at=at(0))
    attempt(message, 1, method="PUT")
    attempt(message, 2, number=2, method="PATCH", http_status=503, error="HTTP 503")
    told = threads(session)
    assert [step.entry.title for step in told.routine] == ["PUT session to NL*JED, attempt 1"]
    assert told.threads[0].steps[0].entry.title == "PATCH session to NL*JED, attempt 2"


def test_a_failed_delivery_has_its_button_at_the_newest_attempt(party, session):
    message = make_message(party, session, at=at(0), failures=2, last_error="HTTP 503")
    for number in (1, 2):
        attempt(message, number, number=number, method="PUT", http_status=503, error="HTTP 503")
    for client, expected in (
        (client_of("view", "ocpi.send_to_party"), ["retry_delivery_now", None]),
        (client_of("view", name="ana"), [None, None]),
    ):
        shown = client.get(page(session), {"live": 1}).context["timeline"].threads[:2]
        assert [step.button and step.button.action for thread in shown for step in thread.steps] == expected


def test_what_was_never_tried_and_is_lost_is_told(party, session):
    message = result_of(make_request(party, session, at=at(0)), status="EXPIRED", last_error="the time was over")
    last = threads(session).threads[0].steps[-1].entry
    told = (last.title, last.status, last.detail, last.remedy)
    assert told == ("The result for NL*JED was not sent", "EXPIRED", "the time was over", None)
    OutboxMessage.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    remedy = threads(session).threads[0].steps[-1].entry.remedy
    assert remedy == timeline.Remedy(message, "retry_delivery_now")


@pytest.mark.once
@pytest.mark.parametrize(
    "body", [None, {"charging_profile": []}, {"charging_profile": {"charging_profile_period": 7}}, {}]
)
def test_a_body_of_any_shape_has_a_headline(body, party, session):
    make_request(party, session, at=at(0), body=body)
    assert "NL*JED asked a charging profile" in {thread.title for thread in threads(session).threads}


@pytest.mark.once
def test_the_newest_request_that_was_refused_is_in_the_story(party, session):
    make_request(party, session, at=at(0), response="REJECTED", reason="charger_offline", detail="not connected")
    html = client_of_all().get(page(session), {"live": 1}).content.decode()
    assert "the newest request of NL*JED was refused (charger_offline: not connected)" in html
    make_request(party, session, at=at(1))
    html = client_of("view", name="ana").get(page(session), {"live": 1}).content.decode()
    assert "was refused" not in html


def test_an_attempt_keeps_the_correlation_id_it_was_sent_with(party, session):
    from ocpi import outbox

    message = make_message(party, session, at=at(0), kind="RESULT", url="https://partner.example/x", body={"a": 1})
    OutboxMessage.objects.update(correlation_id="c-9", expires_at=timezone.now() + timedelta(minutes=1))
    outbox.deliver(message.pk, now=timezone.now())
    assert DeliveryAttempt.objects.get().correlation_id == "c-9"


# --- raw bodies -----------------------------------------------------------------------------------------------------


def raw_of(session, key):
    return f"{page(session).removesuffix('change/')}raw/{key}/"


def parts_of(client, session, key):
    response = client.get(raw_of(session, key))
    assert HOSTILE not in response.content.decode()
    return {part.title.split(",")[0].split(":")[0].split(";")[0]: part.text for part in response.context["parts"]}


@pytest.fixture
def request_row(party, session):
    return make_request(
        party, session, at=at(0), body={**BODY, "note": HOSTILE, "token": "SECRET"}, sender="NL*JED", receiver="NL*CPO"
    )


def test_a_request_is_shown_as_received_and_as_curl(request_row, session):
    parts = parts_of(client_of_all(), session, f"request-{request_row.pk}")
    assert '"limit": 11000' in parts["Body"]
    assert "SECRET" not in "".join(parts.values())
    assert parts["As curl"].splitlines()[:5] == [
        "curl --globoff --request PUT \\",
        '  --header "Authorization: Token $TOKEN" \\',
        "  --header 'X-Request-ID: request-1' \\",
        "  --header 'X-Correlation-ID: correlation-1' \\",
        "  --header 'OCPI-from-country-code: NL' \\",
    ]
    assert parts["As curl"].endswith(f"--url https://cpo.example/ocpi/2.2.1/chargingprofiles/{session.uid}")


@pytest.mark.once
@pytest.mark.parametrize(
    ("kind", "body", "method", "query"),
    [
        ("CLEAR", None, "DELETE", "response_url=https%3A%2F%2Fpartner.example%2Fresult"),
        (
            "GET",
            {"duration": 900, "unit": "W"},
            "GET",
            "duration=900&response_url=https%3A%2F%2Fpartner.example%2Fresult",
        ),
    ],
)
def test_a_request_without_a_body_asks_by_its_query(kind, body, method, query, request_row, session):
    ProfileRequest.objects.update(kind=kind, body=body)
    text = parts_of(client_of_all(), session, f"request-{request_row.pk}")["As curl"]
    assert f"--request {method}" in text
    assert f"?{query}'" in text
    assert "--data-raw" not in text


def test_an_attempt_is_shown_as_sent_answered_and_as_curl(party, session):
    Credentials.objects.update(api_key_header="X-Api-Key")
    message = make_message(party, session, at=at(0), kind="SESSION")
    tried = attempt(
        message, 1, method="PUT", body={"id": HOSTILE}, response_body='{"status_code": 1000}', correlation_id="c-1"
    )
    parts = parts_of(client_of_all(), session, f"attempt-{tried.pk}")
    assert parts["Answer"] == '{\n  "status_code": 1000\n}'
    assert '--header "Authorization: Token $TOKEN"' in parts["As curl"]
    assert '--header "X-Api-Key: $API_KEY"' in parts["As curl"]
    assert "--header 'X-Correlation-ID: c-1'" in parts["As curl"]
    assert "OCPI-to-party-id: JED" in parts["As curl"]
    token = party.credentials.outbound_token
    assert token
    assert token not in "".join(parts.values())


@pytest.mark.once
def test_oauth2_is_a_bearer_token(party, session):
    Credentials.objects.update(outbound_encoding=Credentials.Outbound.OAUTH2)
    tried = attempt(make_message(party, session, at=at(0)), 1)
    text = parts_of(client_of_all(), session, f"attempt-{tried.pk}")["As curl"]
    assert '--header "Authorization: Bearer $TOKEN"' in text


def test_who_may_not_see_requests_or_deliveries_does_not_see_their_bodies(request_row, session):
    tried = attempt(result_of(request_row), 1)
    client = client_of("chargepoints.view_chargingsession", "ocpi.view_profilerequest")
    assert client.get(raw_of(session, f"request-{request_row.pk}")).status_code == 200
    assert client.get(raw_of(session, f"attempt-{tried.pk}")).status_code == 403


def test_bodies_of_another_session_are_404(request_row, party):
    from tests.support.operators import make_charge_point

    other = make_session(make_charge_point("OTHER"), ocpp_transaction_id="1")
    tried = attempt(result_of(request_row), 1)
    for key in (f"request-{request_row.pk}", f"attempt-{tried.pk}", f"attempt-{tried.pk}-body"):
        assert client_of_all_once().get(raw_of(other, key)).status_code == 404


def client_of_all_once():
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("noor"))
    return client
