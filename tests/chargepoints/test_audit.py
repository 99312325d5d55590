"""Every action leaves who, when, why, on what and what came of it; of many rows, each has its own result."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from chargepoints import audit, commands
from chargepoints.admin.timeline import entries_of
from chargepoints.models import AuditEntry, ChargePoint, ChargePointCommand, Location
from chargepoints.values import CommandOutcome, OutcomeStatus
from tests.support.operators import (
    HOSTILE,
    act,
    answer,
    client_in,
    client_of_all,
    list_of,
    make_charge_point,
    make_session,
    page,
)

pytestmark = pytest.mark.django_db
Outcome = AuditEntry.Outcome


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.fixture(autouse=True)
def rung(monkeypatch):
    ids = []
    monkeypatch.setattr("chargepoints.commands.mailbox.ring", lambda command_id, _: ids.append(command_id))
    return ids


@pytest.fixture
def operator():
    client = client_in("Operator")
    AuditEntry.objects.all().delete()  # signing in leaves an entry too
    return client


def settled() -> AuditEntry:
    audit.settle(now=timezone.now())
    return AuditEntry.objects.get()


# --- what is written ------------------------------------------------------------------------------------------------


def test_an_action_leaves_who_when_what_on_what_and_why(operator):
    point, before = make_charge_point(), timezone.now()
    act(operator, "soft_reset", point, confirmed=True, why="  hangs since noon ")
    entry, command = AuditEntry.objects.get(), ChargePointCommand.objects.get()
    assert (entry.username, entry.user.username) == ("operator", "operator")
    assert before <= entry.at <= timezone.now()
    assert (entry.action, entry.comment, entry.outcome) == ("Reset (soft)", "hangs since noon", "OPEN")
    assert (entry.target, entry.target_id, entry.target_type.model) == ("DEMO-16", str(point.pk), "chargepoint")
    assert entry.result == f"DEMO-16: Reset queued as command {command.pk}"
    assert LogEntry.objects.get().change_message == f"{entry.result} Why: hangs since noon"


def test_why_is_asked_before_and_kept_when_the_form_comes_again(operator):
    html = act(operator, "trigger_message", make_charge_point(), confirmed=True, why=HOSTILE).content.decode()
    assert 'name="why"' in html
    assert "value=&quot;" not in html
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html
    assert not AuditEntry.objects.exists()


def test_what_was_not_done_is_written_with_its_reason(operator):
    session = make_session(state="COMPLETED")
    act(operator, "remote_stop", session, confirmed=True)
    entry = AuditEntry.objects.get()
    assert (entry.outcome, entry.finished_at is None) == ("NOT_DONE", False)
    assert entry.result.endswith("nothing was sent, the session is COMPLETED.")


def test_the_reason_of_a_limit_is_why(operator):
    point = make_charge_point()
    limit = {"rate": "10", "unit": "A", "ends_at": "", "reason": "grid works"}
    act(operator, "set_limit", point, confirmed=True, **limit, checked="10 A None")
    assert set(AuditEntry.objects.values_list("action", "comment")) == {("Set limit", "grid works")}
    assert set(AuditEntry.objects.values_list("outcome", flat=True)) == {"DONE", "OPEN"}


# --- the outcome ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [OutcomeStatus.ACCEPTED, OutcomeStatus.REJECTED, OutcomeStatus.UNKNOWN])
def test_the_outcome_is_the_charge_points_answer(operator, status):
    act(operator, "soft_reset", make_charge_point(), confirmed=True)
    assert settled().outcome == Outcome.OPEN
    answer(ChargePointCommand.objects.get(), status, "it said so", at=timezone.now())
    entry = settled()
    assert entry.outcome == status.value
    assert entry.result.endswith(" Then: it said so")


def test_a_command_nobody_answers_is_expired_and_a_late_answer_corrects_it(operator):
    act(operator, "soft_reset", make_charge_point(), confirmed=True)
    command, later = ChargePointCommand.objects.get(), timezone.now() + timedelta(hours=1)
    ChargePointCommand.objects.update(status="SENT", sent_at=timezone.now())
    commands.expire_overdue(now=later)
    assert settled().outcome == "EXPIRED"
    commands.record_outcome(command.pk, CommandOutcome(OutcomeStatus.ACCEPTED), now=later)
    assert AuditEntry.objects.get().outcome == "ACCEPTED"


def test_what_is_awaited_of_a_row_that_was_deleted_is_unknown(operator):
    act(operator, "soft_reset", make_charge_point(), confirmed=True)
    ChargePointCommand.objects.all().delete()
    assert settled().outcome == "UNKNOWN"


def test_a_limit_kept_for_an_offline_charge_point_has_its_outcome_when_it_is_there(operator):
    point = make_charge_point(online=False)
    limit = {"rate": "10", "unit": "A", "ends_at": "", "reason": "grid works"}
    act(operator, "set_limit", point, confirmed=True, **limit, checked="10 A None")
    audit.settle(now=timezone.now())
    waiting = AuditEntry.objects.get(outcome="OPEN")
    point.operator_limits.update(state="INSTALLED")
    audit.settle(now=timezone.now())
    waiting.refresh_from_db()
    assert waiting.outcome == "ACCEPTED"


# --- many rows ------------------------------------------------------------------------------------------------------


def test_many_rows_lead_to_a_page_with_a_result_for_each(operator):
    known, unknown = make_charge_point("KNOWN"), make_charge_point("UNKNOWN", ocpp_version="")
    response = act(operator, "soft_reset", known, unknown, confirmed=True, why="stuck")
    batch = AuditEntry.objects.values_list("batch", flat=True).distinct().get()
    url = reverse("admin:action_results", args=[batch])
    assert response.redirect_chain == [(url, 302)]
    titles = [title for title, _ in response.context["groups"]]
    assert titles == ["Not done, refused or failed", "Under way"]
    answer(ChargePointCommand.objects.get(), OutcomeStatus.ACCEPTED, at=timezone.now())
    live = operator.get(url, {"live": 1}).content.decode()
    assert f'<a href="{page(known)}">KNOWN</a>' in live
    assert "Done (1)" in live
    assert "Under way" not in live
    assert "it has never connected" in live


def test_one_row_that_fails_stops_no_other_and_leaves_nothing_half_done(operator, monkeypatch):
    points = [make_charge_point(name) for name in ("A", "B", "C")]
    request_call = commands.request_call

    def breaks(*, charge_point, **fields):
        made = request_call(charge_point=charge_point, **fields)
        if charge_point.identity == "B":
            raise RuntimeError("broken")
        return made

    monkeypatch.setattr(commands, "request_call", breaks)
    act(operator, "soft_reset", *points, confirmed=True)
    found = AuditEntry.objects.order_by("id").values_list("target", "outcome")
    assert list(found) == [("A", "OPEN"), ("B", "FAILED"), ("C", "OPEN")]
    assert set(ChargePointCommand.objects.values_list("charge_point__identity", flat=True)) == {"A", "C"}


@pytest.mark.once
def test_results_of_nothing_are_not_found(operator):
    assert operator.get(reverse("admin:action_results", args=[uuid4()])).status_code == 404


@pytest.mark.once
def test_what_charge_points_say_is_escaped_on_the_page_of_results(operator):
    points = [make_charge_point(f"P{i}<b>") for i in range(2)]
    html = act(operator, "soft_reset", *points, confirmed=True).content.decode()
    assert "P1<b>" not in html
    assert "P1&lt;b&gt;" in html


@pytest.mark.once
def test_the_page_of_results_takes_as_many_queries_for_many_rows(operator, django_assert_max_num_queries):
    points = [make_charge_point(f"P{i}") for i in range(40)]
    act(operator, "soft_reset", *points, confirmed=True)
    url = reverse("admin:action_results", args=[AuditEntry.objects.latest("id").batch])
    with django_assert_max_num_queries(12):
        operator.get(url, {"live": 1})


# --- forms, the log itself ------------------------------------------------------------------------------------------


def test_what_forms_add_change_and_delete_is_in_the_log():
    client = client_of_all()
    AuditEntry.objects.all().delete()
    place = Location.objects.create(name="Depot")
    client.post(reverse("admin:chargepoints_location_delete", args=[place.pk]), {"post": "yes"})
    entry = AuditEntry.objects.get()
    assert (entry.username, entry.action, entry.target, entry.outcome) == ("noor", "Deleted location", "Depot", "DONE")


def test_nobody_changes_the_log_not_even_a_superuser(operator):
    act(operator, "soft_reset", make_charge_point(), confirmed=True)
    client = client_of_all()
    url = page(AuditEntry.objects.latest("id"))
    assert client.post(url, {"result": "nothing"}).status_code == 403
    assert client.post(url.replace("change", "delete"), {"post": "yes"}).status_code == 403


@pytest.mark.once
def test_the_log_is_searched_and_filtered(operator):
    act(operator, "soft_reset", make_charge_point("A"), confirmed=True, why="stuck")
    act(operator, "refresh_capabilities", make_charge_point("B", ocpp_version=""), confirmed=True)
    url = list_of(AuditEntry)
    for query, expected in [
        ({"q": "stuck"}, ["A"]), ({"outcome__exact": "NOT_DONE"}, ["B"]),
        ({"user__id__exact": User.objects.get().pk}, ["B", "A"]),
    ]:  # fmt: skip
        assert [entry.target for entry in operator.get(url, query).context["cl"].result_list] == expected


def test_a_sessions_timeline_tells_what_people_did(operator):
    session = make_session()
    act(operator, "remote_stop", session, confirmed=True, why="blocked bay")
    [entry] = [entry for entry in entries_of(session) if entry.title == "Remote stop by operator"]
    assert entry.detail == "Why: blocked bay"


def test_a_name_stays_when_its_row_goes(operator):
    act(operator, "refresh_capabilities", make_charge_point("GONE", ocpp_version=""), confirmed=True)
    ChargePoint.objects.all().delete()
    html = operator.get(list_of(AuditEntry)).content.decode()
    assert "GONE" in html
