"""Reading the CPO's lists of Locations and Sessions, page by page (OCPI 2.2.1 transport_and_format, Pagination)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from ocpi.simulator import answer_rules
from ocpi.simulator.client import CpoAccess, CpoClient, Reply
from ocpi.simulator.endpoints import location_fields
from ocpi.simulator.location_rules import LocationRefused, Target
from ocpi.simulator.objects import SESSION, SESSION_2_2
from ocpi.simulator.records import Records
from ocpi.simulator.tables import findings
from ocpi.simulator.violations import Violation, all_of, shown
from ocpi.simulator.wire import format_datetime

SESSIONS_SINCE = timedelta(days=1)

MANY_PAGES = 1000
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?', re.IGNORECASE)
_LINK = "transport_and_format, Paginated Response: Link"


class PullFailed(Exception):
    """The CPO did not give its list."""


@dataclass(frozen=True, slots=True)
class Puller:
    """Hands on what is new: `location_received` and `session_received` get it once it is kept."""

    client: CpoClient
    records: Records
    routing: dict[str, str]
    version: str
    emit: Callable[[str, dict[str, Any]], None]
    session_received: Callable[[dict[str, Any]], None]
    location_received: Callable[[dict[str, Any]], None]

    def pull(self, cpo: CpoAccess | None) -> dict[str, int]:
        """How many objects of each list that the CPO has. Locations first: they say which EVSEs take profiles.

        Raises PullFailed, CpoUnreachable.
        """
        since = format_datetime(datetime.now(UTC) - SESSIONS_SINCE)
        takers = {"locations": (self._take_location, {}), "sessions": (self._take_session, {"date_from": since})}
        counts: dict[str, int] = {}
        for module, (take, params) in takers.items():
            if cpo is not None and (url := cpo.endpoints.get((module, "SENDER"))):
                found = objects(self.client, url, token=cpo.token, headers=self.routing, params=params)
                counts[module] = _each(take, found)
        return counts

    def _take_location(self, location: dict[str, Any]) -> None:
        target = Target(str(location.get("country_code")), str(location.get("party_id")), (str(location.get("id")),))
        try:
            stored = self.records.store_location("GET", target, location)
        except LocationRefused:
            return  # and noted
        self.emit("location_pulled", {"location": str(target), **location_fields(stored, target)})
        self.location_received(stored)

    def _take_session(self, session: dict[str, Any]) -> None:
        table = SESSION_2_2 if self.version == "2.2" else SESSION
        found = findings(table, session)
        self.client.note(all_of(f"GET session {session.get('id')}", found, table.passage))
        if found or not self.records.store_pulled_session(session):
            return
        fields = {name: session[name] for name in ("status", "kwh", "last_updated")}
        self.emit("session_pulled", {"session_id": session["id"], **fields})
        self.session_received(session)


def _each(take: Callable[[dict[str, Any]], None], items: Iterator[dict[str, Any]]) -> int:
    count = 0
    for item in items:
        take(item)
        count += 1
    return count


def objects(
    client: CpoClient, url: str, *, token: str, headers: dict[str, str], params: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Every object of the list; what is none is passed over. Raises PullFailed, CpoUnreachable."""
    first, seen, brought = url, {url}, 0
    for _ in range(MANY_PAGES):
        reply = client.call("GET", url, token=token, headers=headers, params=params)
        if not reply.succeeded:
            status_code = reply.body.get("status_code")
            raise PullFailed(f"GET {url}: HTTP {reply.http_status}, OCPI {status_code}")
        client.note(answer_rules.page(reply.exchange))
        items = reply.body.get("data")
        items = items if isinstance(items, list) else []
        brought += len(items)
        yield from (item for item in items if isinstance(item, dict))
        following = _next(client, reply, first, seen)
        if following is None:
            total = reply.exchange.headers.get("X-Total-Count")
            client.note(answer_rules.pages(reply.exchange.where, brought=brought, total=total))
            return
        url, params = following, {}


def _next(client: CpoClient, reply: Reply, first: str, seen: set[str]) -> str | None:
    """The link to the next page. It carries our token, so it must stay with the server of the list."""
    link = _NEXT.search(reply.exchange.headers.get("Link", ""))
    if link is None:
        return None
    url = link[1]
    what = ""
    if urlsplit(url)[:2] != urlsplit(first)[:2]:
        what = f"the next page is at another server: {shown(url)}"
    elif url in seen:
        what = f"the next page is one that was read already: {shown(url)}"
    if what:
        client.note([Violation(reply.exchange.where, what, _LINK)])
        return None
    seen.add(url)
    return url
