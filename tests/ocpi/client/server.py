"""A local HTTP server that answers as a test wants, and what the tests send to it."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ocpi.authorizers import TokenBase64
from ocpi.client import AddressPolicy, DeliveryFailed, OutboundRequest, OutboundResponse, send

SECRET = "the-secret-token"
LAX = AddressPolicy(allow_insecure=True)
STRICT = AddressPolicy()

Answer = Callable[["Handler"], None]


@dataclass(frozen=True)
class Seen:
    command: str
    path: str
    headers: Message
    body: bytes


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self.server.seen.append(Seen(self.command, self.path, self.headers, self.body))
        self.server.answer(self)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[Seen] = []
        self.connections = 0
        self.over = threading.Event()
        self.answer: Answer = lambda handler: handler.reply(200, b'{"status_code": 1000}')

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up early is what several tests are about."""


def certify(directory: Path, *names: str) -> Path:
    """A self-made certificate and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    subject_names = [x509.IPAddress(ip_address(each)) if each[0].isdigit() else x509.DNSName(each) for each in names]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(subject_names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def post(server: Server, *, path: str = "/response?id=1", **fields: Any) -> OutboundRequest:
    defaults: dict[str, Any] = {
        "method": "POST",
        "url": f"http://127.0.0.1:{server.port}{path}",
        "body": {"result": "ACCEPTED"},
        "correlation_id": "c-1",
        "timeout_s": 10.0,
    }
    return OutboundRequest(**{**defaults, **fields})


def deliver(request: OutboundRequest, policy: AddressPolicy = LAX, **kwargs: Any) -> OutboundResponse:
    return send(request, authorization=TokenBase64(SECRET), policy=policy, **kwargs)


def failure(request: OutboundRequest, policy: AddressPolicy = LAX, **kwargs: Any) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        deliver(request, policy, **kwargs)
    return caught.value


def drip(handler: Handler, start: bytes) -> None:
    handler.wfile.write(start)
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b"x")


def hang_up(handler: Handler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)
