"""A charge point that refuses one unit and takes the other: tried once, inside the same command, and remembered."""

from datetime import datetime, timedelta

from chargepoints.models import ChargePoint, ChargePointCommand, ChargingSession
from chargepoints.profiles import state as profile_state
from chargepoints.values import (
    ChargingSchedule,
    CommandOutcome,
    OutcomeStatus,
    PreparedSchedule,
    RateUnit,
    ScheduleRefused,
)

LEAST_TIME_LEFT = timedelta(seconds=3)
REFUSED = "refused_unit"  # in the payload of a command that is sent for the second time


def other_unit(command: ChargePointCommand, outcome: CommandOutcome, *, now: datetime) -> PreparedSchedule | None:
    """The wish of a refused SetChargingProfile in the other unit; None where that makes no sense.

    Not where the charge point gives another reason, or says that it takes one unit only, nor twice, nor when it has
    taken the unit before.
    """
    session = command.session
    if (
        not _refuses_perhaps_the_unit(outcome)
        or session is None
        or REFUSED in command.payload
        or command.expires_at - now < LEAST_TIME_LEFT
    ):
        return None
    unit = RateUnit(command.payload["schedule"]["unit"])
    other = RateUnit.WATT if unit is RateUnit.AMPERE else RateUnit.AMPERE
    said = session.charge_point.capabilities.units
    if session.state != ChargingSession.State.ACTIVE or (said and other not in said) or _took(command, unit):
        return None
    return _prepared(command, session, other, now=now)


def _refuses_perhaps_the_unit(outcome: CommandOutcome) -> bool:
    """A plain Rejected, in OCPP 2.0.1 without the reason code of something else (part 2, appendix 5)."""
    if outcome.status != OutcomeStatus.REJECTED or outcome.answer.get("status") != "Rejected":
        return False
    info = outcome.answer.get("statusInfo")
    reason = str(info.get("reasonCode", "")) if isinstance(info, dict) else ""
    return not reason or "unit" in reason.casefold()


def _took(command: ChargePointCommand, unit: RateUnit) -> bool:
    """It has taken this unit in this session: the unit is not what it refuses."""
    applied = command.profile.applied_schedule if command.profile else None
    return applied is not None and applied.unit is unit


def _prepared(
    command: ChargePointCommand, session: ChargingSession, unit: RateUnit, *, now: datetime
) -> PreparedSchedule | None:
    wish = ChargingSchedule.from_json(command.payload["wish"])
    owner = command.profile.owner if command.profile else ""
    try:
        prepared = profile_state.preview(session, owner, wish, now=now, units=frozenset({unit}))
    except ScheduleRefused:
        return None
    return prepared if prepared.schedule.unit is unit else None


def learn(command: ChargePointCommand) -> None:
    """The other unit was taken: the refused one is not tried again."""
    refused = command.payload.get(REFUSED)
    if refused:
        ChargePoint.objects.filter(pk=command.charge_point_id).update(refused_units=refused)
