"""A simulated charge point of OCPP 1.6 over a real websocket."""

from .car import Car
from .charge_point import SimulatedChargePoint
from .charging import NotAuthorized, NotPossible
from .framing import CallRefused, LinkLost
from .knobs import Answer, Clear, Composite, Knobs

__all__ = [
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
