"""`before_send`, and connections that break."""

import socket
import threading
import time

import pytest

from ocpi.client import FailureKind, OutboundRequest, close_connections
from tests.ocpi.client.server import Handler, Server, deliver, failure, hang_up, post

pytestmark = pytest.mark.once


def test_before_send_is_called_once_when_connected_and_before_the_first_byte() -> None:
    calls: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def before_send() -> None:
            connection, _ = listener.accept()
            calls.append(connection)
            connection.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.recv(1, socket.MSG_PEEK)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        request = OutboundRequest(method="PUT", url=url, correlation_id="c-1", body={"x": "y" * 100_000})
        assert deliver(request, before_send=before_send).ok
        (connection,) = calls
        assert connection.recv(14) == b"PUT / HTTP/1.1"
        connection.close()
    close_connections()


def test_before_send_is_called_for_a_pooled_connection_too(server: Server) -> None:
    seen: list[int] = []
    for _ in range(2):
        deliver(post(server), before_send=lambda: seen.append(len(server.seen)))
    assert (seen, server.connections) == ([0, 1], 1)


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), BrokenPipeError("no"), TimeoutError("no"), ConnectionResetError()]
)
@pytest.mark.parametrize("pooled", [False, True])
def test_when_before_send_raises_nothing_is_sent(server: Server, error: Exception, pooled: bool) -> None:
    if pooled:
        deliver(post(server))

    def refuse() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        deliver(post(server, path="/second"), before_send=refuse)
    assert caught.value is error
    assert deliver(post(server, path="/third")).ok
    assert [seen.path for seen in server.seen if seen.path != "/response?id=1"] == ["/third"]


def test_time_lost_in_before_send_counts(server: Server) -> None:
    failed = failure(post(server, timeout_s=0.1), before_send=lambda: time.sleep(0.15))
    assert (failed.kind, failed.maybe_sent) == (FailureKind.TIMEOUT, False)
    assert server.seen == []


def test_a_connection_that_breaks_after_sending_may_have_delivered_and_is_not_retried(server: Server) -> None:
    server.answer = hang_up
    failed = failure(post(server))
    assert (failed.kind, failed.maybe_sent, failed.retryable) == (FailureKind.CONNECT, True, True)
    assert failed.detail == "connection broke before the answer was complete (RemoteDisconnected)"
    assert len(server.seen) == 1


def test_a_pooled_connection_the_peer_closed_is_replaced_before_anything_is_sent(server: Server) -> None:
    closed = threading.Event()

    def answer_and_close(handler: Handler) -> None:
        handler.reply(200, b"{}")
        hang_up(handler)
        closed.set()

    server.answer = answer_and_close
    assert deliver(post(server)).ok
    assert closed.wait(5)
    calls: list[str] = []
    assert deliver(post(server), before_send=lambda: calls.append("sent")).ok
    assert (len(server.seen), server.connections, calls) == (2, 2, ["sent"])


def test_a_pooled_connection_closed_at_the_last_moment_is_reported_in_doubt(server: Server) -> None:
    """The peer goes away between the look at the connection and the first byte."""
    taken: list[Handler] = []
    server.answer = lambda handler: (taken.append(handler), handler.reply(200, b"{}"))[0]
    assert deliver(post(server)).ok
    failed = failure(post(server), before_send=lambda: hang_up(taken[0]))
    assert (failed.kind, failed.maybe_sent, failed.retryable) == (FailureKind.CONNECT, True, True)
    assert len(server.seen) == 1


def test_an_answer_cut_short_is_a_failure(server: Server) -> None:
    def cut(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        hang_up(handler)

    server.answer = cut
    failed = failure(post(server))
    assert (failed.kind, failed.maybe_sent, failed.http_status) == (FailureKind.CONNECT, True, 200)


def test_an_answer_that_is_no_http_is_a_failure(server: Server) -> None:
    server.answer = lambda handler: (handler.wfile.write(b"hello\r\n\r\n"), hang_up(handler))[1]
    failed = failure(post(server))
    assert (failed.kind, failed.maybe_sent) == (FailureKind.CONNECT, True)
