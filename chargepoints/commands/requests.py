"""What is asked of a charge point becomes a row; a newer wish supersedes one that has not left."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from chargepoints.commands import endings, mailbox, payloads
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession, OperatorLimit
from chargepoints.profiles import state as profile_state
from chargepoints.values import ChargingSchedule, CommandOutcome, OutcomeStatus, RateUnit, ScheduleRefused

Kind = ChargePointCommand.Kind
Status = ChargePointCommand.Status
SYSTEM = profile_state.SYSTEM
INSTALLED_ALREADY = "already installed exactly so: not sent again"


@transaction.atomic
def request_set_profile(
    *,
    session: ChargingSession,
    owner: str,
    schedule: ChargingSchedule,
    requested_by: str,
    now: datetime,
    expires_at: datetime,
    correlation_id: str = "",
    correction: str = "",
) -> ChargePointCommand:
    """Asks for `schedule` on the charge point that runs `session`. Raises ScheduleRefused with nothing written.

    A SetChargingProfile of this owner that has not left yet is superseded. One that would install exactly what is
    installed is not sent again (flash wear): it is ACCEPTED at once. `correction`: why it is sent once more.
    """
    _supersede_profile(session, owner, now=now)
    profile, prepared = profile_state.want(session=session, owner=owner, schedule=schedule, now=now)
    command = mailbox.new(
        session.charge_point, Kind.SET_PROFILE, "SetChargingProfile",
        payload=payloads.set_profile_payload(session, profile, schedule, prepared, correction=correction),
        session=session, profile=profile, notes=_with_reason(prepared.notes, correction), requested_by=requested_by,
        correlation_id=correlation_id, now=now, expires_at=expires_at,
    )  # fmt: skip
    if profile_state.is_installed(profile, prepared) and not _has_open(profile, but=command):
        endings.finish_unsent(command, CommandOutcome(OutcomeStatus.ACCEPTED, INSTALLED_ALREADY), now=now)
    return command


def _with_reason(notes: Sequence[str], correction: str) -> list[str]:
    return [*notes, *([f"sent again: {correction}"] if correction else [])]


@transaction.atomic
def request_clear_profile(
    *,
    session: ChargingSession,
    owner: str,
    requested_by: str,
    now: datetime,
    expires_at: datetime,
    correlation_id: str = "",
    notes: Sequence[str] = (),
) -> ChargePointCommand:
    """Asks to remove the profile of `owner`. With nothing set it is UNKNOWN at once and nothing is sent."""
    _supersede_profile(session, owner, now=now)
    profile = ChargingProfile.objects.filter(session=session, owner=owner).first()
    command = mailbox.new(
        session.charge_point, Kind.CLEAR_PROFILE, "ClearChargingProfile",
        payload={"profile_id": profile.pk if profile else None}, session=session, profile=profile,
        notes=list(notes), requested_by=requested_by, correlation_id=correlation_id, now=now, expires_at=expires_at,
    )  # fmt: skip
    if profile is None or (profile_state.nothing_set(profile) and not _has_open(profile, but=command)):
        endings.finish_unsent(command, CommandOutcome(OutcomeStatus.UNKNOWN, "no charging profile was set"), now=now)
    return command


def request_composite(
    *,
    session: ChargingSession,
    duration_s: int,
    unit: RateUnit | None,
    requested_by: str,
    now: datetime,
    expires_at: datetime,
    correlation_id: str = "",
    not_before: datetime | None = None,
) -> ChargePointCommand:
    """Asks what the charge point plans for this session's EVSE over `duration_s` seconds from now."""
    payload = {"evse_id": session.evse.ocpp_evse_id, "duration_s": duration_s, "unit": unit.value if unit else None}
    return mailbox.new(
        session.charge_point, Kind.GET_COMPOSITE, "GetCompositeSchedule", payload=payload, session=session,
        requested_by=requested_by, correlation_id=correlation_id, now=now, expires_at=expires_at,
        not_before=not_before,
    )  # fmt: skip


@transaction.atomic
def request_limit(
    *, limit: OperatorLimit, kind: Kind, payload: dict[str, Any], notes: list[str], requested_by: str, now: datetime
) -> ChargePointCommand:
    """Asks to set or to clear the profile of an operator's limit. What waits for the same place is superseded."""
    supersede_limit(limit, now=now)
    action = "SetChargingProfile" if kind == Kind.SET_PROFILE else "ClearChargingProfile"
    return mailbox.new(
        limit.charge_point, kind, action, payload=payload, limit=limit, notes=notes, requested_by=requested_by,
        now=now, expires_at=now + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S),
    )  # fmt: skip


def supersede_limit(limit: OperatorLimit, *, now: datetime) -> None:
    of_place = OperatorLimit.objects.of_place(limit)
    _supersede(ChargePointCommand.objects.filter(limit__in=of_place, status=Status.QUEUED), now=now)


def request_call(
    *,
    charge_point: ChargePoint,
    action: str,
    payload: dict[str, Any],
    requested_by: str,
    now: datetime,
    timeout_s: float | None = None,
    session: ChargingSession | None = None,
) -> ChargePointCommand:
    """Asks for any CSMS-initiated OCPP call, payload in the wire form of the charge point's version."""
    expires_at = now + timedelta(seconds=timeout_s or settings.OCPP_COMMAND_TIMEOUT_S)
    return mailbox.new(
        charge_point, Kind.CALL, action, payload=payload, session=session,
        requested_by=requested_by, now=now, expires_at=expires_at,
    )  # fmt: skip


def session_began(session: ChargingSession, *, now: datetime) -> None:
    """What was kept for it can leave: prepared anew, for a start that is known only now."""
    for command in session.commands.filter(kind=Kind.SET_PROFILE, status=Status.QUEUED).select_related("profile"):
        try:
            payload = _prepared_anew(command, session, now=now)
        except ScheduleRefused as refused:
            reason = f"{refused.code}: {refused.detail}"
            endings.finish_unsent(command, CommandOutcome(OutcomeStatus.REJECTED, reason), now=now)
            continue
        ChargePointCommand.objects.filter(pk=command.pk, status=Status.QUEUED).update(payload=payload)
        transaction.on_commit(partial(mailbox.ring, command.pk, session.charge_point.connection_id))


def _prepared_anew(command: ChargePointCommand, session: ChargingSession, *, now: datetime) -> dict[str, Any]:
    wish, owner = ChargingSchedule.from_json(command.payload["wish"]), command.profile.owner if command.profile else ""
    prepared = profile_state.preview(session, owner, wish, now=now)
    where = {"evse_id": session.evse.ocpp_evse_id, "transaction_id": session.ocpp_transaction_id}
    return {**command.payload, **where, **payloads.as_prepared(prepared)}


def withdraw_corrections(profile: ChargingProfile, *, now: datetime) -> None:
    """They have become needless before they left."""
    outcome = CommandOutcome(OutcomeStatus.REJECTED, "not sent: the plan is right after all")
    for command in profile.commands.filter(kind=Kind.SET_PROFILE, status=Status.QUEUED, requested_by=SYSTEM):
        if command.payload.get("correction"):
            endings.finish_unsent(command, outcome, now=now)


def _has_open(profile: ChargingProfile, *, but: ChargePointCommand) -> bool:
    return profile.commands.open().exclude(pk=but.pk).exists()


def _supersede_profile(session: ChargingSession, owner: str, *, now: datetime) -> None:
    """Before the profile is read: its state then says what the refusal of the older wish left."""
    waiting = session.commands.filter(profile__owner=owner, kind=Kind.SET_PROFILE, status=Status.QUEUED)
    _supersede(waiting, now=now)


def _supersede(waiting: QuerySet[ChargePointCommand], *, now: datetime) -> None:
    outcome = CommandOutcome(OutcomeStatus.REJECTED, "superseded by a newer request before it was sent")
    for command in waiting.only("pk").order_by("pk"):
        endings.finish_unsent(command, outcome, now=now)
