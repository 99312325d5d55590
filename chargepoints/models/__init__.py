from chargepoints.models.audit import AuditEntry
from chargepoints.models.commands import ChargePointCommand
from chargepoints.models.limits import OperatorLimit
from chargepoints.models.messages import OcppMessage
from chargepoints.models.profiles import ChargingProfile
from chargepoints.models.self_tests import SmartChargingTest
from chargepoints.models.sessions import ChargingSession, DriverToken, MeterValue
from chargepoints.models.sites import ChargePoint, Connector, Evse, Location, ServerProcess

__all__ = [
    "AuditEntry",
    "ChargePoint",
    "ChargePointCommand",
    "ChargingProfile",
    "ChargingSession",
    "Connector",
    "DriverToken",
    "Evse",
    "Location",
    "MeterValue",
    "OcppMessage",
    "OperatorLimit",
    "ServerProcess",
    "SmartChargingTest",
]
