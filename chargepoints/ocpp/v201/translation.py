"""Commands, schedules and answers <-> OCPP 2.0.1 payloads. Pure: no Django, no socket, no clock."""

from datetime import datetime
from typing import Any

from chargepoints.ocpp.outcomes import judged
from chargepoints.ocpp.schedules import read_schedule, wire_schedule
from chargepoints.ocpp.wire import clean_text, plausible_time, storable, whole, wire_time
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
)

Payload = dict[str, Any]

# Every status an OCPP 2.0.1 charge point can answer a CSMS. What is not here (Rejected, NotSupported, NotImplemented,
# Failed, VersionMismatch, InvalidCertificate, OngoingAuthorizedTransaction, ...) is a refusal.
_AGREEMENTS = frozenset({"Accepted", "AcceptedCanceled", "RebootRequired", "Scheduled", "Unlocked", "Unpublished"})
_UNKNOWN = frozenset({"Unknown", "NotFound", "NoProfiles", "NoFirmware", "EmptyResultSet", "NoTransaction"})
# Answers that judge each of several items instead of the whole.
_ITEMS = {
    "GetVariables": ("getVariableResult", "attributeStatus"),
    "SetVariables": ("setVariableResult", "attributeStatus"),
    "SetVariableMonitoring": ("setMonitoringResult", "status"),
    "ClearVariableMonitoring": ("clearMonitoringResult", "status"),
}
_TRANSACTION_ID_LENGTH = 36
_PURPOSES = {
    ProfilePurpose.TX: "TxProfile",
    ProfilePurpose.TX_DEFAULT: "TxDefaultProfile",
    ProfilePurpose.CHARGE_POINT_MAX: "ChargingStationMaxProfile",
}


# --- commands -> calls -----------------------------------------------------------------------------------------------


def to_call(request: CommandRequest) -> tuple[str, Payload]:
    """Action and payload. ValueError for what OCPP 2.0.1 cannot express."""
    match request:
        case SetProfile():
            return "SetChargingProfile", _set_profile(request)
        case ClearProfile():
            return "ClearChargingProfile", {"chargingProfileId": request.profile_id}
        case GetComposite():
            return "GetCompositeSchedule", _get_composite(request)
        case RawCall():
            return request.action, request.payload


def _set_profile(request: SetProfile) -> Payload:
    """Use case K01. The id is one per (transaction, stack level): another one there would be refused (K01.FR.39)."""
    _refuse_impossible(request)
    profile: Payload = {
        "id": request.profile_id,
        "stackLevel": request.stack_level,
        "chargingProfilePurpose": _PURPOSES[request.purpose],
        "chargingProfileKind": "Absolute" if request.schedule.start_at else "Relative",
        "chargingSchedule": [{"id": request.profile_id} | wire_schedule(request.schedule)],
    }
    if request.purpose is ProfilePurpose.TX:
        profile["transactionId"] = request.transaction_id
    if request.valid_to:
        profile["validTo"] = wire_time(request.valid_to)
    return {"evseId": request.evse_id, "chargingProfile": profile}


def _refuse_impossible(request: SetProfile) -> None:
    """K01.FR.03, FR.16 and FR.38; ChargingProfileType: a TxProfile has no validTo, it ends with its transaction."""
    match request.purpose:
        case ProfilePurpose.TX:
            _evse_of_session(request.evse_id)
            if not 0 < len(request.transaction_id) <= _TRANSACTION_ID_LENGTH:
                raise ValueError("an OCPP 2.0.1 transaction id has 1 to 36 characters")
            if request.valid_to:
                raise ValueError("a TxProfile has no validTo: it ends with its transaction")
        case ProfilePurpose.CHARGE_POINT_MAX:
            if request.evse_id != 0:
                raise ValueError("a ChargingStationMaxProfile is of EVSE 0, the whole charge point")
            if request.schedule.start_at is None:
                raise ValueError("a ChargingStationMaxProfile cannot be relative: it needs a start")
        case _:
            if request.evse_id < 0:
                raise ValueError("an EVSE is numbered from 1, 0 is all of them")


def _evse_of_session(evse_id: int) -> int:
    if evse_id < 1:
        raise ValueError("EVSE 0 is the whole charge point, never that of a session")
    return evse_id


def _get_composite(request: GetComposite) -> Payload:
    payload: Payload = {"evseId": _evse_of_session(request.evse_id), "duration": request.duration_s}
    return payload | ({"chargingRateUnit": request.unit.value} if request.unit else {})


# --- answers -> outcomes ---------------------------------------------------------------------------------------------


def to_outcome(request: CommandRequest, answer: Payload, *, received_at: datetime) -> CommandOutcome:
    """An answer without a status agrees only to a RawCall: those of the other requests must have one."""
    status, detail = _judge(request, answer)
    schedule = None
    if isinstance(request, GetComposite) and status is OutcomeStatus.ACCEPTED:
        schedule = composite(answer, received_at=received_at)
        if schedule is None and _wire_periods(answer):
            status, detail = OutcomeStatus.REJECTED, "charge point answered a schedule that cannot be read"
        elif _answered_evse(answer, request.evse_id) != request.evse_id:  # 0 is the whole charge point's
            status, detail, schedule = OutcomeStatus.REJECTED, "charge point answered for another EVSE", None
    return CommandOutcome(status=status, detail=detail, answer=storable(answer), schedule=schedule)


def _judge(request: CommandRequest, answer: Payload) -> tuple[OutcomeStatus, str]:
    if isinstance(request, RawCall) and request.action in _ITEMS:
        return _judge_items(answer, *_ITEMS[request.action])
    status, detail = judged(
        answer.get("status"), agreements=_AGREEMENTS, unknown=_UNKNOWN, optional=isinstance(request, RawCall)
    )
    why = _reason(answer.get("statusInfo")) if detail else ""
    return status, f"{detail}: {why}" if why else detail


def _judge_items(answer: Payload, name: str, key: str) -> tuple[OutcomeStatus, str]:
    """Any refusal is told. To have read something, or to have been able to do everything, is acceptance."""
    items = answer.get(name)
    statuses = [clean_text(item.get(key), 50) for item in items if isinstance(item, dict)] if items else []
    refused = [status for status in statuses if status not in _AGREEMENTS]
    detail = f"charge point refused {len(refused)} of {len(statuses)}: {', '.join(sorted(set(refused)))}"
    if not refused and statuses:
        return OutcomeStatus.ACCEPTED, ""
    reads = name == "getVariableResult" and len(refused) < len(statuses)
    return OutcomeStatus.ACCEPTED if reads else OutcomeStatus.REJECTED, detail


def _reason(info: object) -> str:
    """StatusInfoType, for people."""
    parts = [clean_text(info.get(key)) for key in ("reasonCode", "additionalInfo")] if isinstance(info, dict) else []
    return ", ".join(part for part in parts if part)


# --- schedules <- wire -----------------------------------------------------------------------------------------------


def composite(answer: Payload, *, received_at: datetime) -> ChargingSchedule | None:
    """The schedule of a GetCompositeScheduleResponse as sent, in ascending order, limits not clamped.

    Starts at `scheduleStart`, or now. None when there is no schedule, it is empty, or it cannot be read.
    """
    wire = answer.get("schedule")
    if not isinstance(wire, dict) or not _wire_periods(answer):
        return None
    try:
        return read_schedule(wire, start_at=plausible_time(wire.get("scheduleStart"), received_at) or received_at)
    except ValueError:
        return None


def _wire_periods(answer: Payload) -> Any:
    wire = answer.get("schedule")
    return wire.get("chargingSchedulePeriod") if isinstance(wire, dict) else wire


def _answered_evse(answer: Payload, asked: int) -> int | None:
    """Nobody's, when it does not say: that of the question."""
    wire = answer.get("schedule")
    said = wire.get("evseId") if isinstance(wire, dict) else None
    return asked if said is None else whole(said)


# --- answers to a charge point ---------------------------------------------------------------------------------------

# "Invalid" of OCPP 1.6, and here, is an identifier that nobody knows; 2.0.1 has a word of its own for that.
_STATUS_WORDS = {AuthorizationStatus.INVALID: "Unknown"}


def token_answer(status: AuthorizationStatus) -> Payload:
    """AuthorizeResponse, and the TransactionEventResponse to an event that brought a token."""
    return {"idTokenInfo": {"status": _STATUS_WORDS.get(status, status.value)}}


CERTIFICATE_REFUSED: Payload = {"idTokenInfo": {"status": "Invalid"}, "certificateStatus": "CertChainError"}
"""This product has no root certificates, so it cannot say that a contract certificate is genuine (use case C07)."""


def boot_answer(interval_s: int, now: datetime) -> Payload:
    return {"status": "Accepted", "currentTime": wire_time(now), "interval": interval_s}
