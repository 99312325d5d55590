"""Who calls us (OCPI 2.2.1 transport_and_format, Authorization header)."""

import logging
from typing import cast

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from ocpi import parties
from ocpi.models import Credentials, Party, token_hash
from ocpi.networks import caller_address, is_within
from ocpi.protocol import tokens

logger = logging.getLogger(__name__)


MEANT = 4  # a header is read in two ways, and a party has two tokens at most
NO_HEADER = "no Authorization header"
NOT_OCPI = "the Authorization header holds no OCPI token: Token, a space, the token in base64"
UNKNOWN = "nobody has this token"


class NotLetIn(AuthenticationFailed):
    """`why` is for our own people; `party_id` of whoever the token was made for."""

    def __init__(self, why: str, party_id: int | None = None) -> None:
        self.why, self.party_id = why, party_id
        super().__init__()


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
        known = list(Credentials.objects.select_related("party").filter(named).order_by()[:MEANT]) if hashes else []
        for credentials in known:
            if self._admits(credentials) and _calls_from_home(credentials.party, request):
                parties.heard(credentials.party, now=timezone.now())
                return credentials.party, credentials
        raise self._refusal(header, known)

    def _admits(self, credentials: Credentials) -> bool:
        return credentials.party.enabled and credentials.inbound_kind in self.kinds

    def _refusal(self, header: str, known: list[Credentials]) -> "NotLetIn":
        """The caller is told none of this."""
        if not known:
            return NotLetIn(NO_HEADER if not header else UNKNOWN if tokens.candidates(header) else NOT_OCPI)
        credentials = known[0]
        if not credentials.party.enabled:
            return NotLetIn("the party is switched off here", credentials.party_id)
        if not self._admits(credentials):
            return NotLetIn("a token A opens only versions and credentials: register first", credentials.party_id)
        return NotLetIn("its token is good, but not from this address", credentials.party_id)

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
