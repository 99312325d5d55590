"""The versions side by side."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .dialect import Dialect, Setup
from .v16.dialect import Dialect as Dialect16
from .v201.dialect import Dialect as Dialect201

if TYPE_CHECKING:
    from .simulation import Simulation

DIALECTS: dict[str, Callable[["Simulation", Setup], Dialect]] = {"1.6": Dialect16, "2.0.1": Dialect201}
VERSIONS = tuple(DIALECTS)


def dialect_of(version: str) -> Callable[["Simulation", Setup], Dialect]:
    """Raises ValueError."""
    if version not in DIALECTS:
        raise ValueError(f"OCPP {version} is not simulated; {' and '.join(VERSIONS)} are")
    return DIALECTS[version]
