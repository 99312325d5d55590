"""A simulated charge point of OCPP 1.6 or 2.0.1 over a real websocket."""

from .car import Car
from .charge_point import SimulatedChargePoint
from .charging import NotAuthorized, NotPossible
from .dialects import VERSIONS
from .framing import CallRefused, LinkLost
from .knobs import Answer, Clear, Composite, Knobs

__all__ = [
    "VERSIONS",
    "Answer",
    "CallRefused",
    "Car",
    "Clear",
    "Composite",
    "Knobs",
    "LinkLost",
    "NotAuthorized",
    "NotPossible",
    "SimulatedChargePoint",
]
