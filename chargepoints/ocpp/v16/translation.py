"""Commands, schedules and answers <-> OCPP 1.6 payloads. Pure: no Django, no socket, no clock."""

import re
from datetime import datetime
from typing import Any

from ocpp.v16.enums import RegistrationStatus

from chargepoints.ocpp.capabilities import LearnedCapabilities, at_least, read_truth, read_units
from chargepoints.ocpp.outcomes import judged
from chargepoints.ocpp.schedules import read_schedule, wire_schedule
from chargepoints.ocpp.wire import parse_time, plausible_time, storable, wire_time
from chargepoints.values import (
    AuthorizationStatus,
    ChargingSchedule,
    ClearProfile,
    CommandOutcome,
    CommandRequest,
    GetComposite,
    OutcomeStatus,
    ProfilePurpose,
    RawCall,
    SetProfile,
    StartAnswer,
)

Payload = dict[str, Any]

# Every status an OCPP 1.6 charge point can answer a central system, security extension included. What is not here
# (Rejected, NotSupported, NotImplemented, Failed, UnlockFailed, VersionMismatch, Occupied, ...) is a refusal.
_AGREEMENTS = frozenset({"Accepted", "AcceptedCanceled", "RebootRequired", "Scheduled", "Unlocked"})
_UNKNOWN = frozenset({"Unknown", "NotFound"})  # no such profile, no such certificate


# --- commands -> calls -----------------------------------------------------------------------------------------------


def to_call(request: CommandRequest) -> tuple[str, Payload]:
    """Action and payload. ValueError for what OCPP 1.6 cannot express."""
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
        "chargingSchedule": wire_schedule(request.schedule),
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


# --- answers -> outcomes ---------------------------------------------------------------------------------------------


def to_outcome(request: CommandRequest, answer: Payload, *, received_at: datetime) -> CommandOutcome:
    """An answer without a status agrees only to a RawCall: those of the other requests must have one."""
    status, detail = judged(
        answer.get("status"), agreements=_AGREEMENTS, unknown=_UNKNOWN, optional=isinstance(request, RawCall)
    )
    schedule = None
    if isinstance(request, GetComposite) and status is OutcomeStatus.ACCEPTED:
        schedule = composite(answer, received_at=received_at)
        if schedule is None and _wire_periods(answer):
            status, detail = OutcomeStatus.REJECTED, "charge point answered a schedule that cannot be read"
        elif answer.get("connectorId", request.evse_id) != request.evse_id:  # 0 is the whole charge point's
            status, detail, schedule = OutcomeStatus.REJECTED, "charge point answered for another connector", None
    return CommandOutcome(status=status, detail=detail, answer=storable(answer), schedule=schedule)


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
        return read_schedule(wire, start_at=next(filter(None, starts), received_at))
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
    return read_schedule(wire, start_at=start_at)


def _wire_periods(answer: Payload) -> Any:
    wire = answer.get("chargingSchedule")
    return wire.get("chargingSchedulePeriod") if isinstance(wire, dict) else wire


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
CAPABILITY_QUESTIONS = (RawCall("GetConfiguration", {"key": list(SMART_CHARGING_KEYS)}),)
LIFE_QUESTION = RawCall("GetConfiguration", {"key": ["HeartbeatInterval"]})


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
    return LearnedCapabilities(
        supported="smartcharging" in features if features else None,
        units=read_units(said.get("chargingscheduleallowedchargingrateunit", "")),
        max_periods=at_least(1, said.get("chargingschedulemaxperiods")),
        max_stack_level=at_least(0, said.get("chargeprofilemaxstacklevel")),
        max_profiles=at_least(1, said.get("maxchargingprofilesinstalled")),
        connector_count=at_least(1, said.get("numberofconnectors")),
        phase_switching=read_truth(said.get("connectorswitch3to1phasesupported", "")),
    )


# --- answers to a charge point ---------------------------------------------------------------------------------------


def authorize_answer(status: AuthorizationStatus) -> Payload:
    return {"idTagInfo": {"status": status.value}}


def start_answer(answer: StartAnswer) -> Payload:
    return {"transactionId": _transaction_id(answer.transaction_id)} | authorize_answer(answer.authorization)


def boot_answer(status: RegistrationStatus | str, interval_s: int, now: datetime) -> Payload:
    """`interval_s` is the heartbeat's, or when not Accepted the time to the next BootNotification (section 4.2)."""
    return {"status": RegistrationStatus(status).value, "currentTime": wire_time(now), "interval": interval_s}
