"""The CALLs we make on one connection: one at a time, each within its own deadline, late answers kept."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from chargepoints.ocpp.background import remember, run
from chargepoints.ocpp.base import Send
from chargepoints.ocpp.failures import (
    CallError,
    CallFailure,
    CallTimeout,
    ConnectionClosed,
    InvalidAnswer,
    InvalidRequest,
    LateReply,
)
from chargepoints.ocpp.frame_log import FrameLog
from chargepoints.ocpp.frames import CallErrorFrame, CallResult, encode_call
from chargepoints.ocpp.schemas import Schemas

REMEMBERED_TIMEOUTS = 100

OnLate = Callable[[str, LateReply], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Outgoing:
    """A CALL of ours and, once it came, its answer."""

    action: str
    tag: str
    message_id: str = field(default_factory=lambda: uuid4().hex)
    sent: bool = False
    sent_at: float = 0.0
    reply: dict[str, Any] | CallFailure | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class OutgoingCalls:
    """`may_write` is clear while an incoming CALL is being answered: a CALL of ours waits until it is set."""

    def __init__(
        self, *, log: FrameLog, schemas: Schemas, send: Send, on_late: OnLate, may_write: asyncio.Event
    ) -> None:
        self._log = log
        self._schemas = schemas
        self._send = send
        self._on_late = on_late
        self._may_write = may_write
        self._closed = False
        self._turn = asyncio.Lock()
        self._deadlines: set[asyncio.Timeout] = set()
        self._outstanding: _Outgoing | None = None
        self._timed_out: dict[str, _Outgoing] = {}

    async def call(self, action: str, payload: dict[str, Any], *, timeout_s: float, tag: str) -> dict[str, Any]:
        outgoing = _Outgoing(action, tag)
        frame = self._encode(outgoing, payload)
        with suppress(TimeoutError):
            await self._exchange(outgoing, frame, timeout_s)
        reply = self._unanswered(outgoing) if outgoing.reply is None else outgoing.reply
        if outgoing.sent:
            self._log.asked(action, outgoing.message_id, payload, reply, began=outgoing.sent_at)
        if isinstance(reply, dict):
            return reply
        raise reply

    def take(self, frame: CallResult | CallErrorFrame) -> None:
        """An answer, to the CALL that waits, to one that waits no more, or to none."""
        outgoing, message_id = self._outstanding, frame.message_id
        if outgoing and outgoing.message_id == message_id and outgoing.reply is None:
            outgoing.reply = self._judge(outgoing, frame)
            outgoing.answered.set()
        elif late := self._timed_out.pop(message_id, None):
            run(self._tell_late(late, self._judge(late, frame)))
        else:
            self._log.event(logging.WARNING, "<- answer", message_id=message_id, note="to no CALL of ours: dropped")

    def close(self) -> None:
        self._closed = True
        now = asyncio.get_running_loop().time()
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(now)

    def _encode(self, outgoing: _Outgoing, payload: dict[str, Any]) -> str:
        try:
            frame = encode_call(outgoing.message_id, outgoing.action, payload)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidRequest(str(error)) from None
        violation = self._schemas.check_request(outgoing.action, payload, strict=True)
        if violation:
            raise InvalidRequest(f"{violation.code}: {violation.description}")
        self._log.payload("->", outgoing.message_id, payload)
        return frame

    async def _exchange(self, outgoing: _Outgoing, frame: str, timeout_s: float) -> None:
        if self._closed:
            raise ConnectionClosed
        async with asyncio.timeout(timeout_s) as deadline:
            self._deadlines.add(deadline)
            try:
                async with self._turn:
                    # OCPP 1.6: the answer with the transaction id must have left before the profile that names it.
                    await self._may_write.wait()
                    await self._write(outgoing, frame, deadline)
            finally:
                self._deadlines.discard(deadline)

    async def _write(self, outgoing: _Outgoing, frame: str, deadline: asyncio.Timeout) -> None:
        if self._closed or (deadline.when() or 0) <= asyncio.get_running_loop().time():
            raise TimeoutError
        self._log.event(logging.INFO, "-> CALL", action=outgoing.action, message_id=outgoing.message_id)
        self._outstanding = outgoing
        outgoing.sent_at = time.time()
        outgoing.sent = True  # from here on it may reach the charge point, even when the write is cut short
        try:
            await self._send_or_close(frame)
            await outgoing.answered.wait()
        finally:
            self._outstanding = None
            if outgoing.reply is None:
                remember(self._timed_out, outgoing.message_id, outgoing, limit=REMEMBERED_TIMEOUTS)

    async def _send_or_close(self, frame: str) -> None:
        try:
            await self._send(frame)
        except Exception as error:
            raise ConnectionClosed(sent=True) from error

    def _unanswered(self, outgoing: _Outgoing) -> CallFailure:
        if self._closed:
            return ConnectionClosed(sent=outgoing.sent)
        failure = CallTimeout(sent=outgoing.sent)
        about = {"action": outgoing.action, "message_id": outgoing.message_id}
        self._log.event(logging.WARNING, "-> CALL", **about, note=f"timed out: {failure}")
        return failure

    def _judge(self, outgoing: _Outgoing, frame: CallResult | CallErrorFrame) -> dict[str, Any] | CallFailure:
        about = {"action": outgoing.action, "message_id": outgoing.message_id}
        if isinstance(frame, CallErrorFrame):
            self._log.event(logging.WARNING, "<- CALLERROR", **about, note=f"code={frame.code}")
            return CallError(frame.code, frame.description, frame.details)
        self._log.payload("<-", outgoing.message_id, frame.payload)
        violation = self._schemas.check_response(outgoing.action, frame.payload, strict=False)
        if violation is None and isinstance(frame.payload, dict):
            self._log.event(logging.INFO, "<- CALLRESULT", **about)
            return frame.payload
        description = violation.description if violation else "payload must be of type object"
        self._log.event(logging.WARNING, "<- invalid CALLRESULT", **about, note=description)
        return InvalidAnswer(frame.payload, description)

    async def _tell_late(self, outgoing: _Outgoing, reply: dict[str, Any] | CallFailure) -> None:
        self._log.asked(outgoing.action, outgoing.message_id, None, reply, began=outgoing.sent_at)
        late = LateReply(payload=reply) if isinstance(reply, dict) else LateReply(error=reply)
        try:
            await self._on_late(outgoing.tag, late)
        except Exception as error:
            self._log.failure(outgoing.action, outgoing.message_id, error, late.payload)
