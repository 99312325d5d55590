"""What came of a request becomes the one result the partner was promised, in the same commit as the outcome."""

import logging
from datetime import datetime

from django.db import transaction

from chargepoints.commands import SYSTEM
from chargepoints.models import ChargePointCommand
from chargepoints.models.rows import only_row
from chargepoints.profiles import active_profile
from chargepoints.profiles.state import believed
from chargepoints.values import ChargingSchedule, CommandOutcome, OutcomeStatus, RateUnit
from ocpi import outbox
from ocpi.models import ProfileRequest
from ocpi.v2_2_1 import translation

logger = logging.getLogger(__name__)
Result = ProfileRequest.Result
Kind = ProfileRequest.Kind
CONCLUDED = ("party", "kind", "body", "response_url", "deadline_at", "correlation_id")


def result_of(status: OutcomeStatus) -> Result:
    """ChargingProfileResultType knows no failures: whatever is neither done nor unknown is REJECTED."""
    return {OutcomeStatus.ACCEPTED: Result.ACCEPTED, OutcomeStatus.UNKNOWN: Result.UNKNOWN}.get(status, Result.REJECTED)


def on_command_finished(command: ChargePointCommand, outcome: CommandOutcome, *, late: bool, now: datetime) -> None:
    """The partner got its result already when the answer is late; the active profile it is pushed then corrects it."""
    if late or command.requested_by == SYSTEM:
        return
    request = only_row(ProfileRequest.objects.filter(command=command).only(*CONCLUDED))
    if request:
        request.session = command.session
        conclude(request, outcome.status, outcome.schedule, now=now)


@transaction.atomic
def conclude(
    request: ProfileRequest, status: OutcomeStatus, schedule: ChargingSchedule | None, *, now: datetime
) -> bool:
    """Writes the result and its message, once: a second conclusion finds the result written and does nothing."""
    result = result_of(status)
    mine = ProfileRequest.objects.filter(pk=request.pk, response=ProfileRequest.Response.ACCEPTED, result="")
    if not mine.update(result=result, result_at=now):
        return False
    request.result, request.result_at = result, now
    outbox.post_result(request, _body(request, result, schedule, now=now), now=now)
    logger.info("profile request id=%s result=%s correlation_id=%s", request.pk, result, request.correlation_id)
    return True


def conclude_from_row(request: ProfileRequest, command: ChargePointCommand, *, now: datetime) -> bool:
    """From a command that had ended before its request could be told: its composite schedule is not known here."""
    status = OutcomeStatus(command.status)
    if request.kind == Kind.GET and status == OutcomeStatus.ACCEPTED:
        status = OutcomeStatus.FAILED
    return conclude(request, status, None, now=now)


def _body(
    request: ProfileRequest, result: Result, schedule: ChargingSchedule | None, *, now: datetime
) -> dict[str, object]:
    if request.kind != Kind.GET or result != Result.ACCEPTED or request.session is None:
        return translation.result_body(result.value, None)
    asked = request.body or {}
    profile = active_profile(
        believed(request.session, schedule, now=now),
        unit=RateUnit(asked["unit"]),
        limits=request.session.evse.limits(detected_phases=request.session.detected_phases),
        now=now,
        duration_s=asked["duration"],
    )
    return translation.result_body(result.value, translation.active_charging_profile(profile))


def catch_up(*, now: datetime, limit: int = 100) -> int:
    """Requests whose command has ended, or is gone, without a result. Called by beat; finds nothing in health."""
    unanswered = ProfileRequest.objects.filter(response=ProfileRequest.Response.ACCEPTED, result="")
    ended = unanswered.exclude(command__status__in=ChargePointCommand.OPEN).select_related(
        "command", "session__evse", "party"
    )
    count = 0
    for request in ended.order_by("deadline_at")[:limit]:
        if request.command:
            count += conclude_from_row(request, request.command, now=now)
        else:
            count += conclude(request, OutcomeStatus.FAILED, None, now=now)
    return count
