"""The OCPP calls operators make by hand, in the wire form of each OCPP version. Pure."""

from dataclasses import dataclass
from typing import Any

from chargepoints.ocpp.v16.translation import SMART_CHARGING_KEYS

TRIGGERED_MESSAGES = ("BootNotification", "Heartbeat", "StatusNotification", "MeterValues")


class CallRefused(Exception):
    """This call cannot be made to this charge point; the text says why."""


@dataclass(frozen=True, slots=True)
class OperatorCall:
    action: str
    payload: dict[str, Any]


class Ocpp16:
    """OCPP 1.6 sections 5.8, 5.12, 5.14 and 5.17."""

    def remote_stop(self, transaction_id: str) -> OperatorCall:
        if not transaction_id.isdecimal():
            raise CallRefused(f"its transaction id {transaction_id!r} is not a number, as OCPP 1.6 needs")
        return OperatorCall("RemoteStopTransaction", {"transactionId": int(transaction_id)})

    def trigger_message(self, message: str, evse_id: int | None) -> OperatorCall:
        connector = {} if evse_id is None else {"connectorId": evse_id}
        return OperatorCall("TriggerMessage", {"requestedMessage": message, **connector})

    def get_capabilities(self) -> OperatorCall:
        return OperatorCall("GetConfiguration", {"key": list(SMART_CHARGING_KEYS)})

    def soft_reset(self) -> OperatorCall:
        return OperatorCall("Reset", {"type": "Soft"})


BY_VERSION = {"1.6": Ocpp16()}


def calls_for(ocpp_version: str) -> Ocpp16:
    """Raises CallRefused for a version without such calls, or none: it never connected."""
    if not ocpp_version:
        raise CallRefused("it has never connected, so its OCPP version is not known")
    try:
        return BY_VERSION[ocpp_version.removeprefix("ocpp")]
    except KeyError:
        raise CallRefused(f"operators cannot make this call with OCPP {ocpp_version} yet") from None
