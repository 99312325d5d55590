"""The Sender of the credentials handshake: we register, renew, refresh and unregister (OCPI 2.2.1 credentials).

A partner calls our versions, with the token of our POST or PUT, before it answers: that token is committed, as pending
beside the one it has, before the request leaves. What happens then:
- it refuses: that token is dead, everything else is as it was;
- it accepts: both tokens and its endpoints are stored in one commit;
- no answer, 5xx, an answer without a token, or this process dies: nobody knows. The old token and the pending one stay
  good, so whichever the partner has works; its own PUT, or a new attempt, settles it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone

from ocpi import client, handshake, parties
from ocpi.diagnosis import answer_problem, failure_words, place
from ocpi.discovery import SPOKEN, Line, Offer, check_outbound_url, discover
from ocpi.handshake import TheirCredentials
from ocpi.models import Credentials, Party, token_hash
from ocpi.protocol import tokens
from ocpi.protocol.errors import InvalidField, OcpiError
from ocpi.protocol.status_codes import StatusCode

logger = logging.getLogger(__name__)
EXCHANGE_TIMEOUT_S = 15.0
"""The partner makes two calls of its own before it answers."""
UNDER_WAY = timedelta(seconds=EXCHANGE_TIMEOUT_S + 5)


class RegistrationFailed(Exception):
    """In words for people. `in_doubt`: the partner may hold our new token. `other_method`: what it asks for instead."""

    def __init__(self, words: str, *, in_doubt: bool = False, other_method: str = "") -> None:
        super().__init__(words)
        self.in_doubt = in_doubt
        self.other_method = other_method


@dataclass(frozen=True, slots=True)
class Registered:
    """What holds now. `notes`: what a person should know of it."""

    party: Party
    offer: Offer
    notes: tuple[str, ...] = ()


def register(party: Party, *, token: str, versions_url: str, renew: bool = False) -> Registered:
    """POST with their CREDENTIALS_TOKEN_A; `renew`: PUT with a token of an earlier registration.

    Raises RegistrationFailed.
    """
    if not party.enabled:
        raise RegistrationFailed(f"{party} is switched off: it could not call us while it registers us")
    if not tokens.valid_token(token):
        raise RegistrationFailed("a credentials token has 1 to 64 characters U+0021 to U+007E")
    Credentials.objects.get_or_create(party=party)
    return _exchange(_line_with(party, token), versions_url, method="PUT" if renew else "POST")


def rotate(party: Party) -> Registered:
    """PUT: new tokens in both directions, their endpoints anew. Raises RegistrationFailed."""
    return _exchange(line_to(party), known_versions_url(party), method="PUT")


def refresh(party: Party) -> Registered:
    """Their endpoints of the present version, fetched again; tokens stay. Raises RegistrationFailed."""
    line = line_to(party)
    offer = _discover(line, known_versions_url(party))
    with transaction.atomic():
        before = _addresses(party)
        handshake.replace_endpoints(party, offer)
        after = _addresses(party)
    parties.reached(party, now=timezone.now())
    return Registered(party, offer, tuple(_differences(before, after)) or ("nothing has changed",))


def line_to(party: Party) -> Line:
    """With the authorisation we hold for it at this moment. Raises RegistrationFailed."""
    fresh = Party.objects.select_related("credentials").get(pk=party.pk)
    try:
        return Line(fresh, parties.authorizer(fresh))
    except parties.NotConnected as error:
        raise RegistrationFailed(f"{party} cannot be called: {error}") from None


def _line_with(party: Party, token: str) -> Line:
    """With a token that the party has just told us. Raises RegistrationFailed."""
    try:
        return Line(party, parties.token_authorizer(party, token))
    except ImproperlyConfigured as error:
        raise RegistrationFailed(f"{party} cannot be called: {error}") from None


def known_versions_url(party: Party) -> str:
    """Raises RegistrationFailed."""
    credentials = Credentials.objects.filter(party=party).first()
    if credentials is None or not credentials.versions_url:
        raise RegistrationFailed(f"no versions URL of {party} is known: it was set up by hand, without a handshake")
    return credentials.versions_url


def _addresses(party: Party) -> dict[str, str]:
    return {str(endpoint): endpoint.url for endpoint in party.endpoints.all()}


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    gone = [f"{name} is gone" for name in before if name not in after]
    new = [f"{name} is new" for name in after if name not in before]
    return gone + new + [f"{name} has moved" for name in after if name in before and before[name] != after[name]]


# --- POST and PUT ---------------------------------------------------------------------------------------------------


def _exchange(line: Line, versions_url: str, *, method: str) -> Registered:
    """No request that changes anything leaves before all that can be known beforehand is known."""
    party = line.party
    offer = _discover(line, versions_url)
    url = offer.url_of("credentials")
    if url is None:
        raise RegistrationFailed(f"the version details of {party} list no credentials endpoint")
    begun = _begin(party)
    theirs, notes = _theirs(party, _asked(line, method, url, begun), versions_url=versions_url)
    _complete(party, theirs, offer, inbound_token=begun.token)
    parties.reached(party, now=timezone.now())
    return Registered(party, offer, notes)


def _discover(line: Line, versions_url: str) -> Offer:
    try:
        check_outbound_url(line.party, "versions URL", versions_url)
        return discover(line, versions_url)
    except OcpiError as error:
        raise RegistrationFailed(error.message) from None


@dataclass(frozen=True, slots=True)
class Begun:
    """`before`: the hash of a token in doubt since an earlier handshake; a refusal of this one says nothing of it."""

    token: str = field(repr=False)
    before: str | None


@transaction.atomic
def _begin(party: Party) -> Begun:
    """The token that the partner will call us with is good from now on. Raises RegistrationFailed."""
    now, begun = timezone.now(), tokens.new_token()
    credentials = Credentials.objects.select_for_update().get(party=party)
    if credentials.pending_until is not None and credentials.pending_until > now:
        raise RegistrationFailed(f"another handshake with {party} is under way: try again in a minute")
    changes = {"pending_hash": token_hash(begun), "pending_until": now + UNDER_WAY}
    Credentials.objects.filter(pk=credentials.pk).update(**changes)
    return Begun(begun, credentials.pending_hash)


def _asked(line: Line, method: str, url: str, begun: Begun) -> Mapping[str, Any]:
    """The Credentials object they answer with; its `token` is a valid one. Raises RegistrationFailed."""
    where = f"{method} {place(url)}"
    try:
        response = line.call(method, url, handshake.our_credentials(token=begun.token), timeout_s=EXCHANGE_TIMEOUT_S)
    except client.DeliveryFailed as failure:
        raise _failed(line.party, begun, f"{where}: {failure_words(failure)}", in_doubt=failure.maybe_sent) from None
    problem = answer_problem(response)
    data = response.body.get("data") if isinstance(response.body, dict) else None
    if not problem and isinstance(data, dict) and tokens.valid_token(str(data.get("token") or "")):
        return data
    words = f"{where}: {problem or 'accepted, but without a usable token for us'}{_advice(method, response)}"
    raise _failed(line.party, begun, words, in_doubt=_in_doubt(response), other_method=_other_method(method, response))


def _in_doubt(response: client.OutboundResponse) -> bool:
    """Neither a refusal nor a registration: a server that broke off may have stored our token."""
    refused_by_http = 400 <= response.http_status < 500 and response.http_status != 408
    answered = 200 <= response.http_status < 300 and response.ocpi_status_code is not None
    return not refused_by_http and not (answered and not response.ok)


def _other_method(method: str, response: client.OutboundResponse) -> str:
    """405: registered already, or not yet (OCPI 2.2.1 credentials, POST and PUT Method)."""
    return {"POST": "PUT", "PUT": "POST"}[method] if response.http_status == 405 else ""


def _advice(method: str, response: client.OutboundResponse) -> str:
    if response.http_status == 405 and method == "POST":
        return ". They hold a registration of ours already: renew it (PUT) with the token that belongs to it"
    if response.http_status == 405:
        return ". They hold no registration of ours: connect anew (POST) with a token A of theirs"
    if response.ocpi_status_code == StatusCode.UNUSABLE_API:
        return f". They could not call us at {handshake.versions_url()}: is PUBLIC_URL what they can reach?"
    if response.ocpi_status_code == StatusCode.UNSUPPORTED_VERSION:
        return f". We speak {', '.join(SPOKEN)}"
    if response.ocpi_status_code == StatusCode.NO_MATCHING_ENDPOINTS:
        return ". They miss a module that we do not have"
    return ""


def _failed(party: Party, begun: Begun, words: str, *, in_doubt: bool, other_method: str = "") -> RegistrationFailed:
    """Also ends what was begun: in doubt its token stays good."""
    changes = {"pending_until": None} if in_doubt else {"pending_until": None, "pending_hash": begun.before}
    Credentials.objects.filter(party=party, pending_hash=token_hash(begun.token)).update(**changes)
    logger.warning("registration failed party=%s in_doubt=%s: %s", party, in_doubt, words)
    doubt = ". Whether they have stored our new token is not known: it stays good until the next handshake"
    return RegistrationFailed(words + (doubt if in_doubt else ""), in_doubt=in_doubt, other_method=other_method)


def _theirs(party: Party, data: Mapping[str, Any], *, versions_url: str) -> tuple[TheirCredentials, tuple[str, ...]]:
    """Registered they are: what else is wrong with their object is noted, and no reason to lose their token."""
    notes, url, listed = [], data.get("url"), data.get("roles")
    roles = handshake.read_roles(listed if isinstance(listed, list) else [])
    mine = [role for role in roles if _names(role, party)]
    if not mine:
        names = ", ".join(f"{role['role']} {role['country_code']}*{role['party_id']}" for role in roles) or "no role"
        notes.append(f"their credentials name {names}, not {party}")
    if not _usable(party, url):
        notes.append("their credentials name no usable versions URL: the one that was called is kept")
        url = versions_url
    name = mine[0]["name"] if mine else ""
    return TheirCredentials(data["token"], str(url), name, roles), tuple(notes)


def _names(role: Mapping[str, str], party: Party) -> bool:
    named = (role["country_code"].upper(), role["party_id"].upper())
    return named == (party.country_code.upper(), party.party_id.upper())


def _usable(party: Party, url: Any) -> bool:
    try:
        check_outbound_url(party, "url", url if isinstance(url, str) else "")
    except InvalidField:
        return False
    return True


@transaction.atomic
def _complete(party: Party, theirs: TheirCredentials, offer: Offer, *, inbound_token: str) -> None:
    credentials = Credentials.objects.select_for_update().get(party=party)
    if credentials.pending_hash != token_hash(inbound_token):
        raise RegistrationFailed(
            f"they accepted, but meanwhile {party} has registered, unregistered or got another token here: that stands",
            in_doubt=True,
        )
    handshake.settle(credentials, theirs, offer, inbound_token=inbound_token, now=timezone.now())


# --- DELETE ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Disconnected:
    """`told`: the other side has ended it too."""

    party: Party
    told: bool
    words: str


def disconnect(party: Party) -> Disconnected:
    """DELETE at theirs, then here, whatever they say: no token works any more and nothing is sent."""
    told, words = _told(party)
    Credentials.objects.get_or_create(party=party)
    handshake.unregister(party)
    return Disconnected(party, told, words)


def _told(party: Party) -> tuple[bool, str]:
    endpoint = party.endpoints.filter(identifier="credentials").first()
    if endpoint is None:
        return False, "no credentials endpoint of theirs is known"
    where = f"DELETE {place(endpoint.url)}"
    try:
        response = line_to(party).call("DELETE", endpoint.url)
    except RegistrationFailed as failed:
        return False, str(failed)
    except client.DeliveryFailed as failure:
        return False, f"{where}: {failure_words(failure)}"
    problem = answer_problem(response) if response.http_status != 204 else ""
    if response.http_status == 405:
        problem = "HTTP 405: by their account we are not registered"
    return not problem, f"{where}: {problem or 'done'}"
