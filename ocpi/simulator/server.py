"""The HTTP side of a simulated partner: reads requests, lets faults happen, writes answers."""

import json
import logging
import select
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from requests.structures import CaseInsensitiveDict

from ocpi.simulator.endpoints import Endpoints, endpoint_kind
from ocpi.simulator.faults import Fault, FaultMode, FaultPlan
from ocpi.simulator.records import ReceivedRequest
from ocpi.simulator.wire import CLIENT_ERROR, SERVER_ERROR, Answer, refusal

logger = logging.getLogger(__name__)

POLL_S = 0.05
LONGEST_BODY = 4_000_000
# HTTP status and OCPI status code
_REFUSALS = {
    FaultMode.ERROR_500: (500, SERVER_ERROR),
    FaultMode.ERROR_401: (401, CLIENT_ERROR),
    FaultMode.OCPI_2000: (200, CLIENT_ERROR),
}


class ScspServer(ThreadingHTTPServer):
    """Knows its open connections, so that `close()` ends idle ones and joins every thread."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], *, endpoints: Endpoints, faults: FaultPlan, party: tuple[str, str]):
        self.endpoints = endpoints
        self.faults = faults
        self.party = party
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, ScspHandler)
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL_S,), name="scsp-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        with self._open_lock:
            for connection in self._open:
                _end_reading(connection)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that hangs up is its own business."""
        if not isinstance(sys.exception(), ConnectionError):
            logger.exception("request of %s failed", client_address)


class ScspHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "SimulatedScsp"
    timeout = 30
    disable_nagle_algorithm = True
    wbufsize = -1
    server: ScspServer

    def serve(self) -> None:
        request, malformed = self._read()
        if not self.server.endpoints.admit(request, self.headers.get("Authorization", "")):
            self._send(request, refusal("unknown token", http_status=401, status_code=CLIENT_ERROR))
        elif malformed:
            self._send(request, refusal("not valid JSON", http_status=400))
        else:
            self._answer(request)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)

    def _answer(self, request: ReceivedRequest) -> None:
        kind = endpoint_kind(request.path)
        fault = self.server.faults.take(kind) if kind else None
        if fault is not None:
            self.server.endpoints.fault_met(request, fault)
        if fault is not None and fault.mode is FaultMode.HANG:
            self._hang()
        elif fault is not None and fault.mode in _REFUSALS:
            http_status, status_code = _REFUSALS[fault.mode]
            self._send(request, refusal("simulated fault", http_status=http_status, status_code=status_code))
        else:
            answer = self.server.endpoints.answer(request)
            try:
                self._send_unless_lost(request, answer, fault)
            finally:
                if answer.afterwards:
                    answer.afterwards()

    def _send_unless_lost(self, request: ReceivedRequest, answer: Answer, fault: Fault | None) -> None:
        if fault is not None and fault.mode is FaultMode.BAD_JSON:
            self._write(request, answer.http_status, b'{"status_code": 1000, "timest')
        elif fault is not None and (fault.mode is FaultMode.DROP or not self._patient(fault.delay_s)):
            self.close_connection = True
        else:
            if answer.before_sending:
                answer.before_sending()
            self._send(request, answer)

    def _read(self) -> tuple[ReceivedRequest, bool]:
        text = self.rfile.read(self._length())
        try:
            body, malformed = json.loads(text) if text else None, False
        except (ValueError, RecursionError):
            body, malformed = text.decode(errors="replace"), True
        headers = CaseInsensitiveDict({k: v for k, v in self.headers.items() if k.lower() != "authorization"})
        return ReceivedRequest(self.command, self.path, headers, body, datetime.now(UTC)), malformed

    def _length(self) -> int:
        """Of the body as far as it is read; what is longer is cut, and so is no JSON."""
        text = self.headers.get("Content-Length") or "0"
        if not text.isdecimal() or int(text) > LONGEST_BODY:
            self.close_connection = True
        return min(int(text), LONGEST_BODY) if text.isdecimal() else 0

    def _send(self, request: ReceivedRequest, answer: Answer) -> None:
        self._write(request, answer.http_status, json.dumps(answer.envelope).encode())

    def _write(self, request: ReceivedRequest, http_status: int, content: bytes) -> None:
        self.send_response(http_status)
        for name, value in {**self._ids(request), **self._routing(request)}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _ids(self, request: ReceivedRequest) -> dict[str, str]:
        """OCPI 2.2.1 transport_and_format, Unique IDs: the response repeats those of the request."""
        names = ("X-Request-ID", "X-Correlation-ID")
        return {name: request.headers[name] for name in names if name in request.headers}

    def _routing(self, request: ReceivedRequest) -> dict[str, str]:
        """Sender and receiver swapped; never on versions and credentials (OCPI 2.2.1 transport_and_format, Routing)."""
        if endpoint_kind(request.path) is None or "OCPI-from-party-id" not in request.headers:
            return {}
        country_code, party_id = self.server.party
        return {
            "OCPI-to-party-id": request.headers["OCPI-from-party-id"],
            "OCPI-to-country-code": request.headers.get("OCPI-from-country-code", ""),
            "OCPI-from-party-id": party_id,
            "OCPI-from-country-code": country_code,
        }

    def _hang(self) -> None:
        """Say nothing until the client gives up or the simulator stops."""
        while not self.server.stopping.wait(POLL_S) and not self._client_gone():
            pass
        self.close_connection = True

    def _patient(self, delay_s: float) -> bool:
        """Wait; whether the client did too."""
        due_s = time.monotonic() + delay_s
        while (remaining := due_s - time.monotonic()) > 0:
            if self.server.stopping.wait(min(remaining, POLL_S)) or self._client_gone():
                return False
        return True

    def _client_gone(self) -> bool:
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True


def _end_reading(connection: socket.socket) -> None:
    """Wakes a handler that waits for the next request; an answer under way still leaves."""
    try:
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        logger.debug("connection was closed already")
