"""The device model of OCPP 2.0.1: what is asked of it, what it answers or reports, and what that says. Pure.

A variable is named as `Component[instance]#evse:connector.Variable[instance]`, with `.MaxSet` and the like for other
attributes than Actual, and `.maxLimit` for the highest value its characteristics allow.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chargepoints.ocpp.capabilities import LearnedCapabilities, at_least, read_truth, read_units
from chargepoints.ocpp.redaction import is_secret_name
from chargepoints.ocpp.wire import clean_text, number, whole
from chargepoints.values import RateUnit, RawCall

Payload = dict[str, Any]
SMART_CHARGING = "SmartChargingCtrlr"
MOST_VARIABLES = 2000
"""Of one message; a full inventory comes in many."""


def _asked(component: str, variable: str, instance: str = "", *, attribute: str = "") -> Payload:
    named = {"name": variable} | ({"instance": instance} if instance else {})
    question: Payload = {"component": {"name": component}, "variable": named}
    return question | ({"attributeType": attribute} if attribute else {})


def _get_variables(*asked: Payload) -> RawCall:
    return RawCall("GetVariables", {"getVariableData": list(asked)})


CAPABILITY_QUESTIONS = (
    _get_variables(
        _asked(SMART_CHARGING, "Enabled"),
        _asked(SMART_CHARGING, "Available"),
        _asked(SMART_CHARGING, "RateUnit"),
        _asked(SMART_CHARGING, "PeriodsPerSchedule"),
        _asked(SMART_CHARGING, "ProfileStackLevel"),
        _asked(SMART_CHARGING, "Entries", "ChargingProfiles", attribute="MaxSet"),
        _asked(SMART_CHARGING, "Phases3to1"),
        _asked(SMART_CHARGING, "ACPhaseSwitchingSupported"),
    ),
)
"""OCPP 2.0.1 Part 2 appendix 3, SmartChargingCtrlr: those that say what a charging profile may be."""

LIFE_QUESTION = _get_variables(_asked("OCPPCommCtrlr", "HeartbeatInterval"))


def full_report(now: datetime) -> RawCall:
    """Everything it has (use case B07), for a charge point that cannot be asked for single variables."""
    return RawCall("GetBaseReport", {"requestId": int(now.timestamp()) % 2**31, "reportBase": "FullInventory"})


# --- what is said ---------------------------------------------------------------------------------------------------


def answered_variables(answer: Payload) -> dict[str, str]:
    """The values of a GetVariablesResponse; the refused ones are left out."""
    results = [item for item in _items(answer.get("getVariableResult")) if item.get("attributeStatus") == "Accepted"]
    return _named((_name(item, item.get("attributeType")), item.get("attributeValue")) for item in results)


def lacks_smart_charging(answer: Payload) -> bool:
    """It says itself that it has no such component."""
    results = [item for item in _items(answer.get("getVariableResult")) if _component(item) == SMART_CHARGING]
    return bool(results) and all(item.get("attributeStatus") == "UnknownComponent" for item in results)


def reported_variables(report: Payload) -> dict[str, str]:
    """The values in one part of a NotifyReport. Each part means what it says alone, whatever became of the others."""
    return _named(pair for item in _items(report.get("reportData")) for pair in _reported(item))


def _reported(item: Payload) -> Iterable[tuple[str, Any]]:
    for attribute in _items(item.get("variableAttribute")):
        yield _name(item, attribute.get("type")), attribute.get("value")
    characteristics = item.get("variableCharacteristics")
    most = number(characteristics.get("maxLimit")) if isinstance(characteristics, dict) else None
    if most is not None and (name := _name(item, None)):
        yield f"{name}.maxLimit", f"{most.normalize():f}"


def _named(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    said = {name: clean_text(value) for name, value in pairs if name and value not in {None, ""}}
    return dict(list(said.items())[:MOST_VARIABLES])


def _items(value: object) -> list[Payload]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _component(item: Payload) -> str:
    component = item.get("component")
    return clean_text(component.get("name"), 50) if isinstance(component, dict) else ""


def _name(item: Payload, attribute: object) -> str:
    """Empty for what has no name, and for secrets."""
    component, variable = item.get("component"), item.get("variable")
    if not isinstance(component, dict) or not isinstance(variable, dict):
        return ""
    where, what = _with_instance(component), _with_instance(variable)
    if not where or not what or is_secret_name(what):
        return ""
    kind = clean_text(attribute, 10)
    return f"{where}{_place(component.get('evse'))}.{what}" + (f".{kind}" if kind not in {"", "Actual"} else "")


def _with_instance(part: Payload) -> str:
    name, instance = clean_text(part.get("name"), 50), clean_text(part.get("instance"), 50)
    return f"{name}[{instance}]" if name and instance else name


def _place(evse: object) -> str:
    evse_id = whole(evse.get("id")) if isinstance(evse, dict) else None
    if evse_id is None or not isinstance(evse, dict):
        return ""
    connector_id = whole(evse.get("connectorId"))
    return f"#{evse_id}" if connector_id is None else f"#{evse_id}:{connector_id}"


# --- what it means --------------------------------------------------------------------------------------------------


def to_capabilities(variables: dict[str, str]) -> LearnedCapabilities:
    """Where EVSEs differ, what all of them take; smart charging is supported if any of them has it."""
    said: dict[str, list[str]] = {}
    for name, value in variables.items():
        component, _, variable = name.partition(".")
        if component.partition("#")[0].casefold() == SMART_CHARGING.casefold():
            said.setdefault(variable.casefold(), []).append(value)
    entries = said.get("entries[chargingprofiles].maxset", []) or said.get("entries[chargingprofiles].maxlimit", [])
    return LearnedCapabilities(
        supported=_supported(said),
        units=_common_units(said.get("rateunit", [])),
        max_periods=_least(1, said.get("periodsperschedule", [])),
        max_stack_level=_least(0, said.get("profilestacklevel", [])),
        max_profiles=_least(1, entries),
        phase_switching=_any(said.get("phases3to1", [])),
    )


def is_complete(learned: LearnedCapabilities) -> bool:
    """Whether all is known that the specification requires of a SmartChargingCtrlr, or that there is none."""
    numbers = (learned.max_periods, learned.max_stack_level)
    return learned.supported is False or (
        learned.supported is True and bool(learned.units) and all(value is not None for value in numbers)
    )


def _supported(said: dict[str, list[str]]) -> bool | None:
    """Available: it has smart charging. Enabled: it is switched on."""
    answers = [_any(said.get(name, [])) for name in ("available", "enabled")]
    return None if answers == [None, None] else False not in answers


def _any(texts: list[str]) -> bool | None:
    truths = [truth for truth in map(read_truth, texts) if truth is not None]
    return any(truths) if truths else None


def _common_units(texts: list[str]) -> frozenset[RateUnit]:
    known = [units for units in map(read_units, texts) if units]
    return frozenset.intersection(*known) if known else frozenset()


def _least(least: int, texts: list[str]) -> int | None:
    return min((count for text in texts if (count := at_least(least, text)) is not None), default=None)
