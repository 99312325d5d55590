"""A central system small enough to read: answers what a charge point needs and records everything."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from itertools import count
from typing import Any
from urllib.parse import unquote

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from chargepoints.simulator.wire import Schemas

PASSWORD = "correct horse"
SUBPROTOCOLS = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1"}
SCHEMAS = {"1.6": Schemas("ocpp.v16"), "2.0.1": Schemas("ocpp.v201", request_suffix="Request")}
ACCEPTED_BOOT = {"status": "Accepted", "currentTime": "2024-05-01T12:00:00Z", "interval": 300}
HEARTBEAT = {"currentTime": "2024-05-01T12:00:00Z"}


def answers_of_1_6() -> dict[str, Any]:
    transaction_ids = count(1001)
    return {
        "BootNotification": ACCEPTED_BOOT,
        "Heartbeat": HEARTBEAT,
        "Authorize": {"idTagInfo": {"status": "Accepted"}},
        "StartTransaction": lambda _: {"transactionId": next(transaction_ids), "idTagInfo": {"status": "Accepted"}},
    }


def answers_of_2_0_1() -> dict[str, Any]:
    return {
        "BootNotification": ACCEPTED_BOOT,
        "Heartbeat": HEARTBEAT,
        "Authorize": {"idTokenInfo": {"status": "Accepted"}},
        "TransactionEvent": lambda event: {"idTokenInfo": {"status": "Accepted"}} if "idToken" in event else {},
    }


class CentralSystem:
    """`answers` maps an action to a payload or a function of the request. None: no answer at all."""

    def __init__(self, version: str) -> None:
        self._schemas = SCHEMAS[version]
        self.calls: list[tuple[str, str, Any]] = []
        self.results: list[tuple[str, Any]] = []
        self.rubbish: list[str] = []
        self.violations: list[str] = []
        self.sockets: list[ServerConnection] = []
        self.answers: dict[str, Any] = {"1.6": answers_of_1_6, "2.0.1": answers_of_2_0_1}[version]()
        self._asked: dict[str, tuple[str, asyncio.Future[Any]]] = {}
        self._ids = count(1)
        self._changed = asyncio.Event()
        self.server: Server

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/ocpp"

    async def call(self, action: str, payload: dict[str, Any], timeout_s: float = 5) -> Any:
        """The answer's payload, or the list [code, description, details] of a CALLERROR."""
        return await asyncio.wait_for(self.ask(action, payload), timeout_s)

    def ask(self, action: str, payload: dict[str, Any]) -> "asyncio.Future[Any]":
        message_id = f"csms-{next(self._ids)}"
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[message_id] = action, future
        self._sending = asyncio.ensure_future(self.sockets[-1].send(json.dumps([2, message_id, action, payload])))
        return future

    def payloads(self, action: str) -> list[Any]:
        return [payload for _, name, payload in self.calls if name == action]

    def actions(self) -> list[str]:
        return [action for _, action, _ in self.calls]

    async def until(self, predicate: Callable[[], bool], timeout_s: float = 5) -> None:
        async with asyncio.timeout(timeout_s):
            while not predicate():
                await self._changed.wait()

    async def serve_socket(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        try:
            async for text in socket:
                await self._take(socket, str(text))
                self._changed.set()
                self._changed = asyncio.Event()
        except ConnectionClosed:
            pass

    async def _take(self, socket: ServerConnection, text: str) -> None:
        try:
            kind, message_id, *rest = json.loads(text)
        except ValueError:
            self.rubbish.append(text)
            return
        if kind == 2:
            await self._take_call(socket, message_id, *rest)
            return
        action, future = self._asked[message_id]
        if kind == 3:
            self._note_violation(action, self._schemas.response_violation(action, rest[0]))
        self.results.append((action, rest[0] if kind == 3 else rest))
        if not future.done():
            future.set_result(self.results[-1][1])

    async def _take_call(self, socket: ServerConnection, message_id: str, action: str, payload: Any) -> None:
        self._note_violation(action, self._schemas.request_violation(action, payload))
        self.calls.append((message_id, action, payload))
        answer = self.answers.get(action, {})
        answer = answer(payload) if callable(answer) else answer
        if isinstance(answer, list):
            await socket.send(json.dumps([4, message_id, *answer]))
        elif answer is not None:
            await socket.send(json.dumps([3, message_id, answer]))

    def _note_violation(self, action: str, violation: str | None) -> None:
        if violation:
            self.violations.append(f"{action}: {violation}")


def check_password(connection: ServerConnection, request: Any) -> Any:
    identity = unquote(request.path.rsplit("/", 1)[1])
    expected = base64.b64encode(f"{identity}:{PASSWORD}".encode()).decode()
    if request.headers.get("Authorization") != f"Basic {expected}":
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no\n")
    return None


@asynccontextmanager
async def central_system(version: str = "1.6", *, with_password: bool = False) -> AsyncIterator[CentralSystem]:
    csms = CentralSystem(version)
    async with serve(
        csms.serve_socket, "127.0.0.1", 0, subprotocols=[SUBPROTOCOLS[version]],  # type: ignore[list-item]
        process_request=check_password if with_password else None,
    ) as csms.server:  # fmt: skip
        yield csms
