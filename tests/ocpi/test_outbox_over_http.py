"""A few deliveries over a real connection, where transport matters."""

import base64
import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from chargepoints.models import ChargingSession
from ocpi import deliveries, outbox, parties, pushes
from ocpi.client import close_connections
from ocpi.models import DeliveryAttempt, OutboxMessage, PartnerEndpoint, Party
from tests.support import ocpi_factories as make
from tests.support.far_end import FarEnd, Handler
from tests.support.jedlix import API_KEY_HEADER, AUDIENCE, Jedlix

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("enqueued")]


@pytest.fixture
def party(far_end: FarEnd) -> Party:
    party = make.party(allow_insecure_urls=True)
    PartnerEndpoint.objects.filter(identifier="sessions").update(url=f"{far_end.url}/sessions/")
    return party


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def result(far_end: FarEnd, party: Party, now: datetime) -> OutboxMessage:
    request = make.accepted(party, make.session(), now=now, response_url=f"{far_end.url}/result?id=1&key=planted")
    make.finish(request.command, now=now)
    return make.message(party, OutboxMessage.Kind.RESULT)


def deliver(message: OutboxMessage, *, now: datetime) -> OutboxMessage:
    outbox.deliver(message.pk, now=now)
    message.refresh_from_db()
    return message


def test_a_result_arrives_with_all_its_headers(far_end: FarEnd, result, now, caplog):
    caplog.set_level(logging.DEBUG)
    assert deliver(result, now=now).status == "DELIVERED"
    ((method, path, headers, body),) = far_end.seen
    assert (method, path, body) == ("POST", "/result?id=1&key=planted", {"result": "ACCEPTED"})
    assert headers["Authorization"] == f"Token {base64.b64encode(b'outbound-JED').decode()}"
    assert (headers["Content-Type"], headers["X-Correlation-ID"]) == ("application/json", "correlation-1")
    assert len(headers["X-Request-ID"]) == 36
    assert (headers["OCPI-from-party-id"], headers["OCPI-to-party-id"]) == ("CPO", "JED")
    assert [text for text in ("outbound-JED", headers["Authorization"][6:], "planted") if text in caplog.text] == []


def test_sent_at_is_there_before_the_partner_has_read_a_byte(far_end: FarEnd, result, now):
    marks: list[Any] = []

    def look(handler: Handler) -> None:
        try:
            marks.append(DeliveryAttempt.objects.values_list("sent_at", flat=True).get())
        finally:
            connection.close()
        handler.reply()

    far_end.answer = look
    deliver(result, now=now)
    assert marks == [result.attempts.get().sent_at]
    assert marks[0] is not None


def test_nobody_listening_is_no_connection_and_nothing_was_sent(far_end: FarEnd, result, now):
    OutboxMessage.objects.update(url="http://127.0.0.1:9/result")
    message = deliver(result, now=now)
    assert (message.status, message.failures) == ("PENDING", 1)
    assert message.last_error == "refused: nobody listens at this address and port"
    assert message.attempts.get().sent_at is None


def test_a_partner_that_hangs_up_gets_it_again(far_end: FarEnd, result, now):
    far_end.answer = Handler.hang_up
    message = deliver(result, now=now)
    assert (message.status, message.attempts.get().sent_at is not None) == ("PENDING", True)
    far_end.answer = Handler.reply
    assert deliver(message, now=message.due_at).status == "DELIVERED"
    assert len(far_end.seen) == 2


def test_a_partner_that_never_answers_is_left_at_the_promised_time(far_end: FarEnd, result, now):
    OutboxMessage.objects.update(expires_at=now + make.timedelta(seconds=2))
    far_end.answer = lambda handler: far_end.over.wait(30) and None
    message = deliver(result, now=now)
    assert (message.status, message.last_error) == ("PENDING", "timeout: no complete answer in time")
    assert timezone.now() - now < make.timedelta(seconds=10)
    assert deliver(message, now=message.due_at).status == "EXPIRED"
    assert len(far_end.seen) == 1


def test_without_debug_loopback_is_refused_whatever_the_party_is_marked(far_end: FarEnd, result, now, settings):
    settings.DEBUG = False
    message = deliver(result, now=now)
    assert (message.status, far_end.seen) == ("FAILED", [])
    assert message.last_error == "url: must be https"


def test_a_session_is_put_and_then_patched(far_end: FarEnd, party, now):
    session = make.session()
    pushes.session_changed(session, now=now)
    message = deliver(make.message(party, OutboxMessage.Kind.SESSION), now=now)
    ChargingSession.objects.update(kwh=Decimal(2))
    pushes.session_changed(session, now=timezone.now())
    assert deliver(message, now=timezone.now()).status == "DELIVERED"
    path = f"/sessions/NL/CPO/{session.uid}"
    assert [(method, seen_path) for method, seen_path, _, _ in far_end.seen] == [("PUT", path), ("PATCH", path)]
    assert sorted(far_end.seen[1][3]) == ["kwh", "last_updated"]


# --- a partner behind OAuth 2.0 and an API key ----------------------------------------------------------------------


@pytest.fixture
def jedlix(settings) -> Iterator[Jedlix]:
    settings.DEBUG = True
    with Jedlix() as server:
        yield server
        close_connections()


@pytest.fixture
def guarded(jedlix: Jedlix) -> Party:
    party = make.party(allow_insecure_urls=True)
    credentials = make.credentials(party)
    credentials.outbound_encoding, credentials.oauth_token_url = "oauth2", jedlix.token_url
    credentials.oauth_client_id, credentials.oauth_secret = jedlix.client_id, jedlix.secret
    credentials.oauth_audience = AUDIENCE
    credentials.api_key_header, credentials.api_key = API_KEY_HEADER, jedlix.api_key
    credentials.save()
    return party


@pytest.fixture
def guarded_result(jedlix: Jedlix, guarded: Party, now: datetime) -> OutboxMessage:
    request = make.accepted(guarded, make.session(), now=now, response_url=f"{jedlix.url}/result?id=1")
    make.finish(request.command, now=now)
    return make.message(guarded, OutboxMessage.Kind.RESULT)


def claims_are_open(seen: list[bool]) -> None:
    seen.append(OutboxMessage.objects.filter(status="SENDING").exists())
    connection.close()


def test_a_result_goes_with_an_access_token_and_the_key_and_the_claim_is_committed_before(
    jedlix: Jedlix, guarded_result, now
):
    seen: list[bool] = []
    jedlix.before_token = lambda: claims_are_open(seen)
    assert deliver(guarded_result, now=now).status == "DELIVERED"
    (result,) = jedlix.requests("POST", "/result")
    assert (seen, result.body, jedlix.turned_away) == ([True], {"result": "ACCEPTED"}, [])
    assert result.headers["Authorization"].removeprefix("Bearer ") in jedlix.issued
    assert guarded_result.attempts.get().sent_at is not None


def test_a_token_that_the_partner_has_dropped_is_renewed_within_the_attempt(jedlix: Jedlix, guarded_result, now):
    parties.access_tokens(guarded_result.party).current(timeout_s=5)
    jedlix.revoke_all()
    message = deliver(guarded_result, now=now)
    assert (message.status, message.attempt_count) == ("DELIVERED", 1)
    assert (len(jedlix.turned_away), len(jedlix.requests("POST", "/result")), len(jedlix.issued)) == (1, 1, 2)


def test_a_key_that_the_partner_does_not_know_costs_two_tokens_and_no_more(jedlix: Jedlix, guarded_result, now):
    jedlix.api_key = "another"
    message = deliver(guarded_result, now=now)
    assert (message.status, message.last_error) == ("PENDING", "HTTP 401, OCPI status None")
    assert (len(jedlix.turned_away), len(jedlix.issued)) == (2, 2)
    assert deliver(message, now=message.due_at).status == "PENDING"
    assert (len(jedlix.turned_away), len(jedlix.issued)) == (3, 2)


def test_a_result_is_not_sent_again_after_its_promised_time(jedlix: Jedlix, guarded_result, now, monkeypatch):
    """The 401 comes in time, the new token too late."""
    parties.access_tokens(guarded_result.party).current(timeout_s=5)
    jedlix.revoke_all()
    promised = now + make.timedelta(seconds=20)
    OutboxMessage.objects.update(expires_at=promised)
    real = deliveries.mark_sent

    def mark(delivery: deliveries.Delivery) -> None:
        if jedlix.turned_away:
            monkeypatch.setattr(outbox.timezone, "now", lambda: promised)
        real(delivery)

    monkeypatch.setattr(deliveries, "mark_sent", mark)
    outbox.deliver(guarded_result.pk, now=now)
    assert (len(jedlix.turned_away), jedlix.requests("POST", "/result")) == (1, [])


def test_a_refused_client_fails_a_result_at_once_and_a_session_later(jedlix: Jedlix, guarded, guarded_result, now):
    jedlix.secret = "another"
    session = guarded_result.session
    PartnerEndpoint.objects.filter(identifier="sessions").update(url=f"{jedlix.url}/sessions")
    pushes.session_changed(session, now=now)
    refusal = "authorisation: token endpoint says HTTP 401 invalid_client"
    message = deliver(guarded_result, now=now)
    assert (message.status, message.last_error, message.attempts.get().sent_at) == ("FAILED", refusal, None)
    state = make.message(guarded, OutboxMessage.Kind.SESSION)
    state.refresh_from_db()
    if not state.attempt_count:
        state = deliver(state, now=now)
    assert (state.status, state.last_error, state.failures) == ("PENDING", refusal, 1)
    assert len(jedlix.token_requests) == 1


def test_a_token_endpoint_that_is_down_is_tried_again_in_time(jedlix: Jedlix, guarded_result, now):
    jedlix.token_answers = [(503, {})]
    message = deliver(guarded_result, now=now)
    assert (message.status, message.last_error) == ("PENDING", "authorisation: token endpoint says HTTP 503")
    cache.clear()  # the failure is forgotten
    assert deliver(message, now=message.due_at).status == "DELIVERED"


def test_a_token_endpoint_that_hangs_takes_no_more_than_the_promised_time(jedlix: Jedlix, guarded_result, now):
    over = threading.Event()
    jedlix.before_token = lambda: over.wait(10)
    OutboxMessage.objects.update(expires_at=now + make.timedelta(seconds=0.5))
    message = deliver(guarded_result, now=now)
    over.set()
    assert (message.status, message.last_error) == (
        "PENDING", "timeout: token endpoint: no complete answer in time",
    )  # fmt: skip
    assert timezone.now() - now < make.timedelta(seconds=3)
    assert deliver(message, now=message.due_at).status == "EXPIRED"


def test_no_secret_is_in_any_row_or_log_line(jedlix: Jedlix, guarded_result, now, caplog):
    caplog.set_level(logging.DEBUG)
    jedlix.token_answers = [(401, {"error": "invalid_client", "error_description": f"not {jedlix.secret}"})]
    message = deliver(guarded_result, now=now)
    cache.clear()
    parties.access_tokens(guarded_result.party).current(timeout_s=5)
    jedlix.revoke_all()
    outbox.retry_now(message, now=now)
    assert deliver(message, now=now).status == "DELIVERED"
    planted = [jedlix.secret, jedlix.api_key, *jedlix.issued]
    assert len(planted) == 4
    stored = "".join(str(list(model._default_manager.values())) for model in apps.get_models())
    assert [secret for secret in planted if secret in stored + caplog.text] == []
    assert "access token from host=127.0.0.1" in caplog.text
