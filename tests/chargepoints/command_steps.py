"""The steps of a command's life, short, with the arguments that most tests do not care about."""

from datetime import datetime, timedelta

from chargepoints import commands
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.values import ChargingSchedule, CommandCall, CommandOutcome, OutcomeStatus
from tests.support.factories import NOW, SOCKET, schedule

PARTNER = "NL*JED"
ACCEPTED = CommandOutcome(OutcomeStatus.ACCEPTED, answer={"status": "Accepted"})
REJECTED = CommandOutcome(OutcomeStatus.REJECTED, "charge point answered Rejected", {"status": "Rejected"})
UNKNOWN = CommandOutcome(OutcomeStatus.UNKNOWN, answer={"status": "Unknown"})
EXPIRED = CommandOutcome(OutcomeStatus.EXPIRED, "no answer in time")
FAILED = CommandOutcome(OutcomeStatus.FAILED, "the connection closed before the charge point answered")


def ask(
    session: ChargingSession,
    wish: ChargingSchedule | None = None,
    *,
    owner: str = PARTNER,
    now: datetime = NOW,
    timeout_s: float = 30,
) -> ChargePointCommand:
    """A SET_PROFILE of `wish`; of 16 A if it does not matter. The session is read anew, as a request would."""
    return commands.request_set_profile(
        session=_fresh(session), owner=owner, schedule=wish or schedule(16), requested_by=owner, now=now,
        expires_at=now + timedelta(seconds=timeout_s), correlation_id="corr-1",
    )  # fmt: skip


def ask_clear(
    session: ChargingSession, *, owner: str = PARTNER, now: datetime = NOW, timeout_s: float = 30
) -> ChargePointCommand:
    return commands.request_clear_profile(
        session=_fresh(session), owner=owner, requested_by=owner, now=now, expires_at=now + timedelta(seconds=timeout_s)
    )


def ask_composite(session: ChargingSession, *, now: datetime = NOW) -> ChargePointCommand:
    return commands.request_composite(
        session=_fresh(session), duration_s=3600, unit=None, requested_by=PARTNER, now=now,
        expires_at=now + timedelta(seconds=30),
    )  # fmt: skip


def claim(session: ChargingSession, *, socket: str = SOCKET, now: datetime = NOW) -> CommandCall | None:
    return commands.claim_next(session.charge_point_id, socket, now=now)


def send(command: ChargePointCommand, *, socket: str = SOCKET, now: datetime = NOW) -> None:
    """Claims until `command` is on its way."""
    while call := commands.claim_next(command.charge_point_id, socket, now=now):
        if call.command_id == command.pk:
            return
    raise AssertionError(f"{command} was never claimed")


def carry(command: ChargePointCommand, outcome: CommandOutcome = ACCEPTED, *, now: datetime = NOW) -> None:
    """Sends `command` and records its outcome; a refusal also in the other unit."""
    send(command, now=now)
    assert commands.record_outcome(command.pk, outcome, now=now)
    if status_of(command) == "QUEUED":
        send(command, now=now)
        assert commands.record_outcome(command.pk, outcome, now=now)


def installed(
    session: ChargingSession, wish: ChargingSchedule | None = None, *, owner: str = PARTNER
) -> ChargingProfile:
    """The profile of `owner`, accepted by the charge point; no other command is left open."""
    carry(ask(session, wish, owner=owner))
    ChargePointCommand.objects.open().delete()
    return profile_of(session, owner=owner)


def profile_of(session: ChargingSession, *, owner: str = PARTNER) -> ChargingProfile:
    return ChargingProfile.objects.get(session=session, owner=owner)


def status_of(command: ChargePointCommand) -> str:
    return ChargePointCommand.objects.get(pk=command.pk).status


def _fresh(session: ChargingSession) -> ChargingSession:
    return ChargingSession.objects.select_related("evse", "charge_point").get(pk=session.pk)
