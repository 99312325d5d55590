"""How we speak to a party: its authorisation, the addresses we may call for it, the hosts it may name."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q

from chargepoints.transactions import committed
from ocpi.access_tokens import AccessTokens
from ocpi.authorizers import Authorizer, OAuth2ClientCredentials, TokenBase64, TokenRaw, WithApiKey
from ocpi.client import AddressPolicy
from ocpi.models import Credentials, Party
from ocpi.oauth2 import OAuth2Client

OUTBOUND_COLUMNS = (
    "outbound_encrypted", "outbound_encoding", "oauth_token_url", "oauth_client_id", "oauth_secret_encrypted",
    "oauth_client_style", "oauth_audience", "oauth_scope", "api_key_header", "api_key_encrypted",
)  # fmt: skip
"""Of Credentials: all that `authorizer` reads."""

NOTED_EVERY = timedelta(seconds=30)


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


def routing(party: Party) -> dict[str, str]:
    """Message routing headers (OCPI 2.2.1 transport_and_format, Message Routing Headers)."""
    return {
        "OCPI-from-country-code": settings.OCPI_COUNTRY_CODE,
        "OCPI-from-party-id": settings.OCPI_PARTY_ID,
        "OCPI-to-country-code": party.country_code,
        "OCPI-to-party-id": party.party_id,
    }


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
