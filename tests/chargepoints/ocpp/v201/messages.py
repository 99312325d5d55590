"""Messages of an OCPP 2.0.1 charge point, complete and valid; tests change a field or two."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import ocpp.v201

SCHEMAS = Path(ocpp.v201.__file__).parent / "schemas"
STAMP = "2024-05-01T12:00:00Z"

BOOT = {
    "reason": "PowerUp",
    "chargingStation": {
        "vendorName": "ACME", "model": "Wall", "serialNumber": "S1", "firmwareVersion": "1.2",
        "modem": {"iccid": "8931"},
    },
}  # fmt: skip
STATUS = {"timestamp": STAMP, "connectorStatus": "Occupied", "evseId": 2, "connectorId": 1}
CARD = {"idToken": "CARD", "type": "ISO14443"}
SAMPLES = [
    {"value": 1.5, "context": "Transaction.Begin", "unitOfMeasure": {"unit": "Wh", "multiplier": 3}},
    {"value": 7400.0, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W"}},
    *(
        {"value": amps, "measurand": "Current.Import", "phase": phase, "unitOfMeasure": {"unit": "A"}}
        for phase, amps in (("L1", 16.1), ("L2", 16.0), ("L3", 0.1))
    ),
    {"value": 32, "measurand": "Current.Offered", "unitOfMeasure": {"unit": "A"}},
    {"value": 55, "measurand": "SoC", "location": "EV", "unitOfMeasure": {"unit": "Percent"}},
]
METER_VALUE = [{"timestamp": STAMP, "sampledValue": SAMPLES}]
METER_VALUES = {"evseId": 1, "meterValue": METER_VALUE}
TRANSACTION = {
    "eventType": "Started", "timestamp": STAMP, "triggerReason": "Authorized", "seqNo": 0, "offline": False,
    "numberOfPhasesUsed": 3, "reservationId": 5, "evse": {"id": 1, "connectorId": 2}, "idToken": CARD,
    "transactionInfo": {"transactionId": "a1b2-TX", "chargingState": "EVConnected", "remoteStartId": 9},
    "meterValue": METER_VALUE,
}  # fmt: skip


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.validator_for(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8-sig")))


def assert_valid(name: str, payload: Any) -> None:
    """What is on the wire, not what is in memory, must pass the strict schema."""
    _validator(name).validate(json.loads(json.dumps(payload)))


def transaction(info: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return TRANSACTION | fields | {"transactionInfo": TRANSACTION["transactionInfo"] | (info or {})}  # type: ignore[operator]


def event(component: str, variable: str, value: str, /, **fields: Any) -> dict[str, Any]:
    data = {
        "eventId": 1, "timestamp": STAMP, "trigger": "Delta", "actualValue": value,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": component, "evse": {"id": 2, "connectorId": 1}}, "variable": {"name": variable},
    }  # fmt: skip
    return {"generatedAt": STAMP, "seqNo": 0, "eventData": [data | fields]}


def variable_result(variable: str, value: str | None, /, **fields: Any) -> dict[str, Any]:
    """Refused without a value."""
    result = {
        "attributeStatus": "UnknownVariable" if value is None else "Accepted",
        "component": {"name": "SmartChargingCtrlr"}, "variable": {"name": variable},
    }  # fmt: skip
    return result | ({} if value is None else {"attributeValue": value}) | fields


def report(*data: dict[str, Any], seq_no: int = 0, tbc: bool = False) -> dict[str, Any]:
    return {"requestId": 1, "generatedAt": STAMP, "seqNo": seq_no, "tbc": tbc, "reportData": list(data)}


def reported(variable: str, value: str, component: str = "SmartChargingCtrlr", /, **fields: Any) -> dict[str, Any]:
    return {
        "component": {"name": component}, "variable": {"name": variable}, "variableAttribute": [{"value": value}],
    } | fields  # fmt: skip
