"""What leaves, what comes back and what is told of it."""

import json
import logging
import threading
import uuid
from decimal import Decimal

import pytest

from ocpi.authorizers import TokenRaw
from ocpi.client import DeliveryFailed, FailureKind, OutboundResponse, close_connections, send
from tests.ocpi.client.server import LAX, SECRET, Answer, Handler, Server, deliver, hang_up, post

pytestmark = pytest.mark.once


def test_a_request_carries_body_ids_routing_and_authorisation(server: Server) -> None:
    routing = {"OCPI-from-party-id": "CPO", "OCPI-to-party-id": "JED"}
    response = deliver(post(server, body={"limit": Decimal("6.10")}, routing=routing))
    assert response.ok
    (seen,) = server.seen
    assert (seen.command, seen.path, seen.body) == ("POST", "/response?id=1", b'{"limit":6.1}')
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["Authorization"] == "Token dGhlLXNlY3JldC10b2tlbg=="
    assert seen.headers["X-Correlation-ID"] == "c-1"
    assert str(uuid.UUID(seen.headers["X-Request-ID"])) == seen.headers["X-Request-ID"]
    assert seen.headers["OCPI-from-party-id"] == "CPO"
    assert seen.headers["OCPI-to-party-id"] == "JED"


def test_without_a_body_there_is_no_content_type(server: Server) -> None:
    deliver(post(server, method="GET", body=None))
    (seen,) = server.seen
    assert seen.body == b""
    assert "Content-Type" not in seen.headers


def test_every_request_has_its_own_id_unless_one_is_given(server: Server) -> None:
    for request in (post(server), post(server), post(server, request_id="r-1")):
        deliver(request)
    first, second, third = (seen.headers["X-Request-ID"] for seen in server.seen)
    assert first != second
    assert third == "r-1"


def test_the_environment_and_earlier_answers_add_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answer = lambda handler: handler.reply(200, b"{}", Set_Cookie="a=b")
    deliver(post(server))
    deliver(post(server))
    assert [seen.headers["Cookie"] for seen in server.seen] == [None, None]


def test_a_connection_is_used_again(server: Server) -> None:
    for _ in range(3):
        assert deliver(post(server)).ok
    assert (server.connections, len(server.seen)) == (1, 3)


@pytest.mark.parametrize(
    ("status", "body", "ocpi_status", "ok"),
    [
        (200, b'{"status_code": 1000, "data": {}}', 1000, True),
        (201, b'{"status_code": 1900}', 1900, True),
        (200, b'{"status_code": "1000"}', 1000, True),
        (204, b"", None, True),
        (200, b"thank you", None, True),
        (200, b"[1]", None, True),
        (200, b'{"status_code": true}', None, True),
        (200, b'{"status_code": 2001}', 2001, False),
        (200, b'{"status_code": "3000"}', 3000, False),
        (404, b'{"status_code": 1000}', 1000, False),
        (500, b"", None, False),
    ],
)
def test_an_answer_is_good_with_http_2xx_and_no_ocpi_error(
    server: Server, status: int, body: bytes, ocpi_status: int | None, ok: bool
) -> None:
    server.answer = lambda handler: handler.reply(status, body)
    response = deliver(post(server))
    assert (response.http_status, response.ocpi_status_code, response.ok) == (status, ocpi_status, ok)
    assert response.text == body.decode()
    assert 0 < response.duration_s < 10


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(200, False), (400, False), (401, False), (404, False), (408, True), (429, True), (503, True)],
)
def test_which_answers_are_worth_another_attempt(server: Server, status: int, retryable: bool) -> None:
    server.answer = lambda handler: handler.reply(status)
    assert deliver(post(server)).retryable is retryable


def test_numbers_of_an_answer_are_decimal_and_its_text_can_be_stored(server: Server) -> None:
    server.answer = lambda handler: handler.reply(200, b'{"kwh": 1.10}')
    assert deliver(post(server)).body == {"kwh": Decimal("1.10")}
    server.answer = lambda handler: handler.reply(500, b"\xff\x00x")
    assert deliver(post(server)).text == "\ufffd\ufffdx"


def test_a_chunked_answer_is_read(server: Server) -> None:
    def chunked(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b'9\r\n{"status_\r\nc\r\ncode": 1000}\r\n0\r\n\r\n')

    server.answer = chunked
    assert deliver(post(server)).ocpi_status_code == 1000
    assert deliver(post(server)).ok
    assert server.connections == 1


def traceback_text(error: BaseException) -> str:
    return logging.Formatter().formatException((type(error), error, error.__traceback__))


@pytest.mark.parametrize("answer", [hang_up, lambda handler: handler.reply(302, Location="/"), None])
def test_neither_logs_nor_errors_hold_the_token_or_the_query(
    server: Server, caplog: pytest.LogCaptureFixture, answer: Answer | None
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer = answer or (lambda handler: handler.reply(200, b"{}", X="\x00"))
    told, request = "", post(server, path="/response?key=hidden")
    try:
        send(request, authorization=TokenRaw(SECRET), policy=LAX)
    except DeliveryFailed as failed:
        told = traceback_text(failed)
    told += caplog.text
    assert "/response" in told
    assert "hidden" not in told
    assert SECRET not in told


def test_a_header_that_cannot_be_sent_is_an_error_that_does_not_quote_it(server: Server) -> None:
    class Broken:
        def headers(self, *, timeout_s: float = 1.0) -> dict[str, str]:
            return {"Authorization": f"Token {SECRET}\r\nX-Injected: 1"}

    with pytest.raises(DeliveryFailed) as caught:
        send(post(server), authorization=Broken(), policy=LAX)
    assert (caught.value.kind, caught.value.maybe_sent) == (FailureKind.URL, False)
    assert SECRET not in traceback_text(caught.value)
    assert server.connections == 0


def test_every_attempt_leaves_one_line(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="ocpi.client")
    deliver(post(server))
    (record,) = [record for record in caplog.records if record.name == "ocpi.client"]
    text = record.getMessage()
    assert text.startswith("sent method=POST host=127.0.0.1 path=/response outcome=200 duration_ms=")
    assert text.endswith("correlation_id=c-1")


def test_threads_do_not_share_connections(server: Server) -> None:
    answers: list[OutboundResponse] = []

    def work() -> None:
        answers.append(deliver(post(server)))
        close_connections()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.ok for answer in answers] == [True] * 3
    assert server.connections == 3


def test_a_response_holds_plain_values() -> None:
    response = OutboundResponse(http_status=200, ocpi_status_code=1000, body={}, text="{}", duration_s=0.1)
    assert json.dumps({"text": response.text}) == '{"text": "{}"}'
