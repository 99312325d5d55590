"""Which link speaks which subprotocol. The only place that knows the versions side by side."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chargepoints.ocpp.base import ChargePointLink
from chargepoints.ocpp.operator_calls import CallRefused, OperatorCalls
from chargepoints.ocpp.schemas import Schemas
from chargepoints.ocpp.v16 import translation as v16
from chargepoints.ocpp.v16.link import HANDLERS as V16_MESSAGES
from chargepoints.ocpp.v16.link import V16Link
from chargepoints.ocpp.v16.operator_calls import V16OperatorCalls
from chargepoints.ocpp.v201 import translation as v201
from chargepoints.ocpp.v201.link import HANDLERS as V201_MESSAGES
from chargepoints.ocpp.v201.link import V201Link
from chargepoints.ocpp.v201.operator_calls import V201OperatorCalls
from chargepoints.values import CommandOutcome, CommandRequest


@dataclass(frozen=True, slots=True)
class Version:
    subprotocol: str
    number: str
    link: Callable[..., ChargePointLink]
    operator_calls: OperatorCalls
    to_call: Callable[[CommandRequest], tuple[str, dict[str, Any]]]
    messages: Collection[str]

    @property
    def calls(self) -> list[str]:
        """What a CSMS may ask: all that is no message of a charge point, and DataTransfer, which both may send."""
        return sorted(Schemas.for_version(self.number).actions - set(self.messages) | {"DataTransfer"})


# Best first.
VERSIONS = (
    Version("ocpp2.0.1", "2.0.1", V201Link, V201OperatorCalls(), v201.to_call, V201_MESSAGES),
    Version("ocpp1.6", "1.6", V16Link, V16OperatorCalls(), v16.to_call, V16_MESSAGES),
)


def negotiate(offered: Sequence[str]) -> Version | None:
    """The best version that the charge point offers (OCPP-J 1.6 section 3.1.2, RFC 6455 section 4.2.2)."""
    return next((version for version in VERSIONS if version.subprotocol in offered), None)


def version_of(ocpp_version: str) -> Version:
    """The version a charge point spoke last. Raises CallRefused for none (it never connected) or another."""
    if not ocpp_version:
        raise CallRefused("it has never connected, so its OCPP version is not known")
    number = ocpp_version.removeprefix("ocpp")
    for version in VERSIONS:
        if version.number == number:
            return version
    raise CallRefused(f"operators cannot make this call with OCPP {ocpp_version}")


def operator_calls(ocpp_version: str) -> OperatorCalls:
    """Raises CallRefused as `version_of`."""
    return version_of(ocpp_version).operator_calls


_READERS = {"2.0.1": v201.to_outcome, "1.6": v16.to_outcome}


def read_answer(
    ocpp_version: str, request: CommandRequest, answer: dict[str, Any], *, received_at: datetime
) -> CommandOutcome | None:
    """A kept answer, read once more. None for a version that we do not speak."""
    read = _READERS.get(ocpp_version.removeprefix("ocpp"))
    return read(request, answer, received_at=received_at) if read else None
