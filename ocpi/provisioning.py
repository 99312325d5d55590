"""Setting up a party by hand: one way for the command, demo data and tests.

Bad input raises ValidationError and writes nothing. What is not said (None) is left as it is, or takes its default.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from chargepoints.models import Evse
from ocpi import parties
from ocpi.addresses import AddressPolicy, UrlRefused, split_url
from ocpi.authorizers import valid_api_key
from ocpi.models import Credentials, PartnerEndpoint, Party, token_hash
from ocpi.networks import parse_networks
from ocpi.protocol.errors import InvalidField
from ocpi.protocol.tokens import new_token, valid_token

_COUNTRY_CODE = re.compile(r"[A-Z]{2}")
_PARTY_ID = re.compile(r"[A-Z0-9]{3}")


@dataclass(frozen=True, slots=True)
class PartyUrls:
    """Where a party listens: its versions, its sessions and locations RECEIVER, its chargingprofiles SENDER."""

    versions: str | None = None
    sessions: str | None = None
    chargingprofiles: str | None = None
    locations: str | None = None

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(url for url in (self.sessions, self.chargingprofiles, self.locations) if url)

    @property
    def given(self) -> tuple[str, ...]:
        return (self.versions, *self.endpoints) if self.versions else self.endpoints


@dataclass(frozen=True, slots=True)
class OutboundProof:
    """How we prove ourselves, beside an OCPI token. A token URL chooses OAuth 2.0 client credentials."""

    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    client_style: str | None = None
    audience: str | None = None
    scope: str | None = None
    api_key_header: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @property
    def columns(self) -> dict[str, str | None]:
        return {
            "oauth_token_url": self.token_url, "oauth_client_id": self.client_id, "oauth_secret": self.client_secret,
            "oauth_client_style": self.client_style, "oauth_audience": self.audience, "oauth_scope": self.scope,
            "api_key_header": self.api_key_header, "api_key": self.api_key,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Platform:
    """The version that a party's platform speaks, and all roles on it: role, country code and party id of each."""

    version: str | None = None
    roles: Sequence[Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class ProvisionedParty:
    """`token` (theirs to call us) and `outbound_token` (ours to call them) as set now, None where left as it was.

    The inbound token is kept nowhere but as a hash: this is the only time it can be shown.
    """

    party: Party
    token: str | None = field(repr=False)
    outbound_token: str | None = field(repr=False)
    hints: tuple[str, ...] = ()


@transaction.atomic
def add_party(
    *,
    country_code: str,
    party_id: str,
    role: str | None = None,
    platform: Platform | None = None,
    name: str | None = None,
    token: str | None = None,
    token_a: str | None = None,
    urls: PartyUrls | None = None,
    allowed_hosts: Sequence[str] | None = None,
    outbound_token: str | None = None,
    outbound_encoding: str | None = None,
    proof: OutboundProof | None = None,
    inbound_networks: Sequence[str] | None = None,
    allow_insecure: bool | None = None,
    share_evses: Sequence[str] | None = None,
    update: bool = False,
) -> ProvisionedParty:
    """A party that can talk to us at once (`token`) or after a handshake (`token_a`, OCPI 2.2.1 credentials).

    With neither, a new party gets a generated token: registered if its endpoints are given, else a token A. All EVSEs
    are shared unless `share_evses` names some by uid.
    """
    urls = urls or PartyUrls()
    _refuse_bad_urls(urls)
    _refuse_bad_tokens(token=token, token_a=token_a, outbound_token=outbound_token)
    party = _party(country_code.upper(), party_id.upper(), update=update)
    _restrict(party, inbound_networks)
    _describe(party, role=role, name=name, allowed_hosts=allowed_hosts, allow_insecure=allow_insecure)
    _share(party, share_evses)
    credentials, _ = Credentials.objects.get_or_create(party=party)
    _speak(party, credentials, platform or Platform())
    inbound = _set_inbound(credentials, token=token, token_a=token_a, urls=urls)
    encoding = _set_proof(credentials, proof or OutboundProof(), encoding=outbound_encoding)
    outbound = _set_outbound(credentials, token=outbound_token, encoding=encoding, urls=urls)
    credentials.full_clean(exclude=["party", "inbound_hash", "inbound_kind", "versions_url"])
    credentials.save()
    _register_endpoints(party, urls)
    return ProvisionedParty(party, token=inbound, outbound_token=outbound, hints=_hints(party, urls))


def _refuse_bad_urls(urls: PartyUrls) -> None:
    for url in urls.given:
        try:
            split_url(url, AddressPolicy(allow_insecure=True))
        except UrlRefused as refused:
            raise ValidationError(f"{url!r} {refused.reason}") from None


def _refuse_bad_tokens(*, token: str | None, token_a: str | None, outbound_token: str | None) -> None:
    if token is not None and token_a is not None:
        raise ValidationError("a party has either a registered token or a token A, not both")
    for given in (token, token_a, outbound_token):
        if given is not None and not valid_token(given):
            raise ValidationError("a credentials token has 1 to 64 characters U+0021 to U+007E")


def _party(country_code: str, party_id: str, *, update: bool) -> Party:
    if not _COUNTRY_CODE.fullmatch(country_code):
        raise ValidationError(f"{country_code!r} is no country code: two letters (ISO 3166-1 alpha-2)")
    if not _PARTY_ID.fullmatch(party_id):
        raise ValidationError(f"{party_id!r} is no party id: three letters or digits (ISO 15118)")
    party, created = Party.objects.get_or_create(country_code=country_code, party_id=party_id)
    if not created and not update:
        raise ValidationError(f"party {party} exists already; --update changes it")
    return party


def _describe(
    party: Party,
    *,
    role: str | None,
    name: str | None,
    allowed_hosts: Sequence[str] | None,
    allow_insecure: bool | None,
) -> None:
    if role is not None and role not in Party.Role.values:
        raise ValidationError(f"a role is one of {', '.join(Party.Role.values)}, not {role!r}")
    if name is not None and len(name) > 100:
        raise ValidationError("the name of a party has at most 100 characters")
    party.role = role or party.role
    party.name = party.name if name is None else name
    party.allowed_hosts = party.allowed_hosts if allowed_hosts is None else _hosts(allowed_hosts)
    party.allow_insecure_urls = party.allow_insecure_urls if allow_insecure is None else allow_insecure
    party.save()


def _speak(party: Party, credentials: Credentials, platform: Platform) -> None:
    if platform.version is not None and platform.version not in Party.Version.values:
        raise ValidationError(f"a version is one of {', '.join(Party.Version.values)}, not {platform.version!r}")
    party.version = platform.version or party.version
    party.save(update_fields=["version", "updated_at"])
    if platform.roles is not None:
        try:
            credentials.roles = parties.roles_of(list(platform.roles))
        except InvalidField as error:
            raise ValidationError(f"{error.path}: {error.problem}") from None


def _hosts(given: Iterable[str]) -> list[str]:
    """`host` (any port) or `host:port`; those of the party's own URLs need not be among them."""
    hosts = [host.lower() for host in given]
    for host in hosts:
        try:
            is_host = split_url(f"https://{host}", AddressPolicy()).netloc == host
        except UrlRefused:
            is_host = False
        if not is_host:
            raise ValidationError(f"{host!r} is no host: a name or address, with a port if need be, and nothing else")
    return list(dict.fromkeys(hosts))


def _share(party: Party, uids: Sequence[str] | None) -> None:
    if uids is None:
        return
    evses = {evse.uid: evse for evse in Evse.objects.filter(uid__in=uids)}
    unknown = sorted(set(uids) - set(evses))
    if unknown:
        raise ValidationError(f"there is no EVSE {', '.join(unknown)}")
    Party.objects.filter(pk=party.pk).update(shares_all_evses=False)
    party.shares_all_evses = False
    party.shared_evses.set(evses.values())


def _set_inbound(credentials: Credentials, *, token: str | None, token_a: str | None, urls: PartyUrls) -> str | None:
    given = token or token_a
    if given is None and credentials.inbound_hash:
        return None
    registered = token is not None or (token_a is None and bool(urls.endpoints))
    inbound = given or new_token()
    if Credentials.objects.filter(inbound_hash=token_hash(inbound)).exclude(pk=credentials.pk).exists():
        raise ValidationError("another party has this token")
    credentials.set_inbound(inbound, Credentials.Inbound.TOKEN_C if registered else Credentials.Inbound.TOKEN_A)
    return inbound


def _restrict(party: Party, networks: Sequence[str] | None) -> None:
    """Saved with the rest of what describes it."""
    if networks is None:
        return
    try:
        party.inbound_networks = parse_networks(networks)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _set_proof(credentials: Credentials, proof: OutboundProof, *, encoding: str | None) -> str | None:
    """The encoding asked for, or that of OAuth 2.0 when its token URL is given without one."""
    if proof.api_key and not valid_api_key(proof.api_key):
        raise ValidationError("an API key has 1 to 512 characters U+0021 to U+007E")
    if proof.client_secret and not (proof.client_secret.isascii() and proof.client_secret.isprintable()):
        raise ValidationError("a client secret is printable ASCII (RFC 6749 appendix A)")
    for column, value in proof.columns.items():
        if value is not None:
            setattr(credentials, column, value)
    return encoding or (Credentials.Outbound.OAUTH2 if proof.token_url else None)


def _set_outbound(credentials: Credentials, *, token: str | None, encoding: str | None, urls: PartyUrls) -> str | None:
    if encoding is not None and encoding not in Credentials.Outbound.values:
        raise ValidationError(f"an encoding is one of {', '.join(Credentials.Outbound.values)}, not {encoding!r}")
    credentials.outbound_encoding = encoding or credentials.outbound_encoding
    credentials.versions_url = urls.versions or credentials.versions_url
    if token is None and credentials.outbound_encoding == Credentials.Outbound.OAUTH2:
        return None
    if token is None and (credentials.outbound_encrypted or not urls.given):
        return None
    outbound = token or new_token()
    credentials.outbound_token = outbound
    return outbound


def _register_endpoints(party: Party, urls: PartyUrls) -> None:
    """OCPI 2.2.1 version_information_endpoint: the role is the one the party plays."""
    for identifier, role, url in (
        ("sessions", "RECEIVER", urls.sessions),
        ("chargingprofiles", "SENDER", urls.chargingprofiles),
        ("locations", "RECEIVER", urls.locations),
    ):
        if url:
            PartnerEndpoint.objects.update_or_create(
                party=party, identifier=identifier, role=role, defaults={"url": url}
            )


def _hints(party: Party, urls: PartyUrls) -> tuple[str, ...]:
    insecure = [url for url in urls.given if _is_insecure(url)]
    if not insecure:
        return ()
    if not party.allow_insecure_urls:
        return tuple(f"{url} is plain http or loopback: it is not called unless insecure URLs are allowed for {party}"
                     " (--allow-insecure) and DEBUG is on" for url in insecure)  # fmt: skip
    if not settings.DEBUG:
        return (f"insecure URLs are allowed for {party}, but that has an effect only while DEBUG is on",)
    return ()


def _is_insecure(url: str) -> bool:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https" or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
