"""From what came of a CALL to a CommandOutcome, the same for every OCPP version. Pure."""

from collections.abc import Set as AbstractSet

from chargepoints.ocpp.failures import CallError, CallTimeout, ConnectionClosed, InvalidRequest
from chargepoints.ocpp.wire import clean_text, storable
from chargepoints.values import CommandOutcome, OutcomeStatus


def failed(failure: Exception) -> CommandOutcome:
    """A CALL without its confirmation. A CALLERROR or nonsense is a refusal; silence is not."""
    match failure:
        case CallTimeout():
            return CommandOutcome(OutcomeStatus.EXPIRED, str(failure))
        case ConnectionClosed():
            return CommandOutcome(OutcomeStatus.FAILED, "the connection closed before the charge point answered")
        case InvalidRequest() | ValueError():
            return CommandOutcome(OutcomeStatus.FAILED, f"nothing was sent: {failure}")
        case CallError():
            answer = {"errorCode": failure.code, "errorDescription": failure.description}
            return CommandOutcome(
                OutcomeStatus.REJECTED, clean_text(f"charge point answered CALLERROR {failure}", 500), storable(answer)
            )
        case _:
            return CommandOutcome(OutcomeStatus.REJECTED, clean_text(f"charge point answered nonsense: {failure}", 500))


def judged(
    status: object, *, agreements: AbstractSet[str], unknown: AbstractSet[str], optional: bool
) -> tuple[OutcomeStatus, str]:
    """The outcome of an answer's status, and a detail for people. `optional`: no status is agreement."""
    if status == "Accepted" or (status is None and optional):
        return OutcomeStatus.ACCEPTED, ""
    if not isinstance(status, str):
        return OutcomeStatus.REJECTED, "charge point answered without a usable status"
    detail = f"charge point answered {storable(status)[:100]}"
    if status in unknown:
        return OutcomeStatus.UNKNOWN, detail
    return OutcomeStatus.ACCEPTED if status in agreements else OutcomeStatus.REJECTED, detail
