"""The server's side of a charge point's websocket, without a server: an ASGI application and what it sends."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar

from channels.routing import URLRouter
from django.db import connection

from chargepoints import doorbell
from chargepoints.doorbell import Ring
from chargepoints.models import ChargePoint
from chargepoints.routing import websocket_urlpatterns
from tests.chargepoints.waiting import PATIENCE_S, eventually

T = TypeVar("T")
HTTP_RESPONSE = {"websocket.http.response": {}}
application = URLRouter(websocket_urlpatterns)


async def in_db(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Runs `function` on a thread and connection of its own, as another process would see the rows."""

    def on_own_connection() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connection.close()

    return await asyncio.to_thread(on_own_connection)


async def row(point: ChargePoint) -> ChargePoint:
    return await in_db(ChargePoint.objects.get, pk=point.pk)


async def ring(point: ChargePoint, kind: Ring = Ring.MAIL) -> None:
    current = await row(point)
    doorbell.ring(current.channel_name, current.connection_id, kind)


def basic(user: str, password: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{user}:{password}".encode())


class ChargerSocket:
    """`sent` is every ASGI message of the application. `refuse_send` makes a send fail as a vanished client does."""

    def __init__(
        self,
        identity: str,
        *,
        headers: list[tuple[bytes, bytes]] | None = None,
        subprotocols: tuple[str, ...] = ("ocpp1.6",),
        extensions: dict[str, Any] | None = None,
    ) -> None:
        self.scope = {
            "type": "websocket", "path": f"/ocpp/{identity}", "headers": headers or [],
            "subprotocols": list(subprotocols), "extensions": HTTP_RESPONSE if extensions is None else extensions,
        }  # fmt: skip
        self.sent: list[dict[str, Any]] = []
        self.refuse_send: Callable[[dict[str, Any]], bool] = lambda message: False
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._app: asyncio.Task[None] | None = None

    async def _send(self, message: dict[str, Any]) -> None:
        if self.refuse_send(message):
            raise OSError("client disconnected")
        self.sent.append(message)

    # --- the charge point's doings ------------------------------------------------------------------------------

    def knock(self) -> "asyncio.Task[None]":
        """Asks for the websocket; the answer is the first of `sent`."""
        self._app = asyncio.create_task(application(self.scope, self._inbox.get, self._send))
        self._inbox.put_nowait({"type": "websocket.connect"})
        return self._app

    async def connect(self) -> "ChargerSocket":
        self.knock()
        await eventually(lambda: self.sent)
        assert self.sent[0]["type"] == "websocket.accept"
        return self

    def says(self, *frame: Any) -> None:
        self.says_text(json.dumps(frame))

    def says_text(self, text: str) -> None:
        self._inbox.put_nowait({"type": "websocket.receive", "text": text})

    def says_bytes(self, data: bytes) -> None:
        self._inbox.put_nowait({"type": "websocket.receive", "bytes": data})

    async def leave(self, code: int = 1006) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": code})
        await asyncio.wait_for(self.ended(), PATIENCE_S)

    async def ended(self) -> None:
        assert self._app is not None
        await self._app

    # --- what it hears ------------------------------------------------------------------------------------------

    @property
    def frames(self) -> list[list[Any]]:
        return [json.loads(message["text"]) for message in self.sent if message["type"] == "websocket.send"]

    @property
    def calls(self) -> list[list[Any]]:
        """[message id, action, payload] of each CALL."""
        return [frame[1:] for frame in self.frames if frame[0] == 2]

    @property
    def answers(self) -> dict[str, Any]:
        """Payload of each CALLRESULT by message id."""
        return {frame[1]: frame[2] for frame in self.frames if frame[0] == 3}

    @property
    def close_code(self) -> int | None:
        return next((message["code"] for message in self.sent if message["type"] == "websocket.close"), None)

    async def call(self, action: str) -> str:
        """The message id of the first CALL of `action`, once it came."""
        found = await eventually(lambda: [call for call in self.calls if call[1] == action])
        return str(found[0][0])

    async def answer_to(self, message_id: str) -> Any:
        await eventually(lambda: message_id in self.answers)
        return self.answers[message_id]
