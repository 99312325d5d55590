"""The OCPP calls operators make by hand. Each version has its own wire form of them (`registry.operator_calls`)."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from chargepoints.values import RawCall

TRIGGERED_MESSAGES = ("BootNotification", "Heartbeat", "StatusNotification", "MeterValues")


class CallRefused(Exception):
    """This call cannot be made to this charge point; the text says why."""


class OperatorCalls(Protocol):
    """Pure. Each may raise CallRefused."""

    def remote_start(self, uid: str, token_type: str, *, evse_id: int, request_id: int) -> RawCall:
        """`token_type`: OCPI TokenType; `request_id`: by which a 2.0.1 charge point names the request it follows."""
        ...

    def remote_stop(self, transaction_id: str) -> RawCall: ...

    def trigger_message(
        self, message: str, evse_id: int | None, *, connectors: Iterable[tuple[int, int]]
    ) -> Sequence[RawCall]:
        """Asks for `message` of one EVSE, or of all; `connectors` are its known ones, as (EVSE, connector)."""
        ...

    def get_capabilities(self) -> Sequence[RawCall]: ...

    def soft_reset(self) -> RawCall: ...
