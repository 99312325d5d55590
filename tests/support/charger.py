"""Charge points for tests that are not asynchronous: the simulated one, and a bare websocket for exact frames."""

import asyncio
import base64
import inspect
import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from uuid import uuid4

from websockets.sync.client import connect
from websockets.typing import Subprotocol

from chargepoints.simulator import SimulatedChargePoint

PATIENCE_S = 15.0


class LoopThread:
    """An event loop that runs beside the test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chargers", daemon=True)
        self._thread.start()

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls `function` on the loop and waits for what it returns."""

        async def call() -> Any:
            value = function(*args, **kwargs)
            return await value if inspect.isawaitable(value) else value

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(PATIENCE_S + 5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Charger:
    """A SimulatedChargePoint whose methods are called from the test's thread: `charger.start()`."""

    def __init__(self, loop: LoopThread, ocpp_url: str, identity: str, *, version: str = "1.6", **options: Any) -> None:
        self._loop = loop
        defaults: dict[str, Any] = {"meter_interval_s": 0, "backoff_s": (0.05,), "call_timeout_s": PATIENCE_S}
        self._simulated: SimulatedChargePoint = loop.run(
            SimulatedChargePoint, ocpp_url, identity, version=version, **defaults | options
        )
        self._life = loop.run(lambda: [asyncio.create_task(self._simulated.run())])[0]

    def __getattr__(self, name: str) -> Any:
        """Methods run on the loop; what is looked at is looked at from here."""
        attribute = getattr(self._simulated, name)
        if inspect.ismethod(attribute):
            return lambda *args, **kwargs: self._loop.run(attribute, *args, **kwargs)
        return attribute

    def calls(self, action: str) -> list[dict[str, Any]]:
        """The payloads of the CALLs of that action that it got, oldest first."""
        return [call.payload for call in self._simulated.received if call.action == action]

    def wait_call(self, action: str, *, count: int = 1) -> dict[str, Any]:
        """The payload of the `count`-th CALL of that action."""
        self.until(lambda: len(self.calls(action)) >= count, timeout_s=PATIENCE_S)
        return self.calls(action)[count - 1]

    def close(self) -> None:
        self._loop.run(self._simulated.stop)
        self._loop.run(lambda: self._life)


class RawCharger(AbstractContextManager["RawCharger"]):
    """A websocket that says exactly what it is told to (OCPP-J 1.6 section 4)."""

    def __init__(self, ocpp_url: str, identity: str, *, password: str = "", version: str = "1.6") -> None:
        self._subprotocol = Subprotocol(f"ocpp{version}")
        self._url = f"{ocpp_url}/{identity}"
        self._headers = {}
        if password:
            credentials = base64.b64encode(f"{identity}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {credentials}"
        self._open = ExitStack()
        self.frames: list[Any] = []  # received and not yet asked for

    def __enter__(self) -> "RawCharger":
        """Raises websockets.exceptions.InvalidStatus when it is refused."""
        self.socket = self._open.enter_context(
            connect(
                self._url, subprotocols=[self._subprotocol], additional_headers=self._headers, compression=None,
                proxy=None, close_timeout=2,
            )
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def send(self, text: str) -> None:
        self.socket.send(text)

    def receive(self, wanted: Callable[[Any], bool], *, timeout_s: float = PATIENCE_S) -> Any:
        """The oldest frame that is `wanted`; the others stay. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while not (found := next((frame for frame in self.frames if wanted(frame)), None)):
            text = self.socket.recv(timeout=max(deadline - time.monotonic(), 0))
            self.frames.append(json.loads(text))
        self.frames.remove(found)
        return found

    def call(self, action: str, payload: dict[str, Any]) -> Any:
        """The frame that answers."""
        message_id = str(uuid4())
        self.send(json.dumps([2, message_id, action, payload]))
        return self.receive(lambda frame: frame[0] in (3, 4) and frame[1] == message_id)

    def wait_call(self, action: str) -> tuple[str, Any]:
        """Message id and payload of the next CALL of that action."""
        frame = self.receive(lambda frame: frame[0] == 2 and frame[2] == action)
        assert len(frame) == 4
        return frame[1], frame[3]

    def answer(self, message_id: str, payload: dict[str, Any]) -> None:
        self.send(json.dumps([3, message_id, payload]))
