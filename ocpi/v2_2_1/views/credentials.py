"""Credentials, as Receiver (OCPI 2.2.1 credentials)."""

from django.utils import timezone
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from ocpi import handshake
from ocpi.models import Credentials
from ocpi.protocol.authentication import AnyCredentials, credentials_of, party_of
from ocpi.protocol.envelope import ocpi_response
from ocpi.protocol.openapi import describes
from ocpi.protocol.slots import HANDSHAKES
from ocpi.protocol.views import OcpiView, document_of


class CredentialsView(OcpiView):
    authentication_classes = [AnyCredentials]
    routed = False
    slots = HANDSHAKES

    @describes("Our credentials", answer="Credentials")
    def get(self, request: Request) -> Response:
        return ocpi_response(handshake.our_credentials(token=handshake.token_of(request.headers)))

    @describes("Register", body="Credentials", answer="Credentials", failures=(405,))
    def post(self, request: Request) -> Response:
        self._require(request, registered=False)
        return self._exchange(request)

    @describes("Renew the registration", body="Credentials", answer="Credentials", failures=(405,))
    def put(self, request: Request) -> Response:
        self._require(request, registered=True)
        return self._exchange(request)

    @describes("End the registration", failures=(405,))
    def delete(self, request: Request) -> Response:
        self._require(request, registered=True)
        handshake.unregister(party_of(request))
        return ocpi_response()

    def _exchange(self, request: Request) -> Response:
        token = handshake.exchange(
            party_of(request), document_of(request), correlation_id=self.message_ids.correlation_id, now=timezone.now()
        )
        return ocpi_response(handshake.our_credentials(token=token))

    def _require(self, request: Request, *, registered: bool) -> None:
        """405 for POST when registered, for PUT and DELETE when not (credentials, Interfaces and endpoints)."""
        if (credentials_of(request).inbound_kind == Credentials.Inbound.TOKEN_C) != registered:
            raise MethodNotAllowed(request.method or "")
