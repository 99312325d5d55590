"""What operators ask of an OCPP 1.6 charge point (sections 5.8, 5.11, 5.12, 5.14 and 5.17). Pure."""

from collections.abc import Iterable, Sequence

from chargepoints.ocpp.operator_calls import CallRefused
from chargepoints.ocpp.v16.translation import CAPABILITY_QUESTIONS
from chargepoints.values import RawCall

LONGEST_ID_TAG = 20  # IdToken, section 7.28


class V16OperatorCalls:
    def remote_start(
        self,
        uid: str,
        token_type: str,  # noqa: ARG002
        *,
        evse_id: int,
        request_id: int,  # noqa: ARG002
    ) -> RawCall:
        if len(uid) > LONGEST_ID_TAG:
            raise CallRefused(f"its OCPP 1.6 takes tokens of at most {LONGEST_ID_TAG} characters")
        return RawCall("RemoteStartTransaction", {"connectorId": evse_id, "idTag": uid})

    def remote_stop(self, transaction_id: str) -> RawCall:
        if not transaction_id.isdecimal():
            raise CallRefused(f"its transaction id {transaction_id!r} is not a number, as OCPP 1.6 needs")
        return RawCall("RemoteStopTransaction", {"transactionId": int(transaction_id)})

    def trigger_message(
        self,
        message: str,
        evse_id: int | None,
        *,
        connectors: Iterable[tuple[int, int]],  # noqa: ARG002
    ) -> Sequence[RawCall]:
        connector = {} if evse_id is None else {"connectorId": evse_id}
        return (RawCall("TriggerMessage", {"requestedMessage": message, **connector}),)

    def get_capabilities(self) -> Sequence[RawCall]:
        return CAPABILITY_QUESTIONS

    def soft_reset(self) -> RawCall:
        return RawCall("Reset", {"type": "Soft"})
