"""What a request of the CPO must carry, whatever it is about (OCPI 2.2.1 transport_and_format). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ocpi.simulator.violations import Violation, shown

IDS = ("X-Request-ID", "X-Correlation-ID")
TO, FROM = ("OCPI-to-country-code", "OCPI-to-party-id"), ("OCPI-from-country-code", "OCPI-from-party-id")
_UNIQUE_IDS = "transport_and_format, Unique message IDs"
_ROUTING = "transport_and_format, Message Routing Headers"

Party = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Parties:
    """Country code and party id of us, and of each role on the CPO's platform; none: not told yet."""

    us: Party
    cpo: frozenset[Party] = field(default_factory=frozenset)

    def may_be(self, party: Party) -> bool:
        return not self.cpo or folded(party) in self.cpo


def folded(party: Party) -> Party:
    return party[0].upper(), party[1].upper()


def headers(where: str, given: Mapping[str, str], *, has_body: bool) -> list[Violation]:
    found = [Violation(where, f"no header {name}", _UNIQUE_IDS) for name in IDS if not given.get(name)]
    content_type = given.get("Content-Type", "")
    if has_body and content_type.partition(";")[0].strip().lower() != "application/json":
        what = f"Content-Type is {shown(content_type)}, not application/json"
        found.append(Violation(where, what, "transport_and_format, Request format"))
    return found


def repeated_id(where: str, request_id: str) -> Violation:
    return Violation(where, f"X-Request-ID {shown(request_id)} a second time", _UNIQUE_IDS)


def authorization(where: str, *, known: bool, raw: bool) -> list[Violation]:
    """A token sent as it is (`raw`) opens our doors all the same, for older peers."""
    passage = "transport_and_format, Authorization header"
    if not known:
        return [Violation(where, "Authorization names no token of ours: answered 401", passage)]
    return [Violation(where, "the token is not Base64 encoded", passage)] if raw else []


def routing(where: str, given: Mapping[str, str], parties: Parties, *, functional: bool) -> list[Violation]:
    """Two parties that each have one role may leave the headers out; a configuration module has none."""
    if not functional:
        names = [name for name in (*TO, *FROM) if given.get(name)]
        return [Violation(where, f"{name} on a configuration module", _ROUTING) for name in names]
    problems = _addressed(given, TO, allowed=lambda party: folded(party) == folded(parties.us), who="us")
    problems += _addressed(given, FROM, allowed=parties.may_be, who="a role of your credentials")
    if len(parties.cpo) > 1 and not any(given.get(name) for name in FROM):
        problems.append("no OCPI-from headers, though your platform has more than one role")
    return [Violation(where, what, _ROUTING) for what in problems]


def _addressed(given: Mapping[str, str], names: tuple[str, str], *, allowed: Any, who: str) -> list[str]:
    country_code, party_id = (given.get(name, "") for name in names)
    if bool(country_code) != bool(party_id):
        return [f"{names[0]} and {names[1]} go together"]
    if country_code and not allowed((country_code, party_id)):
        return [f"{names[0]}, {names[1]} are {shown(country_code)}, {shown(party_id)}, not {who}"]
    return []


def owner(where: str, party: Party, parties: Parties) -> list[Violation]:
    """The party in the URL of a client owned object is one of the CPO's roles."""
    if parties.may_be(party):
        return []
    what = f"{party[0]}*{party[1]} in the URL is no role of your credentials"
    return [Violation(where, what, "transport_and_format, Client Owned Object Push: Errors")]
