"""The JSON schemas of the `ocpp` package, compiled; one tolerant and one strict reading of each message."""

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from jsonschema_rs import ValidationError, Validator, validator_for

DESCRIPTION_LIMIT = 200


@dataclass(frozen=True, slots=True)
class FaultCodes:
    """How a version spells the faults of a CALL (OCPP-J 1.6 section 4.2.3 and errata 5; OCPP 2.0.1 Part 4 section 4.3).

    `unreadable` answers a message without a readable id, under the id "-1"; empty: such a message is not answered.
    """

    malformed: str
    unreadable: str
    message_type: str
    required: str
    occurrence: str
    type: str = "TypeConstraintViolation"
    property: str = "PropertyConstraintViolation"
    unknown_action: str = "NotImplemented"
    internal: str = "InternalError"

    def of_keyword(self, keyword: str) -> str:
        return {
            "required": self.required,
            "type": self.type,
            "minItems": self.occurrence,
            "maxItems": self.occurrence,
            "additionalProperties": self.malformed,
        }.get(keyword, self.property)


FAULT_CODES = {
    "1.6": FaultCodes(
        malformed="FormationViolation",
        unreadable="",
        message_type="FormationViolation",
        required="OccurenceConstraintViolation",
        occurrence="OccurenceConstraintViolation",
    ),
    "2.0.1": FaultCodes(
        malformed="FormatViolation",
        unreadable="RpcFrameworkError",
        message_type="MessageTypeNotSupported",
        required="ProtocolError",
        occurrence="OccurrenceConstraintViolation",
    ),
}


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Schema keywords that an incoming message is not held to, properties that may have any type, and why.

    `nulls`: an optional property may be null, which is how some firmware leaves it out. `partial`: top properties in
    which one incomplete element does not condemn the others.
    """

    keywords: frozenset[str]
    reason: str
    untyped: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    nulls: bool = False


EVERY_MESSAGE = Relaxation(
    frozenset({"additionalProperties", "multipleOf"}),
    "vendors add fields, and a limit of 6.1000000000000005 is binary floating point, not a wish",
)
KEEPS_ENERGY = Relaxation(
    frozenset({"enum", "maxLength", "format"}),
    "an unknown unit, measurand or status, a long name, a sloppy time or a bare number must not lose the energy it "
    "came with",
    untyped=frozenset({"value", "meterStart", "meterStop"}),
    partial=frozenset({"meterValue", "transactionData"}),
    nulls=True,
)
KEEPS_TRANSACTION = replace(
    KEEPS_ENERGY,
    keywords=KEEPS_ENERGY.keywords | {"required"},
    reason="nor must a field that is missing or of another type: who reads it decides what the rest is worth",
    untyped=KEEPS_ENERGY.untyped
    | {"transactionId", "seqNo", "numberOfPhasesUsed", "cableMaxCurrent", "remoteStartId", "reservationId"},
)
COMES_ONLINE = Relaxation(
    frozenset({"maxLength", "enum"}),
    "a serial number that is too long, or a new reason to boot, is no reason to keep a charge point off line",
)
IS_HEARD = Relaxation(
    frozenset({"enum", "maxLength", "format"}),
    "a word, length or time that is not in the specification is no reason not to hear the rest",
    nulls=True,
)
SHOWS_ITS_PLAN = Relaxation(
    frozenset({"enum", "format", "required", "minItems"}),
    "an empty or odd schedule is told from a refusal where it is read",
    untyped=frozenset({"startPeriod", "duration", "numberPhases"}),
    nulls=True,
)
RELAXED = {
    "BootNotification": COMES_ONLINE,
    "MeterValues": KEEPS_ENERGY,
    "StartTransaction": KEEPS_ENERGY,
    "StopTransaction": KEEPS_ENERGY,
    "StatusNotification": KEEPS_ENERGY,
    "TransactionEvent": KEEPS_TRANSACTION,
    "NotifyEvent": IS_HEARD,
    "NotifyReport": replace(IS_HEARD, keywords=IS_HEARD.keywords | {"minItems"}),
    "NotifyChargingLimit": IS_HEARD,
    "ClearedChargingLimit": IS_HEARD,
    "NotifyEVChargingSchedule": IS_HEARD,
    "ReportChargingProfiles": IS_HEARD,
    "GetVariablesResponse": IS_HEARD,
    "GetCompositeScheduleResponse": SHOWS_ITS_PLAN,
}
"""By the name of a request, or of a response with its ending."""

INCOMPLETE = frozenset({"required", "minItems"})

_FOLDERS = {"1.6": "v16", "2.0.1": "v201"}
_REQUEST_SUFFIX = {"1.6": "", "2.0.1": "Request"}
_MAPS_OF_SCHEMAS = frozenset({"properties", "definitions"})


class Violation(NamedTuple):
    """`code` as CALLERROR spells it; `description` names the field and never quotes its value."""

    code: str
    description: str


class Schemas:
    """All messages of one OCPP version, compiled when first needed. Obtain it by `for_version`."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.codes = FAULT_CODES[version]
        self._sources = _message_files(version)
        self._suffix = _REQUEST_SUFFIX[version]
        self._validators: dict[tuple[str, bool], Validator] = {}

    @staticmethod
    @cache
    def for_version(version: str) -> "Schemas":
        """The schemas of "1.6" or "2.0.1"; ValueError for any other."""
        if version not in FAULT_CODES:
            raise ValueError(f"no schemas for OCPP {version}")
        return Schemas(version)

    def knows(self, action: str) -> bool:
        return action + "Response" in self._sources and action + self._suffix in self._sources

    @property
    def actions(self) -> set[str]:
        requests = (name for name in self._sources if not name.endswith("Response"))
        return {action for action in (name.removesuffix(self._suffix) for name in requests) if self.knows(action)}

    def request_schema(self, action: str) -> dict[str, Any]:
        """As the `ocpp` package has it. KeyError for an unknown action."""
        schema: dict[str, Any] = json.loads(self._sources[action + self._suffix].read_text(encoding="utf-8-sig"))
        return schema

    def request_errors(self, action: str, payload: Any) -> list[tuple[tuple[str | int, ...], str]]:
        """Everything that is wrong with a request of ours: the place in the payload, and what is wrong there."""
        errors = self._validator(action + self._suffix, strict=True).iter_errors(payload)
        return [(_place(error), _describe(error)) for error in errors]

    def check_request(self, action: str, payload: Any, *, strict: bool) -> Violation | None:
        """What is wrong with a request. Strict for what we send, tolerant for what we receive."""
        return self._check(action, self._suffix, payload, strict=strict)

    def check_response(self, action: str, payload: Any, *, strict: bool) -> Violation | None:
        return self._check(action, "Response", payload, strict=strict)

    def _check(self, action: str, suffix: str, payload: Any, *, strict: bool) -> Violation | None:
        if not self.knows(action):
            return Violation(self.codes.unknown_action, f"OCPP {self.version} has no such action")
        try:
            self._validator(action + suffix, strict=strict).validate(payload)
        except ValidationError as error:
            return Violation(self.codes.of_keyword(error.kind.name), _describe(error))
        except ValueError:
            return Violation(self.codes.malformed, "the payload is not a JSON object")
        return None

    def _validator(self, message: str, *, strict: bool) -> Validator:
        key = (message, strict)
        if key not in self._validators:
            schema = json.loads(self._sources[message].read_text(encoding="utf-8-sig"))
            if not strict:
                schema = _relaxed(schema, message.removesuffix(self._suffix))
            self._validators[key] = validator_for(schema, validate_formats=True, offline=True)
        return self._validators[key]


def _message_files(version: str) -> dict[str, Traversable]:
    folder = files("ocpp") / _FOLDERS[version] / "schemas"
    return {entry.name.removesuffix(".json"): entry for entry in folder.iterdir() if entry.name.endswith(".json")}


def _relaxed(schema: Any, message: str) -> Any:
    relaxation = RELAXED.get(message, EVERY_MESSAGE)
    relaxed = _without(schema, EVERY_MESSAGE.keywords | relaxation.keywords, relaxation.untyped)
    for name in relaxation.partial & relaxed.get("properties", {}).keys():
        relaxed["properties"][name] = _without(relaxed["properties"][name], INCOMPLETE, frozenset())
    return _with_nulls(relaxed) if relaxation.nulls else relaxed


def _without(schema: Any, keywords: frozenset[str], untyped: frozenset[str]) -> Any:
    """The schema without these keywords. A property may bear a keyword's name (SampledValue has a `format`)."""
    if isinstance(schema, list):
        return [_without(item, keywords, untyped) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: {} if name in untyped else _without(part, keywords, untyped) for name, part in value.items()}
        if key in _MAPS_OF_SCHEMAS
        else _without(value, keywords, untyped)
        for key, value in schema.items()
        if key not in keywords
    }


def _with_nulls(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_nulls(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    widened = {key: _with_nulls(value) for key, value in schema.items()}
    required = widened.get("required", [])
    for name, part in widened.get("properties", {}).items():
        if name not in required and isinstance(part.get("type"), str):
            part["type"] = [part["type"], "null"]
        elif name not in required and "$ref" in part:
            part["anyOf"] = [{"$ref": part.pop("$ref")}, {"type": "null"}]
    return widened


def _place(error: ValidationError) -> tuple[str | int, ...]:
    """Of what is missing: where it should be."""
    missing = (str(error.kind.value),) if error.kind.name == "required" else ()
    return (*error.instance_path, *missing)


def _describe(error: ValidationError) -> str:
    keyword, expected = error.kind.name, error.kind.value
    path = [str(step) for step in error.instance_path]
    if keyword == "required":
        text = f"{'.'.join([*path, str(expected)])} is missing"
    elif keyword == "type":
        types = " or ".join(name for name in expected if name != "null")
        text = f"{'.'.join(path) or 'payload'} must be of type {types}"
    elif keyword == "enum":
        text = f"{'.'.join(path)} is not one of the values allowed"
    else:
        text = f"{'.'.join(path) or 'payload'} violates {keyword} {expected}"
    return text[:DESCRIPTION_LIMIT]
