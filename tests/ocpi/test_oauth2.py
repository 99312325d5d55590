"""One request to a token endpoint (RFC 6749 sections 2.3.1, 4.4, 5.1 and 5.2)."""

import base64
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ocpi import oauth2
from ocpi.addresses import AddressPolicy
from ocpi.client import DeliveryFailed, FailureKind, close_connections
from ocpi.oauth2 import Grant, OAuth2Client
from tests.support.jedlix import AUDIENCE, LAX, Jedlix

pytestmark = pytest.mark.once


@pytest.fixture
def endpoint() -> Iterator[Jedlix]:
    with Jedlix() as server:
        yield server
        close_connections()


def ask(who: OAuth2Client, *, timeout_s: float = 5.0, policy: AddressPolicy = LAX) -> Grant:
    return oauth2.request_token(who, policy=policy, timeout_s=timeout_s)


def failure(who: OAuth2Client, **options: Any) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        ask(who, **options)
    return caught.value


def test_id_and_secret_go_into_the_form_with_the_audience(endpoint: Jedlix):
    grant = ask(endpoint.client(secret=endpoint.secret))
    assert (grant.token in endpoint.issued, grant.lifetime_s) == (True, 3600.0)
    assert endpoint.token_requests == [
        {
            "grant_type": "client_credentials", "audience": AUDIENCE,
            "client_id": endpoint.client_id, "client_secret": endpoint.secret,
        }
    ]  # fmt: skip
    (headers,) = endpoint.token_headers
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in headers


def test_or_into_an_authorization_header_form_encoded_before_they_are_joined(endpoint: Jedlix):
    endpoint.token_answers = [(200, {"access_token": "t", "token_type": "bearer", "expires_in": 60})]
    assert ask(endpoint.client(in_body=False, client_id="a:b", secret="c d/é", scope="x y")) == Grant("t", 60.0)
    assert endpoint.token_requests == [{"grant_type": "client_credentials", "audience": AUDIENCE, "scope": "x y"}]
    expected = base64.b64encode(b"a%3Ab:c+d%2F%C3%A9").decode()
    assert endpoint.token_headers[0]["Authorization"] == f"Basic {expected}"


@pytest.mark.parametrize(
    ("said", "lifetime_s"),
    [({"expires_in": "86400"}, 86400), ({"expires_in": 59.5}, 59.5), ({}, 300), ({"expires_in": None}, 300),
     ({"expires_in": "soon"}, 300), ({"expires_in": True}, 300), ({"expires_in": -5}, 0), ({"expires_in": 0}, 0),
     ({"expires_in": 10**30}, 86400), ({"token_type": "BEARER", "expires_in": 5, "scope": "other"}, 5)],
)  # fmt: skip
def test_how_long_a_token_lasts_is_read_with_forbearance(endpoint: Jedlix, said: dict[str, Any], lifetime_s: float):
    endpoint.token_answers = [(200, {"access_token": "t", **said})]
    assert ask(endpoint.client()) == Grant("t", lifetime_s)


@pytest.mark.parametrize(
    "body",
    [{}, [], "token", {"access_token": ""}, {"access_token": 5}, {"access_token": "two words"},
     {"access_token": "a\r\nX-Injected: 1"}, {"access_token": "x" * 8193}, {"access_token": "t", "token_type": "mac"},
     {"access_token": "t", "token_type": None}],
)  # fmt: skip
def test_what_is_no_bearer_token_is_refused_for_good(endpoint: Jedlix, body: Any):
    endpoint.token_answers = [(200, body)]
    failed = failure(endpoint.client())
    assert (failed.kind, failed.retryable) == (FailureKind.AUTHORISATION, False)
    assert failed.detail.startswith("token endpoint ")


@pytest.mark.parametrize(
    ("answer", "words", "retryable"),
    [
        ((401, {"error": "invalid_client"}), "HTTP 401 invalid_client", False),
        ((400, {"error": "invalid_scope", "error_description": "no such one"}), "HTTP 400 invalid_scope (no such one)",
         False),
        ((403, {"error": {"deep": 1}, "error_description": ["x"]}), "HTTP 403", False),
        ((400, {"error": "<b>", "error_description": "line\nbreak"}), "HTTP 400", False),
        ((401, "nothing of the kind"), "HTTP 401", False),
        ((429, {"error": "too_many_requests"}), "HTTP 429 too_many_requests", True),
        ((503, {}), "HTTP 503", True),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_its_own_words(endpoint: Jedlix, answer: Any, words: str, retryable: bool):
    endpoint.token_answers = [answer]
    failed = failure(endpoint.client())
    assert str(failed) == f"authorisation: token endpoint says {words}"
    assert (failed.kind, failed.retryable, failed.http_status) == (FailureKind.AUTHORISATION, retryable, None)


def test_a_refusal_that_quotes_the_secret_is_told_without_its_words(endpoint: Jedlix, caplog):
    caplog.set_level(logging.DEBUG)
    for style in ({"in_body": True}, {"in_body": False}):
        who = endpoint.client(**style)
        header = oauth2._basic(who).get("Authorization", "")
        for quoted in filter(None, (who.secret, header)):
            endpoint.token_answers = [(400, {"error": "invalid_client", "error_description": f"bad {quoted}!"})]
            assert str(failure(who)) == "authorisation: token endpoint says HTTP 400"
            assert quoted not in caplog.text
    assert "path=/oauth/token outcome=400" in caplog.text
    assert who.secret not in repr(who)


def test_the_way_there_is_guarded_like_every_other(endpoint: Jedlix):
    endpoint.token_answers = [(302, {})]
    assert str(failure(endpoint.client())) == (
        "authorisation: token endpoint not usable: redirect: HTTP 302 is not followed"
    )
    refused = failure(endpoint.client(), policy=AddressPolicy())
    assert (refused.kind, refused.detail) == (
        FailureKind.AUTHORISATION, "token endpoint not usable: url: must be https",
    )  # fmt: skip
    nobody = failure(endpoint.client(token_url="http://127.0.0.1:9/token"))
    assert (nobody.kind, nobody.retryable, nobody.maybe_sent) == (FailureKind.REFUSED, True, False)
    assert nobody.detail.startswith("token endpoint: nobody listens")
    assert len(endpoint.token_requests) == 1


def test_a_token_endpoint_that_hangs_costs_no_more_than_the_time_given(endpoint: Jedlix):
    over = threading.Event()
    endpoint.before_token = lambda: over.wait(10)
    failed = failure(endpoint.client(), timeout_s=0.2)
    over.set()
    assert (failed.kind, failed.retryable) == (FailureKind.TIMEOUT, True)
    assert failed.detail == "token endpoint: no complete answer in time"
