"""Desired, applied, observed: settled by what the charge point plans, sent again only where they differ."""

from dataclasses import replace

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chargepoints import commands, reconciliation
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.values import CommandOutcome, OutcomeStatus, RateUnit
from tests.chargepoints.command_steps import PARTNER, ask, ask_clear, ask_composite, profile_of
from tests.chargepoints.model_charger import LOST, NO, SILENCE, YES, ModelCharger
from tests.support import factories
from tests.support.factories import NOW, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def session(db):
    """On a charge point whose plans are known to tell, and that takes A."""
    return factories.session(factories.evse(factories.charge_point(rate_units="A", tells_plans=True)))


@pytest.fixture
def charger(session):
    return ModelCharger(session)


def put(charger, amps) -> ChargePointCommand:
    return ask(charger.session, schedule(amps, start_at=NOW), now=charger.now)


def installed(charger, amps=16) -> ChargingProfile:
    put(charger, amps)
    charger.serve()
    assert profile_of(charger.session).state == "INSTALLED"
    charger.sets.clear()
    return profile_of(charger.session)


def sent_amps(charger) -> list[int]:
    return [int(schedule.periods[0].limit) for schedule in charger.sets]


def applied_amps(session) -> int | None:
    applied = profile_of(session).applied_schedule
    return int(applied.periods[0].limit) if applied else None


# --- nothing is sent where nothing differs --------------------------------------------------------------------------


def test_a_plan_that_fits_sends_nothing(charger, session):
    installed(charger)
    assert (profile_of(session).state, profile_of(session).corrections) == ("INSTALLED", 0)
    assert charger.sets == []


def test_after_a_reboot_that_kept_the_profile_nothing_is_sent(charger, session):
    installed(charger)
    charger.reboot(forgets=False)
    assert profile_of(session).state == "UNCERTAIN"
    charger.serve()
    assert (profile_of(session).state, charger.sets) == ("INSTALLED", [])


def test_a_lower_plan_has_other_reasons_and_sends_nothing(charger, session):
    profile = installed(charger)
    charger.profiles[profile.pk] = (0, schedule(8, start_at=NOW))
    charger.reconnect(forgets=False)
    charger.serve()
    assert (profile_of(session).state, charger.sets) == ("INSTALLED", [])


# --- what differs is sent again, a few times ------------------------------------------------------------------------


def test_a_profile_forgotten_in_a_reboot_is_sent_again_once(charger, session):
    installed(charger)
    charger.reboot(forgets=True)
    charger.serve()
    assert sent_amps(charger) == [16]
    assert (profile_of(session).state, profile_of(session).corrections) == ("INSTALLED", 0)


def test_a_profile_dropped_with_the_connection_and_no_boot_is_sent_again(charger, session):
    installed(charger)
    charger.reconnect(forgets=True)
    charger.serve()
    assert (sent_amps(charger), profile_of(session).state) == ([16], "INSTALLED")


def test_accepted_and_nothing_done_ends_as_drift_with_its_reason(charger, session, settings):
    charger.ignores = True
    put(charger, 16)
    charger.serve()
    assert sent_amps(charger) == [16] * (1 + settings.OCPP_PROFILE_CORRECTIONS)
    profile = profile_of(session)
    assert profile.state == "DRIFTED"
    assert profile.finding == "from 2024-05-01T12:00:02Z it plans 32 A instead of 16 A"


def test_a_drifted_profile_is_not_sent_by_beat(charger, session):
    charger.ignores = True
    put(charger, 16)
    charger.serve()
    charger.sets.clear()
    for _ in range(3):
        charger.beat()
        charger.serve()
    assert charger.sets == []


def test_a_plan_that_fits_after_all_ends_the_drift(charger, session):
    charger.ignores = True
    put(charger, 16)
    charger.serve()
    charger.ignores = False
    profile = profile_of(session)
    charger.profiles[profile.pk] = (0, profile.applied_schedule)
    charger.reconnect(forgets=False)
    charger.serve()
    assert (profile_of(session).state, profile_of(session).finding, profile_of(session).corrections) == (
        "INSTALLED", "", 0,
    )  # fmt: skip


def test_a_lower_limit_that_masks_a_drift_ends_neither_it_nor_its_count(charger, session):
    charger.ignores = True
    put(charger, 16)
    charger.serve()
    profile = profile_of(session)
    charger.profiles[profile.pk] = (0, schedule(8, start_at=NOW))  # of somebody else
    charger.reconnect(forgets=False)
    charger.serve()
    assert (profile_of(session).state, profile_of(session).corrections) == ("DRIFTED", profile.corrections)
    charger.sets.clear()
    charger.reconnect(forgets=True)
    charger.serve()
    assert (charger.sets, profile_of(session).state) == ([], "DRIFTED")


def test_a_correction_says_why_it_is_sent(charger, session):
    installed(charger)
    charger.reboot(forgets=True)
    charger.serve()
    command = ChargePointCommand.objects.filter(kind="SET_PROFILE").latest("pk")
    assert command.notes[-1].startswith("sent again: from 2024-05-01T12:00:")
    assert command.requested_by == "system"


def test_a_correction_that_a_later_plan_makes_needless_is_not_sent(charger, session):
    profile = installed(charger)
    charger.reconnect(forgets=True)
    charger.serve_one()
    correction = ChargePointCommand.objects.get(kind="SET_PROFILE", status="QUEUED")
    question = ask_composite(session, now=charger.now)
    ChargePointCommand.objects.filter(pk=question.pk).update(status="SENT", sent_at=charger.now)
    told = CommandOutcome(OutcomeStatus.ACCEPTED, schedule=profile.applied_schedule)
    commands.record_outcome(question.pk, told, now=charger.now)
    correction.refresh_from_db()
    assert (correction.status, correction.detail) == ("REJECTED", "not sent: the plan is right after all")
    assert (profile_of(session).state, charger.sets) == ("INSTALLED", [])


def test_after_a_boot_the_plan_is_asked_for_when_it_has_settled(charger, session, settings):
    installed(charger)
    charger.reboot(forgets=False)
    question = ChargePointCommand.objects.get(kind="GET_COMPOSITE", status="QUEUED")
    assert question.not_before == charger.now
    charger.wait(-1)
    assert charger.take() is None
    charger.wait(1)
    assert charger.take().command_id == question.pk


def test_another_boot_meanwhile_puts_the_question_off(charger, session, settings):
    installed(charger)
    charger.reboot(forgets=False)
    charger.wait(-1)
    charger.reboot(forgets=False)
    assert ChargePointCommand.objects.get(kind="GET_COMPOSITE", status="QUEUED").not_before == charger.now


def test_a_new_wish_has_its_corrections_before_it(charger, session, settings):
    charger.ignores = True
    for amps in (16, 10):
        put(charger, amps)
        charger.serve()
    assert sent_amps(charger).count(10) == 1 + settings.OCPP_PROFILE_CORRECTIONS


def test_the_owner_is_told_the_plan_and_not_what_was_sent(charger, heard):
    charger.ignores = True
    put(charger, 16)
    charger.serve()
    assert {plan for _, plan in heard.profiles} == {None}


def test_no_correction_while_a_newer_wish_waits(charger, session):
    installed(charger)
    charger.reboot(forgets=True)
    newer = put(charger, 10)
    charger.serve()
    assert sent_amps(charger) == [10]
    assert ChargePointCommand.objects.get(pk=newer.pk).status == "ACCEPTED"


# --- silence --------------------------------------------------------------------------------------------------------


def test_a_wish_without_answer_that_the_plan_shows_is_installed(charger, session):
    installed(charger)
    command = put(charger, 10)
    charger.serve_one(SILENCE)
    assert profile_of(session).state == "UNCERTAIN"
    charger.serve()
    command.refresh_from_db()
    assert (command.status, command.late_status) == ("EXPIRED", "ACCEPTED")
    assert (profile_of(session).state, applied_amps(session), charger.sets) == ("INSTALLED", 10, [schedule_of(10)])


def schedule_of(amps):
    plain = schedule(f"{amps}.0", start_at=NOW)
    return replace(plain, periods=tuple(replace(p, phases=3) for p in plain.periods))


def test_a_wish_without_answer_that_the_plan_does_not_show_leaves_what_was(charger, session):
    installed(charger)
    put(charger, 10)
    charger.serve_one(SILENCE, applied=False)
    charger.serve()
    assert (profile_of(session).state, applied_amps(session), charger.sets) == ("INSTALLED", 16, [])
    assert profile_of(session).desired_schedule == schedule(16, start_at=NOW)


def test_a_first_wish_without_answer_and_without_trace_is_refused(charger, session):
    put(charger, 16)
    charger.serve_one(SILENCE, applied=False)
    charger.serve()
    assert (profile_of(session).state, charger.sets, charger.profiles) == ("REJECTED", [], {})


def test_a_first_wish_lost_in_a_boot_is_refused_and_nothing_is_cleared(charger, session):
    put(charger, 16)
    charger.serve_one(LOST, applied=False)
    charger.wait(1)
    charger.reconnect(forgets=True)
    charger.reboot(forgets=True)
    charger.serve()
    assert (profile_of(session).state, charger.clears, charger.sets) == ("REJECTED", 0, [])


def test_what_may_have_been_taken_is_looked_for_in_its_own_unit(charger, session):
    ChargePoint.objects.update(rate_units="AW")
    ask(session, schedule(11000, unit=RateUnit.WATT, start_at=NOW))
    charger.serve_one(LOST)
    charger.reconnect(forgets=False)
    question = ChargePointCommand.objects.get(kind="GET_COMPOSITE")
    assert question.payload["unit"] == "W"


def test_a_late_refusal_ends_the_doubt(charger, session):
    installed(charger)
    put(charger, 10)
    charger.serve_one(SILENCE, applied=False)
    charger.answer_late()
    assert (profile_of(session).state, applied_amps(session)) == ("INSTALLED", 16)


def test_the_profile_below_one_that_the_plan_settles_is_not_sent_again(charger, session):
    ask(session, schedule(10, start_at=NOW), owner="NL*LOW", now=charger.now)
    charger.serve()
    ask(session, schedule(20, start_at=NOW), owner="NL*TOP", now=charger.now)
    charger.serve_one(SILENCE)
    charger.sets.clear()
    charger.serve()
    assert charger.sets == []
    settled = [
        (profile_of(session, owner=o).state, profile_of(session, owner=o).corrections) for o in ("NL*LOW", "NL*TOP")
    ]
    assert settled == [("INSTALLED", 0)] * 2


def test_a_clear_without_answer_that_was_done_is_cleared(charger, session):
    installed(charger)
    ask_clear(session)
    charger.serve_one(SILENCE)
    charger.serve()
    assert (profile_of(session).state, applied_amps(session)) == ("CLEARED", None)


def test_a_clear_without_answer_that_was_not_done_leaves_the_profile(charger, session):
    installed(charger)
    ask_clear(session)
    charger.serve_one(SILENCE, applied=False)
    charger.serve()
    assert (profile_of(session).state, applied_amps(session), charger.sets) == ("INSTALLED", 16, [])


def test_a_lost_connection_is_settled_when_it_is_back(charger, session):
    installed(charger)
    put(charger, 10)
    charger.serve_one(LOST)
    assert not ChargePointCommand.objects.open().exists()
    charger.reconnect(forgets=False)
    charger.serve()
    assert (profile_of(session).state, applied_amps(session)) == ("INSTALLED", 10)


# --- charge points that never tell what they plan --------------------------------------------------------------------


@pytest.fixture
def mute(session):
    ChargePoint.objects.update(tells_plans=False)
    session.charge_point.refresh_from_db()
    return ModelCharger(session, tells=False)


def test_without_plans_an_accepted_profile_is_believed_and_told(mute, session, heard):
    put(mute, 16)
    mute.serve()
    assert (profile_of(session).state, sent_amps(mute)) == ("INSTALLED", [16])
    ((_, plan),) = heard.profiles
    assert [str(period.limit) for period in plan.periods] == ["16.0"]
    assert plan.start_at == NOW


def test_without_plans_a_profile_in_doubt_is_sent_again_once(mute, session):
    installed(mute)
    mute.reboot(forgets=True)
    mute.serve()
    assert (sent_amps(mute), profile_of(session).state) == ([16], "INSTALLED")


def test_without_plans_a_first_wish_without_answer_is_cleared(mute, session):
    put(mute, 16)
    mute.serve_one(SILENCE)
    mute.serve()
    assert (profile_of(session).state, mute.profiles) == ("CLEARED", {})


# --- beat -----------------------------------------------------------------------------------------------------------


def test_a_charge_point_that_refuses_to_say_raises_no_doubt(charger, session):
    installed(charger)
    charger.reconnect(forgets=False)
    charger.serve_one(NO, applied=False)
    assert (profile_of(session).state, charger.sets) == ("INSTALLED", [])


def test_one_that_always_told_and_is_silent_now_is_asked_again(charger, session):
    installed(charger)
    charger.reconnect(forgets=False)
    charger.serve_one(SILENCE)
    assert (profile_of(session).state, charger.sets) == ("UNCERTAIN", [])
    charger.beat()
    charger.serve()
    assert (profile_of(session).state, charger.sets) == ("INSTALLED", [])


def test_beat_looks_at_what_is_still_in_doubt(charger, session):
    installed(charger)
    ChargingProfile.objects.update(state="UNCERTAIN")
    assert reconciliation.watch(now=NOW) == 1
    charger.serve()
    assert profile_of(session).state == "INSTALLED"


def test_beat_leaves_alone_what_is_offline_busy_or_over(charger, session):
    installed(charger)
    ChargingProfile.objects.update(state="UNCERTAIN")
    ChargePoint.objects.update(connection_id="")
    assert reconciliation.watch(now=NOW) == 0
    ChargePoint.objects.update(connection_id="socket-1")
    put(charger, 10)
    assert reconciliation.watch(now=NOW) == 0
    ChargePointCommand.objects.all().delete()
    ChargingSession.objects.update(state="COMPLETED")
    assert reconciliation.watch(now=NOW) == 0


# --- any interleaving -----------------------------------------------------------------------------------------------

STEPS = {
    "put 6": lambda c: put(c, 6),
    "put 10": lambda c: put(c, 10),
    "put 16": lambda c: put(c, 16),
    "delete": lambda c: ask_clear(c.session, now=c.now),
    "answer": lambda c: c.serve_one(),
    "answer all": lambda c: c.serve(),
    "refuse": lambda c: c.serve_one(NO, applied=False),
    "done in silence": lambda c: c.serve_one(SILENCE),
    "not done in silence": lambda c: c.serve_one(SILENCE, applied=False),
    "answer late": lambda c: c.answer_late(),
    "reboot": lambda c: c.reboot(forgets=False),
    "reboot and forget": lambda c: c.reboot(forgets=True),
    "reconnect": lambda c: c.reconnect(forgets=False),
    # One that never tells its plans and forgets without a boot: no message says so, and nobody can know.
    "reconnect and forget": lambda c: c.reconnect(forgets=c.tells),
    "beat": lambda c: c.beat(),
    "sets nothing from here": lambda c: setattr(c, "ignores", c.tells),  # nor can it be known here
    "clears nothing from here": lambda c: setattr(c, "keeps", YES if c.tells else None),  # nor can this
    "honest from here": lambda c: c.become_honest(),
}


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=["put 10", "done in silence", "done in silence", "not done in silence"], tells=True)
@given(steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=12), tells=st.booleans())
def test_whatever_happens_it_ends_with_desired_applied_and_installed_the_same_or_a_visible_drift(db, steps, tells):
    with transaction.atomic():
        point = factories.charge_point(rate_units="A", tells_plans=tells)
        charger = ModelCharger(factories.session(factories.evse(point)), tells=tells)
        for step in steps:
            STEPS[step](charger)
            charger.wait(1)
        _come_to_rest(charger)
        _is_settled(charger)
        transaction.set_rollback(True)


def _come_to_rest(charger) -> None:
    """Honest and in time from here on."""
    charger.late = None
    charger.become_honest()
    for _ in range(12):
        charger.serve()
        charger.beat()
    assert not ChargePointCommand.objects.open().exists()


def _is_settled(charger) -> None:
    assert len(charger.handed_over) == len(set(charger.handed_over)), "a command was handed over twice"
    profile = ChargingProfile.objects.filter(session=charger.session, owner=PARTNER).first()
    if profile is None or profile.state == "DRIFTED":
        return
    there = charger.profiles.get(profile.pk)
    if profile.state == "INSTALLED":
        assert there is not None
        assert there[1] == profile.applied_schedule
        assert profile.desired_schedule.periods[0].limit == profile.applied_schedule.periods[0].limit
    else:
        assert profile.state in {"CLEARED", "REJECTED"}
        assert there is None
