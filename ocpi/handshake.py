"""The credentials handshake: tokens and endpoints change hands, whole or not at all (OCPI 2.2.1 credentials)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from ocpi import client, our_parties, parties
from ocpi.authorizers import Authorizer, TokenBase64, TokenRaw
from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party, token_hash
from ocpi.protocol import tokens
from ocpi.protocol.errors import InvalidField, OcpiError
from ocpi.protocol.headers import Address
from ocpi.protocol.status_codes import StatusCode

logger = logging.getLogger(__name__)
# Without these the product cannot do its job for a partner of that role.
REQUIRED = {Party.Role.SCSP: [("sessions", "RECEIVER")], Party.Role.EMSP: [("sessions", "RECEIVER")]}
USED = {"sessions", "chargingprofiles"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    identifier: str
    role: str
    url: str


@dataclass(frozen=True, slots=True)
class TheirCredentials:
    token: str = field(repr=False)
    url: str
    name: str
    roles: list[dict[str, str]]


def our_credentials(*, token: str) -> dict[str, Any]:
    """The Credentials object that lets its reader call us."""
    roles = [_our_role(cpo) for cpo in our_parties.all_of_them()]
    return {"token": token, "url": f"{settings.PUBLIC_URL}/ocpi/versions", "roles": roles}


def _our_role(cpo: Address) -> dict[str, Any]:
    """Of a CPO that we only run Locations for, no name is known but its ids."""
    return {
        "role": "CPO",
        "country_code": cpo.country_code,
        "party_id": cpo.party_id,
        "business_details": {"name": settings.OCPI_BUSINESS_NAME if cpo == our_parties.default() else str(cpo)},
    }


def token_of(headers: Mapping[str, str]) -> str:
    """The token that the caller has just proven, as we know it: only its hash is kept."""
    found = tokens.candidates(headers.get("Authorization", ""))
    known = set(
        Credentials.objects.filter(inbound_hash__in=map(token_hash, found)).values_list("inbound_hash", flat=True)
    )
    return next(token for token in found if token_hash(token) in known)


def exchange(party: Party, body: Mapping[str, Any], *, correlation_id: str, now: datetime) -> str:
    """POST or PUT: fetches the caller's endpoints, stores its token, and returns a new token for it.

    Raises OcpiError 2001, 3001, 3002 or 3003, or 405 if another handshake came first; everything is left as it was.
    """
    began_with = Credentials.objects.get(party=party).inbound_hash
    theirs = parse(party, body)
    endpoints = fetch_endpoints(party, theirs, correlation_id=correlation_id)
    for identifier, role in REQUIRED.get(Party.Role(party.role), []):
        if not any((e.identifier, e.role) == (identifier, role) for e in endpoints):
            raise OcpiError(StatusCode.NO_MATCHING_ENDPOINTS, f"your version details lack {identifier} {role}")
    return _store(party, theirs, endpoints, began_with=began_with, now=now)


@transaction.atomic
def _store(
    party: Party, theirs: TheirCredentials, endpoints: list[Endpoint], *, began_with: str | None, now: datetime
) -> str:
    token = tokens.new_token()
    credentials = Credentials.objects.select_for_update().get(party=party)
    if credentials.inbound_hash != began_with:
        raise OcpiError(StatusCode.CLIENT_ERROR, "the registration has changed meanwhile", http_status=405)
    credentials.set_inbound(token, Credentials.Inbound.TOKEN_C)
    credentials.outbound_token = theirs.token
    credentials.versions_url = theirs.url
    credentials.registered_at = now
    credentials.save()
    party.endpoints.all().delete()
    party.outbox.update(delivered_body=None)  # what it had under the old registration is in doubt
    PartnerEndpoint.objects.bulk_create(
        PartnerEndpoint(party=party, identifier=e.identifier, role=e.role, url=e.url) for e in endpoints
    )
    Party.objects.filter(pk=party.pk).update(name=party.name or theirs.name[:100], roles=theirs.roles)
    logger.info("party registered party=%s endpoints=%s", party, len(endpoints))
    return token


@transaction.atomic
def unregister(party: Party) -> None:
    """DELETE: their token to us and ours to them are dead, and nothing is sent to them any more."""
    credentials = Credentials.objects.select_for_update().get(party=party)
    credentials.set_inbound(None, Credentials.Inbound.TOKEN_A)
    credentials.outbound_token = ""
    credentials.registered_at = None
    credentials.save()
    party.endpoints.all().delete()
    Party.objects.filter(pk=party.pk).update(roles=[])
    pending = party.outbox.filter(status=OutboxMessage.Status.PENDING)
    pending.update(status=OutboxMessage.Status.FAILED, last_error="the party has unregistered")
    logger.info("party unregistered party=%s", party)


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
    named = parties.roles_of(roles)
    for role, given in zip(named, roles, strict=True):
        if str(Address(role["country_code"], role["party_id"])) == str(party).upper():
            return TheirCredentials(token, url, _business_name(given), named)
    raise InvalidField("roles", f"must name {party}, for whom this token was issued")


def _business_name(role: dict[str, Any]) -> str:
    details = role.get("business_details")
    name = details.get("name") if isinstance(details, dict) else ""
    return name if isinstance(name, str) else ""


def check_outbound_url(party: Party, field: str, url: str) -> None:
    try:
        host = urlsplit(url).hostname if "://" in url else None
        client.check_url(url, allowed_hosts=frozenset({host or ""}), policy=parties.address_policy(party))
    except (client.UrlRefused, ValueError) as refused:
        raise InvalidField(field, getattr(refused, "reason", "is not a URL")) from None


def fetch_endpoints(party: Party, theirs: TheirCredentials, *, correlation_id: str) -> list[Endpoint]:
    """Their endpoints for our version, asked with their token. Raises OcpiError 3001, 3002 or 3003."""
    raw = Credentials.objects.filter(party=party, outbound_encoding=Credentials.Outbound.RAW).exists()
    authorizer = TokenRaw(theirs.token) if raw else TokenBase64(theirs.token)
    versions = _get(party, theirs.url, authorizer, correlation_id)
    return _endpoints(party, _get(party, _version_url(party, versions), authorizer, correlation_id))


def _get(party: Party, url: str, authorizer: Authorizer, correlation_id: str) -> Any:
    request = client.OutboundRequest(method="GET", url=url, correlation_id=correlation_id, timeout_s=5.0)
    try:
        response = client.send(request, authorization=authorizer, policy=parties.address_policy(party))
    except client.DeliveryFailed as failure:
        raise OcpiError(StatusCode.UNUSABLE_API, f"your API cannot be used: {failure}") from None
    if not response.ok or not isinstance(response.body, dict) or "data" not in response.body:
        answer = f"HTTP {response.http_status}, OCPI status {response.ocpi_status_code}"
        raise OcpiError(StatusCode.UNUSABLE_API, f"your API cannot be used: {answer} at {urlsplit(url).path}")
    return response.body["data"]


def _version_url(party: Party, versions: Any) -> str:
    """Of the version that the party is pinned to."""
    entries = versions if isinstance(versions, list) else []
    for entry in entries:
        if isinstance(entry, dict) and entry.get("version") == party.version and isinstance(entry.get("url"), str):
            return entry["url"]
    raise OcpiError(StatusCode.UNSUPPORTED_VERSION, f"your versions endpoint does not offer {party.version}")


def _endpoints(party: Party, details: Any) -> list[Endpoint]:
    listed = details.get("endpoints") if isinstance(details, dict) else None
    if not isinstance(listed, list):
        raise OcpiError(StatusCode.UNUSABLE_API, "your version details list no endpoints")
    found = {}
    for entry in listed:
        try:
            endpoint = _endpoint(party, entry)
        except OcpiError as error:
            if _is_used(entry):
                raise
            logger.warning("party=%s: an endpoint we do not use is left out: %s", party, error.message)
        else:
            found[endpoint.identifier, endpoint.role] = endpoint
    return list(found.values())


def _is_used(entry: Any) -> bool:
    """Whether we call it. The correct objects of a list are processed anyway (OCPI 2.2.1 transport_and_format, GET)."""
    identifier = entry.get("identifier") if isinstance(entry, dict) else None
    return not isinstance(identifier, str) or identifier in USED


def _endpoint(party: Party, entry: Any) -> Endpoint:
    fields = [entry.get(name) for name in ("identifier", "role", "url")] if isinstance(entry, dict) else []
    texts = [field for field in fields if isinstance(field, str) and 0 < len(field) <= 255]
    if len(texts) != 3:
        raise OcpiError(StatusCode.UNUSABLE_API, "an endpoint of your version details lacks identifier, role or url")
    identifier, role, url = texts
    if role not in {"SENDER", "RECEIVER"} or len(identifier) > 64:
        raise OcpiError(StatusCode.UNUSABLE_API, "an endpoint of your version details has an unknown role")
    check_outbound_url(party, f"endpoint {identifier[:64]} {role}", url)
    return Endpoint(identifier, role, url)
