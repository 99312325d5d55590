"""The only module that speaks HTTP outward: one request, one answer, within one deadline.

Constraints: the address guard of `ocpi.addresses` holds for the very connection used; nothing is retried, followed or
remembered (no redirects, cookies, proxies, netrc); a server that answers byte by byte or without end is cut off; no
text made here holds a header or a query string.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, urlencode

import requests
from urllib3.exceptions import HTTPError

from ocpi.addresses import AddressPolicy, UrlRefused, check_url, split_url
from ocpi.authorizers import Authorizer
from ocpi.connections import Attempt, DeliveryFailed, FailureKind, GuardedAdapter, HookFailed, run
from ocpi.protocol import documents
from ocpi.protocol.status_codes import is_success

__all__ = [
    "AddressPolicy",
    "DeliveryFailed",
    "FailureKind",
    "OutboundRequest",
    "OutboundResponse",
    "UrlRefused",
    "check_url",
    "close_connections",
    "send",
]

_Content = tuple[str | bytes | None, str]

MAX_RESPONSE_BYTES = 65_536
CA_BUNDLE: str | bool = True
"""True: the public certificate authorities of `certifi`."""

logger = logging.getLogger(__name__)
# Their lines carry whole URLs, and a response_url's query may be a secret.
for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundRequest:
    """`body` is any JSON document; None sends none. `form` is sent form-encoded in its place. `routing` are the
    OCPI-to/from headers. `timeout_s` covers all: authorisation, look-up, connection, sending and the whole answer.
    """

    method: str
    url: str
    correlation_id: str
    body: Any = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    request_id: str = ""
    routing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timeout_s: float = 10.0
    connect_timeout_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundResponse:
    """`body` is the JSON document, None when `text` is none; `ocpi_status_code` None when it is no envelope."""

    http_status: int
    ocpi_status_code: int | None
    body: Any
    text: str
    duration_s: float

    @property
    def ok(self) -> bool:
        """HTTP 2xx with an OCPI status of 2xxx or 3xxx is a failure (OCPI 2.2.1 status_codes)."""
        accepted = self.ocpi_status_code is None or is_success(self.ocpi_status_code)
        return 200 <= self.http_status < 300 and accepted

    @property
    def unreadable(self) -> bool:
        """A body that is no JSON: cut off on its way, or of something that is no OCPI at all (a page for people)."""
        return self.body is None and bool(self.text.strip())

    @property
    def retryable(self) -> bool:
        return self.http_status in {408, 429} or self.http_status >= 500


def send(
    request: OutboundRequest,
    *,
    authorization: Authorizer,
    policy: AddressPolicy,
    before_send: Callable[[], None] | None = None,
) -> OutboundResponse:
    """One attempt. Raises DeliveryFailed.

    `before_send` is called when the connection stands (TLS included) and before the first byte is written; what it
    raises is raised here, and nothing has been sent. After a 401 that `authorization` can do something about, the
    request goes once more, within the same time and after another call of `before_send`.
    """
    parts, content = _parts(request, policy), _content(request)
    attempt = Attempt(
        policy,
        timeout_s=request.timeout_s,
        connect_timeout_s=request.connect_timeout_s,
        before_send=before_send,
    )
    try:
        response = _authorised(request, content, authorization, attempt)
    except DeliveryFailed as failure:
        _log(request, parts, failure.kind.value, attempt)
        raise
    _log(request, parts, str(response.http_status), attempt)
    return response


_local = threading.local()


def close_connections() -> None:
    """Closes the pooled connections of this thread."""
    for adapter in _local.__dict__.pop("adapters", {}).values():
        adapter.close()


def _adapter(policy: AddressPolicy) -> GuardedAdapter:
    """A connection made under a lax policy is never used under a strict one."""
    adapters: dict[AddressPolicy, GuardedAdapter] = _local.__dict__.setdefault("adapters", {})
    if policy not in adapters:
        adapters[policy] = GuardedAdapter()
    return adapters[policy]


def _parts(request: OutboundRequest, policy: AddressPolicy) -> SplitResult:
    try:
        return split_url(request.url, policy)
    except UrlRefused as refused:
        raise DeliveryFailed(FailureKind.URL, refused.reason) from None


def _authorised(
    request: OutboundRequest, content: _Content, authorization: Authorizer, attempt: Attempt
) -> OutboundResponse:
    proof = authorization.headers(timeout_s=attempt.remaining_s())
    response = _exchange(_prepare(request, content, proof), attempt)
    if response.http_status != 401 or not authorization.renew(proof):
        return response
    logger.info("refused with 401, authorisation renewed correlation_id=%s", request.correlation_id)
    attempt.again()
    proof = authorization.headers(timeout_s=attempt.remaining_s())
    return _exchange(_prepare(request, content, proof), attempt)


def _prepare(request: OutboundRequest, content: _Content, proof: Mapping[str, str]) -> requests.PreparedRequest:
    headers = {
        "Accept": "application/json",
        "User-Agent": "cpo-backoffice",
        "X-Request-ID": request.request_id or str(uuid.uuid4()),
        "X-Correlation-ID": request.correlation_id,
        **request.routing,
        **proof,
    }
    body, content_type = content
    if body is not None:
        headers["Content-Type"] = content_type
    try:
        return requests.Request(request.method, request.url, headers=headers, data=body).prepare()
    except requests.RequestException as error:  # its text may quote a header
        raise DeliveryFailed(FailureKind.URL, type(error).__name__) from None


def _content(request: OutboundRequest) -> _Content:
    """Body and Content-Type."""
    if request.form is not None:
        return urlencode(request.form), "application/x-www-form-urlencoded"
    return (None if request.body is None else documents.dump(request.body)), "application/json"


def _exchange(prepared: requests.PreparedRequest, attempt: Attempt) -> OutboundResponse:
    return run(attempt, lambda: _answer(prepared, attempt))


def _answer(prepared: requests.PreparedRequest, attempt: Attempt) -> OutboundResponse:
    hook_error: Exception | None = None
    try:
        answer = _adapter(attempt.policy).send(prepared, stream=True, timeout=attempt.remaining_s(), verify=CA_BUNDLE)
        attempt.http_status = answer.status_code
        raw = _read(answer, attempt)
    except HookFailed as failed:
        hook_error = failed.cause
    except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
        raise attempt.failed(FailureKind.CONNECT, _lost(error)) from None
    if hook_error is not None:
        raise hook_error
    return _response(answer.status_code, raw, attempt.elapsed_s())


def _read(answer: requests.Response, attempt: Attempt) -> bytes:
    try:
        if 300 <= answer.status_code < 400:
            raise attempt.failed(FailureKind.REDIRECT, f"HTTP {answer.status_code} is not followed")
        raw: bytes = answer.raw.read(MAX_RESPONSE_BYTES + 1, decode_content=True)
        if len(raw) > MAX_RESPONSE_BYTES:
            raise attempt.failed(FailureKind.TOO_LARGE, f"answer larger than {MAX_RESPONSE_BYTES} bytes")
        return raw
    finally:
        answer.raw.close()  # a connection whose answer was read to its end is back in the pool already


def _lost(error: Exception) -> str:
    """Type names only: the texts of these libraries quote URLs."""
    inner = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    deepest = inner.args[1] if len(inner.args) > 1 and isinstance(inner.args[1], Exception) else inner
    return f"connection broke before the answer was complete ({type(deepest).__name__})"


def _response(http_status: int, raw: bytes, duration_s: float) -> OutboundResponse:
    try:
        body = documents.load(raw)
    except ValueError:
        body = None
    return OutboundResponse(
        http_status=http_status,
        ocpi_status_code=_ocpi_status(body),
        body=body,
        text=raw.decode(errors="replace").replace("\0", "\ufffd"),
        duration_s=duration_s,
    )


def _ocpi_status(body: Any) -> int | None:
    """Some peers write it as a string."""
    code = body.get("status_code") if isinstance(body, dict) else None
    if isinstance(code, str) and len(code) == 4 and code.isascii() and code.isdigit():
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _log(request: OutboundRequest, parts: SplitResult, outcome: str, attempt: Attempt) -> None:
    logger.info(
        "sent method=%s host=%s path=%s outcome=%s duration_ms=%d correlation_id=%s",
        request.method,
        parts.hostname,
        parts.path,
        outcome,
        attempt.elapsed_s() * 1000,
        request.correlation_id,
    )
