"""Ending: each command ends once; a late answer is kept once beside its end; silence and lost sockets end it too."""

import pytest

from chargepoints import commands
from chargepoints.models import ChargePointCommand
from chargepoints.values import CommandOutcome, OutcomeStatus
from tests.chargepoints.command_steps import (
    ACCEPTED,
    EXPIRED,
    FAILED,
    REJECTED,
    UNKNOWN,
    ask,
    ask_clear,
    carry,
    claim,
    profile_of,
    send,
    status_of,
)
from tests.support import factories
from tests.support.factories import NOW, SOCKET, at, schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
ENDS = [ACCEPTED, REJECTED, UNKNOWN, FAILED, EXPIRED]
ANSWERS = [ACCEPTED, REJECTED, UNKNOWN]


def by_status(outcome):
    return outcome.status.value


@pytest.fixture
def session(db):
    """On a charge point that takes A only: what it refuses is not tried in W."""
    return factories.session(factories.evse(factories.charge_point(rate_units="A")))


@pytest.fixture
def sent(session):
    command = ask(session)
    send(command)
    return command


def record(command, outcome, *, now=NOW):
    return commands.record_outcome(command.pk, outcome, now=now)


@pytest.mark.parametrize("outcome", ENDS, ids=by_status)
def test_an_outcome_ends_what_was_sent_and_is_announced_once(sent, heard, outcome):
    assert record(sent, outcome, now=at(3)) is True
    sent.refresh_from_db()
    assert (sent.status, sent.detail, sent.answer) == (outcome.status, outcome.detail, outcome.answer or None)
    assert (sent.finished_at, sent.late_status, sent.late_at) == (at(3), "", None)
    assert heard.finished == [(sent.pk, outcome.status, False)]


@pytest.mark.parametrize("first", [ACCEPTED, REJECTED, UNKNOWN], ids=by_status)
@pytest.mark.parametrize("second", ENDS, ids=by_status)
def test_a_second_outcome_of_an_answered_command_changes_nothing(sent, heard, first, second):
    record(sent, first, now=at(3))
    assert record(sent, second, now=at(4)) is False
    sent.refresh_from_db()
    assert (sent.status, sent.detail, sent.finished_at, sent.late_status) == (first.status, first.detail, at(3), "")
    assert len(heard.finished) == 1


@pytest.mark.parametrize("outcome", ENDS, ids=by_status)
def test_a_command_that_was_never_sent_has_no_outcome(session, heard, outcome):
    queued = ask(session)
    assert record(queued, outcome) is False
    queued.refresh_from_db()
    assert (queued.status, queued.late_status, queued.finished_at) == ("QUEUED", "", None)
    assert heard.finished == []


def test_an_outcome_of_a_command_that_is_gone_changes_nothing(db, heard):
    assert commands.record_outcome(987654321, ACCEPTED, now=NOW) is False
    assert heard.finished == []


def test_a_long_detail_is_cut_to_the_column(sent):
    record(sent, CommandOutcome(OutcomeStatus.REJECTED, "x" * 600))
    sent.refresh_from_db()
    assert sent.detail == "x" * 500


# --- late answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [EXPIRED, FAILED], ids=by_status)
@pytest.mark.parametrize("answer", ANSWERS, ids=by_status)
def test_a_late_answer_is_kept_beside_the_end_and_announced_as_late(sent, heard, end, answer):
    record(sent, end, now=at(30))
    assert record(sent, answer, now=at(45)) is True
    sent.refresh_from_db()
    assert (sent.status, sent.detail, sent.finished_at) == (end.status, end.detail, at(30))
    assert (sent.late_status, sent.late_at, sent.answer) == (answer.status, at(45), answer.answer)
    assert heard.finished == [(sent.pk, end.status, False), (sent.pk, answer.status, True)]


def test_a_late_answer_is_kept_once(sent, heard):
    record(sent, EXPIRED, now=at(30))
    record(sent, ACCEPTED, now=at(45))
    assert record(sent, REJECTED, now=at(46)) is False
    sent.refresh_from_db()
    assert (sent.late_status, sent.late_at) == ("ACCEPTED", at(45))
    assert len(heard.finished) == 2


@pytest.mark.parametrize("silence", [EXPIRED, FAILED], ids=by_status)
def test_silence_after_the_end_is_no_late_answer(sent, heard, silence):
    record(sent, EXPIRED, now=at(30))
    assert record(sent, silence, now=at(31)) is False
    sent.refresh_from_db()
    assert (sent.status, sent.late_status) == ("EXPIRED", "")
    assert len(heard.finished) == 1


def test_what_expired_before_it_was_sent_has_no_late_answer(session, heard):
    queued = ask(session, timeout_s=30)
    assert commands.expire_overdue(now=at(30)) == 1
    assert record(queued, ACCEPTED, now=at(31)) is False
    queued.refresh_from_db()
    assert (queued.status, queued.late_status) == ("EXPIRED", "")
    assert heard.finished == [(queued.pk, "EXPIRED", False)]


def test_a_late_agreement_installs_the_profile_and_asks_for_the_plan(session, sent):
    record(sent, EXPIRED, now=at(30))
    ChargePointCommand.objects.filter(kind="GET_COMPOSITE").delete()
    assert profile_of(session).state == "UNCERTAIN"
    record(sent, ACCEPTED, now=at(45))
    profile = profile_of(session)
    assert (profile.state, profile.applied, profile.applied_at) == ("INSTALLED", sent.payload["schedule"], at(45))
    assert ChargePointCommand.objects.get(kind="GET_COMPOSITE").status == "QUEUED"


@pytest.mark.parametrize("newer_end", [ACCEPTED, EXPIRED, FAILED], ids=by_status)
def test_a_late_answer_overtaken_by_a_newer_profile_changes_nothing_on_it(session, sent, newer_end):
    record(sent, EXPIRED)
    newer = ask(session, schedule(10))
    carry(newer, newer_end, now=at(1))
    before = profile_of(session)
    assert record(sent, ACCEPTED, now=at(45)) is True
    after = profile_of(session)
    assert (after.state, after.applied, after.applied_at) == (before.state, before.applied, before.applied_at)


def test_a_late_answer_overtaken_by_a_clear_does_not_bring_the_profile_back(session, sent):
    record(sent, EXPIRED)
    carry(ask_clear(session), ACCEPTED)
    record(sent, ACCEPTED, now=at(45))
    profile = profile_of(session)
    assert (profile.state, profile.applied) == ("CLEARED", None)


def test_a_late_answer_counts_when_the_newer_profile_was_refused(session, sent):
    record(sent, EXPIRED)
    carry(ask(session, schedule(10)), REJECTED)
    record(sent, ACCEPTED, now=at(45))
    assert (profile_of(session).state, profile_of(session).applied) == ("INSTALLED", sent.payload["schedule"])


def test_a_late_answer_counts_when_the_newer_profile_was_refused_late(session, sent):
    record(sent, EXPIRED)
    newer = ask(session, schedule(10))
    carry(newer, EXPIRED)
    record(newer, REJECTED, now=at(44))
    record(sent, ACCEPTED, now=at(45))
    assert (profile_of(session).state, profile_of(session).applied) == ("INSTALLED", sent.payload["schedule"])


# --- time and lost sockets ------------------------------------------------------------------------------------------


def test_expire_overdue_ends_and_counts_what_is_open_after_its_deadline(session, sent, heard):
    queued, in_time = ask(session, timeout_s=20), ask(session, owner="operator", timeout_s=60)
    assert commands.expire_overdue(now=at(30)) == 2
    sent.refresh_from_db()
    queued.refresh_from_db()
    assert (sent.status, sent.detail) == ("EXPIRED", "no answer in time")
    assert (queued.status, queued.detail) == ("EXPIRED", "charger_offline: it was not connected in time")
    assert status_of(in_time) == "QUEUED"
    assert sorted(heard.finished) == [(sent.pk, "EXPIRED", False), (queued.pk, "EXPIRED", False)]


def test_expire_overdue_finds_nothing_the_second_time(sent, heard):
    assert [commands.expire_overdue(now=at(30)), commands.expire_overdue(now=at(30))] == [1, 0]
    assert len(heard.finished) == 1


def test_a_command_expires_at_its_deadline_and_not_before(sent):
    assert commands.expire_overdue(now=at(29.9)) == 0
    assert commands.expire_overdue(now=at(30)) == 1


def test_expire_overdue_leaves_what_has_ended(sent):
    record(sent, REJECTED)
    assert commands.expire_overdue(now=at(99)) == 0
    assert status_of(sent) == "REJECTED"


def test_expire_overdue_takes_no_more_than_its_limit_the_oldest_first(session):
    late = ask(session, timeout_s=20)
    later = ask(session, owner="operator", timeout_s=25)
    assert commands.expire_overdue(now=at(30), limit=1) == 1
    assert (status_of(late), status_of(later)) == ("EXPIRED", "QUEUED")


def test_a_lost_socket_fails_only_what_was_sent_on_it_and_not_answered(session, heard):
    answered = ask(session, schedule(16))
    carry(answered)
    ChargePointCommand.objects.open().delete()
    lost, waiting = ask(session, schedule(10)), ask(session, owner="operator")
    assert claim(session).command_id == lost.pk
    elsewhere = ask(factories.session(factories.evse(factories.charge_point(connection_id="socket-9"))))
    send(elsewhere, socket="socket-9")
    heard.finished.clear()

    commands.fail_sent(connection_ids=[SOCKET], now=at(5))

    lost.refresh_from_db()
    assert (lost.status, lost.detail) == ("FAILED", "the connection closed before the charge point answered")
    assert [status_of(answered), status_of(waiting), status_of(elsewhere)] == ["ACCEPTED", "QUEUED", "SENT"]
    assert heard.finished == [(lost.pk, "FAILED", False)]


def test_what_failed_is_never_sent_a_second_time(session, sent):
    commands.fail_sent(connection_ids=[SOCKET], now=NOW)
    assert claim(session) is None
    assert status_of(sent) == "FAILED"


def test_the_end_of_a_session_rejects_what_waits_for_it_but_not_an_operators_call(session, heard):
    waiting = ask(session)
    call = commands.request_call(
        charge_point=session.charge_point, action="Reset", payload={}, requested_by="operator", now=NOW, session=session
    )
    commands.reject_queued(session, reason="session_not_active", now=at(1))
    waiting.refresh_from_db()
    assert (waiting.status, waiting.detail) == ("REJECTED", "session_not_active")
    assert status_of(call) == "QUEUED"
    assert heard.finished == [(waiting.pk, "REJECTED", False)]


def test_the_end_of_a_session_leaves_what_was_sent_to_its_answer(session, sent):
    commands.reject_queued(session, reason="session_not_active", now=at(1))
    assert status_of(sent) == "SENT"
