"""Which link speaks which subprotocol. The only place that knows the versions side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chargepoints.ocpp.base import ChargePointLink
from chargepoints.ocpp.operator_calls import CallRefused, OperatorCalls
from chargepoints.ocpp.v16.link import V16Link
from chargepoints.ocpp.v16.operator_calls import V16OperatorCalls
from chargepoints.ocpp.v201.link import V201Link
from chargepoints.ocpp.v201.operator_calls import V201OperatorCalls


@dataclass(frozen=True, slots=True)
class Version:
    subprotocol: str
    number: str
    link: Callable[..., ChargePointLink]
    operator_calls: OperatorCalls


# Best first.
VERSIONS = (
    Version("ocpp2.0.1", "2.0.1", V201Link, V201OperatorCalls()),
    Version("ocpp1.6", "1.6", V16Link, V16OperatorCalls()),
)


def negotiate(offered: Sequence[str]) -> Version | None:
    """The best version that the charge point offers (OCPP-J 1.6 section 3.1.2, RFC 6455 section 4.2.2)."""
    return next((version for version in VERSIONS if version.subprotocol in offered), None)


def operator_calls(ocpp_version: str) -> OperatorCalls:
    """Those of the version a charge point spoke last. Raises CallRefused for none (it never connected) or another."""
    if not ocpp_version:
        raise CallRefused("it has never connected, so its OCPP version is not known")
    number = ocpp_version.removeprefix("ocpp")
    for version in VERSIONS:
        if version.number == number:
            return version.operator_calls
    raise CallRefused(f"operators cannot make this call with OCPP {ocpp_version}")
