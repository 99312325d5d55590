"""TriggerMessage: what can be asked for, and sending it (OCPP 1.6 section 5.17)."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .simulation import Simulation


def triggered(cp: "Simulation", message: str, number: int | None) -> Callable[[], Awaitable[Any]] | None:
    """None for a message that is not implemented. Without a connector number: all connectors."""
    numbers = tuple(cp.connectors) if number is None else (number,)
    senders: dict[str, Callable[[], Awaitable[Any]]] = {
        "BootNotification": cp.connection.boot,
        "DiagnosticsStatusNotification": lambda: cp.call("DiagnosticsStatusNotification", {"status": "Idle"}),
        "FirmwareStatusNotification": lambda: cp.call("FirmwareStatusNotification", {"status": "Idle"}),
        "Heartbeat": lambda: cp.call("Heartbeat", {}),
        "MeterValues": lambda: _meter_values(cp, numbers),
        "StatusNotification": lambda: _statuses(cp, numbers),
    }
    return senders.get(message)


async def _meter_values(cp: "Simulation", numbers: tuple[int, ...]) -> None:
    for number in numbers:
        await cp.charging.send_meter_values(number, context="Trigger")


async def _statuses(cp: "Simulation", numbers: tuple[int, ...]) -> None:
    for number in numbers:
        await cp.notify_status(number, cp.connectors[number].status)
