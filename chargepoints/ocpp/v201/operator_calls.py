"""What operators ask of an OCPP 2.0.1 charge point (use cases B06, B11, F01, F03 and F06). Pure."""

from collections.abc import Iterable, Sequence

from chargepoints.ocpp.operator_calls import CallRefused
from chargepoints.ocpp.v201.device_model import CAPABILITY_QUESTIONS
from chargepoints.values import RawCall

ID_TOKEN_TYPES = {"RFID": "ISO14443"}
"""OCPI TokenType to IdTokenEnumType; what is no card was made by a central system."""


class V201OperatorCalls:
    def remote_start(self, uid: str, token_type: str, *, evse_id: int, request_id: int) -> RawCall:
        token = {"idToken": uid, "type": ID_TOKEN_TYPES.get(token_type, "Central")}
        return RawCall("RequestStartTransaction", {"remoteStartId": request_id, "evseId": evse_id, "idToken": token})

    def remote_stop(self, transaction_id: str) -> RawCall:
        if not transaction_id:
            raise CallRefused("it has no transaction id")
        return RawCall("RequestStopTransaction", {"transactionId": transaction_id})

    def trigger_message(
        self, message: str, evse_id: int | None, *, connectors: Iterable[tuple[int, int]]
    ) -> Sequence[RawCall]:
        """A StatusNotification is asked for one connector at a time (F06.FR.12)."""
        if message == "StatusNotification":
            places = [{"id": evse, "connectorId": connector} for evse, connector in connectors]
            if not places:
                raise CallRefused("no connector of it is known")
            return tuple(_trigger(message, place) for place in places)
        return (_trigger(message, None if evse_id is None else {"id": evse_id}),)

    def get_capabilities(self) -> Sequence[RawCall]:
        return CAPABILITY_QUESTIONS

    def soft_reset(self) -> RawCall:
        """OnIdle waits for running transactions to end, as a 1.6 soft reset ends them gracefully."""
        return RawCall("Reset", {"type": "OnIdle"})


def _trigger(message: str, evse: dict[str, int] | None) -> RawCall:
    return RawCall("TriggerMessage", {"requestedMessage": message} | ({"evse": evse} if evse else {}))
