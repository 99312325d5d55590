"""The message log: what the framing saw, kept in memory for a moment and written in batches by a thread of its own.

No frame waits for it, and none is worth a transaction: at worst, when the process is killed, the last second is lost.
What comes faster than it can be written is dropped, counted and said. What waits is text: payloads that are kept for
a second make Python's collector of garbage look through the whole process again and again.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from chargepoints.models import ChargePoint, OcppMessage
from chargepoints.models.rows import insert_together
from chargepoints.ocpp.exchanges import ERROR, OUT, RESULT, Exchange, Record
from chargepoints.ocpp.redaction import printable, redact
from chargepoints.transactions import committed

logger = logging.getLogger(__name__)
EVERY_S = 1.0
BATCH = 100
PAUSE_S = 0.001
"""After each batch: whoever has a frame to answer comes first."""
MOST_WAITING = 20_000
MOST_WAITING_CHARS = 32 * 1024 * 1024
MOST_CHARS = 8000
"""Of a payload: what is longer is cut."""
COLUMNS = (
    "charge_point", "at", "direction", "action", "message_id", "payload", "answer_type", "answer", "result",
    "duration_ms",
)  # fmt: skip
ANSWERED = "answered"


Row = tuple[Any, ...]


class MessageLog:
    """`record` may be called from any thread. The writing thread is started by the first message."""

    def __init__(self) -> None:
        self._waiting: deque[Row] = deque()
        self._chars = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self.dropped = 0

    def of(self, charge_point_id: int) -> Record:
        """What the link of a charge point records with."""
        return lambda exchange: self.record(charge_point_id, exchange)

    def record(self, charge_point_id: int, exchange: Exchange) -> None:
        """Never waits, never raises."""
        row = _row(charge_point_id, exchange)
        with self._lock:
            if len(self._waiting) >= MOST_WAITING or self._chars > MOST_WAITING_CHARS:
                self.dropped += 1
                return
            self._waiting.append(row)
            self._chars += _size(row)
            if self._thread is None:
                self._start()

    def stop(self) -> None:
        """Writes what is left. The next message starts another thread."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._ending.set()
        if thread:
            thread.join()

    def _start(self) -> None:
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._ending,), name="message-log", daemon=True)
        self._thread.start()

    def _run(self, ending: threading.Event) -> None:
        try:
            while not ending.wait(EVERY_S):
                self._flush()
            self._flush()
        finally:
            connection.close()

    def _flush(self) -> None:
        while batch := self._take():
            try:
                write(batch)
            except Exception as error:  # the database is away: the log is not worth a queue that grows
                connection.close_if_unusable_or_obsolete()
                self._lost(len(batch))
                logger.warning("%s OCPP messages could not be written: %s", len(batch), type(error).__name__)
            time.sleep(PAUSE_S)
        self._say_what_was_dropped()

    def _take(self) -> list[Row]:
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._chars -= sum(map(_size, batch))
        return batch

    def _lost(self, count: int) -> None:
        with self._lock:
            self.dropped += count

    def _say_what_was_dropped(self) -> None:
        with self._lock:
            dropped, self.dropped = self.dropped, 0
        if dropped:
            logger.warning("message log: %s OCPP messages were dropped", dropped)


@committed
def write(rows: Sequence[Row]) -> None:
    """Without those of charge points that were deleted meanwhile."""
    ids = {row[0] for row in rows}
    there = set(ChargePoint.objects.filter(pk__in=ids).values_list("pk", flat=True))
    insert_together(OcppMessage, COLUMNS, [row for row in rows if row[0] in there])


def _row(charge_point_id: int, said: Exchange) -> Row:
    """As in COLUMNS."""
    answer = _answer_of(said)
    return (
        charge_point_id, connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(said.at, UTC)), said.direction,
        _word(said.action), _word(said.message_id), _text(said.payload), said.answer_type, _text(answer),
        _word(result_of(said, answer)), said.duration_ms,
    )  # fmt: skip


def _word(text: str) -> str:
    """As its column takes it: what is escaped is longer."""
    return printable(text)[:64]


def _size(row: Row) -> int:
    return len(row[5]) + len(row[7])


def _text(payload: Any) -> str:
    return "" if payload is None else redact(payload, limit=MOST_CHARS)


def _answer_of(said: Exchange) -> Any:
    """Our own answers come as the frames that were written: reading them here costs the frame nothing."""
    if not isinstance(said.answer, str):
        return said.answer
    if said.answer_type == RESULT and said.answer.endswith(",{}]"):
        return {}
    kind, _, *rest = json.loads(said.answer)
    return rest[0] if kind == 3 else {"errorCode": rest[0], "errorDescription": rest[1], "errorDetails": rest[2]}


def result_of(said: Exchange, answer: Any) -> str:
    """The word that tells how it went."""
    late = "late: " if said.direction == OUT and said.payload is None else ""
    return late + (said.result or _word_in(answer, is_error=said.answer_type == ERROR))


def _word_in(answer: Any, *, is_error: bool) -> str:
    if not isinstance(answer, dict):
        return "not an object"
    if is_error:
        return str(answer.get("errorCode"))
    info = answer.get("idTagInfo") or answer.get("idTokenInfo")
    status = answer.get("status") or (info.get("status") if isinstance(info, dict) else None)
    return str(status) if status else ANSWERED


log = MessageLog()
