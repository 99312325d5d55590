"""What every answer of the CPO to a call of ours must be (OCPI 2.2.1 transport_and_format, status_codes). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ocpi.simulator.request_rules import FROM, IDS, TO
from ocpi.simulator.tables import Table, findings, moment, string, whole
from ocpi.simulator.violations import Violation, shown

ENVELOPE = Table(
    "transport_and_format, Response format",
    {"status_code": whole, "status_message": string(10_000), "timestamp": moment},
    frozenset({"status_code", "timestamp"}),
)
HTTP_ERROR = 400
UNAUTHORIZED, NOT_FOUND, NOT_ALLOWED = 401, 404, 405
# Says that there is no answer now, not that this one is wrong.
BUSY = frozenset({429, 503})
_STATUS = "status_codes, Status codes"
_IDS = "transport_and_format, Unique message IDs"
_PAGES = "transport_and_format, Paginated Response"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call of ours and what came back. `body` is the parsed JSON, `malformed` whether there is none."""

    method: str
    url: str
    sent: Mapping[str, str]
    http_status: int
    headers: Mapping[str, str]
    body: Any
    malformed: bool = False

    @property
    def where(self) -> str:
        return f"answer to {self.method} {self.url.partition('?')[0]}"


def answered(exchange: Exchange) -> list[Violation]:
    found = [Violation(exchange.where, what, ENVELOPE.passage) for what in _envelope(exchange)]
    found += [Violation(exchange.where, what, _STATUS) for what in _http(exchange)]
    found += [
        Violation(exchange.where, f"{name} of the request is not in the response", _IDS)
        for name in IDS if exchange.headers.get(name) != exchange.sent.get(name)
    ]  # fmt: skip
    routing = "transport_and_format, Party to Party (without Hub): Direct response"
    return found + [Violation(exchange.where, what, routing) for what in _routing(exchange)]


def _envelope(exchange: Exchange) -> list[str]:
    if exchange.malformed:
        return [f"HTTP {exchange.http_status} without a JSON body"] if exchange.http_status not in BUSY else []
    problems = findings(ENVELOPE, exchange.body)
    content_type = exchange.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        problems.append(f"Content-Type is {shown(content_type)}, not application/json")
    code = exchange.body.get("status_code") if isinstance(exchange.body, dict) else None
    if isinstance(code, int) and not 1000 <= code <= 4999:
        problems.append(f"status_code {code} is in no range")
    return problems


def _http(exchange: Exchange) -> list[str]:
    """Valid JSON to a resource that exists is no HTTP error; one that says that it does not exist is not judged."""
    status = exchange.http_status
    judged = status >= HTTP_ERROR and status not in {UNAUTHORIZED, NOT_FOUND, NOT_ALLOWED} | BUSY
    return [f"HTTP {status} for a request of valid JSON to an address of yours"] if judged else []


def _routing(exchange: Exchange) -> list[str]:
    """Swapped where they are given at all; a platform of one role may leave them out."""
    problems = []
    for ours, theirs in ((FROM, TO), (TO, FROM)):
        expected = [exchange.sent.get(name, "") for name in ours]
        given = [exchange.headers.get(name, "") for name in theirs]
        if any(given) and all(expected) and [g.upper() for g in given] != [e.upper() for e in expected]:
            problems.append(f"{theirs[0]}, {theirs[1]} are {shown(given)}, not {shown(expected)}")
    return problems


def data(exchange: Exchange, table: Table) -> list[Violation]:
    """What the answer carries, when it says that it succeeded."""
    body = exchange.body if isinstance(exchange.body, dict) else {}
    if body.get("status_code") != 1000:
        return []
    return [Violation(exchange.where, f"data: {what}", table.passage) for what in findings(table, body.get("data"))]


def page(exchange: Exchange) -> list[Violation]:
    """A page of a list: its data is one, and the headers that every page has."""
    body = exchange.body if isinstance(exchange.body, dict) else {}
    items = body.get("data")
    problems = [] if isinstance(items, list) else ["data is no list"]
    for name in ("X-Total-Count", "X-Limit"):
        if not exchange.headers.get(name, "").isdecimal():
            problems.append(f"{name} is {shown(exchange.headers.get(name))}, no int")
    limit = exchange.headers.get("X-Limit", "")
    if isinstance(items, list) and limit.isdecimal() and len(items) > int(limit):
        problems.append(f"{len(items)} objects, though X-Limit is {limit}")
    return [Violation(exchange.where, what, _PAGES) for what in problems]


def pages(where: str, *, brought: int, total: str | None) -> list[Violation]:
    """All of them together hold what the last one says there is."""
    if total is None or not total.isdecimal() or int(total) == brought:
        return []
    return [Violation(where, f"the pages hold {brought} objects, X-Total-Count is {total}", _PAGES)]
