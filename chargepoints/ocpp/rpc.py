"""OCPP-J framing of one websocket, any version (OCPP-J 1.6 section 4; OCPP 2.0.1 Part 4 section 4). Knows no actions.

One outstanding CALL per direction. An answer to us never waits behind a handler; a CALL of ours is never written
between a handler's decision and its answer.
"""

import logging
import time
from typing import Any

from chargepoints.ocpp.base import Send
from chargepoints.ocpp.exchanges import Record
from chargepoints.ocpp.failures import (
    CallError,
    CallFailure,
    CallTimeout,
    ConnectionClosed,
    InvalidAnswer,
    InvalidRequest,
    LateReply,
    RpcError,
)
from chargepoints.ocpp.frame_log import FrameLog
from chargepoints.ocpp.frames import UNREADABLE_ID, Call, Fault, Frame, Malformed, encode_error, read_frame
from chargepoints.ocpp.incoming import Handle, IncomingCalls
from chargepoints.ocpp.outgoing import OnLate, OutgoingCalls
from chargepoints.ocpp.redaction import redact
from chargepoints.ocpp.schemas import Schemas

__all__ = [
    "CallError",
    "CallFailure",
    "CallTimeout",
    "ConnectionClosed",
    "InvalidAnswer",
    "InvalidRequest",
    "LateReply",
    "RpcConnection",
    "RpcError",
    "Schemas",
    "redact",
]


class RpcConnection:
    """`handle` gets each incoming CALL; `on_late` gets the tag of a timed out CALL with its late answer.

    `send` writes one frame; whatever it raises means that the socket is gone. `record` gets each CALL with its answer,
    on the loop: it must not wait.
    """

    def __init__(
        self, *, identity: str, schemas: Schemas, send: Send, handle: Handle, on_late: OnLate,
        record: Record | None = None,
    ) -> None:  # fmt: skip
        self._send = send
        self._codes = schemas.codes
        self._closed = False
        self._log = FrameLog(identity, record)
        self._incoming = IncomingCalls(log=self._log, schemas=schemas, write=self._write, handle=handle)
        self._outgoing = OutgoingCalls(
            log=self._log, schemas=schemas, send=send, on_late=on_late, may_write=self._incoming.answer_written
        )

    async def receive(self, text: str) -> None:
        """Takes one frame. Never raises and never waits for a handler."""
        try:
            await self._take(read_frame(text))
        except Exception as error:
            self._log.dropped(error)

    async def call(self, action: str, payload: dict[str, Any], *, timeout_s: float, tag: str = "") -> dict[str, Any]:
        """The payload of the CALLRESULT, or a CallFailure. Waiting for the turn counts against `timeout_s`.

        Not to be awaited inside `handle`: it would wait for the answer that `handle` is about to give.
        """
        if self._incoming.is_current_task:
            raise RuntimeError("call() awaited inside a handler")
        return await self._outgoing.call(action, payload, timeout_s=timeout_s, tag=tag)

    async def close(self) -> None:
        """Ends our CALLs with ConnectionClosed. CALLs already received are still handled: their facts matter."""
        self._closed = True
        self._outgoing.close()

    async def _take(self, frame: Frame) -> None:
        if isinstance(frame, Call):
            await self._incoming.put(frame)
        elif isinstance(frame, Malformed):
            await self._refuse(frame)
        else:
            self._outgoing.take(frame)

    async def _refuse(self, frame: Malformed) -> None:
        code = self._codes.message_type if frame.fault is Fault.MESSAGE_TYPE else self._codes.malformed
        message_id = frame.message_id
        if message_id is None:
            message_id, code = UNREADABLE_ID, self._codes.unreadable
        self._log.event(logging.WARNING, "<- malformed", message_id=message_id, note=frame.reason)
        self._log.unreadable(frame, began=time.time())
        if code:
            await self._write(encode_error(message_id, code, frame.reason))

    async def _write(self, text: str) -> None:
        """Writes an answer. It has nowhere to go once the socket is gone."""
        if self._closed:
            return
        try:
            await self._send(text)
        except Exception as error:
            self._log.event(logging.INFO, "-> answer", note=f"not written: {type(error).__name__}")
