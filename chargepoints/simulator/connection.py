"""The life of a simulated charge point's connection: connect, boot, heartbeat, lose it, try again."""

import asyncio
import base64
import logging
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from .framing import CallRefused, Link, LinkLost
from .journal import set_within
from .misbehaviour import respond

if TYPE_CHECKING:
    from .simulation import Simulation

quiet = logging.getLogger(__name__)
quiet.addHandler(logging.NullHandler())
quiet.propagate = False  # websockets logs whole headers and frames, the password among them


class Connection:
    """`registered`: accepted by the central system. `ready`: every status told besides."""

    def __init__(self, charge_point: "Simulation", url: str, *, password: str, backoff_s: Sequence[float]) -> None:
        self._cp = charge_point
        self._url = f"{url.rstrip('/')}/{quote(charge_point.identity, safe='')}"
        self._password = password
        self._backoff_s = tuple(backoff_s)
        self.link: Link | None = None
        self.ready = False
        self.registered = False
        self.boot_reason = "PowerUp"  # empty: no need to boot
        self.heartbeat_changed = asyncio.Event()
        self._connected_before = False
        self._attempt: asyncio.Task[bool] | None = None
        self._stopping = asyncio.Event()
        self._welcome = asyncio.Event()
        self._welcome.set()
        self._finished = asyncio.Event()
        self._finished.set()

    async def run(self) -> None:
        self._finished.clear()
        failures = 0
        try:
            while not self._stopping.is_set():
                await self._welcome.wait()
                if self._stopping.is_set():
                    break
                failures = 0 if await self._try_once() else failures + 1
                pause_s = self._backoff_s[min(failures, len(self._backoff_s) - 1)]
                await set_within(self._stopping, pause_s / self._cp.time_scale)
        finally:
            self._finished.set()

    async def stop(self) -> None:
        self._stopping.set()
        self._welcome.set()
        if self.link:
            await self.link.close()
        elif self._attempt:
            self._attempt.cancel()
        await self._finished.wait()

    def drop(self, *, stay_away: bool) -> None:
        if stay_away:
            self._welcome.clear()
        if self.link:
            self.link.abort()

    def come_back(self) -> None:
        self._welcome.set()

    async def boot(self, reason: str) -> None:
        """`reason` in the words of OCPP 2.0.1. Until the central system accepts (OCPP 1.6 section 4.2)."""
        while True:
            try:
                answer = await self._cp.call("BootNotification", self._cp.dialect.boot_payload(reason))
            except (CallRefused, TimeoutError) as error:
                self._cp.journal.emit("failed", reason=str(error))
                answer = {}
            interval_s = int(answer.get("interval") or 0)
            if answer.get("status") == "Accepted":
                self._cp.dialect.settings.adopt_heartbeat_interval(interval_s)
                self._cp.journal.emit("booted", interval_s=interval_s)
                return
            self._cp.journal.emit("boot_postponed", status=answer.get("status"), interval_s=interval_s)
            await self._cp.pause(interval_s or self._cp.dialect.settings.heartbeat_s)

    async def _try_once(self) -> bool:
        """Whether there was a connection, now over."""
        self._attempt = asyncio.create_task(self._connect_once())
        try:
            await asyncio.wait({self._attempt})
        finally:
            self._attempt.cancel()
            (result,) = await asyncio.gather(self._attempt, return_exceptions=True)
        if isinstance(result, Exception):
            raise result
        return result is True

    async def _connect_once(self) -> bool:
        subprotocol = Subprotocol(self._cp.dialect.subprotocol)
        try:
            async with connect(
                self._url, subprotocols=[subprotocol], additional_headers=self._headers(), compression=None,
                proxy=None, close_timeout=2, logger=quiet,
            ) as socket:  # fmt: skip
                if socket.subprotocol != subprotocol:
                    raise LinkLost(f"the server does not speak {subprotocol}")
                await self._serve(socket)
        except (OSError, WebSocketException) as error:
            self._cp.journal.emit("connect_failed", reason=str(error))
            return False
        return True

    def _headers(self) -> dict[str, str]:
        """HTTP Basic: identity and password (OCPP 1.6 JSON specification, section 6.2)."""
        if not self._password:
            return {}
        credentials = f"{self._cp.identity}:{self._password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}

    async def _serve(self, socket: ClientConnection) -> None:
        ids = (str(n) for n in count(1)) if self._cp.knobs.restart_message_ids else (str(uuid4()) for _ in count())
        link = self.link = Link(socket, message_ids=ids, on_call=self._on_call, on_sent=self._cp.journal.note_sent)
        self._cp.journal.emit("connected")
        tasks = asyncio.create_task(link.read()), asyncio.create_task(self._live())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.link, self.ready, self.registered = None, False, False
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._cp.journal.emit("disconnected")
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, LinkLost):
                raise result

    async def _live(self) -> None:
        if self._connected_before and self._cp.knobs.drop_profiles_on_reconnect:
            self._cp.clear_profiles()
        self._connected_before = True
        booting = bool(self.boot_reason) or self._cp.knobs.boot_on_reconnect
        if booting:
            await self.boot(self.boot_reason or "Unknown")
        self.boot_reason, self.registered = "", True
        await self._cp.report_statuses(all_of_them=booting)
        self.ready = True
        self._cp.journal.emit("ready")
        await self._cp.report_statuses()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._heartbeats())
            group.create_task(self._drain())

    async def _heartbeats(self) -> None:
        while self.link:
            interval_s = self._cp.dialect.settings.heartbeat_s
            if await set_within(self.heartbeat_changed, interval_s / self._cp.time_scale if interval_s else None):
                self.heartbeat_changed.clear()
            else:
                await self._cp.attempt(self._cp.call("Heartbeat", {}))

    async def _drain(self) -> None:
        settings = self._cp.dialect.settings
        try:
            await self._cp.queue.drain(
                self._cp.call, attempts=settings.message_attempts,
                pause=lambda attempt: self._cp.pause(attempt * settings.message_retry_s),
            )  # fmt: skip
        except LinkLost:
            return

    async def _on_call(self, link: Link, message_id: str, action: str, payload: Any) -> None:
        self._cp.journal.note_received(action, payload)
        await self._cp.attempt(respond(self._cp, link, message_id, action, payload))
