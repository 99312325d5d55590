"""A partner that only writes down what it is sent, to the byte, and answers what it was told to."""

import json
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support import conformance

ENVELOPE = {"status_code": 1000, "timestamp": "2024-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Recorded:
    method: str
    path: str
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Recorder(AbstractContextManager["Recorder"]):
    """Answers 200 with an OCPI envelope; `statuses` are the HTTP statuses of the next answers instead."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self._recorded: list[Recorded] = []
        self._changed = threading.Condition()
        self._server = _HttpServer(("127.0.0.1", 0), _Handler)
        self._server.recorder = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="recorder", daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def requests(self, method: str, path: str = "") -> list[Recorded]:
        """Those whose path begins with `path`, oldest first."""
        with self._changed:
            return [r for r in self._recorded if r.method == method and r.path.startswith(path)]

    def wait(self, method: str, path: str = "", *, count: int = 1, timeout_s: float = 15.0) -> Recorded:
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests(method, path)) >= count, timeout_s):
                raise TimeoutError(f"no {method} {path} within {timeout_s} s: {self._recorded}")
            found = self.requests(method, path)[count - 1]
        conformance.check_request(method, found.path, found.body)
        return found

    def answer(self, request: Recorded) -> tuple[int, Any]:
        """HTTP status and body."""
        self.take(request)
        with self._changed:
            return (self.statuses.pop(0) if self.statuses else 200), ENVELOPE

    def take(self, request: Recorded) -> None:
        with self._changed:
            self._recorded.append(request)
            self._changed.notify_all()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    recorder: Recorder


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer

    def _serve(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        status, body = self.server.recorder.answer(Recorded(self.command, self.path, dict(self.headers), text))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_PUT = do_POST = do_PATCH = do_GET = _serve

    def log_message(self, format: str, *args: Any) -> None: ...
