"""What a simulated charge point heard, said and went through, and waiting for it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

OnEvent = Callable[[str, dict[str, Any]], None]


class ReceivedCall(NamedTuple):
    at: datetime
    action: str
    payload: Any


class Journal:
    """`sent` holds frames as lists, and text where something was sent that is no frame."""

    def __init__(self, on_event: OnEvent | None, clock: Callable[[], datetime]) -> None:
        self.received: list[ReceivedCall] = []
        self.sent: list[Any] = []
        self._on_event = on_event
        self._clock = clock
        self._changed = asyncio.Event()

    def emit(self, name: str, **fields: Any) -> None:
        if self._on_event:
            self._on_event(name, fields)
        self._wake()

    def note_received(self, action: str, payload: Any) -> None:
        self.received.append(ReceivedCall(self._clock(), action, payload))
        self.emit("call_received", action=action, payload=payload)

    def note_sent(self, frame: Any) -> None:
        self.sent.append(frame)
        self._wake()

    def sent_calls(self, action: str) -> list[Any]:
        """The payloads of our CALLs of one action, oldest first."""
        return [frame[3] for frame in self.sent if isinstance(frame, list) and frame[0] == 2 and frame[2] == action]

    async def until(self, predicate: Callable[[], bool], timeout_s: float) -> None:
        """Looks again after every event and every frame. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not predicate():
                await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Whether the event was set in time; None waits without end."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
