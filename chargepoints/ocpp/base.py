"""One Protocol for all OCPP versions: what the consumer knows of a charge point's link."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from chargepoints.values import CommandCall, CommandOutcome

T = TypeVar("T")

Send = Callable[[str], Awaitable[None]]


class Submit(Protocol):
    """Runs a short database function on the writer thread and returns its value once it is committed."""

    def __call__(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Awaitable[T]: ...


class ChargePointLink(Protocol):
    """A connected charge point, spoken to in its own OCPP version.

    `clock_skew_s`: its clock minus ours; None until one of its messages told the time.
    """

    clock_skew_s: int | None

    async def receive(self, text: str) -> None:
        """Takes one frame. Never raises: every fault becomes the answer OCPP-J asks for, or a log line."""
        ...

    async def perform(self, call: CommandCall) -> CommandOutcome:
        """Sends one command and returns its outcome, within `call.timeout_s`. Never raises for what a peer did."""
        ...

    async def is_alive(self, *, timeout_s: float) -> bool:
        """Whether it still answers anything at all."""
        ...

    async def close(self) -> None:
        """The socket is gone: outstanding calls end as FAILED, handlers already under way finish."""
        ...
