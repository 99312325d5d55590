"""Which status is good and which needs a look."""

from chargepoints.admin.rendering import BAD, OK, WARN
from chargepoints.models import (
    AuditEntry,
    ChargePointCommand,
    ChargingProfile,
    ChargingSession,
    DriverToken,
    OperatorLimit,
)

SESSION = {
    ChargingSession.State.ACTIVE.value: OK,
    ChargingSession.State.PENDING.value: WARN,
    ChargingSession.State.INVALID.value: BAD,
}
COMMAND = {
    ChargePointCommand.Status.ACCEPTED.value: OK,
    ChargePointCommand.Status.REJECTED.value: BAD,
    ChargePointCommand.Status.UNKNOWN.value: WARN,
    ChargePointCommand.Status.FAILED.value: BAD,
    ChargePointCommand.Status.EXPIRED.value: BAD,
}
PROFILE = {
    ChargingProfile.State.INSTALLED.value: OK,
    ChargingProfile.State.REJECTED.value: BAD,
    ChargingProfile.State.UNCERTAIN.value: WARN,
    ChargingProfile.State.DRIFTED.value: BAD,
}
LIMIT = {
    OperatorLimit.State.REQUESTED.value: WARN,
    OperatorLimit.State.INSTALLED.value: OK,
    OperatorLimit.State.REJECTED.value: BAD,
    OperatorLimit.State.UNCERTAIN.value: WARN,
}
EVSE = {
    "Available": OK,
    "Charging": OK,
    "Occupied": OK,
    "SuspendedEV": WARN,
    "SuspendedEVSE": WARN,
    "Unavailable": WARN,
    "Faulted": BAD,
}
TOKEN = {
    DriverToken.Status.ACCEPTED.value: OK,
    DriverToken.Status.BLOCKED.value: BAD,
    DriverToken.Status.EXPIRED.value: WARN,
}
AUDIT = {
    AuditEntry.Outcome.DONE.value: OK,
    AuditEntry.Outcome.ACCEPTED.value: OK,
    AuditEntry.Outcome.DELIVERED.value: OK,
    AuditEntry.Outcome.NOT_DONE.value: WARN,
    AuditEntry.Outcome.UNKNOWN.value: WARN,
    AuditEntry.Outcome.IN_DOUBT.value: WARN,
    AuditEntry.Outcome.REJECTED.value: BAD,
    AuditEntry.Outcome.EXPIRED.value: BAD,
    AuditEntry.Outcome.FAILED.value: BAD,
}
