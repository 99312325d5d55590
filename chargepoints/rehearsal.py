"""What would be sent for a charging profile, and what would become of it. Writes nothing.

Every step is that of the real path: preparing (`profiles.state`), the payload of the command (`commands`), the words of
the OCPP version (`ocpp.registry`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Max

from chargepoints import commands
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, Evse
from chargepoints.ocpp import registry
from chargepoints.ocpp.operator_calls import CallRefused
from chargepoints.ocpp.schemas import Schemas
from chargepoints.profiles import state as profile_state
from chargepoints.values import ChargingSchedule, PreparedSchedule, ScheduleRefused

Kind = ChargePointCommand.Kind
Status = ChargePointCommand.Status
MOST_PARTS = 20
NOTABLE_SKEW_S = 60
STAND_IN_TRANSACTION = "1"


@dataclass(frozen=True, slots=True)
class Part:
    """One SetChargingProfile. `payload` empty: it cannot be written in this charge point's version, `problem` says why.

    `at` None: at once; else when beat sends it, as the rest of a schedule that is longer than the charge point takes.
    """

    schedule: ChargingSchedule
    notes: tuple[str, ...]
    action: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    at: datetime | None = None

    @property
    def wire(self) -> str:
        """The payload for people to read, exactly as it is sent."""
        return json.dumps(self.payload, indent=2)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`fate`: what would happen to the command; `is_sent` False: nothing would leave."""

    parts: tuple[Part, ...]
    fate: str
    is_sent: bool
    warnings: tuple[str, ...]


def stand_in(evse: Evse, *, now: datetime) -> ChargingSession:
    """A session that is not there, of a car of which nothing is known. Not to be saved."""
    return ChargingSession(
        charge_point=evse.charge_point, evse=evse, ocpp_transaction_id=STAND_IN_TRANSACTION,
        state=ChargingSession.State.ACTIVE, started_at=now, reported_start_at=now, last_updated=now,
    )  # fmt: skip


def rehearse(session: ChargingSession, owner: str, schedule: ChargingSchedule, *, now: datetime) -> Rehearsal:
    """Raises ScheduleRefused, as the real path does."""
    profile, prepared = profile_state.foresee(session=session, owner=owner, schedule=schedule, now=now)
    is_new = profile.pk is None
    if is_new:
        profile.pk = (ChargingProfile.objects.aggregate(Max("pk"))["pk__max"] or 0) + 1
    fate, is_sent = _fate(session, profile, prepared, is_new=is_new)
    return Rehearsal(
        parts=tuple(_parts(session, profile, schedule, prepared, now=now)),
        fate=fate,
        is_sent=is_sent,
        warnings=tuple(_warnings(session, schedule, profile, is_new=is_new)),
    )


# --- what is sent ---------------------------------------------------------------------------------------------------


def _parts(
    session: ChargingSession, profile: ChargingProfile, schedule: ChargingSchedule, prepared: PreparedSchedule,
    *, now: datetime,
) -> Iterator[Part]:  # fmt: skip
    """The first, and those that follow while they fit."""
    at: datetime | None = None
    for _ in range(MOST_PARTS):
        yield _part(session, profile, schedule, prepared, at=at)
        at = prepared.follow_up_at
        if at is None or at <= now:
            return
        try:
            prepared = profile_state.continued(session, schedule, before=prepared.schedule, now=at)
        except ScheduleRefused:
            return  # it is over by then: beat finds the same


def _part(
    session: ChargingSession, profile: ChargingProfile, schedule: ChargingSchedule, prepared: PreparedSchedule,
    *, at: datetime | None,
) -> Part:  # fmt: skip
    payload = commands.set_profile_payload(session, profile, schedule, prepared)
    command = ChargePointCommand(kind=Kind.SET_PROFILE, payload=payload)
    try:
        version = registry.version_of(session.charge_point.ocpp_version)
        action, wire = version.to_call(commands.to_request(command))
        violation = Schemas.for_version(version.number).check_request(action, wire, strict=True)
    except (CallRefused, ValueError) as error:
        return Part(prepared.schedule, prepared.notes, problem=str(error), at=at)
    problem = f"it violates the OCPP schema: {violation.description}" if violation else ""
    return Part(prepared.schedule, prepared.notes, action, wire, problem, at)


# --- what becomes of it ---------------------------------------------------------------------------------------------


def _fate(
    session: ChargingSession, profile: ChargingProfile, prepared: PreparedSchedule, *, is_new: bool
) -> tuple[str, bool]:
    """As `commands.request_set_profile` and `claim_next` decide; and whether anything leaves."""
    if not is_new and profile_state.is_installed(profile, prepared) and not _changes_meanwhile(profile):
        return f"Nothing would be sent: {commands.INSTALLED_ALREADY}. Its owner would be told ACCEPTED.", False
    if session.state == ChargingSession.State.PENDING:
        return "It would be kept, and sent when the session begins, unless it expires before that.", False
    if session.state != ChargingSession.State.ACTIVE:
        return f"Nothing would be sent: the session is {session.state}.", False
    if not session.charge_point.is_online:
        return "Nothing would be sent: the charge point is offline. It would wait until that connects.", False
    ahead = session.charge_point.commands.open().count()
    return f"It would be sent {f'after {ahead} command(s) that wait already' if ahead else 'at once'}.", True


def _changes_meanwhile(profile: ChargingProfile) -> bool:
    """By a command that would not be superseded."""
    return profile.commands.open().exclude(kind=Kind.SET_PROFILE, status=Status.QUEUED).exists()


def _warnings(
    session: ChargingSession, schedule: ChargingSchedule, profile: ChargingProfile, *, is_new: bool
) -> Iterator[str]:
    if session.pk is None:
        yield from _stand_in_words(session)
    if is_new:
        yield f"Profile id {profile.pk} stands for the real one, which is given when a profile is first asked for."
    else:
        for waiting in profile.commands.filter(kind=Kind.SET_PROFILE, status=Status.QUEUED):
            yield f"{waiting} of {profile.owner} has not left: it would be superseded, and its request get REJECTED."
    yield from _charge_point_words(session, schedule)


def _stand_in_words(session: ChargingSession) -> Iterator[str]:
    used = session.evse.limits().used_phases
    known = "as installed" if session.evse.phases else "assumed, as nothing is known"
    yield (
        f"No session was chosen: prepared as for one on {session.evse} that begins now, with a car that is not known. "
        f"Transaction id {STAND_IN_TRANSACTION} stands for the real one; W are spread over {used} phase(s), {known}."
    )


def _charge_point_words(session: ChargingSession, schedule: ChargingSchedule) -> Iterator[str]:
    charge_point = session.charge_point
    if charge_point.smart_charging is None:
        yield "The charge point has not said yet whether it takes charging profiles."
    if not charge_point.capabilities.units:
        yield "It has not said which units it takes: A is tried on AC, and the other unit once if it refuses."
    skew_s = charge_point.clock_skew_s or 0
    if schedule.start_at and abs(skew_s) >= NOTABLE_SKEW_S:
        yield f"Its clock is {skew_s:+d} s off: it follows this schedule that much too early or too late."
