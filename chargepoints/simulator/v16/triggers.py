"""TriggerMessage: what can be asked for, and sending it (OCPP 1.6 section 5.17)."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dialect import Dialect


def triggered(dialect: "Dialect", message: str, number: int | None) -> Callable[[], Awaitable[Any]] | None:
    """None for a message that is not implemented. Without a connector number: all connectors."""
    cp = dialect.cp
    numbers = tuple(cp.connectors) if number is None else (number,)
    senders: dict[str, Callable[[], Awaitable[Any]]] = {
        "BootNotification": lambda: cp.connection.boot("Triggered"),
        "DiagnosticsStatusNotification": lambda: cp.call("DiagnosticsStatusNotification", {"status": "Idle"}),
        "FirmwareStatusNotification": lambda: cp.call("FirmwareStatusNotification", {"status": "Idle"}),
        "Heartbeat": lambda: cp.call("Heartbeat", {}),
        "MeterValues": lambda: _meter_values(dialect, numbers),
        "StatusNotification": lambda: _statuses(dialect, numbers),
    }
    return senders.get(message)


async def _meter_values(dialect: "Dialect", numbers: tuple[int, ...]) -> None:
    for number in numbers:
        await dialect.cp.charging.send_meter_values(number, trigger=True)


async def _statuses(dialect: "Dialect", numbers: tuple[int, ...]) -> None:
    for number in numbers:
        await dialect.notify_status(number, dialect.cp.connectors[number].status)
