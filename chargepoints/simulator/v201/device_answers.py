"""Answers about the device model: variables read and written, reports in parts (OCPP 2.0.1 sections B05 to B08)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..dialect import Reply
from ..framing import CallRefused
from .device_model import READ_ONLY, WRITE_ONLY, Variable
from .replies import status

if TYPE_CHECKING:
    from .dialect import Dialect

SUMMARY = frozenset({"AvailabilityState", "Available", "Problem"})


def _get_variables(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    asked = payload["getVariableData"]
    _check_number(dialect, asked, "GetVariables")
    return Reply({"getVariableResult": [_read(dialect, data) for data in asked]})


def _read(dialect: "Dialect", data: dict[str, Any]) -> dict[str, Any]:
    kind = data.get("attributeType", "Actual")
    result = {"component": data["component"], "variable": data["variable"], "attributeType": kind}
    found = dialect.settings.find(data["component"], data["variable"])
    if isinstance(found, str):
        return result | {"attributeStatus": found}
    if kind == "MaxSet" and found.max_limit is not None:
        return result | {"attributeStatus": "Accepted", "attributeValue": str(found.max_limit)}
    if kind != "Actual":
        return result | {"attributeStatus": "NotSupportedAttributeType"}
    if found.mutability == WRITE_ONLY:
        return result | {"attributeStatus": "Rejected"}
    return result | {"attributeStatus": "Accepted", "attributeValue": found.text}


def _set_variables(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    asked = payload["setVariableData"]
    _check_number(dialect, asked, "SetVariables")
    results = [_write(dialect, data) for data in asked]
    dialect.cp.settings_changed()
    return Reply({"setVariableResult": results})


def _write(dialect: "Dialect", data: dict[str, Any]) -> dict[str, Any]:
    kind = data.get("attributeType", "Actual")
    found = dialect.settings.find(data["component"], data["variable"])
    if isinstance(found, str):
        word = found
    elif kind != "Actual":
        word = "NotSupportedAttributeType"
    else:
        word = dialect.settings.write(found, data["attributeValue"])
    return {
        "component": data["component"], "variable": data["variable"], "attributeType": kind, "attributeStatus": word
    }  # fmt: skip


def _check_number(dialect: "Dialect", asked: Sequence[Any], action: str) -> None:
    """More than ItemsPerMessage is an error (B05.FR.11, B06.FR.16)."""
    most = dialect.settings.number("DeviceDataCtrlr", "ItemsPerMessage", action)
    if len(asked) > most:
        raise CallRefused("OccurrenceConstraintViolation", f"at most {most} variables at once")


def _get_base_report(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    wanted: dict[str, Callable[[Variable], bool]] = {
        "FullInventory": lambda _: True,
        "ConfigurationInventory": lambda variable: variable.mutability != READ_ONLY,
        "SummaryInventory": lambda variable: variable.name in SUMMARY,
    }
    return _report(dialect, payload["requestId"], filter(wanted[payload["reportBase"]], dialect.settings))


def _get_report(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """By components and variables; states are not kept, so componentCriteria filter nothing."""
    asked = payload.get("componentVariable")
    chosen = [v for v in dialect.settings if asked is None or any(_matches(v, one) for one in asked)]
    return _report(dialect, payload["requestId"], chosen)


def _matches(variable: Variable, asked: dict[str, Any]) -> bool:
    component, name = asked["component"], asked.get("variable", {}).get("name", variable.name)
    evse = component.get("evse", {}).get("id", variable.evse)
    return (component["name"], name, evse) == (variable.component, variable.name, variable.evse)


def _report(dialect: "Dialect", request_id: int, variables: Any) -> Reply:
    rows = [variable.report() for variable in variables]
    if not rows:
        return status("EmptyResultSet")
    return status("Accepted", then=partial(_notify_report, dialect, request_id, rows))


async def _notify_report(dialect: "Dialect", request_id: int, rows: list[dict[str, Any]]) -> None:
    """In parts of ItemsPerMessage, numbered from 0; all but the last have tbc (B07.FR.07 and following)."""
    cp, size = dialect.cp, dialect.settings.number("DeviceDataCtrlr", "ItemsPerMessage", "GetReport")
    generated_at = cp.stamp(cp.now())
    for seq_no, begin in enumerate(range(0, len(rows), size)):
        await cp.call("NotifyReport", {
            "requestId": request_id, "generatedAt": generated_at, "seqNo": seq_no, "tbc": begin + size < len(rows),
            "reportData": rows[begin:begin + size],
        })  # fmt: skip


HANDLERS: dict[str, Callable[["Dialect", dict[str, Any]], Reply]] = {
    "GetBaseReport": _get_base_report,
    "GetReport": _get_report,
    "GetVariables": _get_variables,
    "SetVariables": _set_variables,
}
