"""The page of a session: its story, its picture, and the table with the same figures."""

import json
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chargepoints.admin import session_lines, session_rows
from chargepoints.chart.series import CAPPED, PLANNED, REQUESTED, SENT
from chargepoints.chart.story import Refusal, Standing
from chargepoints.chart.window import Window
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, Evse, MeterValue, OperatorLimit
from chargepoints.values import OutcomeStatus
from tests.support.operators import (
    HOSTILE,
    answer,
    ask_profile,
    client_of,
    client_of_all,
    install_profile,
    make_charge_point,
    make_session,
    page,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)


@pytest.fixture(autouse=True)
def nothing_rings(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr("chargepoints.commands._ring", lambda *asked: None)


def ago(minutes):
    return NOW - timedelta(minutes=minutes)


@pytest.fixture
def session():
    return make_session(make_charge_point(rate_units="A"), started_at=ago(60))


def measure(session, minute, *, power_w=None, energy_wh=None, **fields):
    return MeterValue.objects.create(
        charge_point=session.charge_point, session=session, measured_at=ago(minute), received_at=ago(minute),
        power_w=power_w, energy_wh=energy_wh, **fields,
    )  # fmt: skip


def tell_plan(session, *limits_a, at):
    """As an OCPP 1.6 charge point answers GetCompositeSchedule: each limit for ten minutes."""
    periods = [{"startPeriod": 600 * i, "limit": limit} for i, limit in enumerate(limits_a)]
    wire = {"chargingRateUnit": "A", "duration": 3600, "chargingSchedulePeriod": periods}
    start = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    session.charge_point.tells_plans = True
    session.charge_point.save()
    return ChargePointCommand.objects.create(
        charge_point=session.charge_point, session=session, kind="GET_COMPOSITE", action="GetCompositeSchedule",
        payload={"evse_id": 1, "duration_s": 3600, "unit": "A"}, status="ACCEPTED", requested_by="system",
        created_at=at, sent_at=at, finished_at=at, expires_at=at,
        answer={"status": "Accepted", "connectorId": 1, "scheduleStart": start, "chargingSchedule": wire},
    )  # fmt: skip


def lines_of(session):
    return session_lines.lines(ChargingSession.objects.get(), now=NOW)


def said(stretches):
    """Minutes ago, and A."""
    return [((NOW - s.begins_at) / timedelta(minutes=1), str(s.rate.amperes)) for s in stretches]


def situation(session, refusal=None):
    fresh = ChargingSession.objects.get()
    return session_lines.situation(fresh, session_lines.lines(fresh, now=NOW), refusal=refusal, now=NOW)


# --- lines ----------------------------------------------------------------------------------------------------------


def test_what_was_asked_counts_from_then_and_what_was_sent_from_its_acceptance(session):
    command = ask_profile(session, 11000, at=ago(30))
    answer(command, OutcomeStatus.ACCEPTED, at=ago(29))
    lines = lines_of(session)
    assert said(lines[REQUESTED]) == [(30, "15.9")]
    assert said(lines[SENT]) == [(29, "15.9")]
    assert lines[SENT][0].notes == ("11000 W -> 15.9 A: 3 phases, 230 V, rounded down",)


def test_a_refused_wish_is_asked_with_the_reason_and_what_was_sent_before_stays(session):
    answer(ask_profile(session, 11000, at=ago(30)), OutcomeStatus.ACCEPTED, at=ago(30))
    answer(ask_profile(session, 5000, at=ago(20)), OutcomeStatus.REJECTED, "no thanks", at=ago(19))
    lines = lines_of(session)
    assert said(lines[REQUESTED]) == [(30, "15.9"), (20, "7.2")]
    assert lines[REQUESTED][1].notes == ("rejected: no thanks",)
    assert said(lines[SENT]) == [(30, "15.9")]


def test_a_late_acceptance_counts_from_when_it_came(session):
    command = ask_profile(session, 11000, at=ago(30))
    answer(command, OutcomeStatus.EXPIRED, at=ago(29))
    assert said(lines_of(session)[SENT]) == []
    ChargePointCommand.objects.filter(pk=command.pk).update(late_status="ACCEPTED", late_at=ago(28))
    assert said(lines_of(session)[SENT]) == [(28, "15.9")]


def test_what_the_system_sends_anew_is_no_new_wish(session):
    answer(ask_profile(session, 11000, at=ago(30)), OutcomeStatus.ACCEPTED, at=ago(30))
    again = ask_profile(session, 11000, at=ago(20))
    ChargePointCommand.objects.filter(pk=again.pk).update(requested_by="system", status="QUEUED")
    lines = lines_of(session)
    assert (said(lines[REQUESTED]), lines[REQUESTED][0].notes) == ([(30, "15.9")], ())


def test_the_plan_is_what_the_charge_point_told_until_it_tells_another(session):
    tell_plan(session, 16, 10, at=ago(30))
    tell_plan(session, 8, at=ago(15))
    assert said(lines_of(session)[PLANNED]) == [(30, "16.0"), (20, "10.0"), (15, "8.0")]


def test_a_plan_that_cannot_be_read_is_no_plan(session):
    told = tell_plan(session, 16, at=ago(30))
    ChargePointCommand.objects.filter(pk=told.pk).update(answer={"status": "Accepted", "chargingSchedule": HOSTILE})
    assert said(lines_of(session)[PLANNED]) == []


def test_operators_limits_count_while_they_are_wanted(session):
    common = {"charge_point": session.charge_point, "unit": "A", "reason": "grid works", "created_by": "operator noor"}
    OperatorLimit.objects.create(rate=20, created_at=ago(40), ended_at=ago(10), **common)
    OperatorLimit.objects.create(rate=10, evse=session.evse, created_at=ago(30), ends_at=ago(20), **common)
    capped = lines_of(session)[CAPPED]
    assert said(capped) == [(40, "20.0"), (30, "10.0"), (20, "20.0")]
    assert capped[1].notes == ("by operator noor: grid works",)
    assert (NOW - capped[-1].ends_at) / timedelta(minutes=1) == 10


def test_the_end_of_the_session_ends_every_line(session):
    answer(ask_profile(session, 11000, at=ago(30)), OutcomeStatus.ACCEPTED, at=ago(30))
    ChargingSession.objects.update(state="COMPLETED", ended_at=ago(5))
    assert {s.ends_at for part in lines_of(session).values() for s in part} == {ago(5)}


def test_the_higher_stack_level_is_what_counts(session):
    install_profile(session, 11000, at=ago(30))
    install_profile(session, 5000, at=ago(20), owner="DE*TWO")
    assert said(lines_of(session)[SENT]) == [(30, "15.9"), (20, "7.2")]


# --- measured -------------------------------------------------------------------------------------------------------


def test_a_long_session_is_averaged_in_one_query(session, django_assert_num_queries):
    for minute in range(0, 600, 2):
        measure(session, minute, power_w=Decimal(minute), energy_wh=Decimal(1000 - minute))
    with django_assert_num_queries(1):
        found = session_rows.measured(session, Window(ago(600), NOW))
    assert len(found) <= 180
    assert [bucket.at for bucket in found] == sorted(bucket.at for bucket in found)
    assert found[-1].at == NOW
    assert sum(1 for bucket in found if bucket.power_w is not None) == len(found)


def test_steps_hold_what_was_measured_in_them(session):
    at = NOW.replace(second=0)
    for second, power in ((0, 1000), (5, 3000), (10, 500)):
        MeterValue.objects.create(
            charge_point=session.charge_point, session=session, measured_at=at + timedelta(seconds=second),
            received_at=at, power_w=power,
        )  # fmt: skip
    found = session_rows.measured(session, Window(at, at + timedelta(minutes=30)))
    assert [(bucket.at - at, float(bucket.power_w)) for bucket in found] == [
        (timedelta(seconds=5), 2000), (timedelta(seconds=10), 500),
    ]  # fmt: skip


# --- the story ------------------------------------------------------------------------------------------------------


def test_the_situation_tells_what_counts_now(session):
    install_profile(session, 11000, at=ago(30))
    tell_plan(session, 16, at=ago(29))
    ChargingSession.objects.update(power_w=7200, current_a="10.4", measured_at=ago(1))
    now = situation(session)
    assert (now.asked_by, str(now.asked.watts), str(now.sent.amperes)) == ("NL*JED", "11000.0", "15.9")
    assert (str(now.planned.amperes), str(now.drawn.watts), str(now.drawn.amperes)) == ("16.0", "7200.0", "10.4")
    assert (now.standing, now.waiting, now.settled, now.measured_age_s) == (Standing.INSTALLED, False, True, 60)


def test_what_was_measured_before_a_change_is_not_settled(session):
    install_profile(session, 11000, at=ago(1))
    ChargingSession.objects.update(power_w=0, measured_at=ago(2))
    assert situation(session).settled is False


@pytest.mark.parametrize(
    ("state", "applied", "standing"),
    [
        ("DRIFTED", True, Standing.DRIFTED),
        ("DRIFTED", False, Standing.LINGERS),
        ("UNCERTAIN", True, Standing.UNCERTAIN),
        ("REJECTED", True, Standing.REFUSED),
        ("CLEARED", False, Standing.NONE),
    ],
)
def test_the_standing_of_a_profile_is_its_state(state, applied, standing, session):
    install_profile(session, 11000, at=ago(30))
    ChargingProfile.objects.update(state=state, finding="x" if state == "DRIFTED" else "")
    if not applied:
        ChargingProfile.objects.update(applied=None)
    assert situation(session).standing == standing


def test_a_newer_wish_that_failed_is_a_refusal_with_its_words(session):
    install_profile(session, 11000, at=ago(30))
    answer(ask_profile(session, 5000, at=ago(20)), OutcomeStatus.REJECTED, "no thanks", at=ago(19))
    now = situation(session)
    assert (now.standing, now.answer, str(now.sent.amperes)) == (Standing.REFUSED, "no thanks", "15.9")


def test_a_refusal_at_once_comes_with_the_situation(session):
    assert situation(session, Refusal("NL*JED", "too_often")).refusal == Refusal("NL*JED", "too_often")


@pytest.mark.parametrize(
    ("evse", "charging_state", "car"),
    [
        ({"status": "SuspendedEV"}, "", "SUSPENDED_BY_CAR"),
        ({"status": "Occupied"}, "SuspendedEVSE", "SUSPENDED_BY_EVSE"),
        ({"status": "Charging", "error_code": "OtherError"}, "", "CHARGING"),
        ({"status": "Faulted", "error_code": "GroundFailure"}, "", "FAULTED"),
        ({"status": "Finishing"}, "", "FINISHED"),
        ({"status": "Preparing"}, "", "UNKNOWN"),
    ],
)
def test_what_the_car_does_is_told_by_either_version(evse, charging_state, car, session):
    Evse.objects.update(**evse)
    ChargingSession.objects.update(charging_state=charging_state)
    assert situation(session).car == car


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_begins_with_the_story(session):
    html = client_of_all().get(page(session), {"live": 1}).content.decode()
    assert (
        html.index("cpo-story") < html.index("cpo-problems") < html.index("cpo-summary") < html.index("data-chart-root")
    )
    assert "Nobody asked for a charging profile" in html


def figures_of(html):
    return json.loads(unescape(html.split('data-figures="')[1].split('"')[0]))


def test_the_figures_say_every_moment_and_why(session):
    install_profile(session, 11000, at=ago(30))
    measure(session, 10, power_w=7200)
    figures = figures_of(client_of_all().get(page(session), {"live": 1}).content.decode())
    [begin, end, rates, why] = figures["moments"][0]
    assert (begin, end > begin) == (int(ago(30).timestamp()), True)
    assert rates == [["11000", "15.9"], ["10971", "15.9"], [], []]
    assert [figures["words"][i] for i in why] == ["11000 W -> 15.9 A: 3 phases, 230 V, rounded down"]
    [[at, watts, amperes, reason]] = figures["measured"]
    assert (at, watts, amperes) == (int(ago(10).timestamp()), "7200", "10.4")
    assert figures["words"][reason].startswith("the car draws less than it may")


def test_what_others_wrote_is_escaped_in_the_figures_the_drawing_and_the_table(session):
    ChargePointCommand.objects.filter(pk=ask_profile(session, 11000, at=ago(30)).pk).update(
        status="REJECTED", detail=HOSTILE, finished_at=ago(29), sent_at=ago(29), answer={"status": HOSTILE}
    )
    OperatorLimit.objects.create(
        charge_point=session.charge_point, rate=10, unit="A", reason=HOSTILE, created_by=HOSTILE, created_at=ago(30)
    )
    html = client_of_all().get(page(session)).content.decode()
    assert HOSTILE not in html
    assert f"rejected: {HOSTILE}" in figures_of(html)["words"]


def test_the_table_has_the_same_figures(session):
    install_profile(session, 11000, at=ago(30))
    html = client_of_all().get(page(session), {"live": 1}).content.decode()
    table = html.split('class="cpo-figures"')[1].split("</table>")[0]
    assert "<td>11000 W, 15.9 A</td><td>10971 W, 15.9 A</td>" in table


def test_the_chosen_time_survives_a_refresh(session):
    html = client_of_all().get(page(session), {"chart": "hour"}).content.decode()
    assert 'data-live="?live=1&amp;chart=hour"' in html
    part = client_of("view", name="ana").get(page(session), {"live": 1, "chart": "hour"}).content.decode()
    assert '<a href="?chart=hour" aria-current="true">last hour</a>' in part


@pytest.mark.once
@pytest.mark.parametrize("asked", [HOSTILE, "", "hour" * 500])
def test_a_time_that_is_none_of_ours_is_the_whole_session(asked, session):
    response = client_of_all().get(page(session), {"live": 1, "chart": asked})
    assert '<a href="?chart=whole" aria-current="true">' in response.content.decode()
    assert HOSTILE not in response.content.decode()


def test_the_same_rows_make_the_same_page(session, monkeypatch):
    """A refresh that changes nothing is answered 304."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    install_profile(session, 11000, at=ago(30))
    measure(session, 1, power_w=7200)
    client = client_of_all()
    first = client.get(page(session), {"live": 1})
    assert client.get(page(session), {"live": 1}, headers={"If-None-Match": first["ETag"]}).status_code == 304


@pytest.mark.once
def test_the_raw_fields_are_folded_away(session):
    fieldsets = client_of_all().get(page(session)).context["adminform"].fieldsets
    assert [(name, options["classes"]) for name, options in fieldsets] == [("All fields", ["collapse"])]


def queries_of(client, session):
    client.get(page(session), {"live": 1})
    with CaptureQueriesContext(connection) as queries:
        client.get(page(session), {"live": 1})
    return len(queries)


def test_a_refresh_of_a_long_session_takes_as_many_queries_as_one_of_a_short_one(session):
    client = client_of("view", "chargepoints.operate_chargepoint")
    install_profile(session, 11000, at=ago(50))
    measure(session, 50, power_w=1)
    few = queries_of(client, session)
    for minute in range(40, 0, -1):
        answer(ask_profile(session, 11000 + minute, at=ago(minute)), OutcomeStatus.ACCEPTED, at=ago(minute))
        tell_plan(session, 16, at=ago(minute))
        measure(session, minute, power_w=minute)
    assert queries_of(client, session) == few <= 14


@pytest.mark.once
def test_a_dc_session_and_one_without_a_voltage_have_a_page(session):
    install_profile(session, 11000, at=ago(30))
    tell_plan(session, 16, at=ago(20))
    for fields in ({"current_type": "DC", "voltage_v": 400, "phases": None}, {"voltage_v": 0}):
        Evse.objects.update(**fields)
        assert client_of_all_once().get(page(session)).status_code == 200


def client_of_all_once():
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("noor"))
    return client
