"""The honest answers of a charging station to the CSMS (OCPP 2.0.1 part 2)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..connector import RemoteStart
from ..dialect import Reply
from . import device_answers, smart_charging
from .replies import status
from .triggers import trigger_message

if TYPE_CHECKING:
    from .dialect import Dialect

SMART_CHARGING = frozenset(smart_charging.HANDLERS)


def _request_start(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """F01, F02; waits for the cable when there is none yet. Names the transaction that the cable has started."""
    cp, profile = dialect.cp, payload.get("chargingProfile")
    free = cp.charging.free_connectors()
    number = payload.get("evseId", free[0] if free else 0)
    if number not in free:
        return status("Rejected", "TxInProgress" if number in cp.connectors else "UnknownEvse")
    if profile and (profile["chargingProfilePurpose"] != "TxProfile" or "transactionId" in profile):
        return status("Rejected", "InvalidValue", "a TxProfile without transactionId (F01.FR.10, .11)")
    token = payload["idToken"]
    wanted = RemoteStart(token["idToken"], profile, token["type"], payload["remoteStartId"])
    reply = status("Accepted", then=cp.charging.remote_start(number, wanted))
    if running := cp.connectors[number].transaction:
        reply.payload["transactionId"] = running.transaction_id
    return reply


def _request_stop(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    number = dialect.cp.charging.running().get(payload["transactionId"])
    if number is None:
        return status("Rejected", "TxNotFound")
    return status("Accepted", then=lambda: dialect.cp.charging.stop(number, reason="Remote"))


def _transaction_status(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """E14. What waits is not told apart by transaction."""
    answer: dict[str, Any] = {"messagesInQueue": bool(dialect.cp.queue.actions)}
    if "transactionId" in payload:
        answer["ongoingIndicator"] = payload["transactionId"] in dialect.cp.charging.running()
    return Reply(answer)


def _reset(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """B11, B12. A single EVSE cannot be reset."""
    if "evseId" in payload:
        return status("Rejected", "UnsupportedParam")
    if payload["type"] == "OnIdle" and dialect.cp.charging.running():
        dialect.reset_when_idle = True
        return status("Scheduled")
    return status("Accepted", then=lambda: dialect.cp.reset("Reset"))


def _change_availability(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """G03, G04; without EVSE the whole station."""
    cp, number = dialect.cp, payload.get("evse", {}).get("id", 0)
    if number != 0 and number not in cp.connectors:
        return status("Rejected", "UnknownEvse")
    operative = payload["operationalStatus"] == "Operative"
    return status(cp.change_availability(number, operative=operative), then=cp.report_statuses)


def _unlock_connector(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """F05: never while somebody charges."""
    connector = dialect.cp.connectors.get(payload["evseId"])
    if connector is None or payload["connectorId"] != 1:
        return status("UnknownConnector")
    return status("OngoingAuthorizedTransaction" if connector.authorized else "Unlocked")


HANDLERS: dict[str, Callable[["Dialect", dict[str, Any]], Reply]] = {
    "ChangeAvailability": _change_availability,
    "ClearCache": lambda _dialect, _payload: status("Accepted"),
    "DataTransfer": lambda _dialect, _payload: status("UnknownVendorId"),
    "GetTransactionStatus": _transaction_status,
    "RequestStartTransaction": _request_start,
    "RequestStopTransaction": _request_stop,
    "Reset": _reset,
    "TriggerMessage": trigger_message,
    "UnlockConnector": _unlock_connector,
    **device_answers.HANDLERS,
    **smart_charging.HANDLERS,
}
