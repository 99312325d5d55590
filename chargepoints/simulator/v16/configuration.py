"""The configuration keys of a simulated charge point (OCPP 1.6 section 9)."""

from typing import Any

from ..dialect import Setup
from ..hardware import Hardware
from ..profiles import StackLimits

UNIT_NAMES = {"A": "Current", "W": "Power"}
WRITABLE_SECONDS = frozenset(
    {"ConnectionTimeOut", "HeartbeatInterval", "MeterValueSampleInterval", "TransactionMessageRetryInterval"}
)
WRITABLE_TEXT = frozenset({"MeterValuesSampledData", "StopTxnSampledData"})
MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Current.Offered,Voltage,SoC"


class Configuration:
    """Keys and values as text; the ones that matter to the simulation can be changed, the rest is read-only."""

    def __init__(self, setup: Setup) -> None:
        self._values = {
            "ConnectionTimeOut": "60",
            "GetConfigurationMaxKeys": "50",
            "HeartbeatInterval": "300",
            "MeterValueSampleInterval": str(setup.meter_interval_s),
            "MeterValuesSampledData": MEASURANDS,
            "NumberOfConnectors": str(setup.evses),
            "StopTransactionOnInvalidId": "true",
            "StopTxnSampledData": "",
            "SupportedFeatureProfiles": "Core,RemoteTrigger",
            "TransactionMessageAttempts": "3",
            "TransactionMessageRetryInterval": "5",
        }
        if setup.smart_charging:
            self._values |= _smart_charging_keys(setup.hardware)
        self._values |= setup.overrides

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    @property
    def heartbeat_s(self) -> int:
        return int(self._values["HeartbeatInterval"])

    @property
    def meter_interval_s(self) -> int:
        """0 for never (section 9.1)."""
        return int(self._values["MeterValueSampleInterval"])

    @property
    def message_attempts(self) -> int:
        return int(self._values["TransactionMessageAttempts"])

    @property
    def message_retry_s(self) -> int:
        return int(self._values["TransactionMessageRetryInterval"])

    @property
    def stack_limits(self) -> StackLimits:
        return StackLimits(
            max_stack_level=int(self._values["ChargeProfileMaxStackLevel"]),
            max_periods=int(self._values["ChargingScheduleMaxPeriods"]),
            max_profiles=int(self._values["MaxChargingProfilesInstalled"]),
        )

    def adopt_heartbeat_interval(self, seconds: int) -> None:
        """BootNotification.conf sets the interval; 0 leaves the choice to the charge point (section 6.4)."""
        if seconds > 0:
            self._values["HeartbeatInterval"] = str(seconds)

    def read(self, keys: list[str]) -> dict[str, Any]:
        """GetConfiguration.conf (section 6.24); no keys asks for all."""
        wanted = keys or list(self._values)
        known = [key for key in wanted if key in self._values]
        entries = [{"key": key, "readonly": not _writable(key), "value": self._values[key]} for key in known]
        unknown = [key for key in wanted if key not in self._values]
        return {"configurationKey": entries} | ({"unknownKey": unknown} if unknown else {})

    def change(self, key: str, value: str) -> str:
        """The status of ChangeConfiguration.conf (section 7.22)."""
        if key not in self._values:
            return "NotSupported"
        if not _writable(key) or (key in WRITABLE_SECONDS and not value.isdecimal()):
            return "Rejected"
        self._values[key] = value
        return "Accepted"


def _writable(key: str) -> bool:
    return key in WRITABLE_SECONDS or key in WRITABLE_TEXT


def _smart_charging_keys(hardware: Hardware) -> dict[str, str]:
    return {
        "SupportedFeatureProfiles": "Core,RemoteTrigger,SmartCharging",
        "ChargeProfileMaxStackLevel": "10",
        "ChargingScheduleAllowedChargingRateUnit": ",".join(UNIT_NAMES[unit] for unit in hardware.units),
        "ChargingScheduleMaxPeriods": "24",
        "MaxChargingProfilesInstalled": "10",
    }
