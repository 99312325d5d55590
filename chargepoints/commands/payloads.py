"""What a row's payload says: what preparing made of a wish, and the value that a link understands."""

from datetime import datetime
from typing import Any

from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.values import (
    ChargingSchedule,
    ClearProfile,
    CommandRequest,
    GetComposite,
    PreparedSchedule,
    ProfilePurpose,
    RateUnit,
    RawCall,
    SetProfile,
)

Kind = ChargePointCommand.Kind


def set_profile_payload(
    session: ChargingSession,
    profile: ChargingProfile,
    wish: ChargingSchedule,
    prepared: PreparedSchedule,
    *,
    correction: str = "",
) -> dict[str, Any]:
    return {
        "profile_id": profile.pk,
        "stack_level": profile.stack_level,
        "evse_id": session.evse.ocpp_evse_id,
        "transaction_id": session.ocpp_transaction_id,
        "wish": wish.to_json(),
        "correction": correction,
    } | as_prepared(prepared)


def as_prepared(prepared: PreparedSchedule) -> dict[str, Any]:
    """The part of a SET_PROFILE's payload that preparing made of its wish."""
    return {
        "schedule": prepared.schedule.to_json(),
        "follow_up_at": prepared.follow_up_at.isoformat() if prepared.follow_up_at else None,
        "capped_by": prepared.capped_by,
    }


def to_request(command: ChargePointCommand) -> CommandRequest:
    """The row as the frozen value that the link of any OCPP version understands."""
    payload = command.payload
    match command.kind:
        case Kind.SET_PROFILE:
            return SetProfile(
                profile_id=payload["profile_id"],
                stack_level=payload["stack_level"],
                evse_id=payload["evse_id"],
                transaction_id=payload["transaction_id"],
                schedule=ChargingSchedule.from_json(payload["schedule"]),
                purpose=ProfilePurpose(payload.get("purpose", ProfilePurpose.TX)),
                valid_to=datetime.fromisoformat(payload["valid_to"]) if payload.get("valid_to") else None,
            )
        case Kind.CLEAR_PROFILE:
            return ClearProfile(profile_id=payload["profile_id"])
        case Kind.GET_COMPOSITE:
            unit = RateUnit(payload["unit"]) if payload["unit"] else None
            return GetComposite(evse_id=payload["evse_id"], duration_s=payload["duration_s"], unit=unit)
        case _:
            return RawCall(action=command.action, payload=payload)
