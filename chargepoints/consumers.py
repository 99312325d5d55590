"""The websocket of a charge point: handshake, frames in, doorbell in. No ORM, no OCPP actions, no business rules.

`dispatch` is overridden: Channels' own hops to a thread for every frame to close old database connections, which this
consumer never opens, and makes a layer channel for each socket, where one for the process is enough.
"""

import asyncio
import logging
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings

from chargepoints import commands, doorbell, handshake, message_log, presence
from chargepoints.doorbell import Ring
from chargepoints.group_commit import writer
from chargepoints.ocpp.base import ChargePointLink
from chargepoints.values import CommandCall, CommandOutcome

logger = logging.getLogger(__name__)
SEEN_EVERY_S = 30
PROBE_TIMEOUT_S = 5.0
HEAD_CHARS = 512
RECORD_ATTEMPTS = 60
RECORD_PAUSE_S = 1.0


def now() -> datetime:
    return datetime.now(UTC)


class ChargePointConsumer(AsyncConsumer):
    channel_layer_alias = "no layer: rings come over the process's channel"

    link: ChargePointLink | None = None
    connection_id = ""

    async def dispatch(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "websocket.receive":
                await self._frame(message)
            case "websocket.connect":
                await self._connect()
            case "websocket.disconnect":
                await self._disconnect(message.get("code"))

    # --- handshake --------------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        admission = await handshake.admit(self.scope)
        if isinstance(admission, handshake.Refusal):
            await handshake.refuse(admission, scope=self.scope, send=self.send)
            return
        self.identity, self.charge_point_id = admission.identity, admission.charge_point_id
        self.connection_id = uuid.uuid4().hex
        self._mail = asyncio.Event()
        self._seen_at = time.monotonic()
        self.link = self._link = admission.version.link(
            charge_point_id=self.charge_point_id, identity=self.identity, send=self._send_text, submit=writer.submit,
            record=message_log.log.of(self.charge_point_id) if settings.OCPP_MESSAGE_LOG else None,
        )  # fmt: skip
        doorbell.connected(self.connection_id, self._rung)
        try:
            await self._register(admission.version.number)
            await self.send({"type": "websocket.accept", "subprotocol": admission.version.subprotocol})
        except Exception:  # the client vanished meanwhile, or the database is away: no disconnect will be heard
            doorbell.disconnected(self.connection_id)
            await self._unregister()
            raise
        logger.info("connected identity=%s connection=%s", self.identity, self.connection_id)
        self._mail.set()
        self._postman = asyncio.create_task(self._carry_mail())

    async def _register(self, ocpp_version: str) -> None:
        replaced = await writer.submit(
            presence.connect, self.charge_point_id, connection_id=self.connection_id,
            channel_name=doorbell.PROCESS_CHANNEL, ocpp_version=ocpp_version, now=now(),
        )  # fmt: skip
        if replaced:
            logger.info("identity=%s: a new socket replaces connection %s", self.identity, replaced[1])
            doorbell.ring(*replaced, Ring.REPLACED)

    # --- frames -----------------------------------------------------------------------------------------------------

    async def _frame(self, message: dict[str, Any]) -> None:
        text = message.get("text")
        if self.link is None or text is None:  # OCPP-J knows text frames only
            return
        if len(text) > settings.OCPP_MAX_FRAME_BYTES:
            logger.warning("identity=%s: a frame of %s characters is too large", self.identity, len(text))
            text = text[: min(HEAD_CHARS, settings.OCPP_MAX_FRAME_BYTES)]  # enough to tell its sender
        self._note_seen()
        await self.link.receive(text)

    def _note_seen(self) -> None:
        """At most one write per SEEN_EVERY_S; nobody waits for it."""
        if time.monotonic() - self._seen_at > SEEN_EVERY_S:
            self._seen_at = time.monotonic()
            skew_s = self._link.clock_skew_s
            writer.submit(presence.seen, self.charge_point_id, now=now(), clock_skew_s=skew_s)

    async def _send_text(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})

    # --- doorbell ---------------------------------------------------------------------------------------------------

    def _rung(self, ring: Ring) -> None:
        if ring == Ring.MAIL:
            self._mail.set()
        elif ring == Ring.PROBE:
            self._probe = asyncio.create_task(self._prove_life())
        else:
            self._closing = asyncio.create_task(self._close(1000))

    async def _carry_mail(self) -> None:
        """One command at a time, oldest first: a newer one can still supersede what has not left."""
        while True:
            await self._mail.wait()
            self._mail.clear()
            try:
                await self._deliver_all()
            except Exception:  # the database is away: beat rings again
                logger.exception("commands of identity=%s could not be carried", self.identity)

    async def _deliver_all(self) -> None:
        mine = (self.charge_point_id, self.connection_id)
        call = await writer.submit(commands.claim_next, *mine, now=now())
        while call:
            outcome = await self._link.perform(call)
            self._mail.clear()  # what it rang for is found by the claim that follows
            call = await self._turn_over(call.command_id, outcome)

    async def _turn_over(self, command_id: int, outcome: CommandOutcome) -> CommandCall | None:
        """Records the outcome and claims the next command, in one commit. What the charge point answered is known here
        only: tried again while the database does not take it.
        """
        mine = (self.charge_point_id, self.connection_id)
        attempt = 1
        while True:
            try:
                return await writer.submit(commands.record_and_claim_next, command_id, outcome, *mine, now=now())
            except Exception:
                if attempt == RECORD_ATTEMPTS:
                    raise
                logger.exception("outcome of command id=%s identity=%s not recorded yet", command_id, self.identity)
                await asyncio.sleep(RECORD_PAUSE_S)
                attempt += 1

    async def _prove_life(self) -> None:
        if not await self._link.is_alive(timeout_s=PROBE_TIMEOUT_S):
            logger.warning("identity=%s: connection %s is dead and makes room", self.identity, self.connection_id)
            await self._close(1001)
            await self._unregister()

    async def _close(self, code: int) -> None:
        try:
            await self.send({"type": "websocket.close", "code": code})
        except (RuntimeError, OSError):
            logger.debug("connection %s was closed already", self.connection_id)

    # --- end --------------------------------------------------------------------------------------------------------

    async def _disconnect(self, code: int | None) -> None:
        if self.link is not None:
            logger.info("disconnected identity=%s connection=%s code=%s", self.identity, self.connection_id, code)
            doorbell.disconnected(self.connection_id)
            try:
                await self.link.close()
                await self._unregister()
            finally:
                self._postman.cancel()
        raise StopConsumer

    async def _unregister(self) -> None:
        await writer.submit(presence.disconnect, self.charge_point_id, connection_id=self.connection_id, now=now())
