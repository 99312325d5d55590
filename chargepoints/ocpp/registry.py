"""Which link speaks which subprotocol. The only place that knows the versions side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chargepoints.ocpp.base import ChargePointLink
from chargepoints.ocpp.v16.link import V16Link


@dataclass(frozen=True, slots=True)
class Version:
    subprotocol: str
    number: str
    link: Callable[..., ChargePointLink]


# Best first.
VERSIONS = (Version("ocpp1.6", "1.6", V16Link),)


def negotiate(offered: Sequence[str]) -> Version | None:
    """The best version that the charge point offers (OCPP-J 1.6 section 3.1.2, RFC 6455 section 4.2.2)."""
    return next((version for version in VERSIONS if version.subprotocol in offered), None)
