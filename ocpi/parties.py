"""How we speak to a party: its authorisation, the addresses we may call for it, the hosts it may name."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ocpi import our_parties
from ocpi.authorizers import Authorizer, TokenBase64, TokenRaw
from ocpi.client import AddressPolicy
from ocpi.models import Credentials, Party
from ocpi.protocol.errors import InvalidField
from ocpi.protocol.headers import Address, Routing, is_address

MAX_ROLES = 200
ROLE_FIELDS = ("role", "country_code", "party_id")


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


def roles_of(given: list[Any]) -> list[dict[str, str]]:
    """Roles as they are kept with a party; unknown fields are ignored. Raises InvalidField.

    OCPI 2.2.1 credentials, CredentialsRole.
    """
    if len(given) > MAX_ROLES:
        raise InvalidField("roles", f"more than {MAX_ROLES}")
    return [_role(index, role) for index, role in enumerate(given)]


def _role(index: int, role: Any) -> dict[str, str]:
    if not isinstance(role, dict):
        raise InvalidField(f"roles[{index}]", "must be an object")
    for name in ROLE_FIELDS:
        if not isinstance(role.get(name), str):
            raise InvalidField(f"roles[{index}].{name}", "is required")
    country_code, party_id = role["country_code"].upper(), role["party_id"].upper()
    if not is_address(country_code, party_id):
        raise InvalidField(f"roles[{index}]", "has a country code of 2 letters and a party id of 3 letters or digits")
    return {"role": role["role"][:20].upper(), "country_code": country_code, "party_id": party_id}


def speaks_for(party: Party, address: Address) -> bool:
    """Whether it may call in this name: its own, or that of another role on its platform.

    A Hub forwards for parties that it does not list as roles (OCPI 2.2.1 credentials, CredentialsRole).
    """
    return party.role == Party.Role.HUB or str(address) in {str(party).upper(), *map(str, addresses(party))}


def addresses(party: Party) -> list[Address]:
    """Of all roles on its platform that it has named."""
    return [Address(role["country_code"], role["party_id"]) for role in party.roles]


def routing(party: Party, *, sender: Address | None = None, receiver: Address | None = None) -> dict[str, str]:
    """Message routing headers of a request to it (OCPI 2.2.1 transport_and_format, Message Routing Headers).

    `sender` is the CPO of what is sent, ours if not given. A Hub is never the receiver of what we send: that would be a
    broadcast to all it knows. Without a receiver it decides itself (Broadcast Push, Open Routing Request).
    """
    if receiver is None and party.role != Party.Role.HUB:
        receiver = Address(party.country_code, party.party_id)
    return Routing(sender=sender or our_parties.default(), receiver=receiver).headers()
