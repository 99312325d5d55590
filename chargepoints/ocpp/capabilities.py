"""What a charge point tells of its smart charging, in whatever words. Pure."""

import re
from dataclasses import dataclass

from chargepoints.ocpp.wire import whole
from chargepoints.values import RateUnit

_UNIT_WORDS = {"current": RateUnit.AMPERE, "a": RateUnit.AMPERE, "power": RateUnit.WATT, "w": RateUnit.WATT}


@dataclass(frozen=True, slots=True)
class LearnedCapabilities:
    """None, or no `units`: the charge point has not said, or not legibly."""

    supported: bool | None = None
    units: frozenset[RateUnit] = frozenset()
    max_periods: int | None = None
    max_stack_level: int | None = None
    max_profiles: int | None = None
    connector_count: int | None = None
    phase_switching: bool | None = None


def read_units(text: str) -> frozenset[RateUnit]:
    """`Current,Power` of OCPP 1.6 as well as `A,W` of 2.0.1, in any case; other words are left out."""
    words = re.split(r"[\s,;|]+", text.casefold())
    return frozenset(_UNIT_WORDS[word] for word in words if word in _UNIT_WORDS)


def read_truth(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().casefold())


def at_least(least: int, text: str | None) -> int | None:
    """A count as a charge point writes it; None when it is none, or below `least`."""
    count = whole(text)
    return count if count is not None and count >= least else None
