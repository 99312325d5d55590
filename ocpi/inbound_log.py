"""What partners ask and get, kept for support.

Constraints:
- the answer to a partner never waits for it: a request is noted in memory, and about once a second a thread of its own
  masks and writes what has come together. What is noted when a process is killed is lost, and what comes faster than it
  can be written is dropped and counted: this is a record for people, nothing works with it;
- no secret is kept: no header, no token in a body or a query, nothing a caller without a good token says;
- callers that nobody knows fill no disk: at most UNKNOWN_AT_ONCE rows in one write, and one a minute for each kind.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from ocpi.masking import masked_body, masked_query, masked_text
from ocpi.models import InboundRequest, Party

logger = logging.getLogger(__name__)
KEPT_CHARS = 16_384
NOTED_BYTES = 65_536
"""Of one body in memory: it is masked as a whole, so it is longer than what is kept."""
BUFFERED = 1000
BUFFERED_BYTES = 16_000_000
UNKNOWN_AT_ONCE = 100
SAME_MINUTE = timedelta(minutes=1)
EVERY_S = 1.0
MODULES = frozenset({"versions", "credentials", "sessions", "chargingprofiles", "locations", "schema"})


@dataclass(frozen=True, slots=True)
class Noted:
    """One request as it was. `party_id` None: nobody knows who called. Bodies as bytes, not masked yet."""

    party_id: int | None
    at: datetime
    method: str
    path: str
    query: str
    address: str | None
    request_id: str
    correlation_id: str
    http_status: int
    ocpi_status: int | None
    duration_ms: int
    refusal: str = ""
    request_body: bytes = field(default=b"", repr=False)
    response_body: bytes = field(default=b"", repr=False)

    @property
    def module(self) -> str:
        """The first known word of the path below the version; a caller cannot make up others."""
        return next((part for part in self.path.lower().split("/")[:5] if part in MODULES), "")

    @property
    def size(self) -> int:
        return len(self.request_body) + len(self.response_body)


class Buffer:
    """Bounded by number and bytes. `take` hands over what is there, and how many found no room."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: list[Noted] = []
        self._bytes = self._dropped = 0

    def add(self, noted: Noted) -> None:
        with self._lock:
            if len(self._noted) >= BUFFERED or self._bytes + noted.size > BUFFERED_BYTES:
                self._dropped += 1
                return
            self._noted.append(noted)
            self._bytes += noted.size

    def take(self) -> tuple[list[Noted], int]:
        with self._lock:
            taken = self._noted, self._dropped
            self._noted, self._bytes, self._dropped = [], 0, 0
        return taken


buffer = Buffer()


def note(noted: Noted) -> None:
    """Called with every request of a partner. What is longer than NOTED_BYTES is only cut where it ends."""
    if settings.OCPI_REQUEST_LOG:
        buffer.add(noted)


def noted_body(raw: bytes) -> bytes:
    return raw if len(raw) <= NOTED_BYTES else raw[:NOTED_BYTES]


# --- writing --------------------------------------------------------------------------------------------------------


def flush() -> int:
    """Writes what was noted; returns how many rows. Called by the thread, and by tests."""
    noted, dropped = buffer.take()
    if dropped:
        logger.warning("%s requests of partners are not in the log: they came faster than it is written", dropped)
    return _write(noted) if noted else 0


@transaction.atomic
def _write(noted: list[Noted]) -> int:
    """A party that was deleted meanwhile takes its requests with it."""
    ids = {one.party_id for one in noted if one.party_id is not None}
    there = set(Party.objects.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    known = [row(one) for one in noted if one.party_id in there]
    InboundRequest.objects.bulk_create(known, batch_size=100)
    return len(known) + _write_unknown(one for one in noted if one.party_id is None)


def row(noted: Noted) -> InboundRequest:
    """Masked, and bounded."""
    return InboundRequest(
        party_id=noted.party_id, at=noted.at, method=noted.method[:10], module=noted.module,
        path=printable(noted.path)[:255], query=masked_query(printable(noted.query))[:500], address=noted.address,
        request_id=noted.request_id, correlation_id=noted.correlation_id, http_status=noted.http_status,
        ocpi_status=noted.ocpi_status, refusal=noted.refusal, duration_ms=noted.duration_ms,
        request_body=masked_body(noted.request_body, limit=KEPT_CHARS),
        response_body=masked_body(noted.response_body, limit=KEPT_CHARS),
    )  # fmt: skip


def printable(text: str) -> str:
    """As a column takes it: paths and queries are the caller's."""
    return masked_text("".join(char if char.isprintable() else "�" for char in text))


def anonymous(noted: Noted) -> Noted:
    """What a caller without a good token says of itself is worth nothing, and may be a secret."""
    return replace(noted, query="", request_id="", correlation_id="", request_body=b"", response_body=b"")


def _write_unknown(noted: Iterable[Noted]) -> int:
    newest, counts = {}, Counter[tuple[object, ...]]()
    for one in map(anonymous, noted):
        kind = (one.address, one.method, one.module, one.http_status, one.refusal)
        newest[kind] = one
        counts[kind] += 1
    if len(newest) > UNKNOWN_AT_ONCE:
        logger.warning(
            "callers that nobody knows: %s kinds of requests in a second, %s kept", len(newest), UNKNOWN_AT_ONCE
        )
    return sum(_counted(one, counts[kind]) for kind, one in list(newest.items())[:UNKNOWN_AT_ONCE])


def _counted(one: Noted, count: int) -> int:
    """Into the row of this minute, or a new one; returns how many rows are new."""
    same = InboundRequest.objects.filter(
        party=None, address=one.address, at__gt=one.at - SAME_MINUTE, method=one.method[:10], module=one.module,
        http_status=one.http_status, refusal=one.refusal,
    )  # fmt: skip
    newest = same.order_by("-at").values_list("pk", flat=True)[:1]
    if InboundRequest.objects.filter(pk__in=list(newest)).update(count=F("count") + count):
        return 0
    fresh = row(one)
    fresh.count = count
    fresh.save(force_insert=True)
    return 1


# --- the thread -----------------------------------------------------------------------------------------------------


class Flusher:
    """Lives as long as a process that answers partners. `stop` writes what is left."""

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if settings.OCPI_REQUEST_LOG:
            self._ending.clear()
            self._thread = threading.Thread(target=self._run, name="inbound-log", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._ending.wait(EVERY_S):
            _flush_safely()
        _flush_safely()


def _flush_safely() -> None:
    """A database that is away costs this record, nothing else."""
    try:
        flush()
    except Exception:
        logger.exception("requests of partners could not be written into the log")
    finally:
        connection.close()


flusher = Flusher()
