"""The device model of a simulated charging station (OCPP 2.0.1 part 2, section 2 of the appendices)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..profiles import StackLimits

READ_ONLY, WRITE_ONLY, READ_WRITE = "ReadOnly", "WriteOnly", "ReadWrite"
TRUTHS = frozenset({"true", "false"})


@dataclass(frozen=True, slots=True)
class Variable:
    """`evse` and `connector` 0: of the whole station, or of the EVSE. `value` may be looked up when it is asked for."""

    component: str
    name: str
    value: str | Callable[[], str]
    data_type: str = "string"
    mutability: str = READ_ONLY
    instance: str = ""
    evse: int = 0
    connector: int = 0
    unit: str = ""
    max_limit: int | None = None
    values: str = ""

    @property
    def label(self) -> str:
        """Component.Variable or Component.Variable[instance]."""
        return f"{self.component}.{self.name}" + (f"[{self.instance}]" if self.instance else "")

    @property
    def key(self) -> "Key":
        return key_of(self.wire_component, self.wire_variable)

    @property
    def text(self) -> str:
        return self.value() if callable(self.value) else self.value

    @property
    def wire_component(self) -> dict[str, Any]:
        evse = {"id": self.evse} | ({"connectorId": self.connector} if self.connector else {})
        return {"name": self.component} | ({"evse": evse} if self.evse else {})

    @property
    def wire_variable(self) -> dict[str, Any]:
        return {"name": self.name} | ({"instance": self.instance} if self.instance else {})

    def takes(self, value: str) -> bool:
        match self.data_type:
            case "integer":
                return value.isdecimal() and (self.max_limit is None or int(value) <= self.max_limit)
            case "boolean":
                return value in TRUTHS
            case "OptionList" | "MemberList":
                return set(value.split(",")) <= set(self.values.split(","))
        return True

    def report(self) -> dict[str, Any]:
        """ReportDataType."""
        attribute = {"type": "Actual", "mutability": self.mutability}
        if self.mutability != WRITE_ONLY:
            attribute["value"] = self.text
        characteristics = {"dataType": self.data_type, "supportsMonitoring": False}
        optional = {"unit": self.unit, "maxLimit": self.max_limit, "valuesList": self.values}
        return {
            "component": self.wire_component,
            "variable": self.wire_variable,
            "variableAttribute": [attribute],
            "variableCharacteristics": characteristics | {key: value for key, value in optional.items() if value},
        }


Key = tuple[str, int, int, str, str]


def key_of(component: Mapping[str, Any], variable: Mapping[str, Any]) -> Key:
    """Names are case-insensitive (identifierString)."""
    evse = component.get("evse", {})
    instance = str(variable.get("instance", ""))
    return (
        component["name"].lower(), evse.get("id", 0), evse.get("connectorId", 0), variable["name"].lower(),
        instance.lower(),
    )  # fmt: skip


class DeviceModel:
    """`overrides` by label; ValueError for one that is not there."""

    def __init__(self, variables: Iterable[Variable], overrides: Mapping[str, str]) -> None:
        self._variables = {variable.key: variable for variable in variables}
        by_label = {variable.label: key for key, variable in self._variables.items()}
        for label, value in overrides.items():
            if label not in by_label:
                raise ValueError(f"there is no {label} among {', '.join(by_label)}")
            variable = self._variables[by_label[label]]
            if callable(variable.value):
                raise ValueError(f"{label} follows from the simulation")
            self._variables[variable.key] = replace(variable, value=value)

    def __iter__(self) -> Iterator[Variable]:
        return iter(self._variables.values())

    def text(self, component: str, name: str, instance: str = "") -> str:
        return self._variables[component.lower(), 0, 0, name.lower(), instance.lower()].text

    def number(self, component: str, name: str, instance: str = "") -> int:
        return int(self.text(component, name, instance))

    def find(self, component: Mapping[str, Any], variable: Mapping[str, Any]) -> Variable | str:
        """The variable, or the status that says what is unknown."""
        key = key_of(component, variable)
        if key in self._variables:
            return self._variables[key]
        known = any(other[:3] == key[:3] for other in self._variables)
        return "UnknownVariable" if known else "UnknownComponent"

    def write(self, variable: Variable, value: str) -> str:
        """The SetVariableStatus."""
        if variable.mutability == READ_ONLY or not variable.takes(value):
            return "Rejected"
        self._variables[variable.key] = replace(variable, value=value)
        return "Accepted"

    # --- what the simulation follows ----------------------------------------------------------------------------------

    @property
    def heartbeat_s(self) -> int:
        return self.number("OCPPCommCtrlr", "HeartbeatInterval")

    @property
    def meter_interval_s(self) -> int:
        """0 for never."""
        return self.number("SampledDataCtrlr", "TxUpdatedInterval")

    @property
    def message_attempts(self) -> int:
        return self.number("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent")

    @property
    def message_retry_s(self) -> int:
        return self.number("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent")

    @property
    def stack_limits(self) -> StackLimits:
        entries = self._variables[key_of({"name": "SmartChargingCtrlr"}, ENTRIES)]
        return StackLimits(
            max_stack_level=self.number("SmartChargingCtrlr", "ProfileStackLevel"),
            max_periods=self.number("SmartChargingCtrlr", "PeriodsPerSchedule"),
            max_profiles=entries.max_limit or 0,
        )

    def adopt_heartbeat_interval(self, seconds: int) -> None:
        if seconds > 0:
            key = key_of({"name": "OCPPCommCtrlr"}, {"name": "HeartbeatInterval"})
            self._variables[key] = replace(self._variables[key], value=str(seconds))


ENTRIES = {"name": "Entries", "instance": "ChargingProfiles"}
