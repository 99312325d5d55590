"""Test connection: calls a party as messages to it would be sent, changes nothing, and says what each step found."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils import timezone

from ocpi import client, our_parties, parties
from ocpi.diagnosis import answer_problem, failure_words, place
from ocpi.discovery import USED, Endpoint, Line, missing, newest_mutual, read_endpoints, read_versions
from ocpi.models import Credentials, PartnerEndpoint, Party
from ocpi.protocol.errors import OcpiError

LOOKED_AT = USED | {"credentials"}


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    what: str
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    party: Party
    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        return all(step.verdict != Verdict.FAILED for step in self.steps)


def probe(party: Party) -> Report:
    """Versions and details, with the authorisation we hold; without a versions URL, the endpoints set up by hand."""
    report = Report(party, tuple(_steps(Party.objects.select_related("credentials").get(pk=party.pk))))
    if report.ok:
        parties.reached(party, now=timezone.now())
    return report


def _steps(party: Party) -> Iterator[Step]:
    try:
        line = Line(party, parties.authorizer(party))
    except parties.NotConnected as error:
        yield Step("authorisation", Verdict.FAILED, f"nothing can be sent: {error}")
        return
    credentials: Credentials = party.credentials
    yield Step("authorisation", Verdict.OK, credentials.get_outbound_encoding_display())
    if credentials.versions_url:
        yield from _versions(line, credentials.versions_url)
    else:
        yield Step(
            "versions", Verdict.NOTE, "no versions URL is known: the endpoints set up by hand are called instead"
        )
        yield from _by_hand(line)


def _versions(line: Line, url: str) -> Iterator[Step]:
    try:
        offered = read_versions(line.get(url))
        yield Step("versions", Verdict.OK, place(url))
    except OcpiError as error:
        yield Step("versions", Verdict.FAILED, error.message)
        return
    try:
        version = newest_mutual(offered, (line.party.version,))
        yield Step("version", Verdict.OK, version.number)
    except OcpiError as error:
        yield Step("version", Verdict.FAILED, error.message)
        return
    try:
        listed = read_endpoints(line.party, line.get(version.url))
        yield Step("version details", Verdict.OK, place(version.url))
    except OcpiError as error:
        yield Step("version details", Verdict.FAILED, error.message)
        return
    yield from _modules(line.party, listed)


def _modules(party: Party, listed: list[Endpoint]) -> Iterator[Step]:
    for identifier, role in missing(party, listed):
        yield Step(f"{identifier} {role}", Verdict.FAILED, "not in their version details")
    ours = {(endpoint.identifier, endpoint.role): endpoint.url for endpoint in party.endpoints.all()}
    for endpoint in listed:
        if endpoint.identifier in LOOKED_AT:
            yield _module(endpoint, ours.get((endpoint.identifier, endpoint.role)))
    for identifier, role in sorted(set(ours) - {(each.identifier, each.role) for each in listed}):
        yield Step(f"{identifier} {role}", Verdict.NOTE, "we have an address for it that they no longer list")


def _module(endpoint: Endpoint, known: str | None) -> Step:
    name = f"{endpoint.identifier} {endpoint.role}"
    if known == endpoint.url:
        return Step(name, Verdict.OK, place(endpoint.url))
    here = "none" if known is None else place(known)
    words = f"they list {place(endpoint.url)}, here is {here}: refreshing the endpoints takes theirs"
    return Step(name, Verdict.NOTE, words)


# --- without a versions endpoint ------------------------------------------------------------------------------------


def _by_hand(line: Line) -> Iterator[Step]:
    endpoints = list(line.party.endpoints.all())
    for identifier, role in missing(line.party, [Endpoint(e.identifier, e.role, e.url) for e in endpoints]):
        yield Step(f"{identifier} {role}", Verdict.FAILED, "no address of it is set up")
    for endpoint in endpoints:
        if endpoint.identifier in LOOKED_AT:
            yield _asked(line, endpoint)


def _asked(line: Line, endpoint: PartnerEndpoint) -> Step:
    """A GET of a session that does not exist: it changes nothing, and whoever answers it takes our requests."""
    url = endpoint.url_for(*_made_up(endpoint))
    try:
        response = line.call("GET", url, routing=parties.routing(line.party))
    except client.DeliveryFailed as failure:
        return Step(str(endpoint), Verdict.FAILED, f"GET {place(url)}: {failure_words(failure)}")
    return Step(str(endpoint), *_judged(response))


def _made_up(endpoint: PartnerEndpoint) -> Iterable[Any]:
    """OCPI 2.2.1 mod_sessions, Receiver Interface; mod_charging_profiles, Sender Interface."""
    if endpoint.identifier == "credentials":
        return ()
    ours = our_parties.default()
    session = str(uuid.uuid4())
    return (ours.country_code, ours.party_id, session) if endpoint.identifier == "sessions" else (session,)


def _judged(response: client.OutboundResponse) -> tuple[Verdict, str]:
    status = response.http_status
    if status in {401, 403} or status >= 500:
        return Verdict.FAILED, answer_problem(response)
    if response.ocpi_status_code is not None:
        return Verdict.OK, f"it answers (HTTP {status}, OCPI status {response.ocpi_status_code})"
    return Verdict.NOTE, f"it answers HTTP {status}, not in OCPI: the first message will show whether the path is right"
