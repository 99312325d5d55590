"""What a party offers: its versions and their details (OCPI 2.2.1 version_information_endpoint).

The texts of errors are read by operators, and by partners that register with us.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ocpi import client, parties
from ocpi.authorizers import Authorizer
from ocpi.diagnosis import answer_problem, failure_words, place, printable
from ocpi.models import Party
from ocpi.protocol.errors import InvalidField, OcpiError
from ocpi.protocol.status_codes import StatusCode
from ocpi.versions import WRITERS

logger = logging.getLogger(__name__)
SPOKEN = tuple(WRITERS)
"""The versions we speak, newest first; with a party, the one it is pinned to."""
# Without these the product cannot do its job for a partner of that role.
REQUIRED = {Party.Role.SCSP: [("sessions", "RECEIVER")], Party.Role.EMSP: [("sessions", "RECEIVER")]}
USED = {"sessions", "chargingprofiles", "locations"}
GET_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    identifier: str
    role: str
    url: str


@dataclass(frozen=True, slots=True)
class Version:
    number: str
    url: str


@dataclass(frozen=True, slots=True)
class Offer:
    """The version that both sides speak, and what the party has in it."""

    version: str
    endpoints: tuple[Endpoint, ...]

    def url_of(self, identifier: str) -> str | None:
        return next((each.url for each in self.endpoints if each.identifier == identifier), None)


@dataclass(frozen=True, slots=True)
class Line:
    """How a party is called while somebody waits for it: one attempt, and nothing is kept for later."""

    party: Party
    authorizer: Authorizer = field(repr=False)
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def call(
        self, method: str, url: str, body: Any = None, *,
        timeout_s: float = GET_TIMEOUT_S, routing: Mapping[str, str] | None = None,
    ) -> client.OutboundResponse:  # fmt: skip
        """Raises DeliveryFailed. Without `routing` headers: versions and credentials have none."""
        request = client.OutboundRequest(
            method=method, url=url, body=body, timeout_s=timeout_s, routing=routing or {},
            correlation_id=self.correlation_id,
        )  # fmt: skip
        return client.send(request, authorization=self.authorizer, policy=parties.address_policy(self.party))

    def get(self, url: str) -> Any:
        """The `data` of the answer. Raises OcpiError 3001."""
        try:
            response = self.call("GET", url)
        except client.DeliveryFailed as failure:
            raise unusable(url, failure_words(failure)) from None
        problem = answer_problem(response)
        if problem or "data" not in response.body:
            raise unusable(url, problem or "an OCPI answer without data")
        return response.body["data"]


def unusable(url: str, problem: str) -> OcpiError:
    return OcpiError(StatusCode.UNUSABLE_API, f"GET {place(url)}: {problem}")


def discover(line: Line, versions_url: str) -> Offer:
    """Their endpoints in the version that the party is pinned to. Raises OcpiError 2001, 3001, 3002 or 3003."""
    version = newest_mutual(read_versions(line.get(versions_url)), (line.party.version,))
    offer = Offer(version.number, tuple(read_endpoints(line.party, line.get(version.url))))
    for identifier, role in missing(line.party, offer.endpoints):
        raise OcpiError(StatusCode.NO_MATCHING_ENDPOINTS, f"the version details lack {identifier} {role}")
    return offer


def missing(party: Party, endpoints: Sequence[Endpoint]) -> list[tuple[str, str]]:
    """Modules and roles that a party of its role must have and does not list."""
    listed = {(endpoint.identifier, endpoint.role) for endpoint in endpoints}
    return [needed for needed in REQUIRED.get(Party.Role(party.role), []) if needed not in listed]


def read_versions(data: Any) -> list[Version]:
    """Those that are well formed."""
    entries = data if isinstance(data, list) else []
    pairs = [(entry.get("version"), entry.get("url")) for entry in entries if isinstance(entry, dict)]
    return [Version(number, url) for number, url in pairs if isinstance(number, str) and isinstance(url, str)]


def newest_mutual(versions: Sequence[Version], spoken: Sequence[str]) -> Version:
    """Raises OcpiError 3002."""
    for number in spoken:
        for version in versions:
            if version.number == number:
                return version
    offered = ", ".join(printable(version.number, 10) for version in versions[:10]) or "none"
    text = f"the versions endpoint offers {offered}, and not {' or '.join(spoken)}"
    raise OcpiError(StatusCode.UNSUPPORTED_VERSION, text)


def read_endpoints(party: Party, details: Any) -> list[Endpoint]:
    """Raises OcpiError 3001 or InvalidField for a wrong one that we use; others are left out: the correct objects of a
    list are processed anyway (OCPI 2.2.1 transport_and_format, GET).
    """
    listed = details.get("endpoints") if isinstance(details, dict) else None
    if not isinstance(listed, list):
        raise OcpiError(StatusCode.UNUSABLE_API, "the version details list no endpoints")
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
    identifier = entry.get("identifier") if isinstance(entry, dict) else None
    return not isinstance(identifier, str) or identifier in USED


def _endpoint(party: Party, entry: Any) -> Endpoint:
    fields = [entry.get(name) for name in ("identifier", "role", "url")] if isinstance(entry, dict) else []
    if fields and fields[0] == "credentials":
        fields[1] = "SENDER"  # its role is to be disregarded (version_information_endpoint, Endpoint class)
    texts = [field for field in fields if isinstance(field, str) and 0 < len(field) <= 255]
    if len(texts) != 3:
        raise OcpiError(StatusCode.UNUSABLE_API, "an endpoint of the version details lacks identifier, role or url")
    identifier, role, url = texts
    if role not in {"SENDER", "RECEIVER"} or len(identifier) > 64:
        raise OcpiError(StatusCode.UNUSABLE_API, "an endpoint of the version details has an unknown role")
    check_outbound_url(party, f"endpoint {identifier[:64]} {role}", url)
    return Endpoint(identifier, role, url)


def check_outbound_url(party: Party, field: str, url: str) -> None:
    """Raises InvalidField for an address that we would not call for this party."""
    try:
        host = urlsplit(url).hostname if "://" in url else None
        client.check_url(url, allowed_hosts=frozenset({host or ""}), policy=parties.address_policy(party))
    except (client.UrlRefused, ValueError) as refused:
        raise InvalidField(field, getattr(refused, "reason", "is not a URL")) from None
