"""The base of every OCPI view: JSON in, envelope out, message ids and routing on every answer."""

import logging
import time
from contextlib import ExitStack
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import NotAuthenticated, NotFound
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ocpi import inbound_log
from ocpi.networks import caller_address
from ocpi.protocol.authentication import NotLetIn
from ocpi.protocol.envelope import OcpiParser, OcpiRenderer, exception_handler
from ocpi.protocol.headers import MessageIds, Routing
from ocpi.protocol.openapi import OcpiSchema
from ocpi.protocol.routing import RoutedRightly
from ocpi.protocol.slots import REQUESTS, Slots

logger = logging.getLogger(__name__)


class JsonOnly(BaseContentNegotiation):
    """OCPI has one format: `Accept` and `Content-Type` change nothing."""

    def select_parser(self, request: Request, parsers: Any) -> Any:  # noqa: ARG002
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:  # noqa: ARG002
        return renderers[0], renderers[0].media_type


class HasCredentials(BasePermission):
    """A view that forgot to name its authentication is closed, not open."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        return request.auth is not None


class OcpiRequest(Request):
    """A body sent in chunks has no Content-Length; HTTP clients of .NET send theirs so. `raw`: what was read of it."""

    raw = b""

    def _load_stream(self) -> None:
        super()._load_stream()  # type: ignore[misc]
        if self._stream is None and "chunked" in self._request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            self._stream = self._request


class OcpiView(APIView):
    """Subclasses name `authentication_classes`; those of versions and credentials set `routed` to False
    (OCPI 2.2.1 transport_and_format, Message Routing Headers). `version`: under whose URL it stands.
    """

    authentication_classes = []
    permission_classes = [HasCredentials, RoutedRightly]
    parser_classes = [OcpiParser]
    renderer_classes = [OcpiRenderer]
    content_negotiation_class = JsonOnly
    http_method_names = ["get", "post", "put", "patch", "delete"]

    schema: Any = OcpiSchema()
    routed = True
    version = ""
    slots: Slots = REQUESTS
    message_ids: MessageIds
    routing: Routing
    _held: ExitStack
    _came: tuple[datetime, float]
    _refused: NotLetIn | None = None

    def get_exception_handler(self) -> Any:
        return exception_handler

    def get_authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return "Token"

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:  # noqa: ARG002
        self.message_ids = MessageIds.of(request.headers)
        self.routing = Routing.of(request.headers) if self.routed else Routing()
        return OcpiRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self._held.enter_context(self.slots.slot())
        super().initial(request, *args, **kwargs)

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> Any:
        """DRF answers 403 when a view has no authentication classes; OCPI knows 401 only."""
        if request.auth is None:
            raise NotAuthenticated
        return super().permission_denied(request, message, code)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        for name, value in (self.message_ids.headers() | self.routing.swapped().headers()).items():
            final[name] = value
        return final

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Renders at once, so that a body that cannot be written is still answered in the envelope."""
        self._came = (timezone.now(), time.perf_counter())
        with ExitStack() as self._held:
            response = super().dispatch(request, *args, **kwargs)
        if isinstance(response, Response):
            try:
                response.render()
            except Exception as error:
                response = self.finalize_response(self.request, self.handle_exception(error), *args, **kwargs)
                response.render()
        self._note(response)
        return response

    def handle_exception(self, error: Exception) -> Response:
        self._refused = error if isinstance(error, NotLetIn) else None
        return super().handle_exception(error)

    def _note(self, response: HttpResponseBase) -> None:
        """Whatever goes wrong with it, the answer stands."""
        try:
            inbound_log.note(self._noted(response))
        except Exception:
            logger.exception("a request could not be noted")

    def _noted(self, response: HttpResponseBase) -> inbound_log.Noted:
        http, refused = self.request._request, self._refused
        caller = getattr(self.request, "_auth", None) or refused  # either names its party, if there is one
        address = caller_address(http.META, trust_proxy=settings.TRUST_PROXY)
        at, began = self._came
        document = getattr(response, "data", None)
        return inbound_log.Noted(
            party_id=getattr(caller, "party_id", None), at=at,
            method=http.method or "", path=http.path, query=http.META.get("QUERY_STRING", ""),
            address=str(address).partition("%")[0] if address else None, request_id=self.message_ids.request_id,
            correlation_id=self.message_ids.correlation_id, http_status=response.status_code,
            ocpi_status=document.get("status_code") if isinstance(document, dict) else None,
            duration_ms=int((time.perf_counter() - began) * 1000), refusal=refused.why if refused else "",
            request_body=inbound_log.noted_body(getattr(self.request, "raw", b"")),
            response_body=inbound_log.noted_body(getattr(response, "content", b"")),
        )  # fmt: skip


def document_of(request: Request) -> dict[str, Any]:
    """The body: OcpiParser lets nothing but a JSON object through. A request without a body has no fields."""
    return cast(dict[str, Any], request.data)


class NoSuchEndpoint(OcpiView):
    """For every URL below the OCPI root that leads nowhere: 404 in the envelope instead of a page for people."""

    permission_classes = []
    routed = False
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("no such endpoint")
