"""What is known of a profile: wanted, applied, observed; stack levels; doubt after a boot; follow-ups."""

import pytest
from django.core.exceptions import ObjectDoesNotExist

from chargepoints import commands
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.profiles import state
from chargepoints.values import CommandOutcome, OutcomeStatus, ScheduleRefused
from tests.chargepoints.command_steps import (
    ACCEPTED,
    EXPIRED,
    FAILED,
    PARTNER,
    REJECTED,
    UNKNOWN,
    ask,
    ask_clear,
    ask_composite,
    carry,
    installed,
    profile_of,
    send,
)
from tests.support import factories
from tests.support.factories import NOW, at, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def session(db):
    return factories.session()


# --- what the owner wants -------------------------------------------------------------------------------------------


def test_a_wish_is_kept_as_it_was_asked_and_not_as_it_is_sent(session):
    ask(session, schedule("16.07"))
    profile = profile_of(session)
    assert profile.desired_schedule == schedule("16.07")
    assert (profile.desired_at, profile.state, profile.applied) == (NOW, "REQUESTED", None)
    assert profile.notes == ["16.07 A -> 16 A: rounded down"]


def test_one_profile_per_session_and_owner_is_reused_with_its_id_and_level(session):
    first = installed(session, schedule(16))
    second = installed(session, schedule(10))
    assert (second.pk, second.stack_level) == (first.pk, first.stack_level)
    assert second.desired_schedule == schedule(10)


def test_preview_writes_nothing(session):
    prepared = state.preview(session, PARTNER, schedule(40), now=NOW)
    assert str(prepared.schedule.periods[0].limit) == "32.0"
    assert not ChargingProfile.objects.exists()


@pytest.mark.parametrize("outcome", [ACCEPTED, REJECTED, EXPIRED], ids=lambda outcome: outcome.status)
def test_only_a_profile_that_is_not_set_returns_to_requested(session, outcome):
    carry(ask(session), outcome)
    before = profile_of(session).state
    ask(session, schedule(10))
    assert profile_of(session).state == ("REQUESTED" if before == "REJECTED" else before)


# --- stack levels ---------------------------------------------------------------------------------------------------


def test_each_owner_of_a_session_has_a_stack_level_of_its_own(session):
    for owner in ("NL*JED", "operator", "DE*ABC"):
        ask(session, owner=owner)
    assert list(session.profiles.order_by("pk").values_list("owner", "stack_level")) == [
        ("NL*JED", 0), ("operator", 1), ("DE*ABC", 2),
    ]  # fmt: skip


def test_the_sessions_of_two_evses_each_begin_at_level_0(session):
    other = factories.session(factories.evse(session.charge_point, number=2))
    ask(session)
    ask(other)
    assert [profile_of(session).stack_level, profile_of(other).stack_level] == [0, 0]


def test_an_owner_beyond_the_highest_stack_level_is_refused_and_nothing_is_written(session):
    ChargePoint.objects.update(max_stack_level=0)
    ask(session)
    with pytest.raises(ScheduleRefused) as refused:
        ask(session, owner="operator")
    assert refused.value.code == "no_stack_level"
    with pytest.raises(ObjectDoesNotExist):
        profile_of(session, owner="operator")
    assert ChargePointCommand.objects.count() == 1


# --- what the charge point answered ---------------------------------------------------------------------------------


def test_an_accepted_profile_is_installed_as_it_was_sent(session):
    command = ask(session, schedule(40))
    carry(command, ACCEPTED, now=at(2))
    profile = profile_of(session)
    assert (profile.state, profile.applied, profile.applied_at) == ("INSTALLED", command.payload["schedule"], at(2))
    assert profile.ever_accepted is True


@pytest.mark.parametrize("outcome", [REJECTED, UNKNOWN], ids=lambda outcome: outcome.status)
def test_a_first_profile_that_is_refused_is_rejected(session, outcome):
    carry(ask(session), outcome)
    assert (profile_of(session).state, profile_of(session).ever_accepted) == ("REJECTED", False)


def test_a_refused_change_leaves_what_was_installed(session):
    before = installed(session, schedule(16))
    carry(ask(session, schedule(10)), REJECTED)
    after = profile_of(session)
    assert (after.state, after.applied, after.applied_at) == ("INSTALLED", before.applied, before.applied_at)


@pytest.mark.parametrize("outcome", [EXPIRED, FAILED], ids=lambda outcome: outcome.status)
def test_silence_about_what_was_sent_leaves_the_profile_uncertain(session, outcome):
    installed(session, schedule(16))
    carry(ask(session, schedule(10)), outcome)
    assert profile_of(session).state == "UNCERTAIN"


def test_what_expired_before_it_was_sent_leaves_no_doubt(session):
    installed(session, schedule(16))
    ask(session, schedule(10), timeout_s=5)
    assert commands.expire_overdue(now=at(5)) == 1
    assert profile_of(session).state == "INSTALLED"


@pytest.mark.parametrize("outcome", [ACCEPTED, UNKNOWN], ids=lambda outcome: outcome.status)
def test_a_cleared_profile_and_one_the_charge_point_does_not_know_are_gone(session, outcome):
    installed(session)
    carry(ask_clear(session), outcome)
    profile = profile_of(session)
    assert (profile.state, profile.applied, profile.follow_up_at) == ("CLEARED", None, None)


def test_a_refused_clear_leaves_the_profile_installed(session):
    before = installed(session)
    carry(ask_clear(session), REJECTED)
    assert (profile_of(session).state, profile_of(session).applied) == ("INSTALLED", before.applied)


def test_an_outcome_does_not_undo_a_wish_that_came_meanwhile(session):
    command = ask(session, schedule(16))
    send(command)
    read_before = ChargePointCommand.objects.select_related("profile").get(pk=command.pk)
    ask(session, schedule(10), now=at(1))
    state.apply_outcome(read_before, ACCEPTED, late=False, now=at(2))
    profile = profile_of(session)
    assert (profile.state, profile.desired_schedule, profile.desired_at) == ("INSTALLED", schedule(10), at(1))


def test_a_wish_does_not_undo_an_outcome_that_came_meanwhile(session, monkeypatch):
    command = ask(session, schedule(16))
    send(command)
    monkeypatch.setattr(
        state, "nothing_set", lambda profile: not commands.record_outcome(command.pk, ACCEPTED, now=NOW)
    )
    state.want(session=session, owner=PARTNER, schedule=schedule(10), now=at(1))
    profile = profile_of(session)
    assert (profile.desired_schedule, profile.applied, profile.ever_accepted) == (
        schedule(10), command.payload["schedule"], True,
    )  # fmt: skip


# --- what the charge point plans ------------------------------------------------------------------------------------


def test_a_composite_schedule_is_observed_on_every_profile_of_the_session_and_told(session, heard):
    ours, theirs = installed(session), installed(session, owner="operator")
    plan = schedule(12, start_at=NOW)
    carry(ask_composite(session), CommandOutcome(OutcomeStatus.ACCEPTED, schedule=plan), now=at(3))
    for profile in (ours, theirs):
        profile.refresh_from_db()
        assert (profile.observed_schedule, profile.observed_at) == (plan, at(3))
    assert sorted(heard.profiles) == [(ours.pk, plan), (theirs.pk, plan)]


def test_a_plan_is_not_told_to_an_owner_whose_profile_was_never_accepted(session, heard):
    carry(ask(session), REJECTED)
    carry(ask_composite(session), CommandOutcome(OutcomeStatus.ACCEPTED, schedule=schedule(12)))
    assert profile_of(session).observed_schedule == schedule(12)
    assert heard.profiles == []


@pytest.mark.parametrize("outcome", [REJECTED, EXPIRED, FAILED], ids=lambda outcome: outcome.status)
def test_a_composite_schedule_that_was_not_given_changes_no_profile(session, heard, outcome):
    installed(session)
    carry(ask_composite(session), outcome)
    assert (profile_of(session).state, profile_of(session).observed_at) == ("INSTALLED", None)
    assert heard.profiles == []


# --- ends and doubts ------------------------------------------------------------------------------------------------


def test_a_boot_puts_what_was_installed_in_doubt(session):
    installed(session)
    state.doubt_all(session.charge_point_id)
    assert profile_of(session).state == "UNCERTAIN"


def test_a_boot_puts_nothing_else_in_doubt(session):
    carry(ask(session), REJECTED)
    elsewhere = factories.session(factories.evse(factories.charge_point()))
    installed(elsewhere)
    over = factories.session(factories.evse(session.charge_point, number=2))
    installed(over)
    ChargingSession.objects.filter(pk=over.pk).update(state="COMPLETED")
    state.doubt_all(session.charge_point_id)
    assert [profile_of(s).state for s in (session, elsewhere, over)] == ["REJECTED", "INSTALLED", "INSTALLED"]


def test_an_answer_after_the_end_of_the_session_does_not_bring_the_profile_back(session):
    command = ask(session)
    send(command)
    ChargingSession.objects.filter(pk=session.pk).update(state="COMPLETED")
    state.end_all(session)
    assert commands.record_outcome(command.pk, ACCEPTED, now=at(1)) is True
    profile = profile_of(session)
    assert (profile.state, profile.applied, profile.follow_up_at) == ("CLEARED", None, None)


def test_the_end_of_a_transaction_ends_all_its_profiles_and_no_other(session):
    installed(session)
    installed(session, owner="operator")
    other = factories.session(factories.evse(session.charge_point, number=2))
    installed(other)
    ChargingProfile.objects.update(follow_up_at=at(60))
    state.end_all(session)
    assert set(session.profiles.values_list("state", "applied", "follow_up_at")) == {("CLEARED", None, None)}
    assert (profile_of(other).state, profile_of(other).follow_up_at) == ("INSTALLED", at(60))
