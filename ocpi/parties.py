"""How we speak to a party: its authorisation, the addresses we may call for it, the hosts it may name."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q

from chargepoints.transactions import committed
from ocpi import our_parties
from ocpi.access_tokens import AccessTokens
from ocpi.authorizers import Authorizer, OAuth2ClientCredentials, TokenBase64, TokenRaw, WithApiKey
from ocpi.client import AddressPolicy
from ocpi.models import Credentials, Party
from ocpi.oauth2 import OAuth2Client
from ocpi.protocol.errors import InvalidField
from ocpi.protocol.headers import Address, Routing, is_address

OUTBOUND_COLUMNS = (
    "outbound_encrypted", "outbound_encoding", "oauth_token_url", "oauth_client_id", "oauth_secret_encrypted",
    "oauth_client_style", "oauth_audience", "oauth_scope", "api_key_header", "api_key_encrypted",
)  # fmt: skip
"""Of Credentials: all that `authorizer` reads."""

NOTED_EVERY = timedelta(seconds=30)
MAX_ROLES = 50
ROLE_FIELDS = ("role", "country_code", "party_id")


class NotConnected(Exception):
    """Nothing may be sent to this party now."""


def authorizer(party: Party) -> Authorizer:
    """Raises NotConnected when we have nothing to prove ourselves with, or when it is switched off."""
    credentials = getattr(party, "credentials", None)
    if not party.enabled:
        raise NotConnected("it is disabled")
    if credentials is None or not credentials.can_prove_us:
        raise NotConnected("no outbound token")
    try:
        if credentials.outbound_encoding == Credentials.Outbound.OAUTH2:
            return _with_api_key(credentials, OAuth2ClientCredentials(access_tokens(party)))
        return _with_api_key(credentials, _token_strategy(credentials, credentials.outbound_token))
    except ImproperlyConfigured as error:
        raise NotConnected(str(error)) from None


def token_authorizer(party: Party, token: str) -> Authorizer:
    """With an OCPI token that the party has just told us: registration knows no other way (OCPI 2.2.1 credentials)."""
    credentials = Credentials.objects.filter(party=party).first() or Credentials(party=party)
    return _with_api_key(credentials, _token_strategy(credentials, token))


def access_tokens(party: Party) -> AccessTokens:
    """Of its OAuth 2.0 client. Raises ImproperlyConfigured if its secret cannot be read."""
    credentials = party.credentials
    who = OAuth2Client(
        token_url=credentials.oauth_token_url, client_id=credentials.oauth_client_id, secret=credentials.oauth_secret,
        in_body=credentials.oauth_client_style == Credentials.ClientStyle.BODY, audience=credentials.oauth_audience,
        scope=credentials.oauth_scope,
    )  # fmt: skip
    return AccessTokens(who, address_policy(party))


def _token_strategy(credentials: Credentials, token: str) -> Authorizer:
    return TokenRaw(token) if credentials.outbound_encoding == Credentials.Outbound.RAW else TokenBase64(token)


def _with_api_key(credentials: Credentials, strategy: Authorizer) -> Authorizer:
    if not credentials.api_key_header:
        return strategy
    return WithApiKey(strategy, credentials.api_key_header, credentials.api_key)


def address_policy(party: Party) -> AddressPolicy:
    """Loopback and plain http only in DEBUG, and only for parties marked so."""
    return AddressPolicy(allow_insecure=settings.DEBUG and party.allow_insecure_urls)


def allowed_hosts(party: Party) -> frozenset[str]:
    """Hosts its response_urls may name: those it registered, and those an operator listed."""
    urls = list(party.endpoints.order_by().values_list("url", flat=True))
    credentials = getattr(party, "credentials", None)
    if credentials and credentials.versions_url:
        urls.append(credentials.versions_url)
    registered = {host for url in urls if (host := urlsplit(url).hostname)}
    return frozenset(registered | {host.lower() for host in party.allowed_hosts})


def roles_of(given: list[Any]) -> list[dict[str, str]]:
    """Roles of a platform as an operator names them. Raises InvalidField."""
    if len(given) > MAX_ROLES:
        raise InvalidField("roles", f"more than {MAX_ROLES}")
    return [_role(index, *role) for index, role in enumerate(given)]


def _role(index: int, role: str, country_code: str, party_id: str) -> dict[str, str]:
    role, country_code, party_id = role.upper(), country_code.upper(), party_id.upper()
    if role not in Party.Role.values:
        raise InvalidField(f"roles[{index}]", f"a role is one of {', '.join(Party.Role.values)}")
    if not is_address(country_code, party_id):
        raise InvalidField(f"roles[{index}]", "has a country code of 2 letters and a party id of 3 letters or digits")
    return {"role": role, "country_code": country_code, "party_id": party_id, "name": ""}


def speaks_for(credentials: Credentials, address: Address) -> bool:
    """Whether a party may call in this name: its own, or that of another role of its platform.

    A Hub forwards for parties that it does not list as roles (OCPI 2.2.1 credentials, CredentialsRole).
    """
    return credentials.party.role == Party.Role.HUB or is_role_of(credentials, address)


def is_role_of(credentials: Credentials, address: Address) -> bool:
    """Whether it is the party itself, or another role of its platform."""
    others = (Address(role["country_code"], role["party_id"]) for role in credentials.roles)
    return str(address) in {str(credentials.party).upper(), *map(str, others)}


def routing(party: Party, *, sender: Address | None = None, receiver: Address | None = None) -> dict[str, str]:
    """Message routing headers of a request to it (OCPI 2.2.1 transport_and_format, Message Routing Headers).

    `sender` is the CPO of what is sent, ours if not given. A Hub is never the receiver of what we send: that would be a
    broadcast to all it knows. Without a receiver it decides itself (Broadcast Push, Open Routing Request).
    """
    if receiver is None and party.role != Party.Role.HUB:
        receiver = Address(party.country_code, party.party_id)
    return Routing(sender=sender or our_parties.default(), receiver=receiver).headers()


def heard(party: Party, *, now: datetime) -> None:
    """A request of it has come."""
    _note(party, "heard_at", now=now)


def reached(party: Party, *, now: datetime) -> None:
    """It has answered a request of ours, and well."""
    _note(party, "reached_at", now=now)


def _note(party: Party, column: str, *, now: datetime) -> None:
    """At most every NOTED_EVERY: this is called for each request."""
    noted = getattr(party, column)
    if noted is None or now - noted >= NOTED_EVERY:
        _write(party, column, now=now)


@committed
def _write(party: Party, column: str, *, now: datetime) -> None:
    stale = Q(**{column: None}) | Q(**{f"{column}__lte": now - NOTED_EVERY})
    Party.objects.filter(stale, pk=party.pk).update(**{column: now})
