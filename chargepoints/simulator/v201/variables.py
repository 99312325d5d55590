"""Which variables a simulated charging station has (OCPP 2.0.1 part 2, appendix 3: referenced components)."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..dialect import Setup
from ..hardware import VOLTAGE_V
from .device_model import READ_WRITE, WRITE_ONLY, Variable

if TYPE_CHECKING:
    from .dialect import Dialect

MAX_PROFILES = 10
MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Current.Offered,Voltage,SoC"
REGISTER = "Energy.Active.Import.Register"
TX_POINTS = "EVConnected,Authorized"


def variables_of(dialect: "Dialect", setup: Setup) -> Iterator[Variable]:
    yield from _communication()
    yield from _transactions(dialect)
    yield from _metering(setup)
    if setup.smart_charging:
        yield from _smart_charging(dialect, setup)
    yield from _hardware(dialect, setup)


def _integer(component: str, name: str, value: int, instance: str = "", unit: str = "") -> Variable:
    return Variable(component, name, str(value), "integer", READ_WRITE, instance=instance, unit=unit)


def _fixed(component: str, name: str, value: int, instance: str = "") -> Variable:
    return Variable(component, name, str(value), "integer", instance=instance)


def _communication() -> Iterator[Variable]:
    yield _integer("OCPPCommCtrlr", "HeartbeatInterval", 300, unit="s")
    yield _integer("OCPPCommCtrlr", "MessageAttempts", 3, "TransactionEvent")
    yield _integer("OCPPCommCtrlr", "MessageAttemptInterval", 5, "TransactionEvent", "s")
    yield _integer("OCPPCommCtrlr", "OfflineThreshold", 60, unit="s")
    yield _fixed("DeviceDataCtrlr", "ItemsPerMessage", 50, "GetVariables")
    yield _fixed("DeviceDataCtrlr", "ItemsPerMessage", 50, "SetVariables")
    yield _fixed("DeviceDataCtrlr", "ItemsPerMessage", 10, "GetReport")
    yield Variable("SecurityCtrlr", "BasicAuthPassword", "", mutability=WRITE_ONLY)
    yield _fixed("SecurityCtrlr", "SecurityProfile", 1)


def _transactions(dialect: "Dialect") -> Iterator[Variable]:
    yield Variable("TxCtrlr", "TxStartPoint", lambda: dialect.cp.knobs.tx_start_point, "MemberList", values=TX_POINTS)
    yield Variable("TxCtrlr", "TxStopPoint", lambda: dialect.cp.knobs.tx_stop_point, "MemberList", values=TX_POINTS)
    yield Variable("TxCtrlr", "StopTxOnInvalidId", "true", "boolean")
    yield Variable("TxCtrlr", "StopTxOnEVSideDisconnect", "true", "boolean")
    yield Variable("AuthCtrlr", "AuthorizeRemoteStart", "false", "boolean")


def _metering(setup: Setup) -> Iterator[Variable]:
    yield Variable(
        "SampledDataCtrlr", "TxUpdatedInterval", str(setup.meter_interval_s), "integer", READ_WRITE, unit="s"
    )
    for name, value in (
        ("TxStartedMeasurands", REGISTER), ("TxUpdatedMeasurands", MEASURANDS), ("TxEndedMeasurands", REGISTER)
    ):  # fmt: skip
        yield Variable("SampledDataCtrlr", name, value, "MemberList", READ_WRITE, values=MEASURANDS)


def _smart_charging(dialect: "Dialect", setup: Setup) -> Iterator[Variable]:
    component = "SmartChargingCtrlr"
    yield Variable(component, "Enabled", "true", "boolean")
    yield Variable(component, "Available", "true", "boolean")
    yield Variable(component, "ACPhaseSwitchingSupported", "false", "boolean")
    yield Variable(component, "Phases3to1", "false", "boolean")
    yield _fixed(component, "ProfileStackLevel", 10)
    yield Variable(component, "RateUnit", ",".join(setup.hardware.units), "MemberList", values="A,W")
    yield _fixed(component, "PeriodsPerSchedule", 24)
    yield Variable(component, "Entries", lambda: str(len(dialect.cp.stack.profiles)), "integer",
                   instance="ChargingProfiles", max_limit=MAX_PROFILES)  # fmt: skip
    yield Variable(component, "ExternalControlSignalsEnabled", "true", "boolean")
    yield Variable(component, "NotifyChargingLimitWithSchedules", "true", "boolean", READ_WRITE)
    yield Variable(component, "LimitChangeSignificance", "0", "decimal")


def _hardware(dialect: "Dialect", setup: Setup) -> Iterator[Variable]:
    """The station, its EVSEs, and the one connector of each."""
    phases = str(setup.hardware.phases)
    watts = int(setup.hardware.max_amps * VOLTAGE_V * setup.hardware.phases)
    yield Variable("ChargingStation", "Model", "OCPP 2.0.1")
    yield Variable("ChargingStation", "VendorName", "Simulated")
    yield Variable("ChargingStation", "SupplyPhases", phases, "integer")
    yield Variable("ChargingStation", "AvailabilityState", "Available", "OptionList")
    for number, connector in dialect.cp.connectors.items():
        state = partial(dialect.status, connector)
        yield Variable("EVSE", "SupplyPhases", phases, "integer", evse=number)
        yield Variable("EVSE", "AvailabilityState", state, "OptionList", evse=number)
        yield Variable("EVSE", "Power", str(watts), "decimal", evse=number, unit="W", max_limit=watts)
        yield Variable("Connector", "SupplyPhases", phases, "integer", evse=number, connector=1)
        yield Variable("Connector", "AvailabilityState", state, "OptionList", evse=number, connector=1)
        yield Variable("Connector", "ConnectorType", "sType2", "string", evse=number, connector=1)
