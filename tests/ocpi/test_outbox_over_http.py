"""A few deliveries over a real connection, where transport matters."""

import base64
import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from ocpi import outbox, pushes
from ocpi.addresses import forget_lookups
from ocpi.client import close_connections
from ocpi.models import DeliveryAttempt, OutboxMessage, PartnerEndpoint, Party
from tests.support import ocpi_factories as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("enqueued")]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FarEnd"

    def _serve(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        self.server.answer(self)

    do_POST = do_PUT = do_PATCH = _serve

    def reply(self, status: int = 200, body: bytes = b'{"status_code": 1000}') -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class FarEnd(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self.answer: Callable[[Handler], None] = Handler.reply
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        pass


@pytest.fixture
def far_end(settings) -> Iterator[FarEnd]:
    settings.DEBUG = True
    forget_lookups()
    with FarEnd() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        close_connections()
        server.shutdown()
        thread.join()


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
    assert message.last_error.startswith("connect: no connection")
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
    pushes.session_changed(session, now=timezone.now())
    assert deliver(message, now=timezone.now()).status == "DELIVERED"
    path = f"/sessions/NL/CPO/{session.uid}"
    assert [(method, seen_path) for method, seen_path, _, _ in far_end.seen] == [("PUT", path), ("PATCH", path)]
    assert sorted(far_end.seen[1][3]) == ["last_updated"]
