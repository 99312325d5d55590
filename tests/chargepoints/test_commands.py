"""Asking: a row that waits, rung after the commit; superseding; what need not be sent at all."""

from datetime import timedelta

import pytest
from django.db import transaction

from chargepoints import commands, doorbell, observation
from chargepoints.models import ChargePointCommand, ChargingProfile
from chargepoints.values import ChargingSchedule, OutcomeStatus, RateUnit, ScheduleRefused
from tests.chargepoints.command_steps import (
    ACCEPTED,
    EXPIRED,
    FAILED,
    PARTNER,
    REJECTED,
    ask,
    ask_clear,
    ask_composite,
    carry,
    claim,
    installed,
    profile_of,
    send,
    status_of,
)
from tests.support import factories
from tests.support.factories import NOW, at, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def session(db):
    return factories.session()


# --- a row that waits -----------------------------------------------------------------------------------------------


def test_a_set_profile_is_a_queued_row_with_all_that_is_needed_to_send_it(session):
    command = ask(session, schedule(16, 10))
    profile = profile_of(session)
    row = ChargePointCommand.objects.get()
    assert row == command
    assert (row.kind, row.action, row.status) == ("SET_PROFILE", "SetChargingProfile", "QUEUED")
    assert (row.charge_point, row.session, row.profile) == (session.charge_point, session, profile)
    assert (row.requested_by, row.correlation_id) == (PARTNER, "corr-1")
    assert (row.created_at, row.expires_at, row.sent_at, row.finished_at) == (NOW, at(30), None, None)
    assert row.payload["profile_id"] == profile.pk
    assert row.payload["transaction_id"] == session.ocpp_transaction_id
    assert row.payload["evse_id"] == 1
    limits = [(p.start_s, str(p.limit), p.phases) for p in ChargingSchedule.from_json(row.payload["schedule"]).periods]
    assert limits == [(0, "16.0", 3), (900, "10.0", 3)]


def test_the_row_keeps_why_what_is_sent_differs_from_what_was_asked(session):
    assert ask(session, schedule(40)).notes == ["40 A -> 32 A: the connector's maximum"]


def test_the_charge_point_is_rung_after_the_commit_and_not_before(
    session, published, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        command = ask(session)
        assert published == []
    assert published == [("chargepoints.tasks.dispatch_command", command.pk)]


def test_a_socket_of_this_process_is_rung_without_a_broker(
    session, published, django_capture_on_commit_callbacks, monkeypatch
):
    rung = []
    monkeypatch.setattr(doorbell, "ring_here", lambda connection_id: rung.append(connection_id) or True)
    with django_capture_on_commit_callbacks(execute=True):
        ask(session)
        assert rung == []
    assert (rung, published) == ([session.charge_point.connection_id], [])


def test_a_request_that_is_rolled_back_rings_nobody(session, published, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        ask(session)
        transaction.set_rollback(True)
    assert published == []
    assert not ChargePointCommand.objects.exists()


def test_a_refused_schedule_writes_nothing_and_leaves_the_waiting_command_alone(session, heard):
    waiting = ask(session, schedule(16))
    wanted = profile_of(session).desired
    with pytest.raises(ScheduleRefused) as refused:
        ask(session, schedule(-1))
    assert refused.value.code == "negative_limit"
    assert [command.pk for command in ChargePointCommand.objects.all()] == [waiting.pk]
    assert status_of(waiting) == "QUEUED"
    assert profile_of(session).desired == wanted


def test_a_call_waits_as_long_as_the_settings_say_unless_told_otherwise(session, settings):
    settings.OCPP_COMMAND_TIMEOUT_S = 7
    common = {"charge_point": session.charge_point, "action": "Reset", "requested_by": "operator", "now": NOW}
    assert commands.request_call(payload={"type": "Soft"}, **common).expires_at == at(7)
    assert commands.request_call(payload={"type": "Soft"}, timeout_s=2.5, **common).expires_at == at(2.5)


# --- superseding ----------------------------------------------------------------------------------------------------


def test_a_newer_profile_supersedes_the_one_that_has_not_left(session, heard):
    older, newer = ask(session, schedule(16)), ask(session, schedule(10))
    older.refresh_from_db()
    assert (older.status, older.detail) == ("REJECTED", "superseded by a newer request before it was sent")
    assert (older.finished_at, older.sent_at) == (NOW, None)
    assert status_of(newer) == "QUEUED"
    assert heard.finished == [(older.pk, "REJECTED", False)]


def test_a_profile_whose_first_wish_was_superseded_is_still_requested(session):
    ask(session, schedule(16))
    ask(session, schedule(10))
    assert profile_of(session).state == ChargingProfile.State.REQUESTED


def test_what_was_sent_is_not_superseded(session, heard):
    older = ask(session, schedule(16))
    send(older)
    newer = ask(session, schedule(10))
    assert (status_of(older), status_of(newer)) == ("SENT", "QUEUED")
    assert heard.finished == []


def test_another_owners_profile_is_not_superseded(session):
    ours, theirs = ask(session, schedule(16)), ask(session, schedule(10), owner="operator")
    assert (status_of(ours), status_of(theirs)) == ("QUEUED", "QUEUED")


def test_a_clear_supersedes_the_profile_that_has_not_left(session):
    older, clear = ask(session), ask_clear(session)
    assert (status_of(older), status_of(clear)) == ("REJECTED", "UNKNOWN")


def test_a_profile_does_not_supersede_a_waiting_clear_so_that_both_leave_in_order(session):
    installed(session, schedule(16))
    clear, newer = ask_clear(session), ask(session, schedule(10))
    assert [claim(session).command_id, claim(session).command_id] == [clear.pk, newer.pk]


# --- what need not be sent ------------------------------------------------------------------------------------------


def test_a_profile_installed_exactly_so_is_not_sent_again(session, heard):
    installed(session, schedule(16, 10))
    heard.finished.clear()
    again = ask(session, schedule(16, 10))
    assert (again.status, again.detail) == ("ACCEPTED", "already installed exactly so: not sent again")
    assert (status_of(again), again.sent_at) == ("ACCEPTED", None)
    assert heard.finished == [(again.pk, "ACCEPTED", False)]
    assert claim(session) is None


def test_a_profile_sent_once_keeps_the_time_at_which_it_was_really_applied(session):
    installed(session, schedule(16))
    ask(session, schedule(16), now=at(60))
    assert profile_of(session).applied_at == NOW


def test_a_different_profile_is_sent(session):
    installed(session, schedule(16))
    different = ask(session, schedule(16, unit=RateUnit.WATT))
    assert claim(session).command_id == different.pk


def test_an_identical_profile_is_sent_while_another_change_is_on_its_way(session):
    installed(session, schedule(16))
    send(ask(session, schedule(10)))
    back = ask(session, schedule(16))
    assert status_of(back) == "QUEUED"


@pytest.mark.parametrize("outcome", [EXPIRED, FAILED], ids=lambda outcome: outcome.status)
def test_an_identical_profile_is_sent_again_when_the_charge_point_is_in_doubt(session, outcome):
    installed(session, schedule(16))
    carry(ask(session, schedule(10)), outcome)
    assert status_of(ask(session, schedule(16))) == "QUEUED"


def test_an_identical_profile_is_not_sent_after_another_was_refused(session):
    installed(session, schedule(16))
    carry(ask(session, schedule(10)), REJECTED)
    assert status_of(ask(session, schedule(16))) == "ACCEPTED"


def test_an_identical_profile_is_sent_again_after_it_was_cleared(session):
    installed(session, schedule(16))
    carry(ask_clear(session), ACCEPTED)
    assert status_of(ask(session, schedule(16))) == "QUEUED"


def test_clearing_when_nothing_was_ever_set_is_unknown_and_sends_nothing(session, heard):
    clear = ask_clear(session)
    assert (clear.status, clear.detail, clear.sent_at) == ("UNKNOWN", "no charging profile was set", None)
    assert heard.finished == [(clear.pk, "UNKNOWN", False)]
    assert not ChargingProfile.objects.exists()
    assert claim(session) is None


@pytest.mark.parametrize("ending", ["rejected", "cleared"])
def test_clearing_what_was_refused_or_cleared_is_unknown_and_sends_nothing(session, ending):
    carry(ask(session), REJECTED if ending == "rejected" else ACCEPTED)
    if ending == "cleared":
        carry(ask_clear(session), ACCEPTED)
    ChargePointCommand.objects.open().delete()
    assert ask_clear(session).status == "UNKNOWN"
    assert claim(session) is None


def test_a_clear_is_sent_while_a_profile_is_on_its_way(session):
    send(ask(session))
    assert status_of(ask_clear(session)) == "QUEUED"


@pytest.mark.parametrize("outcome", [ACCEPTED, EXPIRED, FAILED], ids=lambda outcome: outcome.status)
def test_a_clear_is_sent_for_what_is_or_may_be_installed_and_names_exactly_our_profile(session, outcome):
    carry(ask(session), outcome)
    ChargePointCommand.objects.open().delete()
    clear = ask_clear(session)
    assert (status_of(clear), clear.payload) == ("QUEUED", {"profile_id": profile_of(session).pk})


def test_another_owners_profile_is_not_cleared(session):
    installed(session)
    assert ask_clear(session, owner="operator").status == "UNKNOWN"
    assert profile_of(session).state == "INSTALLED"


# --- the composite schedule -----------------------------------------------------------------------------------------


def test_a_composite_schedule_is_asked_of_the_sessions_own_evse(session):
    command = ask_composite(session)
    assert (command.action, command.payload) == (
        "GetCompositeSchedule", {"evse_id": 1, "duration_s": 3600, "unit": None},
    )  # fmt: skip


@pytest.mark.parametrize("outcome", [ACCEPTED, EXPIRED], ids=lambda outcome: outcome.status)
def test_after_a_change_that_may_have_been_applied_the_composite_schedule_is_asked(session, outcome, settings):
    carry(ask(session), outcome, now=at(1))
    question = ChargePointCommand.objects.get(kind="GET_COMPOSITE")
    assert (question.requested_by, question.correlation_id) == (commands.SYSTEM, "corr-1")
    assert question.expires_at == at(1) + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S)


def test_it_is_asked_in_the_unit_of_the_profile_that_was_taken(session):
    session.charge_point.rate_units = "AW"
    session.charge_point.save()
    carry(ask(session, schedule(11000, unit=RateUnit.WATT)), ACCEPTED, now=at(1))
    assert ChargePointCommand.objects.get(kind="GET_COMPOSITE").payload["unit"] == "W"


@pytest.mark.parametrize("outcome", [REJECTED, FAILED], ids=lambda outcome: outcome.status)
def test_after_a_refusal_or_a_lost_connection_it_is_not_asked(session, outcome):
    carry(ask(session), outcome)
    assert not ChargePointCommand.objects.filter(kind="GET_COMPOSITE").exists()


def test_one_question_on_its_way_is_enough(session):
    carry(ask(session, schedule(16)))
    observation.observe(session, now=NOW)
    assert ChargePointCommand.objects.filter(kind="GET_COMPOSITE").count() == 1


def test_a_question_already_sent_may_be_too_old_so_another_is_asked(session):
    carry(ask(session, schedule(16)))
    assert claim(session).command_id == ChargePointCommand.objects.get(kind="GET_COMPOSITE").pk
    observation.observe(session, now=NOW)
    assert ChargePointCommand.objects.filter(kind="GET_COMPOSITE").count() == 2


def test_nothing_is_asked_of_a_session_that_is_over(session):
    session.state = "COMPLETED"
    observation.observe(session, now=NOW)
    assert not ChargePointCommand.objects.exists()


def test_a_profile_that_was_never_sent_asks_for_no_composite(session):
    installed(session, schedule(16))
    assert ask(session, schedule(16)).status == OutcomeStatus.ACCEPTED
    assert not ChargePointCommand.objects.filter(kind="GET_COMPOSITE").exists()
