"""No answer and no server holds a worker."""

import socket
import time

import pytest

from ocpi.client import FailureKind, OutboundRequest
from tests.ocpi.client.server import Handler, Server, deliver, drip, failure, post

pytestmark = pytest.mark.once


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(server: Server, status: int) -> None:
    server.answer = lambda handler: handler.reply(status, Location=f"http://127.0.0.1:{server.port}/elsewhere")
    failed = failure(post(server))
    assert (failed.kind, failed.http_status) == (FailureKind.REDIRECT, status)
    assert (failed.maybe_sent, failed.retryable) == (True, False)
    assert len(server.seen) == 1


def test_an_endless_redirect_page_is_not_read(server: Server) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere")
        handler.end_headers()
        while not server.over.is_set():
            handler.wfile.write(b"x" * 65536)

    server.answer = endless
    assert failure(post(server)).kind == FailureKind.REDIRECT


def test_an_answer_within_the_bound_is_read_and_one_above_is_refused(server: Server) -> None:
    server.answer = lambda handler: handler.reply(200, b"x" * 65_536)
    assert len(deliver(post(server)).text) == 65_536
    server.answer = lambda handler: handler.reply(200, b"x" * 65_537)
    failed = failure(post(server))
    assert (failed.kind, failed.http_status) == (FailureKind.TOO_LARGE, 200)
    assert (failed.maybe_sent, failed.retryable) == (True, False)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Endless: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",
    ],
)
def test_a_server_that_answers_byte_by_byte_does_not_hold_us(server: Server, start: bytes) -> None:
    server.answer = lambda handler: drip(handler, start)
    started = time.monotonic()
    failed = failure(post(server, timeout_s=0.4))
    assert time.monotonic() - started < 5
    assert (failed.kind, failed.maybe_sent, failed.retryable) == (FailureKind.TIMEOUT, True, True)


def test_a_server_that_never_answers_does_not_hold_us(server: Server) -> None:
    server.answer = lambda handler: handler.server.over.wait(30)
    failed = failure(post(server, timeout_s=0.2))
    assert (failed.kind, failed.maybe_sent, failed.http_status) == (FailureKind.TIMEOUT, True, None)


def test_a_server_that_never_reads_does_not_hold_us() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        request = OutboundRequest(
            method="POST", url=url, correlation_id="c-1", body={"x": "y" * 20_000_000}, timeout_s=0.4
        )
        started = time.monotonic()
        failed = failure(request)
        assert time.monotonic() - started < 5
    assert (failed.kind, failed.maybe_sent) == (FailureKind.TIMEOUT, True)


def test_a_timed_out_connection_is_not_used_again(server: Server) -> None:
    """Asked until the server has the request when the time is over: a machine that is busy may be late to send it."""
    timed_out: list[int] = []

    def never(handler: Handler) -> None:
        timed_out.append(handler.client_address[1])
        handler.server.over.wait(30)

    server.answer = never
    while not timed_out:
        failure(post(server, timeout_s=0.2))
    server.answer = lambda handler: handler.reply(200, str(handler.client_address[1]).encode())
    assert int(deliver(post(server)).text) not in timed_out
