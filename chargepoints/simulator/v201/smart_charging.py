"""Answers of section K (OCPP 2.0.1): profiles set, cleared, reported, and what comes of them."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..composite import CompositeSchedule
from ..dialect import Reply
from ..knobs import Clear, Composite
from ..profiles import Profile, ProfileRefused
from ..wire import wire_time
from .profiles import EXTERNAL, PURPOSES, check_transaction, parse_profile
from .replies import status

if TYPE_CHECKING:
    from .dialect import Dialect

EXTERNAL_ID = 2**31 - 1
Report = tuple[int, str, dict[str, Any]]


def _set_charging_profile(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    try:
        dialect.cp.install(_acceptable_profile(dialect, payload["evseId"], payload["chargingProfile"]))
    except ProfileRefused as error:
        dialect.cp.journal.emit("profile_refused", reason=str(error))
        return status("Rejected", error.code, str(error))
    return status("Accepted")


def _acceptable_profile(dialect: "Dialect", evse: int, wire: dict[str, Any]) -> Profile:
    cp = dialect.cp
    if evse != 0 and evse not in cp.connectors:
        raise ProfileRefused(f"there is no EVSE {evse} (K01.FR.28)", "UnknownEvse")
    profile = parse_profile(evse, wire)
    cp.check_unit(wire["chargingSchedule"][0]["chargingRateUnit"])
    if evse:
        transaction = cp.connectors[evse].transaction
        check_transaction(profile, transaction.transaction_id if transaction else None)
    return profile


def _clear_charging_profile(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """K10. External constraints are not the CSMS's to clear."""
    cp, criteria = dialect.cp, payload.get("chargingProfileCriteria", {})
    if cp.knobs.clear is not Clear.HONEST:
        return status("Unknown" if cp.knobs.clear is Clear.ALWAYS_UNKNOWN else "Accepted")
    if criteria.get("chargingProfilePurpose") == EXTERNAL:
        return status("Unknown", "InvalidValue")
    cleared = cp.clear_profiles(
        profile_id=payload.get("chargingProfileId"), connector=criteria.get("evseId"),
        purpose=PURPOSES.get(criteria.get("chargingProfilePurpose", "")), stack_level=criteria.get("stackLevel"),
    )  # fmt: skip
    return status("Accepted" if cleared else "Unknown")


def _get_charging_profiles(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """K09: the answer counts, ReportChargingProfiles tells."""
    found = [report for report in _reports(dialect) if _asked_for(report, payload)]
    if not found:
        return status("NoProfiles")
    return status("Accepted", then=partial(_report, dialect, payload["requestId"], found))


def _reports(dialect: "Dialect") -> list[Report]:
    """EVSE, source and profile of everything that limits."""
    own = [(p.connector, "CSO", p.wire) for p in dialect.cp.stack.profiles]
    amps = dialect.cp.external_amps
    return own if amps is None else [*own, (0, "EMS", _external_profile(float(amps)))]


def _external_profile(amps: float) -> dict[str, Any]:
    schedule = {
        "id": EXTERNAL_ID, "startSchedule": "1970-01-01T00:00:00Z", "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amps}],
    }  # fmt: skip
    return {
        "id": EXTERNAL_ID, "stackLevel": 0, "chargingProfilePurpose": EXTERNAL, "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }  # fmt: skip


def _asked_for(report: Report, payload: dict[str, Any]) -> bool:
    evse, source, profile = report
    criterion = payload["chargingProfile"]
    has = [
        (evse, [payload["evseId"]] if "evseId" in payload else None),
        (source, criterion.get("chargingLimitSource")),
        (profile["id"], criterion.get("chargingProfileId")),
    ]
    has += [
        (profile[name], [criterion[name]]) for name in ("chargingProfilePurpose", "stackLevel") if name in criterion
    ]
    return all(wanted is None or value in wanted for value, wanted in has)


async def _report(dialect: "Dialect", request_id: int, reports: list[Report]) -> None:
    """One message for each EVSE and source; the last says that no more follow."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for evse, source, profile in reports:
        groups[evse, source].append(profile)
    for left, ((evse, source), profiles) in zip(range(len(groups) - 1, -1, -1), groups.items(), strict=True):
        payload = {"requestId": request_id, "chargingLimitSource": source, "evseId": evse, "chargingProfile": profiles}
        await dialect.cp.call("ReportChargingProfiles", payload | ({"tbc": True} if left else {}))


def _get_composite_schedule(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """K08. EVSE 0 is the grid connection."""
    cp, evse = dialect.cp, payload["evseId"]
    unit = payload.get("chargingRateUnit", cp.hardware.units[0])
    if evse != 0 and evse not in cp.connectors:
        return status("Rejected", "UnknownEvse")
    if unit not in cp.hardware.units:
        return status("Rejected", "UnsupportedRateUnit")
    if cp.knobs.composite is Composite.REJECTED:
        return status("Rejected")
    return Reply(composite_answer(cp.composite_schedule(evse, payload["duration"], unit), evse=evse,
                                  without_schedule=cp.knobs.composite is Composite.NO_SCHEDULE))  # fmt: skip


def composite_answer(schedule: CompositeSchedule, *, evse: int, without_schedule: bool = False) -> dict[str, Any]:
    """GetCompositeScheduleResponse: periods count from scheduleStart."""
    if without_schedule:
        return {"status": "Accepted"}
    return {
        "status": "Accepted",
        "schedule": {
            "evseId": evse,
            "duration": schedule.duration_s,
            "scheduleStart": wire_time(schedule.begin),
            "chargingRateUnit": schedule.unit,
            "chargingSchedulePeriod": schedule.periods,
        },
    }


HANDLERS: dict[str, Callable[["Dialect", dict[str, Any]], Reply]] = {
    "ClearChargingProfile": _clear_charging_profile,
    "GetChargingProfiles": _get_charging_profiles,
    "GetCompositeSchedule": _get_composite_schedule,
    "SetChargingProfile": _set_charging_profile,
}
