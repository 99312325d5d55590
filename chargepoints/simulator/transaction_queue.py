"""What a transaction has to say, kept in order until the central system has taken it (OCPP 1.6 section 3.7)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .framing import CallRefused, LinkLost

Send = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
Answered = asyncio.Future[dict[str, Any] | None]


def nothing_said() -> Answered:
    """The answer to what was not sent."""
    answered: Answered = asyncio.get_running_loop().create_future()
    answered.set_result(None)
    return answered


@dataclass(frozen=True, eq=False)
class Entry:
    """`payload` is built when it is sent: only then the transaction id of one started offline is known."""

    action: str
    payload: Callable[[], dict[str, Any]]
    on_answer: Callable[[dict[str, Any]], None]
    answered: Answered


class TransactionQueue:
    """`on_settled` hears of each action that was answered (True) or given up (False)."""

    def __init__(self, on_settled: Callable[[str, bool], None]) -> None:
        self._on_settled = on_settled
        self._entries: deque[Entry] = deque()
        self._late: deque[Entry] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries) + len(self._late)

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(entry.action for entry in (*self._entries, *self._late))

    def put(
        self, action: str, payload: Callable[[], dict[str, Any]], *,
        on_answer: Callable[[dict[str, Any]], None] = lambda _: None, late: bool = False,
    ) -> Answered:  # fmt: skip
        """The future gets the answer, or None when the message was given up. `late`: after all others, newest first."""
        entry = Entry(action, payload, on_answer, asyncio.get_running_loop().create_future())
        if late:
            self._late.appendleft(entry)
        else:
            self._entries.append(entry)
        self._filled.set()
        return entry.answered

    async def drain(self, send: Send, *, attempts: int, pause: Callable[[int], Awaitable[None]]) -> None:
        """Runs as long as the connection; a lost link leaves the message at the head."""
        while True:
            await self._filled.wait()
            while waiting := self._entries or self._late:
                entry = waiting[0]
                answer = await self._deliver(entry, send, attempts=attempts, pause=pause)
                waiting.remove(entry)
                if answer is not None:
                    entry.on_answer(answer)
                if not entry.answered.done():
                    entry.answered.set_result(answer)
                self._on_settled(entry.action, answer is not None)
            self._filled.clear()

    @staticmethod
    async def _deliver(
        entry: Entry, send: Send, *, attempts: int, pause: Callable[[int], Awaitable[None]]
    ) -> dict[str, Any] | None:
        """Section 3.7.1: tries again after a growing pause, then gives the message up."""
        for attempt in range(1, attempts + 1):
            try:
                return await send(entry.action, entry.payload())
            except LinkLost:
                raise
            except (CallRefused, TimeoutError):
                if attempt < attempts:
                    await pause(attempt)
        return None
