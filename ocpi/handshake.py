"""The credentials handshake, and its Receiver: tokens and endpoints change hands, whole or not at all
(OCPI 2.2.1 credentials). `ocpi.registration` is its Sender.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from ocpi import our_parties, parties
from ocpi.diagnosis import printable
from ocpi.discovery import Line, Offer, check_outbound_url, discover
from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party, token_hash
from ocpi.protocol import tokens
from ocpi.protocol.errors import InvalidField, OcpiError
from ocpi.protocol.headers import Address
from ocpi.protocol.status_codes import StatusCode

logger = logging.getLogger(__name__)
MAX_ROLES = 50


@dataclass(frozen=True, slots=True)
class TheirCredentials:
    """`roles`: role, country_code, party_id and name of each, bounded. `name`: of the party that was meant."""

    token: str = field(repr=False)
    url: str
    name: str
    roles: tuple[dict[str, str], ...] = ()


def our_credentials(*, token: str) -> dict[str, Any]:
    """The Credentials object that lets its reader call us: one role for each CPO we speak for."""
    return {"token": token, "url": versions_url(), "roles": [_our_role(cpo) for cpo in our_parties.all_of_them()]}


def _our_role(cpo: Address) -> dict[str, Any]:
    """Of a CPO that we only run Locations for, no name is known but its ids."""
    return {
        "role": "CPO",
        "country_code": cpo.country_code,
        "party_id": cpo.party_id,
        "business_details": {"name": settings.OCPI_BUSINESS_NAME if cpo == our_parties.default() else str(cpo)},
    }


def versions_url() -> str:
    return f"{settings.PUBLIC_URL}/ocpi/versions"


def token_of(headers: Mapping[str, str]) -> str:
    """The token that the caller has just proven, as we know it: only its hash is kept."""
    found = tokens.candidates(headers.get("Authorization", ""))
    hashes = [token_hash(token) for token in found]
    rows = Credentials.objects.filter(Q(inbound_hash__in=hashes) | Q(pending_hash__in=hashes))
    known = {each for row in rows.values_list("inbound_hash", "pending_hash") for each in row}
    return next(token for token in found if token_hash(token) in known)


def exchange(party: Party, body: Mapping[str, Any], *, correlation_id: str, now: datetime) -> str:
    """POST or PUT: fetches the caller's endpoints, stores its token, and returns a new token for it.

    Raises OcpiError 2001, 3001, 3002 or 3003, or 405 if another handshake came first; everything is left as it was.
    """
    credentials = Credentials.objects.get(party=party)
    theirs = parse(party, body)
    line = Line(party, parties.token_authorizer(party, theirs.token), correlation_id)
    offer = discover(line, theirs.url)
    return _store(party, theirs, offer, began_with=credentials.inbound_hash, now=now)


@transaction.atomic
def _store(party: Party, theirs: TheirCredentials, offer: Offer, *, began_with: str | None, now: datetime) -> str:
    token = tokens.new_token()
    credentials = Credentials.objects.select_for_update().get(party=party)
    if credentials.inbound_hash != began_with:
        raise OcpiError(StatusCode.CLIENT_ERROR, "the registration has changed meanwhile", http_status=405)
    settle(credentials, theirs, offer, inbound_token=token, now=now)
    return token


def settle(
    credentials: Credentials, theirs: TheirCredentials, offer: Offer, *, inbound_token: str, now: datetime
) -> None:
    """What both sides have agreed on. Inside a transaction that holds the row."""
    party = credentials.party
    credentials.set_inbound(inbound_token, Credentials.Inbound.TOKEN_C)
    credentials.outbound_token = theirs.token
    credentials.versions_url = theirs.url
    credentials.roles = list(theirs.roles)
    credentials.registered_at = now
    credentials.save()
    replace_endpoints(party, offer)
    if theirs.name and not party.name:
        Party.objects.filter(pk=party.pk).update(name=theirs.name[:100])
    logger.info("party registered party=%s version=%s endpoints=%s", party, offer.version, len(offer.endpoints))


def replace_endpoints(party: Party, offer: Offer) -> None:
    """All of them, and its version. What it had at the old ones is in doubt."""
    party.endpoints.all().delete()
    party.outbox.update(delivered_body=None)
    PartnerEndpoint.objects.bulk_create(
        PartnerEndpoint(party=party, identifier=e.identifier, role=e.role, url=e.url) for e in offer.endpoints
    )
    Party.objects.filter(pk=party.pk).update(version=offer.version)


@transaction.atomic
def unregister(party: Party) -> None:
    """DELETE: their token to us and ours to them are dead, and nothing is sent to them any more."""
    credentials = Credentials.objects.select_for_update().get(party=party)
    credentials.set_inbound(None, Credentials.Inbound.TOKEN_A)
    credentials.outbound_token = ""
    credentials.outbound_encoding = _of_a_token(credentials)
    credentials.registered_at = None
    credentials.roles = []
    credentials.save()
    party.endpoints.all().delete()
    pending = party.outbox.filter(status=OutboxMessage.Status.PENDING)
    pending.update(status=OutboxMessage.Status.FAILED, last_error="the party has unregistered")
    logger.info("party unregistered party=%s", party)


def _of_a_token(credentials: Credentials) -> str:
    """An OAuth 2.0 client stays known, for an operator to choose again, but opens nothing meanwhile."""
    oauth2 = credentials.outbound_encoding == Credentials.Outbound.OAUTH2
    return Credentials.Outbound.BASE64 if oauth2 else credentials.outbound_encoding


# --- what they say --------------------------------------------------------------------------------------------------


def parse(party: Party, body: Mapping[str, Any]) -> TheirCredentials:
    """A Credentials object that names this party among its roles. Raises InvalidField."""
    token, url, roles = body.get("token"), body.get("url"), body.get("roles")
    if not isinstance(token, str) or not tokens.valid_token(token):
        raise InvalidField("token", "must be 1 to 64 characters from U+0021 to U+007E")
    if not isinstance(url, str) or not url:
        raise InvalidField("url", "must be the URL of your versions endpoint")
    check_outbound_url(party, "url", url)
    if not isinstance(roles, list) or not roles:
        raise InvalidField("roles", "must name at least one role")
    for index, role in enumerate(roles):
        if _is_of(party, index, role):
            details = role.get("business_details")
            name = details.get("name") if isinstance(details, dict) else ""
            return TheirCredentials(token, url, name if isinstance(name, str) else "", read_roles(roles))
    raise InvalidField("roles", f"must name {party}, for whom this token was issued")


def _is_of(party: Party, index: int, role: Any) -> bool:
    if not isinstance(role, dict):
        raise InvalidField(f"roles[{index}]", "must be an object")
    for name in ("role", "country_code", "party_id"):
        if not isinstance(role.get(name), str):
            raise InvalidField(f"roles[{index}].{name}", "is required")
    named = (role["country_code"].upper(), role["party_id"].upper())
    return named == (party.country_code.upper(), party.party_id.upper())


def read_roles(roles: Sequence[Any]) -> tuple[dict[str, str], ...]:
    """What is shown of them: those that are well formed, cut to the lengths of OCPI 2.2.1 credentials."""
    return tuple(_shown(role) for role in roles[:MAX_ROLES] if isinstance(role, dict))


def _shown(role: Mapping[str, Any]) -> dict[str, str]:
    details = role.get("business_details")
    named = {**role, "name": details.get("name") if isinstance(details, dict) else ""}
    lengths = {"role": 5, "country_code": 2, "party_id": 3, "name": 100}
    return {key: printable(text, lengths[key]) if isinstance(text := named.get(key), str) else "" for key in lengths}
