"""What tests say to a charge point and read from it, in either version."""

from typing import Any, Protocol

from chargepoints.simulator import Composite

from .csms import CentralSystem

START = "2024-05-01T12:00:00Z"
Asked = tuple[str, dict[str, Any]]


class Talk(Protocol):
    version: str
    greeting: list[str]
    """The actions with which one connector comes online."""
    plugged_in: str
    """The status of a connector with a cable and no transaction that runs."""
    metering: str
    """The action that brings periodic meter values of a transaction."""
    broken_composites: frozenset[Composite]
    """Answers that the schema does not allow."""

    def set_profile(
        self, *periods: tuple[int, float], connector: int = 1, profile_id: int = 7, level: int = 0,
        purpose: str = "TxProfile", unit: str = "A", start: str | None = START, transaction_id: Any = None,
        **schedule: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """SetChargingProfile: Absolute with a start, else Relative. Purposes as OCPP 1.6 names them."""

    def composite(self, duration: int = 3600, connector: int = 1, **more: Any) -> dict[str, Any]:
        """GetCompositeSchedule."""

    def clear(self, profile_id: int) -> dict[str, Any]:
        """ClearChargingProfile."""

    def remote_stop(self, transaction_id: Any) -> Asked: ...

    def periods(self, answer: Any) -> list[tuple[int, float]]:
        """Of an answer to GetCompositeSchedule."""

    def remote_start(self, set_profile: dict[str, Any]) -> Asked:
        """On connector 1, with the profile of a SetChargingProfile."""

    def ask_units(self) -> Asked: ...

    def units(self, answer: Any) -> set[str]:
        """That the charge point says it takes."""

    def statuses(self, csms: CentralSystem) -> list[str]:
        """Of connector 1, in the order in which they were told."""

    def meter_values(self, csms: CentralSystem) -> list[tuple[str, list[dict[str, Any]]]]:
        """Timestamp and sampled values of each message with periodic values, in the order in which they came."""

    def ends(self, csms: CentralSystem) -> list[dict[str, Any]]:
        """The messages that end a transaction."""

    def refused_tag(self) -> dict[str, Any]:
        """An answer to Authorize."""


class Talk16:
    version = "1.6"
    greeting = ["BootNotification", "StatusNotification", "StatusNotification"]
    plugged_in = "Preparing"
    metering = "MeterValues"
    broken_composites = frozenset({Composite.FLOAT_NOISE, Composite.FLOAT_START})

    def set_profile(
        self, *periods: tuple[int, float], connector: int = 1, profile_id: int = 7, level: int = 0,
        purpose: str = "TxProfile", unit: str = "A", start: str | None = START, transaction_id: Any = None,
        **schedule: Any,
    ) -> dict[str, Any]:  # fmt: skip
        profile = _profile(periods, level, unit, start, transaction_id, schedule)
        named = {"chargingProfileId": profile_id, "chargingProfilePurpose": purpose}
        return {"connectorId": connector, "csChargingProfiles": profile | named}

    def composite(self, duration: int = 3600, connector: int = 1, **more: Any) -> dict[str, Any]:
        return {"connectorId": connector, "duration": duration} | more

    def clear(self, profile_id: int) -> dict[str, Any]:
        return {"id": profile_id}

    def remote_stop(self, transaction_id: Any) -> Asked:
        return "RemoteStopTransaction", {"transactionId": transaction_id}

    def periods(self, answer: Any) -> list[tuple[int, float]]:
        return _periods(answer["chargingSchedule"])

    def remote_start(self, set_profile: dict[str, Any]) -> Asked:
        profile = set_profile["csChargingProfiles"]
        return "RemoteStartTransaction", {"idTag": "APP-1", "connectorId": 1, "chargingProfile": profile}

    def ask_units(self) -> Asked:
        return "GetConfiguration", {"key": ["ChargingScheduleAllowedChargingRateUnit"]}

    def units(self, answer: Any) -> set[str]:
        names = {"Current": "A", "Power": "W"}
        return {names[word] for word in answer["configurationKey"][0]["value"].split(",")}

    def statuses(self, csms: CentralSystem) -> list[str]:
        return [p["status"] for p in csms.payloads("StatusNotification") if p["connectorId"] == 1]

    def meter_values(self, csms: CentralSystem) -> list[tuple[str, list[dict[str, Any]]]]:
        return [_value(payload) for payload in csms.payloads("MeterValues")]

    def ends(self, csms: CentralSystem) -> list[dict[str, Any]]:
        return csms.payloads("StopTransaction")

    def refused_tag(self) -> dict[str, Any]:
        return {"idTagInfo": {"status": "Blocked"}}


class Talk201:
    version = "2.0.1"
    greeting = ["BootNotification", "StatusNotification"]
    plugged_in = "Occupied"
    metering = "TransactionEvent"
    broken_composites = frozenset({Composite.EMPTY_PERIODS})

    def set_profile(
        self, *periods: tuple[int, float], connector: int = 1, profile_id: int = 7, level: int = 0,
        purpose: str = "TxProfile", unit: str = "A", start: str | None = START, transaction_id: Any = None,
        **schedule: Any,
    ) -> dict[str, Any]:  # fmt: skip
        profile = _profile(periods, level, unit, start, transaction_id, schedule)
        profile |= {"id": profile_id, "chargingProfilePurpose": purpose.replace("ChargePointMax", "ChargingStationMax")}
        profile["chargingSchedule"] = [{"id": 1} | profile["chargingSchedule"]]
        return {"evseId": connector, "chargingProfile": profile}

    def composite(self, duration: int = 3600, connector: int = 1, **more: Any) -> dict[str, Any]:
        return {"evseId": connector, "duration": duration} | more

    def clear(self, profile_id: int) -> dict[str, Any]:
        return {"chargingProfileId": profile_id}

    def remote_stop(self, transaction_id: Any) -> Asked:
        return "RequestStopTransaction", {"transactionId": transaction_id}

    def periods(self, answer: Any) -> list[tuple[int, float]]:
        return _periods(answer["schedule"])

    def remote_start(self, set_profile: dict[str, Any]) -> Asked:
        token = {"idToken": "APP-1", "type": "Central"}
        profile = set_profile["chargingProfile"]
        request = {"evseId": 1, "remoteStartId": 12, "idToken": token, "chargingProfile": profile}
        return "RequestStartTransaction", request

    def ask_units(self) -> Asked:
        variable = {"component": {"name": "SmartChargingCtrlr"}, "variable": {"name": "RateUnit"}}
        return "GetVariables", {"getVariableData": [variable]}

    def units(self, answer: Any) -> set[str]:
        return set(answer["getVariableResult"][0]["attributeValue"].split(","))

    def statuses(self, csms: CentralSystem) -> list[str]:
        return [p["connectorStatus"] for p in csms.payloads("StatusNotification") if p["evseId"] == 1]

    def meter_values(self, csms: CentralSystem) -> list[tuple[str, list[dict[str, Any]]]]:
        return [_value(e) for e in csms.payloads("TransactionEvent") if e["triggerReason"] == "MeterValuePeriodic"]

    def ends(self, csms: CentralSystem) -> list[dict[str, Any]]:
        return [e for e in csms.payloads("TransactionEvent") if e["eventType"] == "Ended"]

    def refused_tag(self) -> dict[str, Any]:
        return {"idTokenInfo": {"status": "Blocked"}}


TALKS: dict[str, Talk] = {"1.6": Talk16(), "2.0.1": Talk201()}


def _profile(
    periods: tuple[tuple[int, float], ...], level: int, unit: str, start: str | None, transaction_id: Any,
    schedule: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    profile: dict[str, Any] = {
        "stackLevel": level, "chargingProfileKind": "Absolute" if start else "Relative",
        "chargingSchedule": {
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": [{"startPeriod": at, "limit": limit} for at, limit in periods],
        } | schedule | ({"startSchedule": start} if start else {}),
    }  # fmt: skip
    return profile if transaction_id is None else profile | {"transactionId": transaction_id}


def _periods(schedule: dict[str, Any]) -> list[tuple[int, float]]:
    return [(period["startPeriod"], period["limit"]) for period in schedule["chargingSchedulePeriod"]]


def _value(payload: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    (value,) = payload["meterValue"]
    return value["timestamp"], value["sampledValue"]
