"""How a CALL can end without its confirmation, in either direction."""

from dataclasses import dataclass
from typing import Any


class RpcError(Exception):
    """Raised by a handler: answer the CALL with this CALLERROR."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class CallFailure(Exception):
    """A CALL of ours that brought no confirmation."""


class InvalidRequest(CallFailure):
    """The payload is not JSON or violates the schema; nothing was sent."""


class CallTimeout(CallFailure):
    """No answer within the deadline. `sent`: the charge point may have received it and may still act on it."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("no answer in time" if sent else "not sent in time")
        self.sent = sent


class ConnectionClosed(CallFailure):
    """The socket is gone. `sent`: the charge point may have received the CALL."""

    def __init__(self, *, sent: bool = False) -> None:
        super().__init__("the connection closed")
        self.sent = sent


class CallError(CallFailure):
    """The charge point answered a CALLERROR. The code is as received, known or not."""

    def __init__(self, code: str, description: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description
        self.details = details or {}


class InvalidAnswer(CallFailure):
    """The CALLRESULT violates the schema; `payload` is what came, None when the frame was broken."""

    def __init__(self, payload: Any, description: str) -> None:
        super().__init__(description)
        self.payload = payload


@dataclass(frozen=True, slots=True)
class LateReply:
    """The answer to a CALL that had timed out: exactly one of the two is set."""

    payload: dict[str, Any] | None = None
    error: CallFailure | None = None
