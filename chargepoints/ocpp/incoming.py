"""The CALLs of the charge point on one connection: handled one after another, in order, beside the reader."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from chargepoints.ocpp.background import remember, run
from chargepoints.ocpp.base import Send
from chargepoints.ocpp.failures import RpcError
from chargepoints.ocpp.frame_log import FrameLog
from chargepoints.ocpp.frames import Call, encode_error, encode_result
from chargepoints.ocpp.redaction import without_secrets
from chargepoints.ocpp.schemas import Schemas

QUEUE_LIMIT = 4096  # a charge point that was offline may send all it has kept without waiting for answers
QUEUE_LIMIT_CHARS = 4 * 1024 * 1024
REMEMBERED_ANSWERS = 64

Handle = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class IncomingCalls:
    """`answer_written` is cleared while a handler is in progress and set once its answer left. `write` never raises.

    The worker is a task only while there is work: an idle connection costs none, and closing it stops no handler.
    """

    def __init__(self, *, log: FrameLog, schemas: Schemas, write: Send, handle: Handle) -> None:
        self._log = log
        self._schemas = schemas
        self._write = write
        self._handle = handle
        self._queue: deque[Call] = deque()
        self._queued_chars = 0
        self._worker: asyncio.Task[None] | None = None
        self._answered: dict[str, tuple[int, str]] = {}
        self.answer_written = asyncio.Event()
        self.answer_written.set()

    @property
    def is_current_task(self) -> bool:
        return self._worker is not None and asyncio.current_task() is self._worker

    async def put(self, call: Call) -> None:
        if len(self._queue) >= QUEUE_LIMIT or self._queued_chars > QUEUE_LIMIT_CHARS:
            error = RpcError(self._schemas.codes.internal, "too many messages at once")
            await self._write(self._callerror(call, error))
            return
        self._queue.append(call)
        self._queued_chars += call.size
        if self._worker is None:
            self._worker = run(self._work())

    async def _work(self) -> None:
        try:
            while self._queue:
                self.answer_written.clear()
                call = self._queue.popleft()
                self._queued_chars -= call.size
                await self._answer(call)
                self.answer_written.set()
        finally:
            self._worker = None
            self.answer_written.set()

    async def _answer(self, call: Call) -> None:
        began, is_error = time.time(), False
        self._log.event(logging.DEBUG, "<- CALL", action=call.action, message_id=call.message_id)
        self._log.payload("<-", call.message_id, call.payload)
        try:
            text = await self._confirm(call)
        except RpcError as error:
            text, is_error = self._callerror(call, error), True
        await self._write(text)
        self._log.answered(call, text, is_error=is_error, began=began)

    async def _confirm(self, call: Call) -> str:
        """The CALLRESULT. A CALL that repeats an answered one gets the stored answer: its sender never saw it.

        A CALLERROR is not stored, so that a charge point that tries again is heard again; nor is the answer to an empty
        payload (Heartbeat), which states no fact and may come under one id for ever.
        """
        known = self._answered.get(call.message_id)
        if known and known[0] == call.content:
            self._log.event(logging.INFO, "-> CALLRESULT again", action=call.action, message_id=call.message_id)
            return known[1]
        violation = self._schemas.check_request(call.action, call.payload, strict=False)
        if violation:
            raise RpcError(violation.code, violation.description)
        text = await self._handled(call)
        if call.payload:
            remember(self._answered, call.message_id, (call.content, text), limit=REMEMBERED_ANSWERS)
        return text

    async def _handled(self, call: Call) -> str:
        try:
            return self._encode(call, await self._handle(call.action, call.payload))
        except RpcError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
                raise
            self._log.failure(call.action, call.message_id, error, call.payload)
            raise RpcError(self._schemas.codes.internal, "the message could not be processed") from None

    def _encode(self, call: Call, confirmation: dict[str, Any]) -> str:
        violation = self._schemas.check_response(call.action, confirmation, strict=True)
        if violation:
            raise ValueError(f"invalid confirmation: {violation.description}")
        self._log.payload("->", call.message_id, confirmation)
        return encode_result(call.message_id, confirmation)

    def _callerror(self, call: Call, error: RpcError) -> str:
        note = without_secrets(str(error), call.payload)
        self._log.event(logging.WARNING, "-> CALLERROR", action=call.action, message_id=call.message_id, note=note)
        return encode_error(call.message_id, error.code, error.description)


def _is_being_cancelled() -> bool:
    """Whether this task is to stop, as opposed to something it awaited having been cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
