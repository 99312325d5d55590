"""Why a call did not do, in words that hold no secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.client import DeliveryFailed, FailureKind, OutboundResponse
from ocpi.diagnosis import answer_problem, failure_words, place, printable

pytestmark = pytest.mark.pure


def response(http_status: int = 200, body: object = None, ocpi: int | None = None) -> OutboundResponse:
    return OutboundResponse(http_status=http_status, ocpi_status_code=ocpi, body=body, text="", duration_s=0.1)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FailureKind.DNS, "DNS: why"),
        (FailureKind.REFUSED, "connection refused: why"),
        (FailureKind.CONNECT, "connection: why"),
        (FailureKind.TLS, "TLS: why"),
        (FailureKind.TIMEOUT, "timeout: why"),
        (FailureKind.REDIRECT, "redirect: why"),
        (FailureKind.TOO_LARGE, "size: why"),
        (FailureKind.URL, "address: why"),
        (FailureKind.ADDRESS_REFUSED, "address: why"),
        (FailureKind.AUTHORISATION, "authorisation: why"),
    ],
)
def test_every_way_to_fail_has_its_words(kind, words):
    assert failure_words(DeliveryFailed(kind, "why")) == words


@pytest.mark.parametrize("kind", FailureKind)
def test_no_kind_of_failure_is_without_words(kind):
    assert failure_words(DeliveryFailed(kind, "why"))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (response(body={"status_code": 1000}, ocpi=1000), ""),
        (response(body={"status_code": 1900}, ocpi=1900), ""),
        (response(401), "HTTP 401: the authorisation is not accepted; a token may also be written otherwise there, "
                        "base64 or as it is"),
        (response(403), "HTTP 403: authorised, but not for this"),
        (response(404), "HTTP 404: nothing is at this address"),
        (response(405), "HTTP 405: this method is not allowed"),
        (response(503), "HTTP 503"),
        (response(400, {"status_code": 2000, "status_message": "no"}, 2000), "HTTP 400: no"),
        (response(200), "HTTP 200, but the answer is no JSON"),
        (response(200, []), "JSON, but not OCPI: there is no status_code"),
        (response(200, {"versions": []}), "JSON, but not OCPI: there is no status_code"),
        (response(200, {"status_message": "a\nb"}, 2001), "OCPI status 2001: a b"),
        (response(200, {"status_message": 5}, 3000), "OCPI status 3000"),
    ],
)  # fmt: skip
def test_every_answer_that_is_not_good_is_explained(answer, problem):
    assert answer_problem(answer) == problem


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example:8443/ocpi/versions?key=secret", "https://a.example:8443/ocpi/versions"),
        ("https://user:secret@a.example/x#y", "https://a.example/x"),
        ("https://[::1/", "this address"),
    ],
)
def test_a_place_is_named_without_query_and_userinfo(url, shown):
    assert place(url) == shown


@given(st.text())
def test_what_they_write_is_shown_printable_and_short(text):
    shown = printable(text)
    assert (shown.isprintable(), len(shown) <= 200) == (True, True)
