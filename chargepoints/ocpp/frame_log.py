"""What the framing tells the log: identity, direction, action, message id; payloads only redacted and only at DEBUG."""

import logging
import traceback
from typing import Any

from chargepoints.ocpp.redaction import printable, redact, safe_traceback

logger = logging.getLogger("chargepoints.ocpp.rpc")


class FrameLog:
    """The log lines of one connection."""

    def __init__(self, identity: str) -> None:
        self._identity = printable(identity)

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
