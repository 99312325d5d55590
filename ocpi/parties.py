"""How we speak to a party: its authorisation, the addresses we may call for it, the hosts it may name."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ocpi.authorizers import Authorizer, TokenBase64, TokenRaw
from ocpi.client import AddressPolicy
from ocpi.models import Credentials, Party


class NotConnected(Exception):
    """Nothing may be sent to this party now."""


def authorizer(party: Party) -> Authorizer:
    """Raises NotConnected when there is no token for it, or when it is switched off."""
    credentials = getattr(party, "credentials", None)
    if not party.enabled:
        raise NotConnected("it is disabled")
    if credentials is None or not credentials.outbound_encrypted:
        raise NotConnected("no outbound token")
    try:
        token = credentials.outbound_token
    except ImproperlyConfigured as error:
        raise NotConnected(str(error)) from None
    return TokenRaw(token) if credentials.outbound_encoding == Credentials.Outbound.RAW else TokenBase64(token)


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
