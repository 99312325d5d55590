"""The response format (OCPI 2.2.1 transport_and_format, Response format) and everything that becomes one."""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import IO, Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ocpi.protocol import documents
from ocpi.protocol.datetimes import format_datetime
from ocpi.protocol.errors import InvalidField, OcpiError, Overloaded
from ocpi.protocol.status_codes import StatusCode

__all__ = [
    "InvalidField",
    "OcpiError",
    "OcpiParser",
    "OcpiRenderer",
    "envelope",
    "exception_handler",
    "ocpi_response",
]

MAX_BODY_BYTES = 262_144
MAX_MESSAGE_CHARS = 500
RETRY_AFTER_S = 5

logger = logging.getLogger(__name__)


def envelope(
    data: Any = None, *, status_code: int = StatusCode.SUCCESS, status_message: str = "", now: datetime
) -> dict[str, Any]:
    """`data` None: left out, as the specification advises where it names no content."""
    body: dict[str, Any] = {} if data is None else {"data": data}
    body["status_code"] = int(status_code)
    if status_message:
        body["status_message"] = _printable(status_message)
    body["timestamp"] = format_datetime(now)
    return body


def ocpi_response(
    data: Any = None,
    *,
    status_code: int = StatusCode.SUCCESS,
    status_message: str = "",
    http_status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = envelope(data, status_code=status_code, status_message=status_message, now=timezone.now())
    return Response(body, status=http_status, headers=dict(headers or {}))


class OcpiRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:  # noqa: ARG002
        return documents.dump(data)


class OcpiParser(BaseParser):
    """Every body is read as a JSON object, whatever its Content-Type says. Fractions become Decimal."""

    media_type = "*/*"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:  # noqa: ARG002
        raw = stream.read(MAX_BODY_BYTES + 1)
        if parser_context and "request" in parser_context:
            parser_context["request"].raw = raw
        if len(raw) > MAX_BODY_BYTES:
            raise OcpiError(StatusCode.CLIENT_ERROR, f"body larger than {MAX_BODY_BYTES} bytes", http_status=413)
        try:
            document = documents.load(raw)
        except documents.Unusable as error:
            raise InvalidField("body", str(error)) from None
        except ValueError as error:
            raise OcpiError(StatusCode.CLIENT_ERROR, f"invalid JSON: {error}", http_status=400) from None
        if not isinstance(document, dict):
            raise InvalidField("body", "must be a JSON object")
        return document


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Any exception as an answer; what we did not expect is logged here and tells the partner nothing of its inside."""
    set_rollback()
    known = _known(error)
    if known is None:
        _log_unexpected(error, context)
        known = OcpiError(StatusCode.SERVER_ERROR, "internal error", http_status=500)
    else:
        _log_refused(known, context)
    return ocpi_response(
        status_code=known.status_code,
        status_message=known.message,
        http_status=known.http_status,
        headers=_error_headers(error, known.http_status),
    )


_TRANSPORT_ERRORS: tuple[tuple[type[Exception], int, str], ...] = (
    (exceptions.NotAuthenticated, 401, "missing or unknown credentials token"),
    (exceptions.AuthenticationFailed, 401, "missing or unknown credentials token"),
    (Http404, 404, "not found"),
    (PermissionDenied, 403, "not permitted"),
    (RequestDataTooBig, 413, "body too large"),
    (SuspiciousOperation, 400, "unreadable request"),
    (UnreadablePostError, 400, "unreadable request"),
)


def _known(error: Exception) -> OcpiError | None:
    if isinstance(error, OcpiError):
        return error
    if isinstance(error, exceptions.ValidationError):
        return OcpiError(StatusCode.INVALID_PARAMETERS, "; ".join(_problems(error.detail)))
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("no database for a request: %s", error)
        return Overloaded()
    for kind, http_status, message in _TRANSPORT_ERRORS:
        if isinstance(error, kind):
            return _transport_error(http_status, message)
    if isinstance(error, exceptions.APIException) and error.status_code < 500:
        return _transport_error(error.status_code, str(error.detail))
    return None


def _transport_error(http_status: int, message: str) -> OcpiError:
    return OcpiError(StatusCode.CLIENT_ERROR, message, http_status=http_status)


def _error_headers(error: Exception, http_status: int) -> dict[str, str]:
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return {"WWW-Authenticate": "Token"}
    if http_status == 503:
        return {"Retry-After": str(RETRY_AFTER_S)}
    wait_s = getattr(error, "wait", None) if isinstance(error, exceptions.Throttled) else None
    return {} if wait_s is None else {"Retry-After": str(int(wait_s))}


def _problems(detail: Any, path: str = "") -> Iterator[str]:
    """`field[0].sub: what is wrong`, one for every message of a DRF validation error."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            whole = name == "non_field_errors"
            yield from _problems(inner, path if whole else f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list | tuple)
            yield from _problems(inner, f"{path}[{index}]" if nested else path)
    else:
        yield f"{path}: {detail}" if path else str(detail)


def _printable(text: str) -> str:
    """OCPI strings hold no line breaks or tabs (OCPI 2.2.1 types, string)."""
    return "".join(char if char.isprintable() else " " for char in text[:MAX_MESSAGE_CHARS])


def _log_refused(error: OcpiError, context: Mapping[str, Any]) -> None:
    """What partners do wrong is looked for here first: no row is written for a request that cannot be read."""
    logger.warning(
        "refused %s http=%s status_code=%s message=%r",
        _request_text(context), error.http_status, int(error.status_code), _printable(error.message),
    )  # fmt: skip


def _log_unexpected(error: Exception, context: Mapping[str, Any]) -> None:
    logger.error("unexpected error %s", _request_text(context), exc_info=error)


def _request_text(context: Mapping[str, Any]) -> str:
    """Names no header and no body: they may hold secrets. The path may hold line breaks."""
    view, request = context.get("view"), context.get("request")
    ids = getattr(view, "message_ids", None)
    party = getattr(getattr(request, "_auth", None), "party", "unknown")
    return (
        f"party={party} method={getattr(request, 'method', '')} path={_printable(getattr(request, 'path', ''))} "
        f"request_id={getattr(ids, 'request_id', '')} correlation_id={getattr(ids, 'correlation_id', '')}"
    )
