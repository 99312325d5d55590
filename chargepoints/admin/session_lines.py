"""From the rows of a session to the lines of its picture and the situation its story is told of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chargepoints.admin import rendering, session_rows
from chargepoints.chart import story
from chargepoints.chart.differences import SETTLING_S
from chargepoints.chart.series import (
    CAPPED,
    PLANNED,
    REQUESTED,
    SENT,
    Rate,
    Stretch,
    Version,
    at_moment,
    lowest,
    rate_of,
    stretches_of,
    topmost,
)
from chargepoints.chart.story import Car, Situation, Standing
from chargepoints.chart.window import AHEAD_AT_MOST
from chargepoints.commands import to_request
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, OperatorLimit
from chargepoints.ocpp import registry
from chargepoints.profiles.composites import active_profile
from chargepoints.profiles.state import SYSTEM
from chargepoints.values import ChargingSchedule, EvseLimits, OutcomeStatus, RateUnit, SchedulePeriod

Kind = ChargePointCommand.Kind
State = ChargingProfile.State
Lines = Mapping[str, tuple[Stretch, ...]]
MOST_PLANS = 100
SETS = (Kind.SET_PROFILE, Kind.CLEAR_PROFILE)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What turns versions into stretches."""

    limits: EvseLimits
    started_at: datetime
    until: datetime

    def stretches(self, versions: list[Version]) -> tuple[Stretch, ...]:
        return stretches_of(versions, limits=self.limits, started_at=self.started_at, until=self.until)


def limits_of(session: ChargingSession) -> EvseLimits:
    return session.evse.limits(detected_phases=session.detected_phases)


def lines(session: ChargingSession, *, now: datetime) -> Lines:
    """By key of the series, from the begin of the session to its end, or as far ahead as a picture goes."""
    frame = _Frame(limits_of(session), session.started_at, session.ended_at or now + AHEAD_AT_MOST)
    ordered = [command for command in session_rows.commands(session) if command.kind in SETS]
    levels = {profile.pk: profile.stack_level for profile in session.profiles.all()}
    return {
        REQUESTED: topmost([frame.stretches(v) for v in _by_level(_asked_versions(ordered), levels)]),
        SENT: topmost([frame.stretches(v) for v in _by_level(_sent_versions(ordered), levels)]),
        PLANNED: frame.stretches(_planned_versions(session)),
        CAPPED: lowest([frame.stretches(_cap_versions(limit)) for limit in session_rows.limits(session)]),
    }


def _by_level(versions: Mapping[int, list[Version]], levels: Mapping[int, int]) -> list[list[Version]]:
    return [versions[pk] for pk in sorted(versions, key=lambda pk: -levels.get(pk, 0))]


def _asked_versions(ordered: Iterable[ChargePointCommand]) -> dict[int, list[Version]]:
    """Per profile. What the system sends anew is the same wish still."""
    found: dict[int, list[Version]] = defaultdict(list)
    for command in ordered:
        if command.profile_id is None or (command.requested_by == SYSTEM and command.kind == Kind.CLEAR_PROFILE):
            continue
        wish = ChargingSchedule.from_json(command.payload["wish"]) if command.kind == Kind.SET_PROFILE else None
        before = found[command.profile_id]
        if not (command.requested_by == SYSTEM and before and before[-1].schedule == wish):
            before.append(Version(command.created_at, wish, tuple(_trouble(command))))
    return found


def _trouble(command: ChargePointCommand) -> Iterable[str]:
    """Why this wish is not in force, if it is not."""
    if command.is_open:
        yield "not answered by the charge point yet"
    elif not _was_accepted(command):
        yield f"{command.status.lower()}: {command.detail or 'no reason was given'}"


def _was_accepted(command: ChargePointCommand) -> bool:
    return "ACCEPTED" in {command.status, command.late_status}


def _sent_versions(ordered: Iterable[ChargePointCommand]) -> dict[int, list[Version]]:
    """Per profile, from the moment when the charge point accepted it."""
    found: dict[int, list[Version]] = defaultdict(list)
    for command in ordered:
        at = command.late_at or command.finished_at
        if command.profile_id is None or command.sent_at is None or at is None:
            continue
        if command.kind == Kind.SET_PROFILE and _was_accepted(command):
            schedule = ChargingSchedule.from_json(command.payload["schedule"])
            found[command.profile_id].append(Version(at, schedule, tuple(map(str, command.notes))))
        elif command.kind == Kind.CLEAR_PROFILE and (_was_accepted(command) or command.status == "UNKNOWN"):
            found[command.profile_id].append(Version(at, None))
    return found


def _planned_versions(session: ChargingSession) -> list[Version]:
    """As the charge point told them; what contradicts was found in the newest one."""
    questions = [c for c in session_rows.commands(session) if c.kind == Kind.GET_COMPOSITE][-MOST_PLANS:]
    told = [version for command in questions if (version := _plan_of(session, command))]
    findings = tuple(profile.finding for profile in session.profiles.all() if profile.finding)
    return [*told[:-1], *(Version(v.since, v.schedule, findings) for v in told[-1:])]


def _plan_of(session: ChargingSession, command: ChargePointCommand) -> Version | None:
    at = command.late_at or command.finished_at
    if not _was_accepted(command) or at is None or not command.answer:
        return None
    version = session.charge_point.ocpp_version
    outcome = registry.read_answer(version, to_request(command), command.answer, received_at=at)
    if outcome is None or outcome.status is not OutcomeStatus.ACCEPTED:
        return None
    plan = outcome.schedule
    if plan is None and not session.charge_point.tells_plans:
        return None
    limits, unit = limits_of(session), plan.unit if plan else RateUnit.AMPERE
    if limits.voltage_v <= 0:
        return None
    duration_s = command.payload["duration_s"]
    return Version(at, active_profile(plan, unit=unit, limits=limits, now=at, duration_s=duration_s))


def _cap_versions(limit: OperatorLimit) -> list[Version]:
    duration_s = int((limit.ends_at - limit.created_at).total_seconds()) if limit.ends_at else None
    period = SchedulePeriod(0, limit.rate)
    cap = ChargingSchedule(RateUnit(limit.unit), (period,), start_at=limit.created_at, duration_s=duration_s)
    begin = Version(limit.created_at, cap, (cap_words(limit),))
    return [begin, Version(limit.ended_at, None)] if limit.ended_at else [begin]


def cap_words(limit: OperatorLimit) -> str:
    place = "" if limit.evse_id else ", for the charge point as a whole"
    return f"by {limit.created_by}{place}: {limit.reason}"


# --- the situation now ----------------------------------------------------------------------------------------------


def situation(session: ChargingSession, shown: Lines, *, refusal: story.Refusal | None, now: datetime) -> Situation:
    charge_point, profile = session.charge_point, _that_counts(session)
    changes = [c for c in session_rows.commands(session) if c.kind in SETS]
    newest = next((c for c in reversed(changes) if profile is None or c.profile_id == profile.pk), None)
    said = {key: stretch for key, part in shown.items() if (stretch := at_moment(part, now))}
    cap = said.get(CAPPED)
    return Situation(
        charge_point=str(charge_point), ended=_ended(session), pending=session.state == ChargingSession.State.PENDING,
        offline_since="" if charge_point.is_online else rendering.when(charge_point.disconnected_at),
        smart_charging=charge_point.smart_charging is not False,
        asked_by=profile.owner if profile else "", asked=_rate(said, REQUESTED), asked_unit=_unit(changes, "wish"),
        refusal=refusal, waiting=bool(newest and newest.is_open), standing=_standing(profile, newest),
        sent=_rate(said, SENT), sent_unit=_unit(changes, "schedule"), answer=newest.detail if newest else "",
        finding=profile.finding if profile else "", cap=cap.rate if cap else None,
        cap_words="; ".join(cap.notes) if cap else "", planned=_rate(said, PLANNED), drawn=_drawn(session),
        settled=_is_settled(session, said), measured_age_s=_age_s(session, now=now),
        car=_car(session), fault=session.evse.error_code,
    )  # fmt: skip


def _age_s(session: ChargingSession, *, now: datetime) -> float | None:
    return (now - session.measured_at).total_seconds() if session.measured_at else None


def _is_settled(session: ChargingSession, said: Mapping[str, Stretch]) -> bool:
    changed_at = max((said[key].begins_at for key in (SENT, PLANNED, CAPPED) if key in said), default=None)
    if changed_at is None or session.measured_at is None:
        return True
    return (session.measured_at - changed_at).total_seconds() >= SETTLING_S


def _rate(said: Mapping[str, Stretch], key: str) -> Rate | None:
    return said[key].rate if key in said else None


def _ended(session: ChargingSession) -> str:
    if session.is_open:
        return ""
    reason = f"reason {session.stop_reason}" if session.stop_reason else ""
    ended, energy = f"ended {rendering.when(session.ended_at)}", f"{rendering.plain(session.kwh)} kWh"
    return ", ".join(filter(None, [session.state.lower(), energy, ended, reason]))


def _that_counts(session: ChargingSession) -> ChargingProfile | None:
    """The one of the highest level that is set or in trouble; else the one that was asked last."""
    by_level = sorted(session.profiles.all(), key=lambda profile: -profile.stack_level)
    alive = (profile for profile in by_level if profile.state != State.CLEARED or profile.finding)
    return next(alive, by_level[0] if by_level else None)


def _standing(profile: ChargingProfile | None, newest: ChargePointCommand | None) -> Standing:
    if profile is None or profile.state in {State.CLEARED, State.REQUESTED}:
        return Standing.NONE
    if profile.state == State.DRIFTED:
        return Standing.DRIFTED if profile.applied else Standing.LINGERS
    if profile.state == State.UNCERTAIN:
        return Standing.UNCERTAIN
    return Standing.REFUSED if profile.state == State.REJECTED or _came_to_nothing(newest) else Standing.INSTALLED


def _came_to_nothing(command: ChargePointCommand | None) -> bool:
    if command is None or command.is_open:
        return False
    return command.kind == Kind.SET_PROFILE and not _was_accepted(command)


def _unit(changes: list[ChargePointCommand], part: str) -> RateUnit:
    """That of the newest profile."""
    newest = next((command for command in reversed(changes) if command.kind == Kind.SET_PROFILE), None)
    return RateUnit(newest.payload[part]["unit"]) if newest else RateUnit.WATT


def _drawn(session: ChargingSession) -> Rate | None:
    if session.measured_at is None or (session.power_w is None and session.current_a is None):
        return None
    limits = limits_of(session)
    by_current = rate_of(session.current_a, RateUnit.AMPERE, limits=limits) if session.current_a is not None else None
    by_power = rate_of(session.power_w, RateUnit.WATT, limits=limits) if session.power_w is not None else by_current
    if by_power is None:
        return None
    return Rate(by_power.watts, (by_current or by_power).amperes)


_CARS = {
    "Charging": Car.CHARGING, "SuspendedEV": Car.SUSPENDED_BY_CAR, "SuspendedEVSE": Car.SUSPENDED_BY_EVSE,
    "Finishing": Car.FINISHED,
}  # fmt: skip


def _car(session: ChargingSession) -> Car:
    """2.0.1 tells it of the transaction, 1.6 of the connector."""
    evse = session.evse
    car = _CARS.get(session.charging_state or evse.status, Car.UNKNOWN)
    wrong = evse.status == "Faulted" or (evse.error_code not in {"", "NoError"} and car is not Car.CHARGING)
    return Car.FAULTED if wrong else car
