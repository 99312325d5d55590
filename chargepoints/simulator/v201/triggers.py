"""TriggerMessage: what can be asked for, and sending it (OCPP 2.0.1 section F06)."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..dialect import Reply
from .replies import status

if TYPE_CHECKING:
    from .dialect import Dialect

IMPLEMENTED = frozenset({
    "BootNotification", "FirmwareStatusNotification", "Heartbeat", "LogStatusNotification", "MeterValues",
    "StatusNotification", "TransactionEvent",
})  # fmt: skip


def trigger_message(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    cp, message, evse = dialect.cp, payload["requestedMessage"], payload.get("evse", {})
    if message not in IMPLEMENTED:
        return status("NotImplemented")
    if "id" in evse and evse["id"] not in cp.connectors:
        return status("Rejected", "UnknownEvse")
    if message == "BootNotification" and cp.connection.registered:
        return status("Rejected", "NoError", "accepted already (F06.FR.17)")
    if message == "StatusNotification" and "connectorId" not in evse:
        return status("Rejected", "MissingParam", "of one connector only (F06.FR.13)")
    numbers = (evse["id"],) if "id" in evse else tuple(cp.connectors)
    send = _sender(dialect, message, numbers)
    return status("Accepted", then=send) if send else status("Rejected", "TxNotFound")


def _sender(dialect: "Dialect", message: str, numbers: tuple[int, ...]) -> Callable[[], Awaitable[Any]] | None:
    """None where there is nothing to tell."""
    cp = dialect.cp
    charging = tuple(n for n in numbers if cp.connectors[n].transaction)
    senders: dict[str, Callable[[], Awaitable[Any]] | None] = {
        "BootNotification": partial(cp.connection.boot, "Triggered"),
        "FirmwareStatusNotification": partial(cp.call, "FirmwareStatusNotification", {"status": "Idle"}),
        "Heartbeat": partial(cp.call, "Heartbeat", {}),
        "LogStatusNotification": partial(cp.call, "LogStatusNotification", {"status": "Idle"}),
        "MeterValues": partial(_meter_values, dialect, numbers),
        "StatusNotification": partial(_statuses, dialect, numbers),
        "TransactionEvent": partial(_transactions, dialect, charging) if charging else None,
    }
    return senders[message]


async def _transactions(dialect: "Dialect", numbers: tuple[int, ...]) -> None:
    for number in numbers:
        await dialect.cp.charging.send_meter_values(number, trigger=True)


async def _meter_values(dialect: "Dialect", numbers: tuple[int, ...]) -> None:
    """MeterValues, with or without a transaction (F06.FR.06)."""
    cp = dialect.cp
    for number in numbers:
        connector = cp.connectors[number]
        await cp.patiently(dialect.say_plain_meter_values(connector, connector.read_meter(cp.now()), "Trigger"))


async def _statuses(dialect: "Dialect", numbers: tuple[int, ...]) -> None:
    for number in numbers:
        await dialect.notify_status(number, dialect.status(dialect.cp.connectors[number]))
