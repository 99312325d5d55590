"""Smart-charging self-tests: set 6 A on a running session, read the plan and the current, clear, read the plan again.

How it cannot leave a session worse than it was:

- It is a profile of an owner of its own (`SELF_TEST`), on a stack level above all others. What partners and operators
  have installed stays installed, and counts again once it is gone (OCPP 1.6 section 3.13.2). Nothing is put back, so
  nothing can be forgotten.
- It never allows more than what is in force without it, at any moment of its time. When somebody asks for another
  profile meanwhile, beat takes it away at once: the newer wish may be lower.
- It has a duration: if everything here dies, the charge point drops it by itself after LASTS.
- Every step is a counted UPDATE in the transaction of the answer it waited for, or of beat. A process that dies between
  two steps leaves a row that the next answer, or beat, carries on; an overdue one is ended by clearing.

Partners are told what is planned meanwhile, as they always are.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from chargepoints import commands, observation, signals
from chargepoints.models import (
    ChargePointCommand,
    ChargingProfile,
    ChargingSession,
    MeterValue,
    OperatorLimit,
    SmartChargingTest,
)
from chargepoints.ocpp import registry
from chargepoints.ocpp.operator_calls import CallRefused
from chargepoints.profiles import state as profile_state
from chargepoints.profiles.composites import to_unit
from chargepoints.profiles.rates import maximum, rate_text
from chargepoints.profiles.timeline import elapsed_s, limit_at, merged, period_at, whole_second
from chargepoints.values import (
    ChargingSchedule,
    CommandOutcome,
    CurrentType,
    OutcomeStatus,
    RateUnit,
    SchedulePeriod,
)

logger = logging.getLogger(__name__)
Step = SmartChargingTest.Step
Verdict = SmartChargingTest.Verdict
State = ChargingProfile.State
OWNER = profile_state.SELF_TEST
TESTED_A = Decimal(6)
LASTS = timedelta(minutes=5)
LEAD = timedelta(minutes=1)
"""So much before it was asked for its schedule starts: a charge point whose clock is late follows it at once."""
SETTLES = timedelta(seconds=5)
MEASURING_LASTS = timedelta(seconds=90)
OVERDUE = timedelta(minutes=2)
TOLERANCE = Decimal("1.1")
TOLERANCE_A = Decimal("0.5")
OK, WARN, BAD = "ok", "warn", "bad"


class CannotTest(Exception):
    """Nothing was sent; the text says why."""


def connect() -> None:
    """Called once, when the app is ready."""
    signals.command_finished.connect(command_finished, dispatch_uid="self_tests")


# --- before ---------------------------------------------------------------------------------------------------------


def wish(session: ChargingSession, *, now: datetime) -> ChargingSchedule:
    """What is set: 6 A, or what is in force where that is less. Raises CannotTest and ScheduleRefused."""
    refuse_unfit(session)
    start_at = whole_second(now) - LEAD
    duration_s = int((LEAD + LASTS).total_seconds())
    other = _in_force(session)
    seconds = _edges(session, other, start_at, duration_s) if other else [0]
    periods = (SchedulePeriod(s, _lowest(session, other, start_at + timedelta(seconds=s))) for s in seconds)
    schedule = ChargingSchedule(RateUnit.AMPERE, merged(periods), start_at=start_at, duration_s=duration_s)
    if limit_at(schedule, now) != TESTED_A:
        raise CannotTest("a limit below 6 A is in force: the test would raise it, or show nothing")
    return schedule


def refuse_unfit(session: ChargingSession) -> None:
    """Raises CannotTest."""
    for wrong, why in _reasons(session):
        if wrong:
            raise CannotTest(why)


def _reasons(session: ChargingSession) -> Iterator[tuple[bool, str]]:
    charge_point, profiles = session.charge_point, session.profiles
    yield session.state != ChargingSession.State.ACTIVE, f"the session is {session.state}"
    yield not charge_point.is_online, "the charge point is offline"
    yield charge_point.smart_charging is False, "the charge point has no smart charging"
    yield session.evse.current_type == CurrentType.DC, "it is DC: a limit in A per phase says nothing there"
    yield charge_point.max_stack_level == 0, "the charge point has one stack level only, which partners' profiles need"
    yield session.self_tests.filter(ended_at=None).exists(), "a self-test is running on it already"
    doubtful = profiles.filter(state__in=[State.UNCERTAIN, State.DRIFTED]).exists()
    yield doubtful, "nobody knows which profile is in force: that must be settled first"
    changing = session.commands.open().filter(kind__in=["SET_PROFILE", "CLEAR_PROFILE"]).exists()
    yield changing, "a profile is being changed at this moment"


def _in_force(session: ChargingSession) -> ChargingSchedule | None:
    """What others have installed, on the highest level; a relative one with its start."""
    installed = session.profiles.filter(state=State.INSTALLED).exclude(owner=OWNER).order_by("-stack_level").first()
    applied = installed.applied_schedule if installed else None
    return to_unit(applied, RateUnit.AMPERE, limits=_limits(session)) if applied else None


def _limits(session: ChargingSession) -> Any:
    return session.evse.limits(detected_phases=session.detected_phases)


def _lowest(session: ChargingSession, other: ChargingSchedule | None, at: datetime) -> Decimal:
    limit = limit_at(other, at, started_at=session.started_at) if other else None
    return TESTED_A if limit is None else min(TESTED_A, limit)


def _edges(session: ChargingSession, other: ChargingSchedule, start_at: datetime, duration_s: int) -> list[int]:
    """Seconds of the test at which what is in force changes."""
    offset = elapsed_s(other, start_at, started_at=session.started_at) or 0
    changes = {period.start_s for period in other.periods} | {other.duration_s or 0}
    return sorted({0} | {round(second - offset) for second in changes if 0 < round(second - offset) < duration_s})


def _before_a(session: ChargingSession, *, now: datetime) -> Decimal:
    """Per phase, what is allowed without the test."""
    other = _in_force(session)
    limit = limit_at(other, now, started_at=session.started_at) if other else None
    return maximum(_limits(session), RateUnit.AMPERE) if limit is None else limit


# --- the steps ------------------------------------------------------------------------------------------------------


@transaction.atomic
def start(session: ChargingSession, *, requested_by: str, now: datetime) -> SmartChargingTest:
    """Raises CannotTest and ScheduleRefused with nothing written."""
    list(ChargingSession.objects.select_for_update(no_key=True).filter(pk=session.pk).order_by().values_list("pk"))
    schedule = wish(session, now=now)
    test = SmartChargingTest.objects.create(
        session=session, requested_by=requested_by, created_at=now, step_began_at=now, limit_a=TESTED_A,
        before_a=_before_a(session, now=now),
    )  # fmt: skip
    command = commands.request_set_profile(
        session=session, owner=OWNER, schedule=schedule, requested_by=OWNER, now=now, expires_at=_deadline(now)
    )
    SmartChargingTest.objects.filter(pk=test.pk).update(command=command)
    test.command = command
    return test


def _deadline(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S)


def command_finished(
    *, command: ChargePointCommand, outcome: CommandOutcome, late: bool, now: datetime, **_: Any
) -> None:
    """In the transaction of the outcome. Others' commands cost nothing."""
    if late or command.requested_by != OWNER:
        return
    test = _open_tests().filter(command=command).first()
    if test:
        _answered(test, outcome, now=now)


def _open_tests() -> Any:
    running = SmartChargingTest.objects.filter(ended_at=None)
    return running.select_related("session__evse__charge_point", "session__charge_point", "command").order_by("pk")


def _answered(test: SmartChargingTest, outcome: CommandOutcome, *, now: datetime) -> None:
    match test.step:
        case Step.SETTING:
            _set(test, outcome, now=now)
        case Step.PLAN:
            tone, words = _plan_words(test, outcome, now=now)
            _move(test, Step.MEASURING, tone, words, now=now)
        case Step.CLEARING:
            _cleared(test, outcome, now=now)
        case Step.AFTERWARDS:
            _finish(test, *_afterwards_words(test, outcome, now=now), now=now)


def _set(test: SmartChargingTest, outcome: CommandOutcome, *, now: datetime) -> None:
    if outcome.status == OutcomeStatus.ACCEPTED:
        _ask_plan(test, Step.PLAN, OK, f"It accepted a limit of {_text(test.limit_a)} per phase.", now=now)
    elif outcome.status == OutcomeStatus.REJECTED:
        _finish(test, BAD, f"It refused the limit: {outcome.detail or 'it gave no reason'}.", now=now)
    else:
        _clear(test, BAD, f"The limit may not have arrived: {outcome.detail or outcome.status}.", now=now)


def _ask_plan(test: SmartChargingTest, step: Step, tone: str, words: str, *, now: datetime) -> None:
    if _move(test, step, tone, words, now=now):
        unit = _unit_of_test(test) if step == Step.PLAN else observation.unit_taken(test.session)
        command = commands.request_composite(
            session=test.session, duration_s=int(LASTS.total_seconds()), unit=unit, requested_by=OWNER, now=now,
            expires_at=_deadline(now),
        )  # fmt: skip
        _wait_for(test, command, now=now)


def _ask_measurement(test: SmartChargingTest, *, now: datetime) -> None:
    """Once: some charge points send meter values every quarter of an hour."""
    session = test.session
    try:
        calls = registry.operator_calls(session.charge_point.ocpp_version)
        asked = calls.trigger_message("MeterValues", session.evse.ocpp_evse_id, connectors=())
    except CallRefused:
        return
    for call in asked:
        command = commands.request_call(
            charge_point=session.charge_point, session=session, action=call.action, payload=call.payload,
            requested_by=OWNER, now=now,
        )  # fmt: skip
        SmartChargingTest.objects.filter(pk=test.pk).update(command=command)


def _unit_of_test(test: SmartChargingTest) -> RateUnit | None:
    return RateUnit.AMPERE if RateUnit.AMPERE in test.session.charge_point.capabilities.units else None


def _clear(test: SmartChargingTest, tone: str, words: str, *, now: datetime) -> None:
    if _move(test, Step.CLEARING, tone, words, now=now):
        command = commands.request_clear_profile(
            session=test.session, owner=OWNER, requested_by=OWNER, now=now, expires_at=_deadline(now)
        )
        _wait_for(test, command, now=now)


def _cleared(test: SmartChargingTest, outcome: CommandOutcome, *, now: datetime) -> None:
    if outcome.status in {OutcomeStatus.ACCEPTED, OutcomeStatus.UNKNOWN}:
        return _ask_plan(test, Step.AFTERWARDS, OK, "The limit was taken away.", now=now)
    ends = f"{test.created_at + LASTS:%H:%M:%S} UTC"
    words = f"It did not take the limit away ({outcome.detail or outcome.status}); by itself it drops it at {ends}."
    return _ask_plan(test, Step.AFTERWARDS, BAD, words, now=now)


def _wait_for(test: SmartChargingTest, command: ChargePointCommand, *, now: datetime) -> None:
    """One that is over at once was announced before anybody waited for it."""
    SmartChargingTest.objects.filter(pk=test.pk).update(command=command)
    test.command = command
    if not command.is_open:
        _answered(test, CommandOutcome(OutcomeStatus(command.status), command.detail), now=now)


def _move(test: SmartChargingTest, step: Step, tone: str, words: str, *, now: datetime) -> bool:
    """To the next step with what the present one found, waiting for nothing yet. False: another was faster."""
    findings = [*test.findings, {"at": now.isoformat(), "step": test.step, "tone": tone, "words": words}]
    mine = SmartChargingTest.objects.filter(pk=test.pk, step=test.step, ended_at=None)
    moved = mine.update(step=step, step_began_at=now, findings=findings, command=None)
    if moved:
        test.step, test.step_began_at, test.findings, test.command = step, now, findings, None
        logger.info("%s of session %s: %s", test, test.session.uid, words)
    return bool(moved)


def _finish(test: SmartChargingTest, tone: str, words: str, *, now: datetime) -> None:
    if _move(test, Step.DONE, tone, words, now=now):
        tones = {finding["tone"] for finding in test.findings}
        verdict = Verdict.FAILED if BAD in tones else Verdict.DOUBTFUL if WARN in tones else Verdict.PASSED
        SmartChargingTest.objects.filter(pk=test.pk).update(ended_at=now, verdict=verdict)


# --- what is judged -------------------------------------------------------------------------------------------------


def _text(ampere: Decimal) -> str:
    return rate_text(ampere, RateUnit.AMPERE)


def _planned_a(test: SmartChargingTest, outcome: CommandOutcome, *, now: datetime) -> Decimal | None:
    """Per phase, what the plan allows now. None: it tells no limit. Plans begin when they are asked for."""
    if outcome.status != OutcomeStatus.ACCEPTED or outcome.schedule is None:
        return None
    plan = to_unit(outcome.schedule, RateUnit.AMPERE, limits=_limits(test.session))
    period = period_at(plan, elapsed_s(plan, now) or 0) or next(iter(plan.periods), None)
    return period.limit if period else None


def _plan_words(test: SmartChargingTest, outcome: CommandOutcome, *, now: datetime) -> tuple[str, str]:
    planned = _planned_a(test, outcome, now=now)
    if planned is None:
        return WARN, f"It told no plan ({outcome.detail or outcome.status}): only the current can show what it does."
    if planned > test.limit_a:
        return BAD, f"Its plan allows {_text(planned)} per phase: it does not follow the limit it accepted."
    return OK, f"Its plan allows {_text(planned)} per phase."


def _afterwards_words(test: SmartChargingTest, outcome: CommandOutcome, *, now: datetime) -> tuple[str, str]:
    """What is in force without the test may have changed meanwhile."""
    planned, expected = _planned_a(test, outcome, now=now), _before_a(test.session, now=now)
    if planned is None:
        return (OK if outcome.status == OutcomeStatus.ACCEPTED else WARN), "It tells no limit of its plan any more."
    if planned <= test.limit_a < expected:
        limited = OperatorLimit.objects.touching(test.session.evse).wanted(now=now).exists()
        why = "an operator's limit may be why" if limited else f"without the test it is {_text(expected)}"
        return (WARN if limited else BAD), f"Its plan still allows only {_text(planned)} per phase; {why}."
    if planned > expected + TOLERANCE_A:
        return (
            BAD,
            f"Its plan allows {_text(planned)} per phase, above the {_text(expected)} that were in force before.",
        )
    return OK, f"Its plan allows {_text(planned)} per phase again."


def _taken_a(session: ChargingSession, measured: MeterValue) -> Decimal | None:
    """Per phase; the sums of a meter value are over all phases."""
    limits = _limits(session)
    if measured.current_a is not None:
        return measured.current_a / limits.used_phases
    if measured.power_w is not None and limits.voltage_v:
        return measured.power_w / limits.voltage_v / limits.used_phases
    return None


def _look(test: SmartChargingTest, *, now: datetime) -> None:
    """At what was measured since: the first value within the limit is enough, a higher one may still come down."""
    since = test.step_began_at + SETTLES
    newest = MeterValue.objects.filter(session=test.session_id, received_at__gte=since).order_by("-measured_at")
    told = (_taken_a(test.session, value) for value in newest[:5])
    taken = next((ampere for ampere in told if ampere is not None), None)
    over = now >= test.step_began_at + MEASURING_LASTS
    if taken is not None and taken <= test.limit_a * TOLERANCE + TOLERANCE_A:
        idle = taken < TOLERANCE_A
        words = "The car takes nothing, which proves little." if idle else f"The car takes {taken:.1f} A per phase."
        _clear(test, WARN if idle else OK, words, now=now)
    elif over and taken is not None:
        _clear(test, BAD, f"The car still takes {taken:.1f} A per phase.", now=now)
    elif test.command is None and now >= since:
        _ask_measurement(test, now=now)
    elif over:
        _clear(test, WARN, "No current or power was measured in time.", now=now)


# --- beat -----------------------------------------------------------------------------------------------------------


def watch(*, now: datetime) -> int:
    """Called by beat: reads what was measured, and carries on what nobody carries on. Returns how many run."""
    running = list(_open_tests())
    for test in running:
        with transaction.atomic():
            _carry_on(test, now=now)
    return len(running)


def _carry_on(test: SmartChargingTest, *, now: datetime) -> None:
    if test.session.state != ChargingSession.State.ACTIVE:
        _finish(test, WARN, "The session ended, and its profiles with it.", now=now)
    elif asked := _asked_meanwhile(test):
        _clear(test, WARN, f"{asked.requested_by} asked for another profile meanwhile: the test makes room.", now=now)
    elif test.step == Step.MEASURING:
        _look(test, now=now)
    elif test.command and not test.command.is_open:
        _answered(test, CommandOutcome(OutcomeStatus(test.command.status), test.command.detail), now=now)
    elif now >= test.step_began_at + OVERDUE:
        _end_overdue(test, now=now)


def _asked_meanwhile(test: SmartChargingTest) -> ChargePointCommand | None:
    """A change of a profile that others want, while the test is in its way."""
    if test.step in {Step.CLEARING, Step.AFTERWARDS}:
        return None
    changes = test.session.commands.filter(kind__in=["SET_PROFILE", "CLEAR_PROFILE"], created_at__gt=test.created_at)
    theirs = changes.exclude(requested_by=OWNER).exclude(profile__owner=OWNER)
    return theirs.exclude(status=ChargePointCommand.Status.REJECTED).order_by("pk").first()


def _end_overdue(test: SmartChargingTest, *, now: datetime) -> None:
    words = "This step was never answered."
    if test.step in {Step.CLEARING, Step.AFTERWARDS}:
        _finish(test, BAD, words, now=now)
    else:
        _clear(test, BAD, words, now=now)


def stop(test: SmartChargingTest, *, by: str, now: datetime) -> bool:
    """Takes the limit away now. False: it is over, or about to be."""
    if test.step not in {Step.SETTING, Step.PLAN, Step.MEASURING} or test.ended_at:
        return False
    with transaction.atomic():
        _clear(test, WARN, f"Stopped by {by}.", now=now)
    return test.step != Step.MEASURING
