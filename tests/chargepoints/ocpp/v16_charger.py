"""The charge point's end of a link, OCPP 1.6 unless said otherwise, with a writer that only notes what it is given."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from chargepoints.ocpp.link import Link
from chargepoints.ocpp.v16.link import V16Link
from tests.chargepoints.ocpp.peer import settle

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
POINT_ID = 7


class Charger:
    """`values`: what the writer returns or raises for a function. `commit`: holds every COMMIT back until it is set."""

    speaks: type[Link] = V16Link

    def __init__(self) -> None:
        self.frames: list[list[Any]] = []
        self.submitted: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
        self.values: dict[Any, Any] = {}
        self.commit: asyncio.Event | None = None
        self.now = NOW
        self.link = self.speaks(
            charge_point_id=POINT_ID, identity="CP-1", send=self._hear, submit=self._submit, clock=lambda: self.now
        )

    async def _hear(self, text: str) -> None:
        self.frames.append(json.loads(text))

    async def _submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.submitted.append((function, args, kwargs))
        if self.commit:
            await self.commit.wait()
        value = self.values.get(function)
        if isinstance(value, Exception):
            raise value
        return value

    async def says(self, *frame: Any) -> None:
        await self.link.receive(json.dumps(frame))
        await settle()

    async def reports(self, action: str, payload: dict[str, Any]) -> Any:
        """The frame that answers a CALL of the charge point."""
        await self.says(2, f"m{len(self.frames)}", action, payload)
        return self.frames[-1]

    def facts(self, function: Any) -> Any:
        """What `function` was given besides the charge point's id; it must have been given once."""
        [(args, kwargs)] = [(args, kwargs) for f, args, kwargs in self.submitted if f == function]
        assert args[0] == POINT_ID
        assert kwargs["now"] == NOW
        return args[1]
