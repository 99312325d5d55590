"""OCPP-J framing of the charge point's side (OCPP 1.6 JSON specification, section 4). Able to send nonsense."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

CALL, CALLRESULT, CALLERROR = 2, 3, 4


class LinkLost(ConnectionError):
    """The socket is gone, or was not there."""


class CallRefused(Exception):
    """A CALLERROR, received or to be sent."""

    def __init__(self, code: str, description: str = "", details: Any = None) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.details = {} if details is None else details


class Link:
    """One socket. At most one CALL of ours is outstanding; waiting for the turn counts against the timeout."""

    def __init__(
        self, socket: ClientConnection, *, message_ids: Iterator[str],
        on_call: Callable[["Link", str, str, Any], Coroutine[Any, Any, None]], on_sent: Callable[[Any], None],
    ) -> None:  # fmt: skip
        self._socket = socket
        self._message_ids = message_ids
        self._on_call = on_call
        self._on_sent = on_sent
        self._turn = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def call(self, action: str, payload: dict[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """Raises TimeoutError, CallRefused or LinkLost."""
        async with asyncio.timeout(timeout_s), self._turn:
            message_id = next(self._message_ids)
            answer = self._waiting[message_id] = asyncio.get_running_loop().create_future()
            try:
                await self.send_frame([CALL, message_id, action, payload])
                return await answer
            finally:
                del self._waiting[message_id]

    async def answer(self, message_id: str, payload: dict[str, Any]) -> None:
        await self.send_frame([CALLRESULT, message_id, payload])

    async def refuse(self, message_id: str, refusal: CallRefused) -> None:
        await self.send_frame([CALLERROR, message_id, refusal.code, refusal.description, refusal.details])

    async def send_frame(self, frame: list[Any]) -> None:
        await self.send_text(json.dumps(frame), frame)

    async def send_text(self, text: str, frame: Any = None) -> None:
        """Raises LinkLost."""
        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise LinkLost(str(error)) from error
        self._on_sent(text if frame is None else frame)

    async def read(self) -> None:
        """Until the socket is closed. Frames that are no OCPP are passed over, as the specification asks."""
        try:
            async for text in self._socket:
                self._take(text)
        except ConnectionClosed:
            pass
        finally:
            await self._give_up()

    def abort(self) -> None:
        """As a pulled cable: no closing handshake."""
        self._socket.transport.abort()

    async def close(self) -> None:
        await self._socket.close()

    def _take(self, text: str | bytes) -> None:
        try:
            kind, message_id, *rest = json.loads(text)
        except (ValueError, TypeError):
            return
        if not isinstance(message_id, str):
            return
        if kind == CALL and len(rest) == 2:
            task = asyncio.create_task(self._on_call(self, message_id, *rest))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        elif (waiting := self._waiting.get(message_id)) and not waiting.done():
            self._settle(waiting, kind, rest)

    @staticmethod
    def _settle(waiting: "asyncio.Future[dict[str, Any]]", kind: int, rest: list[Any]) -> None:
        if kind == CALLRESULT and rest and isinstance(rest[0], dict):
            waiting.set_result(rest[0])
        elif kind == CALLERROR and rest:
            waiting.set_exception(CallRefused(*rest[:3]))
        else:
            waiting.set_exception(CallRefused("FormationViolation", "the answer is malformed"))

    async def _give_up(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LinkLost("the socket was closed"))
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
