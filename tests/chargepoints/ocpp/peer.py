"""The charge point's end of a connection under test: what was written, what was handled, what came late."""

import asyncio
import json
from typing import Any

from chargepoints.ocpp.rpc import LateReply, RpcConnection, Schemas

METER_VALUES: dict[str, Any] = {
    "connectorId": 1,
    "transactionId": 7,
    "meterValue": [{"timestamp": "2024-05-01T10:00:00Z", "sampledValue": [{"value": "1200", "unit": "Wh"}]}],
}
AUTHORIZE_CONF = {"idTagInfo": {"status": "Accepted"}}


class Peer:
    """A test may replace `handle`, `on_late` and `send`; by default a CALL is confirmed with `answer`."""

    def __init__(self, version: str = "1.6", identity: str = "CP-1") -> None:
        self.written: list[list[Any]] = []
        self.handled: list[tuple[str, dict[str, Any]]] = []
        self.late: list[tuple[str, LateReply]] = []
        self.answer: dict[str, Any] = {}
        self.gate: asyncio.Event | None = None
        self.connection = RpcConnection(
            identity=identity,
            schemas=Schemas.for_version(version),
            # looked up at each call: a test may have replaced them
            send=lambda text: self.send(text),  # noqa: PLW0108
            handle=lambda action, payload: self.handle(action, payload),  # noqa: PLW0108
            on_late=lambda tag, reply: self.on_late(tag, reply),  # noqa: PLW0108
        )

    async def send(self, text: str) -> None:
        self.written.append(json.loads(text))

    async def handle(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.handled.append((action, payload))
        if self.gate is not None:
            await self.gate.wait()
        return self.answer

    async def on_late(self, tag: str, reply: LateReply) -> None:
        self.late.append((tag, reply))

    async def says(self, *message: Any) -> None:
        await self.says_text(json.dumps(list(message)))

    async def says_text(self, text: str) -> None:
        await self.connection.receive(text)
        await settle()


async def dead_socket(text: str) -> None:
    raise OSError("gone")


async def settle() -> None:
    """Lets everything that can run, run: no clock and no I/O is involved."""
    for _ in range(50):
        await asyncio.sleep(0)


def calling(peer: Peer, action: str = "Reset", *, timeout_s: float = 5, tag: str = "") -> asyncio.Task[dict[str, Any]]:
    """A CALL of ours under way in its own task."""
    payload = {"type": "Soft"} if action == "Reset" else {}
    return asyncio.create_task(peer.connection.call(action, payload, timeout_s=timeout_s, tag=tag))
