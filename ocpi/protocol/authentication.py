"""Who calls us (OCPI 2.2.1 transport_and_format, Authorization header)."""

import logging
from typing import cast

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from chargepoints.models.rows import only_row
from ocpi import parties
from ocpi.models import Credentials, Party, token_hash
from ocpi.networks import caller_address, is_within
from ocpi.protocol import tokens

logger = logging.getLogger(__name__)


class AnyCredentials(BaseAuthentication):
    """CREDENTIALS_TOKEN_A or _C: for versions and credentials. `request.auth` is the Credentials found.

    The token of a handshake that we began is good as well: the other party calls us with it before it answers, and
    from then on if its answer is lost. It opens what the party is registered for, no more.
    """

    kinds: tuple[Credentials.Inbound, ...] = (Credentials.Inbound.TOKEN_A, Credentials.Inbound.TOKEN_C)

    def authenticate(self, request: Request) -> tuple[Party, Credentials] | None:
        header = request.headers.get("Authorization", "")
        hashes = [token_hash(token) for token in tokens.candidates(header)]
        named = Q(inbound_hash__in=hashes) | Q(pending_hash__in=hashes)
        known = Credentials.objects.select_related("party").filter(named, party__enabled=True)
        credentials = only_row(known.filter(inbound_kind__in=self.kinds)) if hashes else None
        if credentials is None or not _calls_from_home(credentials.party, request):
            raise AuthenticationFailed
        parties.heard(credentials.party, now=timezone.now())
        return credentials.party, credentials

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return "Token"


def _calls_from_home(party: Party, request: Request) -> bool:
    """A stolen token opens nothing from elsewhere, and is answered like an unknown one."""
    if not party.inbound_networks:
        return True
    address = caller_address(request.META, trust_proxy=settings.TRUST_PROXY)
    if is_within(address, party.inbound_networks):
        return True
    logger.warning("request refused: party=%s does not call from address=%s", party, address)
    return False


def credentials_of(request: Request) -> Credentials:
    return cast(Credentials, request.auth)


def party_of(request: Request) -> Party:
    """The caller; views without authentication have none."""
    return credentials_of(request).party


class RegisteredCredentials(AnyCredentials):
    """Everything else: a registration token opens nothing."""

    kinds: tuple[Credentials.Inbound, ...] = (Credentials.Inbound.TOKEN_C,)
