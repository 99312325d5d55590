"""Commands, schedules and answers <-> OCPP 1.6 payloads. Pure: no Django, no socket, no clock."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from ocpp.v16.enums import RegistrationStatus

from chargepoints.ocpp.wire import number, parse_time, plausible_time, storable, tenths, whole, wire_time
from chargepoints.values import (
    AuthorizationStatus,
    ChargingSchedule,
    ClearProfile,
    CommandOutcome,
    CommandRequest,
    GetComposite,
    OutcomeStatus,
    ProfilePurpose,
    RateUnit,
    RawCall,
    SchedulePeriod,
    SetProfile,
    StartAnswer,
)

Payload = dict[str, Any]

# Every status an OCPP 1.6 charge point can answer a central system, security extension included. What is not here
# (Rejected, NotSupported, NotImplemented, Failed, UnlockFailed, VersionMismatch, Occupied, ...) is a refusal.
_AGREEMENTS = frozenset({"Accepted", "AcceptedCanceled", "RebootRequired", "Scheduled", "Unlocked"})
_UNKNOWN = frozenset({"Unknown", "NotFound"})  # no such profile, no such certificate
_LONGEST_SCHEDULE_S = 2**31 - 1


# --- commands -> calls -----------------------------------------------------------------------------------------------


def to_call(request: CommandRequest, *, now: datetime) -> tuple[str, Payload]:  # noqa: ARG001
    """Action and payload. ValueError for what OCPP 1.6 cannot express. `now` is for versions whose calls need it."""
    match request:
        case SetProfile():
            return "SetChargingProfile", _set_profile(request)
        case ClearProfile():
            return "ClearChargingProfile", {"id": request.profile_id}
        case GetComposite():
            return "GetCompositeSchedule", _get_composite(request)
        case RawCall():
            return request.action, request.payload


_PURPOSES = {
    ProfilePurpose.TX: "TxProfile",
    ProfilePurpose.TX_DEFAULT: "TxDefaultProfile",
    ProfilePurpose.CHARGE_POINT_MAX: "ChargePointMaxProfile",
}


def _set_profile(request: SetProfile) -> Payload:
    """OCPP 1.6 sections 5.16 and 7.8. Only a TxProfile has a transaction: it names it."""
    optional = {
        "transactionId": _profile_transaction_id(request),
        "validTo": wire_time(request.valid_to) if request.valid_to else None,
    }
    profile = {
        "chargingProfileId": request.profile_id,
        "stackLevel": request.stack_level,
        "chargingProfilePurpose": _PURPOSES[request.purpose],
        "chargingProfileKind": _profile_kind(request),
        "chargingSchedule": _wire_schedule(request.schedule),
    } | {key: value for key, value in optional.items() if value is not None}
    return {"connectorId": _profile_connector_id(request), "csChargingProfiles": profile}


def _profile_connector_id(request: SetProfile) -> int:
    """Section 3.13.1: a TxProfile is on one connector, a ChargePointMaxProfile on none, and a TxDefaultProfile on one,
    or on 0 for all of them.
    """
    if request.purpose is ProfilePurpose.TX:
        return _connector_id(request.evse_id)
    if request.evse_id < 0 or (request.evse_id and request.purpose is ProfilePurpose.CHARGE_POINT_MAX):
        raise ValueError(f"a {_PURPOSES[request.purpose]} cannot be on connector {request.evse_id}")
    return request.evse_id


def _profile_transaction_id(request: SetProfile) -> int | None:
    if request.purpose is ProfilePurpose.TX:
        return _transaction_id(request.transaction_id)
    if request.transaction_id:
        raise ValueError(f"a {_PURPOSES[request.purpose]} belongs to no transaction")
    return None


def _profile_kind(request: SetProfile) -> str:
    """Relative is to the start of a transaction (section 7.13), which the charge point as a whole does not have."""
    if request.schedule.start_at:
        return "Absolute"
    if request.purpose is ProfilePurpose.CHARGE_POINT_MAX:
        raise ValueError("a ChargePointMaxProfile needs a start")
    return "Relative"


def _get_composite(request: GetComposite) -> Payload:
    payload: Payload = {"connectorId": _connector_id(request.evse_id), "duration": request.duration_s}
    return payload | ({"chargingRateUnit": request.unit.value} if request.unit else {})


def _connector_id(evse_id: int) -> int:
    if evse_id < 1:
        raise ValueError("connector 0 is the whole charge point, never that of a session")
    return evse_id


def _transaction_id(text: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text):
        raise ValueError(f"an OCPP 1.6 transaction id is an integer, not {text[:40]!r}")
    return int(text)


def _wire_schedule(schedule: ChargingSchedule) -> Payload:
    optional = {
        "duration": schedule.duration_s,
        "startSchedule": wire_time(schedule.start_at) if schedule.start_at else None,
        "minChargingRate": None if schedule.min_rate is None else _wire_rate(schedule.min_rate),
    }
    return {
        "chargingRateUnit": schedule.unit.value,
        "chargingSchedulePeriod": [_wire_period(period) for period in schedule.periods],
    } | {key: value for key, value in optional.items() if value is not None}


def _wire_period(period: SchedulePeriod) -> Payload:
    wire: Payload = {"startPeriod": period.start_s, "limit": _wire_rate(period.limit)}
    return wire if period.phases is None else wire | {"numberPhases": period.phases}


def _wire_rate(rate: Decimal) -> float:
    """At most one decimal (OCPP 1.6 section 7.14), never above what was asked."""
    if not rate.is_finite() or rate < 0:
        raise ValueError(f"a rate of {rate} cannot be sent")
    return float(rate.quantize(Decimal("0.1"), ROUND_FLOOR))


# --- answers -> outcomes ---------------------------------------------------------------------------------------------


def to_outcome(request: CommandRequest, answer: Payload, *, received_at: datetime) -> CommandOutcome:
    """An answer without a status agrees only to a RawCall: those of the other requests must have one."""
    status, detail = _judged(answer.get("status"), optional=isinstance(request, RawCall))
    schedule = None
    if isinstance(request, GetComposite) and status is OutcomeStatus.ACCEPTED:
        schedule = composite(answer, received_at=received_at)
        if schedule is None and _wire_periods(answer):
            status, detail = OutcomeStatus.REJECTED, "charge point answered a schedule that cannot be read"
        elif answer.get("connectorId", request.evse_id) != request.evse_id:  # 0 is the whole charge point's
            status, detail, schedule = OutcomeStatus.REJECTED, "charge point answered for another connector", None
    return CommandOutcome(status=status, detail=detail, answer=storable(answer), schedule=schedule)


def _judged(status: object, *, optional: bool) -> tuple[OutcomeStatus, str]:
    if status == "Accepted" or (status is None and optional):
        return OutcomeStatus.ACCEPTED, ""
    if not isinstance(status, str):
        return OutcomeStatus.REJECTED, "charge point answered without a usable status"
    detail = f"charge point answered {storable(status)[:100]}"
    if status in _UNKNOWN:
        return OutcomeStatus.UNKNOWN, detail
    return OutcomeStatus.ACCEPTED if status in _AGREEMENTS else OutcomeStatus.REJECTED, detail


# --- schedules <- wire -----------------------------------------------------------------------------------------------


def composite(answer: Payload, *, received_at: datetime) -> ChargingSchedule | None:
    """The schedule of GetCompositeSchedule.conf as sent, in ascending order, limits not clamped.

    Starts at `scheduleStart` (OCPP 1.6 section 6.22), or at what comes closest to it. None when there is no schedule,
    it is empty, or it cannot be read.
    """
    wire = answer.get("chargingSchedule")
    if not isinstance(wire, dict) or not _wire_periods(answer):
        return None
    starts = (plausible_time(text, received_at) for text in (answer.get("scheduleStart"), wire.get("startSchedule")))
    try:
        return _schedule(wire, start_at=next(filter(None, starts), received_at))
    except ValueError:
        return None


def from_profile(profile: Payload) -> ChargingSchedule:
    """The schedule of a csChargingProfiles; a Relative one has no start. ValueError when it cannot be read."""
    wire = profile.get("chargingSchedule")
    if not isinstance(wire, dict):
        raise ValueError("chargingSchedule is missing")
    fixed = profile.get("chargingProfileKind") != "Relative" and wire.get("startSchedule") is not None
    start_at = parse_time(wire["startSchedule"]) if fixed else None
    if fixed and start_at is None:
        raise ValueError("startSchedule is not a time")
    return _schedule(wire, start_at=start_at)


def _wire_periods(answer: Payload) -> Any:
    wire = answer.get("chargingSchedule")
    return wire.get("chargingSchedulePeriod") if isinstance(wire, dict) else wire


def _schedule(wire: Payload, *, start_at: datetime | None) -> ChargingSchedule:
    periods = wire.get("chargingSchedulePeriod")
    if not isinstance(periods, list):
        raise ValueError("chargingSchedulePeriod is not a list")
    by_start = {period.start_s: period for period in map(_period, periods)}
    return ChargingSchedule(
        unit=RateUnit(str(wire.get("chargingRateUnit")).strip().upper()),
        periods=tuple(by_start[start_s] for start_s in sorted(by_start)),
        start_at=start_at,
        duration_s=_seconds(wire.get("duration") or 0) or None,
        min_rate=tenths(wire.get("minChargingRate")),
    )


def _period(wire: object) -> SchedulePeriod:
    if not isinstance(wire, dict) or (limit := tenths(wire.get("limit"))) is None:
        raise ValueError("a limit is not a number")
    phases = whole(wire.get("numberPhases"))
    return SchedulePeriod(_seconds(wire.get("startPeriod")), limit, phases if phases in {1, 2, 3} else None)


def _seconds(value: object) -> int:
    seconds = number(value)
    if seconds is None or not 0 <= seconds <= _LONGEST_SCHEDULE_S:
        raise ValueError("not a number of seconds")
    return int(seconds)


# --- what a charge point can do (OCPP 1.6 section 9) -----------------------------------------------------------------

SMART_CHARGING_KEYS = (
    "SupportedFeatureProfiles",
    "NumberOfConnectors",
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
    "ConnectorSwitch3to1PhaseSupported",
)

_UNIT_WORDS = {"current": RateUnit.AMPERE, "a": RateUnit.AMPERE, "power": RateUnit.WATT, "w": RateUnit.WATT}


@dataclass(frozen=True, slots=True)
class LearnedCapabilities:
    """None, or no `units`: the charge point has not said, or not legibly."""

    supported: bool | None = None
    units: frozenset[RateUnit] = frozenset()
    max_periods: int | None = None
    max_stack_level: int | None = None
    max_profiles: int | None = None
    connector_count: int | None = None
    phase_switching: bool | None = None


def configuration_of(answer: Payload) -> dict[str, str]:
    """The keys of GetConfiguration.conf that have a value."""
    entries = answer.get("configurationKey")
    known = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    pairs = ((entry.get("key"), entry.get("value")) for entry in known)
    return {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, str)}


def to_capabilities(configuration: dict[str, str]) -> LearnedCapabilities:
    """From values by key, both in any case: keys are case-insensitive (OCPP 1.6 section 7.29)."""
    said = {key.strip().casefold(): value.strip().casefold() for key, value in configuration.items()}
    features = "".join(said.get("supportedfeatureprofiles", "").split())
    units = re.split(r"[\s,;|]+", said.get("chargingscheduleallowedchargingrateunit", ""))
    return LearnedCapabilities(
        supported="smartcharging" in features if features else None,
        units=frozenset(_UNIT_WORDS[word] for word in units if word in _UNIT_WORDS),
        max_periods=_at_least(1, said.get("chargingschedulemaxperiods")),
        max_stack_level=_at_least(0, said.get("chargeprofilemaxstacklevel")),
        max_profiles=_at_least(1, said.get("maxchargingprofilesinstalled")),
        connector_count=_at_least(1, said.get("numberofconnectors")),
        phase_switching={"true": True, "false": False}.get(said.get("connectorswitch3to1phasesupported", "")),
    )


def _at_least(least: int, text: str | None) -> int | None:
    count = whole(text)
    return count if count is not None and count >= least else None


# --- answers to a charge point ---------------------------------------------------------------------------------------


def authorize_answer(status: AuthorizationStatus) -> Payload:
    return {"idTagInfo": {"status": status.value}}


def start_answer(answer: StartAnswer) -> Payload:
    return {"transactionId": _transaction_id(answer.transaction_id)} | authorize_answer(answer.authorization)


def boot_answer(status: RegistrationStatus | str, interval_s: int, now: datetime) -> Payload:
    """`interval_s` is the heartbeat's, or when not Accepted the time to the next BootNotification (section 4.2)."""
    return {"status": RegistrationStatus(status).value, "currentTime": wire_time(now), "interval": interval_s}


def heartbeat_answer(now: datetime) -> Payload:
    return {"currentTime": wire_time(now)}
