"""The skin of every endpoint: envelope, HTTP status, message ids and routing, whatever happens inside."""

import io
import json
import logging
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from ocpi.protocol import slots
from ocpi.protocol.datetimes import parse_datetime
from ocpi.protocol.envelope import MAX_BODY_BYTES, InvalidField, OcpiError, envelope, ocpi_response
from ocpi.protocol.errors import Overloaded
from ocpi.protocol.status_codes import StatusCode, is_success
from ocpi.protocol.views import HasCredentials, NoSuchEndpoint, OcpiView
from ocpi.v2_2_1.views.credentials import CredentialsView

pytestmark = pytest.mark.pure

factory = APIRequestFactory()


class Known(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[None, str] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        if header != "Token known":
            raise exceptions.AuthenticationFailed("who?")
        return None, "credentials"


class Echo(OcpiView):
    authentication_classes = [Known]
    permission_classes = [HasCredentials]
    raises: Exception | None = None
    answer: Any = None

    def get(self, request: Request) -> Response:
        if self.raises:
            raise self.raises
        return ocpi_response(self.answer)

    def put(self, request: Request) -> Response:
        return ocpi_response(request.data)


def call(method: str = "get", body: bytes = b"", *, view: Any = Echo, **extra: Any) -> Response:
    initial = extra.pop("initial", {})
    extra.setdefault("HTTP_AUTHORIZATION", "Token known")
    extra = {name: value for name, value in extra.items() if value is not None}
    content_type = extra.pop("content_type", "application/json")
    request = factory.generic(method.upper(), "/ocpi/2.2.1/echo", body, content_type=content_type, **extra)
    response: Response = view.as_view(**initial)(request)
    return response


def status(response: Response) -> tuple[int, int]:
    return response.status_code, json.loads(response.content)["status_code"]


def message(response: Response) -> str:
    text: str = json.loads(response.content)["status_message"]
    return text


def test_success_is_wrapped_with_1000_and_a_timestamp() -> None:
    response = call(initial={"answer": {"kwh": Decimal("1.10"), "at": datetime(2020, 1, 1, tzinfo=UTC)}})
    body = json.loads(response.content, parse_float=Decimal)
    parse_datetime(body.pop("timestamp"))
    assert body == {"data": {"kwh": Decimal("1.1"), "at": "2020-01-01T00:00:00Z"}, "status_code": 1000}
    assert response.headers["Content-Type"] == "application/json"


def test_without_content_there_is_no_data_field() -> None:
    now = datetime(2015, 6, 30, 21, 59, 59, tzinfo=UTC)
    assert envelope(now=now) == {"status_code": 1000, "timestamp": "2015-06-30T21:59:59Z"}
    assert envelope([], now=now)["data"] == []
    assert envelope(status_code=2001, status_message="Missing required field: type", now=now) == {
        "status_code": 2001,
        "status_message": "Missing required field: type",
        "timestamp": "2015-06-30T21:59:59Z",
    }


def test_a_message_holds_no_line_breaks_and_has_an_end() -> None:
    text = envelope(status_code=2000, status_message="a\r\nb\t" + "x" * 1000, now=datetime.now(UTC))["status_message"]
    assert text == "a  b " + "x" * 495


def test_the_ranges_of_the_specification() -> None:
    assert [code for code in StatusCode if is_success(code)] == [1000]
    assert is_success(1900)
    assert not is_success(2000)


@pytest.mark.parametrize("body", [b"{", b"", b"nonsense", b'{"a": NaN}', b"\xff\xfe", b"[" * 50_000])
def test_invalid_json_is_http_400(body: bytes) -> None:
    response = call("put", body or b" ")
    assert status(response) == (400, 2000)
    assert message(response).startswith("invalid JSON")


@pytest.mark.parametrize(
    "body", [b"[]", b'"text"', b"1", b"null", b'{"a": "\\u0000"}', b'{"a": 1e99999999999999999999}']
)
def test_valid_json_that_is_no_usable_object_is_2001(body: bytes) -> None:
    response = call("put", body)
    assert status(response) == (200, 2001)
    assert message(response).startswith("body: ")


def test_a_body_within_the_bound_is_read_and_one_above_is_refused() -> None:
    filler = b'{"a": "' + b"x" * (MAX_BODY_BYTES - 9) + b'"}'
    assert len(filler) == MAX_BODY_BYTES
    assert status(call("put", filler)) == (200, 1000)
    response = call("put", filler + b" ")
    assert status(response) == (413, 2000)
    assert message(response) == "body larger than 262144 bytes"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain", "x" * 300])
def test_a_body_is_json_whatever_its_content_type_says(content_type: str) -> None:
    response = call("put", b'{"limit": 6.1}', content_type=content_type)
    assert json.loads(response.content)["data"] == {"limit": 6.1}


def test_a_missing_body_reads_as_an_object_without_fields() -> None:
    assert json.loads(call("put").content)["data"] == {}


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", ";;;"])
def test_the_answer_is_json_whatever_is_accepted(accept: str) -> None:
    response = call(HTTP_ACCEPT=accept)
    assert status(response) == (200, 1000)
    assert response.headers["Content-Type"] == "application/json"


def test_a_chunked_body_without_content_length_is_read() -> None:
    headers = [(b"transfer-encoding", b"chunked"), (b"authorization", b"Token known")]
    scope = {"type": "http", "method": "PUT", "path": "/ocpi/2.2.1/echo", "query_string": b"", "headers": headers}
    response = Echo.as_view()(ASGIRequest(scope, io.BytesIO(b'{"limit": 6}')))
    assert json.loads(response.content)["data"] == {"limit": 6}


def validation_error(detail: Any) -> exceptions.ValidationError:
    return exceptions.ValidationError(detail)


@pytest.mark.parametrize(
    ("error", "expected", "text"),
    [
        (OcpiError(3001, "cannot reach you"), (200, 3001), "cannot reach you"),
        (OcpiError(2001, "no such EVSE", http_status=404), (404, 2001), "no such EVSE"),
        (InvalidField("a.b[1].c", "is required"), (200, 2001), "a.b[1].c: is required"),
        (validation_error({"a": {"b": [{}, {"c": ["too long"]}]}}), (200, 2001), "a.b[1].c: too long"),
        (validation_error({"a": ["x", "y"], "non_field_errors": ["z"]}), (200, 2001), "a: x; a: y; z"),
        (validation_error("odd"), (200, 2001), "odd"),
        (Http404("secret table"), (404, 2000), "not found"),
        (exceptions.NotFound("unknown session"), (404, 2000), "unknown session"),
        (exceptions.PermissionDenied("no"), (403, 2000), "no"),
        (SuspiciousOperation("inner"), (400, 2000), "unreadable request"),
        (exceptions.ParseError("odd"), (400, 2000), "odd"),
    ],
)
def test_an_expected_error_has_its_status(error: Exception, expected: tuple[int, int], text: str) -> None:
    response = call(initial={"raises": error})
    assert status(response) == expected
    assert message(response) == text
    assert "data" not in json.loads(response.content)


def test_a_serializer_error_names_the_field() -> None:
    class Token(serializers.Serializer[Any]):
        uid = serializers.CharField()

    serializer = Token(data={})
    serializer.is_valid()
    response = call(initial={"raises": exceptions.ValidationError(serializer.errors)})
    assert message(response) == "uid: This field is required."


def test_throttling_says_when_to_come_back() -> None:
    response = call(initial={"raises": exceptions.Throttled(wait=7)})
    assert status(response) == (429, 2000)
    assert response.headers["Retry-After"] == "7"


@pytest.mark.parametrize("error", [OperationalError("couldn't get a connection"), InterfaceError("closed")])
def test_a_database_that_does_not_answer_is_503_and_says_when_to_come_back(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = call(initial={"raises": error})
    assert status(response) == (503, 3000)
    assert message(response) == "overloaded, send it again later"
    assert response.headers["Retry-After"] == "5"
    assert caplog.records[0].getMessage() == f"no database for a request: {error}"


def test_more_requests_at_once_than_slots_are_503_untouched_and_the_slots_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OcpiView, "slots", slots.Slots(1))
    monkeypatch.setattr(slots, "WAIT_S", 0.0)
    inside: list[tuple[int, int]] = []

    class Nested(Echo):
        def get(self, request: Request) -> Response:
            response = call(initial={"raises": AssertionError("nothing of this request may run")})
            inside.append(status(response))
            assert response.headers["Retry-After"] == "5"
            return ocpi_response()

    assert status(call(view=Nested)) == (200, 1000)
    assert inside == [(503, 3000)]
    assert status(call(initial={"raises": RuntimeError()})) == (500, 3000)
    assert status(call()) == (200, 1000)


def test_handshakes_which_call_out_take_no_place_of_other_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "WAIT_S", 0.0)
    with ExitStack() as busy:
        for _ in range(3):
            busy.enter_context(CredentialsView.slots.slot())
        assert status(call()) == (200, 1000)
        with pytest.raises(Overloaded), CredentialsView.slots.slot():
            pass


def test_an_unexpected_error_is_logged_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    response = call(initial={"raises": RuntimeError("the inside")}, HTTP_X_REQUEST_ID="r-1")
    assert status(response) == (500, 3000)
    assert message(response) == "internal error"
    assert b"inside" not in response.content
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert "path=/ocpi/2.2.1/echo request_id=r-1" in record.getMessage()


def test_a_refusal_is_logged_with_its_reason_for_the_operator(caplog: pytest.LogCaptureFixture) -> None:
    call(initial={"raises": InvalidField("response_url", "host is not one\nof yours")}, HTTP_X_REQUEST_ID="r-1")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "method=GET path=/ocpi/2.2.1/echo request_id=r-1" in record.getMessage()
    assert record.getMessage().endswith("http=200 status_code=2001 message='response_url: host is not one of yours'")


def test_a_path_cannot_forge_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    NoSuchEndpoint.as_view()(factory.get("/ocpi/x%0A2026-01-01 INFO all is well"))
    (record,) = caplog.records
    assert "path=/ocpi/x 2026-01-01 INFO all is well request_id=" in record.getMessage()


def test_the_log_of_an_error_holds_no_credentials(caplog: pytest.LogCaptureFixture) -> None:
    call(initial={"raises": RuntimeError("x")})
    assert "Token known" not in caplog.text


def test_a_body_that_cannot_be_written_is_an_unexpected_error(caplog: pytest.LogCaptureFixture) -> None:
    response = call(initial={"answer": object()}, HTTP_X_REQUEST_ID="r-1")
    assert status(response) == (500, 3000)
    assert response.headers["X-Request-ID"] == "r-1"
    assert len(caplog.records) == 1


@pytest.mark.parametrize("header", [None, "Token unknown"])
def test_missing_or_unknown_credentials_are_401(header: str | None) -> None:
    response = call(HTTP_AUTHORIZATION=header)
    assert status(response) == (401, 2000)
    assert response.headers["WWW-Authenticate"] == "Token"
    assert message(response) == "missing or unknown credentials token"


def test_a_view_that_names_no_authentication_is_closed() -> None:
    class Forgotten(OcpiView):
        def get(self, request: Request) -> Response:
            return ocpi_response("open")

    assert status(call(view=Forgotten)) == (401, 2000)


@pytest.mark.parametrize("method", ["post", "options", "head", "trace"])
def test_a_method_the_endpoint_lacks_is_405(method: str) -> None:
    response = call(method)
    assert status(response) == (405, 2000)
    assert response.headers["Allow"] == "GET, PUT"


def test_an_endpoint_that_does_not_exist_is_404_in_the_envelope() -> None:
    response = call(view=NoSuchEndpoint, HTTP_AUTHORIZATION=None)
    assert status(response) == (404, 2000)
    assert message(response) == "no such endpoint"


IDS = {"HTTP_X_REQUEST_ID": "r-1", "HTTP_X_CORRELATION_ID": "c-1"}


@pytest.mark.parametrize(
    ("method", "extra", "http_status"),
    [
        ("get", {}, 200),
        ("get", {"HTTP_AUTHORIZATION": None}, 401),
        ("get", {"initial": {"raises": Http404()}}, 404),
        ("get", {"view": NoSuchEndpoint}, 404),
        ("post", {}, 405),
        ("put", {"body": b"{"}, 400),
        ("get", {"initial": {"raises": RuntimeError()}}, 500),
    ],
)
def test_message_ids_are_echoed_in_every_answer(method: str, extra: dict[str, Any], http_status: int) -> None:
    response = call(method, **extra, **IDS)
    assert response.status_code == http_status
    assert response.headers["X-Request-ID"] == "r-1"
    assert response.headers["X-Correlation-ID"] == "c-1"


def test_missing_message_ids_are_made() -> None:
    response = call()
    assert uuid.UUID(response.headers["X-Request-ID"]) != uuid.UUID(response.headers["X-Correlation-ID"])


ROUTING = {
    "HTTP_OCPI_FROM_COUNTRY_CODE": "NL",
    "HTTP_OCPI_FROM_PARTY_ID": "JED",
    "HTTP_OCPI_TO_COUNTRY_CODE": "DE",
    "HTTP_OCPI_TO_PARTY_ID": "CPO",
}


def routing(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("OCPI-")}


@pytest.mark.parametrize("error", [None, Http404()])
def test_routing_is_swapped_in_the_answer(error: Exception | None) -> None:
    assert routing(call(initial={"raises": error}, **ROUTING)) == {
        "OCPI-to-country-code": "NL",
        "OCPI-to-party-id": "JED",
        "OCPI-from-country-code": "DE",
        "OCPI-from-party-id": "CPO",
    }


def test_configuration_modules_are_not_routed() -> None:
    class Versions(Echo):
        routed = False

    assert routing(call(view=Versions, **ROUTING)) == {}
