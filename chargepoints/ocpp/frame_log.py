"""What the framing tells the log: identity, direction, action, message id; payloads only redacted and only at DEBUG.

And what it tells whoever keeps the messages themselves, if anybody does.
"""

import logging
import traceback
from typing import Any

from chargepoints.ocpp.exchanges import ERROR, IN, OUT, RESULT, Exchange, Record, since_ms
from chargepoints.ocpp.failures import CallError, CallFailure, CallTimeout, InvalidAnswer
from chargepoints.ocpp.frames import Call, Malformed
from chargepoints.ocpp.redaction import printable, redact, safe_traceback

logger = logging.getLogger("chargepoints.ocpp.rpc")


class FrameLog:
    """The log lines of one connection."""

    def __init__(self, identity: str, record: Record | None = None) -> None:
        self._identity = printable(identity)
        self._record = record

    def event(self, level: int, kind: str, *, action: str = "", message_id: str = "", note: str = "") -> None:
        """`kind` with its direction: "<- CALL" is from the charge point, "-> CALL" to it."""
        if logger.isEnabledFor(level):
            words = [self._identity, kind, printable(action), f"id={printable(message_id)}", printable(note, 300)]
            logger.log(level, "%s", " ".join(filter(None, words)))

    def payload(self, direction: str, message_id: str, payload: Any) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s id=%s %s", self._identity, direction, printable(message_id), redact(payload))

    def failure(self, action: str, message_id: str, error: BaseException, payload: Any) -> None:
        """An unexpected error in a handler, with its traceback."""
        where = (self._identity, printable(action), printable(message_id))
        logger.error("%s %s id=%s failed\n%s", *where, safe_traceback(error, payload))

    def dropped(self, error: BaseException) -> None:
        """A fault of the framing itself. Where it happened, not what it said: that may quote the frame."""
        stack = "".join(traceback.format_tb(error.__traceback__))
        logger.error("%s frame dropped: %s\n%s", self._identity, type(error).__name__, stack)

    # --- messages that are kept -------------------------------------------------------------------------------------

    def answered(self, call: Call, text: str, *, is_error: bool, began: float) -> None:
        """A CALL of the charge point with the frame that answered it."""
        if self._record:
            self._record(
                Exchange(
                    began, IN, call.action, call.message_id, call.payload, ERROR if is_error else RESULT, text,
                    duration_ms=since_ms(began),
                )
            )  # fmt: skip

    def unreadable(self, frame: Malformed, *, began: float) -> None:
        if self._record:
            answer = {"reason": frame.reason}
            self._record(Exchange(began, IN, "", frame.message_id or "", None, "", answer, "unreadable"))

    def asked(
        self, action: str, message_id: str, payload: Any, reply: dict[str, Any] | CallFailure, *, began: float
    ) -> None:
        """A CALL of ours that left; `payload` None: its answer came late."""
        if self._record:
            kind, answer, result = _told(reply)
            self._record(
                Exchange(
                    began, OUT, action, message_id, payload, kind, answer, result,
                    since_ms(began),
                )
            )  # fmt: skip


def _told(reply: dict[str, Any] | CallFailure) -> tuple[str, Any, str]:
    """Type of the answer, the answer, and the result where the answer does not hold it."""
    if isinstance(reply, dict):
        return RESULT, reply, ""
    if isinstance(reply, CallError):
        answer = {"errorCode": reply.code, "errorDescription": reply.description, "errorDetails": reply.details}
        return ERROR, answer, ""
    if isinstance(reply, InvalidAnswer):
        return RESULT, reply.payload, "invalid answer"
    return "", None, "no answer in time" if isinstance(reply, CallTimeout) else "connection closed"
