"""What happened to a session: threads from cause to effect, routine folded away, raw bodies for who may see them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from chargepoints.admin import raw, timeline
from chargepoints.admin.rendering import BAD, INFO, OK, WARN
from chargepoints.admin.threads import FEW, MANY, MOST_ROUTINE, timeline_of, waited
from chargepoints.admin.timeline import TimelineEntry
from chargepoints.models import ChargePointCommand
from chargepoints.values import OutcomeStatus
from tests.support.operators import (
    HOSTILE,
    answer,
    ask_profile,
    client_of,
    client_of_all,
    make_charge_point,
    make_session,
    page,
)

START = datetime(2025, 3, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_rings(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr("chargepoints.commands.mailbox.ring", lambda *asked: None)


def at(seconds):
    return START + timedelta(seconds=seconds)


def entry(seconds, title, thread, tone=OK, **fields):
    return TimelineEntry(at(seconds), title, fields.pop("status", ""), tone, thread=thread, **fields)


def titles(steps):
    return [step.entry.title for step in steps]


# --- threads --------------------------------------------------------------------------------------------------------


@pytest.mark.pure
def test_the_newest_thread_stands_first_and_its_causes_before_its_effects():
    told = timeline_of([
        entry(3, "answer", "a"), entry(0, "ask", "a"), entry(1, "other", "b"), entry(3, "cause of it", "a", order=-1),
    ])  # fmt: skip
    assert [thread.key for thread in told.threads] == ["b", "a"]
    assert titles(told.threads[1].steps) == ["ask", "cause of it", "answer"]


@pytest.mark.pure
def test_a_late_effect_leaves_its_thread_in_its_place():
    told = timeline_of([entry(0, "ask", "a"), entry(1, "other", "b"), entry(99, "correction", "a")])
    assert [thread.key for thread in told.threads] == ["b", "a"]


@pytest.mark.pure
def test_every_step_says_when_to_the_millisecond_and_how_long_after_the_one_before():
    [thread] = timeline_of([entry(0, "ask", "a"), entry(0.0124, "call", "a"), entry(4.5, "answer", "a")]).threads
    assert [(step.time, step.waited) for step in thread.steps] == [
        ("08:00:00.000", ""), ("08:00:00.012", "+12 ms"), ("08:00:04.500", "+4.5 s"),
    ]  # fmt: skip
    assert thread.day == "2025-03-01"


@pytest.mark.pure
@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "+0 ms"), (0.0006, "+1 ms"), (59.94, "+59.9 s"), (61, "+1 min"), (3700, "+1 h 1 min"), (90_000, "+1 d 1 h")],
)
def test_a_latency_in_words(seconds, words):
    assert waited(timedelta(seconds=seconds)) == words


@pytest.mark.pure
def test_routine_is_folded_away_unless_something_is_wrong_with_it():
    told = timeline_of([
        entry(0, "ask", "a"), entry(1, "plan?", "a", INFO, routine=True), entry(2, "plan!", "a", routine=True),
        entry(3, "no plan", "b", BAD, routine=True), entry(4, "push", "c", routine=True),
        entry(5, "push waits", "d", WARN, routine=True),
    ])  # fmt: skip
    assert [(thread.key, titles(thread.steps), titles(thread.routine)) for thread in told.threads] == [
        ("d", ["push waits"], []), ("b", ["no plan"], []), ("a", ["ask"], ["plan?", "plan!"]),
    ]  # fmt: skip
    assert (titles(told.routine), told.routine_count) == (["push"], 1)


@pytest.mark.pure
def test_a_thread_has_the_status_of_what_went_worst_and_the_headline_of_its_first_step():
    [thread] = timeline_of([
        entry(0, "request", "a", OK, status="ACCEPTED", headline="NL*JED asked 11000 W"),
        entry(1, "call", "a", BAD, status="REJECTED"), entry(2, "told", "a", OK, status="HTTP 200"),
    ]).threads  # fmt: skip
    assert (thread.title, thread.status, thread.tone) == ("NL*JED asked 11000 W", "REJECTED", BAD)
    [well] = timeline_of([entry(0, "x", "a", status="ACCEPTED"), entry(1, "y", "a", status="HTTP 200")]).threads
    assert (well.status, well.tone) == ("ACCEPTED", OK)


@pytest.mark.pure
def test_one_step_needs_no_headline_but_its_day():
    [thread] = timeline_of([entry(0, "Session started", "a")]).threads
    assert (thread.title, thread.steps[0].time) == ("", "2025-03-01 08:00:00")


@pytest.mark.pure
def test_very_many_are_bounded_and_counted():
    many = [entry(i, "x", f"t{i}") for i in range(FEW + 7)]
    routine = [entry(i, "r", f"r{i}", routine=True) for i in range(MOST_ROUTINE + 5)]
    told = timeline_of(many + routine)
    assert (len(told.threads), told.hidden) == (FEW, 7)
    assert told.threads[0].key == f"t{FEW + 6}"
    assert timeline_of(many, most=MANY).hidden == 0
    assert (len(told.routine), told.routine_count) == (MOST_ROUTINE, MOST_ROUTINE + 5)


# --- commands -------------------------------------------------------------------------------------------------------


def entries(session):
    told = timeline_of(timeline.entries_of(session))
    return {
        thread.key: [(s.entry.title, s.entry.status, s.entry.detail) for s in thread.steps] for thread in told.threads
    }


@pytest.fixture
def session(db):
    return make_session(make_charge_point(rate_units="W"), started_at=START)


def test_a_command_is_asked_called_and_answered(session):
    command = ask_profile(session, 11000, at=at(0))
    answer(command, OutcomeStatus.REJECTED, "no thanks", at=at(2))
    assert entries(session)[f"command-{command.pk}"] == [
        (f"SetChargingProfile {command.pk} asked by NL*JED", "", ""),
        ("CALL SetChargingProfile to the charge point", "", ""),
        (f"SetChargingProfile {command.pk} ended", "REJECTED", "no thanks"),
    ]


def test_an_open_command_says_what_it_waits_for(session):
    command = ask_profile(session, 11000, at=at(0))
    key = f"command-{command.pk}"
    assert [row[1] for row in entries(session)[key]] == ["QUEUED"]
    ChargePointCommand.objects.update(status="SENT", sent_at=at(1))
    fresh = type(session).objects.get()
    assert [row[1] for row in entries(fresh)[key]] == ["", "waits for its answer"]


def test_a_late_answer_is_told_beside_the_end(session):
    command = ask_profile(session, 11000, at=at(0))
    answer(command, OutcomeStatus.EXPIRED, "no answer in time", at=at(30))
    ChargePointCommand.objects.filter(pk=command.pk).update(
        late_status="ACCEPTED", late_at=at(31), answer={"status": "Accepted"}
    )
    assert entries(session)[f"command-{command.pk}"][2:] == [
        (f"SetChargingProfile {command.pk} ended", "EXPIRED", "no answer in time"),
        (
            "late CALLRESULT of SetChargingProfile", "ACCEPTED",
            "came after the command had ended; it counts for the profile",
        ),
    ]  # fmt: skip


def test_a_correction_of_the_system_belongs_to_the_request_it_corrects(session):
    asked = ask_profile(session, 11000, at=at(0))
    ChargePointCommand.objects.filter(pk=asked.pk).update(correlation_id="c-1", status="ACCEPTED", finished_at=at(1))
    corrected = ask_profile(session, 11000, at=at(60))
    ChargePointCommand.objects.filter(pk=corrected.pk).update(requested_by="system")
    told = entries(session)
    assert [row[0] for row in told["c-1"]][-1] == f"SetChargingProfile {corrected.pk} asked by system"
    assert f"command-{corrected.pk}" not in told


def test_a_question_of_the_system_for_the_plan_is_routine(session):
    ChargePointCommand.objects.create(
        charge_point=session.charge_point, session=session, kind="GET_COMPOSITE", action="GetCompositeSchedule",
        payload={}, status="ACCEPTED", requested_by="system", created_at=at(1), finished_at=at(2), expires_at=at(9),
    )  # fmt: skip
    told = timeline_of(timeline.entries_of(session))
    assert [thread.steps[0].entry.title for thread in told.threads] == ["Session started"]
    assert told.routine_count == 2


def test_the_newest_failed_profile_has_the_button_for_who_may_press_it(session):
    for second in (0, 10):
        answer(ask_profile(session, 11000, at=at(second)), OutcomeStatus.REJECTED, at=at(second + 1))
    for client, actions in (
        (client_of("view", "chargepoints.steer_session"), [["push_profile_again"], []]),
        (client_of("view", name="ana"), [[], []]),
    ):
        threads = client.get(page(session), {"live": 1}).context["timeline"].threads[:2]
        assert [[s.button.action for s in thread.steps if s.button] for thread in threads] == actions


# --- raw bodies -----------------------------------------------------------------------------------------------------


def raw_of(session, key):
    return f"{page(session).removesuffix('change/')}raw/{key}/"


@pytest.fixture
def command(session):
    asked = ask_profile(session, 11000, at=at(0))
    answer(asked, OutcomeStatus.ACCEPTED, at=at(2))
    ChargePointCommand.objects.filter(pk=asked.pk).update(answer={"status": HOSTILE, "idTag": "SECRETCARD"})
    return asked


def test_the_bodies_of_a_command_are_prepared_called_and_answered(session, command):
    client = client_of_all()
    asked, called, answered = (
        client.get(raw_of(session, f"command-{command.pk}-{part}")).content.decode()
        for part in ("asked", "call", "answer")
    )
    assert "&quot;transaction_id&quot;: &quot;4711&quot;" in asked
    assert "CALL SetChargingProfile, OCPP 1.6" in called
    assert "&quot;chargingProfilePurpose&quot;: &quot;TxProfile&quot;" in called
    assert "CALLRESULT payload, 0 ms after the CALL" in answered


def test_a_body_is_escaped_and_its_secrets_are_masked(session, command):
    html = client_of_all().get(raw_of(session, f"command-{command.pk}-answer")).content.decode()
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html
    assert "SECRETCARD" not in html
    assert "&quot;idTag&quot;: &quot;***&quot;" in html


@pytest.mark.parametrize("key", ["command-0-asked", "command-1-other", "command-1", "party-1", "command-x-asked", "x"])
def test_what_is_none_of_the_session_is_404(key, session, command):
    assert client_of_all().get(raw_of(session, key)).status_code == 404


def test_a_body_of_another_session_is_404(session, command):
    other = make_session(make_charge_point("OTHER"), ocpp_transaction_id="1")
    assert client_of_all().get(raw_of(other, f"command-{command.pk}-asked")).status_code == 404


def test_who_may_not_see_commands_does_not_see_their_bodies(session, command):
    url = raw_of(session, f"command-{command.pk}-asked")
    only_sessions = client_of("chargepoints.view_chargingsession", name="ana")
    only_commands = client_of("chargepoints.view_chargepointcommand", name="bo")
    assert (only_sessions.get(url).status_code, only_commands.get(url).status_code) == (403, 403)
    assert client_of("view").get(url).status_code == 200


def test_the_page_holds_no_bodies(session, command):
    html = client_of_all().get(page(session), {"live": 1}).content.decode()
    assert "SECRETCARD" not in html
    assert f'data-load="{raw_of(session, f"command-{command.pk}-call")}?s=ACCEPTED"' in html


def test_a_call_that_cannot_be_made_in_the_words_of_ocpp_says_so(session, command):
    session.charge_point.ocpp_version = ""
    session.charge_point.save()
    html = client_of_all().get(raw_of(session, f"command-{command.pk}-call")).content.decode()
    assert "It cannot be shown in the words of OCPP: it has never connected" in html


@pytest.mark.pure
def test_bodies_are_bounded_and_ascii():
    long = raw.pretty({"x": "\u202e" + "y" * 30_000})
    assert "\\u202e" in long
    assert long.endswith("characters more")
    assert len(long) < raw.LONGEST + 40
    assert raw.pretty_text("not json \u202e") == "not json \\u202e"
    assert (raw.pretty(None), raw.pretty_text("")) == ("no body", "no body")


@pytest.mark.pure
def test_tokens_are_masked_where_they_are_texts():
    masked = raw.without_secrets([{"token": "abc", "Authorization": "Token x", "cdr_token": {"uid": "1"}}])
    assert masked == [{"token": "***", "Authorization": "***", "cdr_token": {"uid": "1"}}]


def test_what_an_operator_asks_has_a_thread_of_its_own(session):
    from tests.support.operators import act, install_profile

    install_profile(session, 11000, at=timezone.now())
    act(client_of_all(), "fetch_active_profile", session)
    asked = ChargePointCommand.objects.filter(kind="GET_COMPOSITE").latest("pk")
    assert len(asked.correlation_id) == 36
    told = timeline_of(timeline.entries_of(session))
    assert told.threads[0].key == asked.correlation_id
