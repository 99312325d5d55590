"""The lower half of `ocpi.client`: connections that obey one attempt's deadline, address policy and `before_send`.

The errors raised here are neither OSError nor HTTPException: urllib3 and requests let them through untouched, where
they would swallow, wrap or retry their own.
"""

import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from http.client import HTTPResponse
from typing import Any, TypeVar

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from ocpi.addresses import AddressPolicy, LookupFailed, lookup

_CHUNK_BYTES = 16_384
_MAX_HOSTS = 32

T = TypeVar("T")


class FailureKind(StrEnum):
    URL = "url"
    DNS = "dns"
    ADDRESS_REFUSED = "address_refused"
    REFUSED = "refused"
    CONNECT = "connect"  # no connection, or one that broke before the answer was complete
    TLS = "tls"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    REDIRECT = "redirect"
    AUTHORISATION = "authorisation"  # what would authorise the request could not be had


_RETRYABLE = frozenset(
    {FailureKind.DNS, FailureKind.REFUSED, FailureKind.CONNECT, FailureKind.TLS, FailureKind.TIMEOUT}
)


class DeliveryFailed(Exception):
    """No usable answer. `maybe_sent` False: not one byte of the request has left. `http_status`: as far as it got.

    `retryable` None: as its kind is.
    """

    def __init__(
        self, kind: FailureKind, detail: str, *, maybe_sent: bool = False, http_status: int | None = None,
        retryable: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(f"{kind.value}: {detail}")
        self.kind = kind
        self.detail = detail
        self.maybe_sent = maybe_sent
        self.http_status = http_status
        self.retryable = kind in _RETRYABLE if retryable is None else retryable


class HookFailed(Exception):
    """Carries what `before_send` raised."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class Attempt:
    """One request on its way, as its connection sees it."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        timeout_s: float,
        connect_timeout_s: float,
        before_send: Callable[[], None] | None = None,
    ) -> None:
        self.policy = policy
        self.connect_timeout_s = connect_timeout_s
        self.started_at = time.monotonic()
        self.deadline = self.started_at + timeout_s
        self.maybe_sent = False
        self.http_status: int | None = None
        self._before_send = before_send

    def elapsed_s(self) -> float:
        return time.monotonic() - self.started_at

    def remaining_s(self) -> float:
        """Always above 0: at the deadline this raises DeliveryFailed."""
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise self.timed_out()
        return remaining

    def timed_out(self) -> DeliveryFailed:
        return self.failed(FailureKind.TIMEOUT, "no complete answer in time")

    def failed(self, kind: FailureKind, detail: str) -> DeliveryFailed:
        return DeliveryFailed(kind, detail, maybe_sent=self.maybe_sent, http_status=self.http_status)

    def begin(self) -> None:
        """The connection stands and the next thing it does is to write."""
        if self.maybe_sent:
            return
        if self._before_send is not None:
            try:
                self._before_send()
            except Exception as error:
                raise HookFailed(error) from error
        self.remaining_s()
        self.maybe_sent = True

    def again(self) -> None:
        """The request was refused, so it has had no effect: it may go once more, in what is left of the time."""
        self.maybe_sent = False
        self.http_status = None


class _Local(threading.local):
    attempt: Attempt | None = None


_local = _Local()


def run(attempt: Attempt, exchange: Callable[[], T]) -> T:
    """Calls `exchange` with this attempt in charge of every connection this thread uses meanwhile."""
    outer, _local.attempt = _local.attempt, attempt
    try:
        return exchange()
    finally:
        _local.attempt = outer


def _current() -> Attempt:
    if _local.attempt is None:
        raise RuntimeError("a guarded connection outside an attempt")
    return _local.attempt


def _judged_addresses(host: str, attempt: Attempt) -> tuple[str, ...]:
    try:
        addresses = lookup(host, attempt.remaining_s())
    except LookupFailed as error:
        raise attempt.failed(FailureKind.DNS, str(error)) from None
    if not all(attempt.policy.permits(address) for address in addresses):
        raise attempt.failed(FailureKind.ADDRESS_REFUSED, f"{host} has a forbidden address")
    return addresses


def _connect(host: str, port: int, attempt: Attempt) -> socket.socket:
    """To the first address that takes the connection; no second look-up happens after the judgement."""
    kind, problem = FailureKind.CONNECT, "no address"
    for address in _judged_addresses(host, attempt):
        try:
            connected = socket.create_connection(
                (address, port), timeout=min(attempt.connect_timeout_s, attempt.remaining_s())
            )
        except TimeoutError:
            kind, problem = FailureKind.CONNECT, "no connection in time"
        except ConnectionRefusedError:
            kind, problem = FailureKind.REFUSED, "nobody listens at this address and port"
        except OSError as error:
            kind, problem = FailureKind.CONNECT, f"no connection ({type(error).__name__})"
        else:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(attempt.remaining_s())
            return connected
    attempt.remaining_s()
    raise attempt.failed(kind, problem)


class _DeadlineReader(io.RawIOBase):
    """Gives every read what is left of the whole time, so that no number of small reads can exceed it."""

    def __init__(self, raw: Any, sock: socket.socket, attempt: Attempt) -> None:
        super().__init__()
        self._raw, self._sock, self._attempt = raw, sock, attempt

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._attempt.remaining_s())
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            raise self._attempt.timed_out() from None
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _DeadlineResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock, _current()))


class _GuardedHTTPConnection(HTTPConnection):
    response_class = _DeadlineResponse

    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port, _current())

    def send(self, data: Any) -> None:
        """http.client writes headers and body through here, the headers first."""
        attempt = _current()
        if self.sock is None:
            self.connect()
        attempt.begin()
        for start in range(0, len(data), _CHUNK_BYTES):
            self.sock.settimeout(attempt.remaining_s())
            try:
                super().send(data[start : start + _CHUNK_BYTES])
            except TimeoutError:
                raise attempt.timed_out() from None


class _GuardedHTTPSConnection(_GuardedHTTPConnection, HTTPSConnection):
    def connect(self) -> None:
        """TLS verifies the name of the URL, whatever address the name led to."""
        attempt = _current()
        try:
            super().connect()
        except TimeoutError:
            raise attempt.timed_out() from None
        except (ssl.SSLError, HTTPError) as error:
            reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or "handshake failed"
            raise attempt.failed(FailureKind.TLS, str(reason)) from None
        except OSError as error:
            raise attempt.failed(FailureKind.CONNECT, f"handshake broke off ({type(error).__name__})") from None


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPSConnection


class GuardedAdapter(HTTPAdapter):
    """Keeps connections open between requests of one thread under one policy; never retries."""

    def __init__(self) -> None:
        super().__init__(pool_connections=_MAX_HOSTS, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
