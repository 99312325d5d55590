"""The operators' site over charge points, sessions, profiles, commands: what it shows, and what it leaves alone."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from chargepoints.admin import large_lists, rendering
from chargepoints.models import (
    ChargePoint,
    ChargePointCommand,
    ChargingProfile,
    ChargingSession,
    Connector,
    DriverToken,
    Evse,
    Location,
    MeterValue,
    OperatorLimit,
    ServerProcess,
)
from chargepoints.values import OutcomeStatus
from tests.support.operators import (
    HOSTILE,
    STARTED_AT,
    answer,
    ask_profile,
    client_of,
    client_of_all,
    install_profile,
    list_of,
    make_charge_point,
    make_session,
    page,
    schedule,
)

pytestmark = pytest.mark.django_db
ESCAPED = "&lt;script&gt;&#x27;x&#x27;&lt;/script&gt;"
RECORDS = [ChargingSession, MeterValue, ChargePointCommand, ChargingProfile, OperatorLimit, ServerProcess]
CONFIGURATION = [Location, ChargePoint, Evse, Connector, DriverToken]


@pytest.fixture(autouse=True)
def nothing_rings(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr("chargepoints.commands.mailbox.ring", lambda command_id: None)


@pytest.fixture
def admin_of_all():
    return client_of_all()


def make_one_of_each():
    """A row of every model, with what a charge point says as hostile as it can be."""
    charge_point = make_charge_point(vendor=HOSTILE, model=HOSTILE, configuration={"key": HOSTILE})
    charge_point.evses.update(error_code=HOSTILE, status=HOSTILE, status_info=HOSTILE)
    session = make_session(charge_point, id_token=HOSTILE, stop_reason=HOSTILE, notes=[HOSTILE])
    profile = install_profile(session, 11000, 0, at=timezone.now())
    ChargingProfile.objects.update(notes=[HOSTILE])
    ask = ask_profile(session, 5000, at=timezone.now())
    answer(ask, OutcomeStatus.REJECTED, HOSTILE, at=timezone.now())
    ChargePointCommand.objects.update(answer={"status": HOSTILE})
    value = MeterValue.objects.create(
        charge_point=charge_point, session=session, measured_at=STARTED_AT, received_at=STARTED_AT,
        samples=[{"value": HOSTILE}],
    )  # fmt: skip
    token = DriverToken.objects.create(uid=HOSTILE)
    process = ServerProcess.objects.create(channel_name="web", started_at=STARTED_AT, alive_at=STARTED_AT)
    evse = charge_point.evses.get()
    limit = OperatorLimit.objects.create(
        charge_point=charge_point, evse=evse, rate=10, unit="A", reason=HOSTILE, created_by="operator noor",
        created_at=STARTED_AT, state="REJECTED", notes=[HOSTILE],
    )  # fmt: skip
    location = charge_point.location
    return [location, charge_point, evse, evse.connectors.get(), session, profile, ask, value, token, process, limit]


# --- every model ----------------------------------------------------------------------------------------------------


def test_every_model_has_a_list_and_a_page_and_what_chargers_say_is_escaped(admin_of_all):
    objects = make_one_of_each()
    assert {type(obj) for obj in objects} == {*RECORDS, *CONFIGURATION}
    for obj in objects:
        for url in (list_of(obj), page(obj), f"{list_of(obj)}?q=x"):
            response = admin_of_all.get(url)
            assert response.status_code == 200, url
            assert HOSTILE not in response.content.decode(), url
    assert ESCAPED in admin_of_all.get(page(objects[4])).content.decode()


@pytest.mark.once
@pytest.mark.parametrize("model", RECORDS)
def test_what_the_product_writes_itself_is_read_only(model, admin_of_all):
    obj = next(obj for obj in make_one_of_each() if type(obj) is model)
    html = admin_of_all.get(page(obj)).content.decode()
    assert 'name="_save"' not in html
    assert admin_of_all.get(f"{list_of(model)}add/").status_code == 403
    assert admin_of_all.post(f"{list_of(model)}{obj.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_of_all.post(page(obj), {"state": "INVALID"}).status_code == 403
    assert model.objects.filter(pk=obj.pk).exists()


@pytest.mark.once
@pytest.mark.parametrize("model", CONFIGURATION)
def test_configuration_can_be_added(model, admin_of_all):
    assert 'name="_save"' in admin_of_all.get(f"{list_of(model)}add/").content.decode()


@pytest.mark.once
def test_the_site_has_our_name_and_style(admin_of_all):
    html = admin_of_all.get("/admin/").content.decode()
    assert "CPO back-office" in html
    assert "chargepoints/admin.css" in html


# --- while a page is open -------------------------------------------------------------------------------------------


def test_an_open_page_gets_its_own_part_again_and_nothing_while_it_is_the_same(admin_of_all):
    evse = make_one_of_each()[2]
    part = admin_of_all.get(page(evse), {"live": 1})
    assert part.status_code == 200
    assert part.content.decode().strip().startswith('<div class="cpo-page" data-live="?live=1">')
    assert "csrfmiddlewaretoken" not in part.content.decode()
    again = admin_of_all.get(page(evse), {"live": 1}, headers={"If-None-Match": part["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_open_page_of_what_is_gone_is_404(admin_of_all):
    assert admin_of_all.get(f"{list_of(ChargePoint)}4711/change/", {"live": 1}).status_code == 404


def test_an_open_page_stays_closed_to_those_who_may_not_see_it():
    charge_point = make_charge_point()
    outsider, insider = client_of("chargepoints.view_location"), client_of("chargepoints.view_chargepoint", name="ana")
    assert outsider.get(page(charge_point), {"live": 1}).status_code == 403
    assert insider.get(page(charge_point), {"live": 1}).status_code == 200


@pytest.mark.once
def test_the_menu_names_only_what_its_user_may_see():
    make_charge_point()
    html = client_of("chargepoints.view_chargepoint").get("/admin/").content.decode()
    assert 'href="/admin/chargepoints/chargepoint/"' in html
    assert 'href="/admin/ocpi/party/"' not in html


@pytest.mark.once
def test_the_site_works_without_a_theme():
    """Another process, since a theme is chosen when the product starts."""
    chosen = "every_model_has_a_list or the_site_has_our_name or gets_its_own_part_again"
    command = [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-k", chosen]
    environment = {**os.environ, "TEST_THEME": "django"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("...")


# --- lists ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [ChargePoint, ChargingSession, ChargePointCommand, MeterValue, ChargingProfile, Evse])
def test_a_list_of_many_rows_takes_as_many_queries_as_one_of_few(model, admin_of_all, django_assert_max_num_queries):
    for i in range(8):
        session = make_session(make_charge_point(f"CP-{i}"))
        install_profile(session, 11000, at=timezone.now())
        MeterValue.objects.create(
            charge_point=session.charge_point, session=session, measured_at=STARTED_AT, received_at=STARTED_AT
        )
    admin_of_all.get(list_of(model))
    with django_assert_max_num_queries(9):
        admin_of_all.get(list_of(model))


@pytest.mark.parametrize("text", ["DEMO-16", "4711", "CARD"])
def test_sessions_are_found_by_charge_point_transaction_and_token(text, admin_of_all):
    session = make_session()
    make_session(make_charge_point("OTHER"), ocpp_transaction_id="1", id_token="X")
    assert list(admin_of_all.get(list_of(session), {"q": text}).context["cl"].result_list) == [session]


def test_the_list_of_meter_values_never_counts_the_table(admin_of_all, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(large_lists, "COUNTED", 3)
    session = make_session()
    for _ in range(5):
        MeterValue.objects.create(
            charge_point=session.charge_point, session=session, measured_at=STARTED_AT, received_at=STARTED_AT
        )
    with django_assert_max_num_queries(6) as queries:
        response = admin_of_all.get(list_of(MeterValue))
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and "metervalue" in query["sql"]]
    assert counts
    assert all("LIMIT 3" in sql for sql in counts)
    assert "the first 3 only" in response.content.decode()


# --- the page of a session ------------------------------------------------------------------------------------------


def test_a_session_shows_its_figures_and_the_limit_in_force(admin_of_all):
    session = make_session(kwh="12.5", power_w="7360.0", measured_at=timezone.now() - timedelta(minutes=4))
    profile = install_profile(session, 11000, at=timezone.now())
    html = admin_of_all.get(page(session)).content.decode()
    for words in ("12.5 kWh", "7360 W (4 min ago)", "11000 W in total, wanted by NL*JED", "online"):
        assert words in html
    assert f'href="{page(session.charge_point)}"' in html
    assert f'href="{page(profile)}"' in html


def test_a_profile_that_is_not_installed_limits_nothing(admin_of_all):
    session = make_session()
    ask_profile(session, 11000, at=timezone.now())
    assert "none by a charging profile" in admin_of_all.get(page(session)).content.decode()


@pytest.mark.once
@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("REJECTED", "The charge point refused the profile of NL*JED"),
        ("UNCERTAIN", "Nobody knows whether the profile"),
        ("DRIFTED", "The charge point does not follow the profile of NL*JED, though it was sent again"),
    ],
)
def test_what_is_wrong_with_a_profile_comes_with_its_button(state, words):
    session = make_session()
    install_profile(session, 11000, at=timezone.now())
    ChargingProfile.objects.update(state=state)
    response = client_of("view", "chargepoints.steer_session").get(page(session))
    [(problem, button)] = response.context["problems"]
    assert problem.what.startswith(words)
    assert (button.action, button.pk) == ("push_profile_again", session.pk)


@pytest.mark.once
def test_a_profile_that_is_planned_after_its_clear_comes_with_the_button_that_clears():
    session = make_session()
    install_profile(session, 11000, at=timezone.now())
    finding = "it was cleared, and is planned all the same: 11000 W"
    ChargingProfile.objects.update(state="DRIFTED", applied=None, finding=finding)
    response = client_of("view", "chargepoints.steer_session").get(page(session))
    [(problem, button)] = response.context["problems"]
    assert problem.what == "The charge point still follows the profile of NL*JED, though it was cleared"
    assert (problem.why, button.action, button.pk) == (finding, "clear_profile", session.pk)


def test_a_clock_that_is_off_is_a_problem_of_an_open_session(admin_of_all):
    session = make_session(make_charge_point(clock_skew_s=-10800))
    [(problem, _)] = admin_of_all.get(page(session)).context["problems"]
    assert problem.what == "The clock of DEMO-16 is -10800 s off"


def test_a_newer_profile_that_was_refused_is_a_problem_though_the_older_is_installed(admin_of_all):
    session = make_session()
    now = timezone.now()
    install_profile(session, 11000, at=now)
    answer(ask_profile(session, 5000, at=now), OutcomeStatus.REJECTED, "no thanks", at=now)
    [(problem, _)] = admin_of_all.get(page(session)).context["problems"]
    assert problem.what == "The newest profile of NL*JED did not reach the charge point: the one before is in force"
    assert problem.why.endswith(": no thanks")


def test_a_session_without_trouble_names_no_problem(admin_of_all):
    session = make_session()
    install_profile(session, 11000, at=timezone.now())
    assert admin_of_all.get(page(session)).context["problems"] == []


def test_an_offline_charge_point_is_a_problem_of_its_open_session(admin_of_all):
    session = make_session(make_charge_point(online=False))
    [(problem, button)] = admin_of_all.get(page(session)).context["problems"]
    assert (problem.what, button) == ("DEMO-16 is offline", None)


def test_the_page_of_a_long_session_takes_few_queries(admin_of_all, django_assert_max_num_queries):
    session = make_session()
    for _ in range(20):
        ask_profile(session, 11000, at=timezone.now())
    with django_assert_max_num_queries(22):
        admin_of_all.get(page(session))


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_a_schedule_is_a_table_with_the_period_in_force_marked():
    html = rendering.schedule_table(schedule(11000, 0), now=STARTED_AT + timedelta(minutes=90))
    rows = html.split("<tr")[2:]
    assert "2025-03-01 08:00:00 UTC" in rows[0]
    assert "cpo-now" not in rows[0]
    assert rows[1].startswith(' class="cpo-now"')
    assert '<td class="cpo-number">0</td><td>W in total</td>' in rows[1]
    assert "open end" in html


@pytest.mark.once
def test_times_are_utc_and_say_so():
    assert rendering.when(STARTED_AT) == "2025-03-01 08:00:00 UTC"
    assert rendering.when(None) == "–"


# --- what the driver wishes -----------------------------------------------------------------------------------------


def test_the_page_of_a_session_says_what_the_driver_wishes(admin_of_all):
    """OCPI 2.2.1 mod_sessions, ChargingPreferences: kept by `ocpi`."""
    session = make_session(make_charge_point())
    assert "Wished by the driver" not in admin_of_all.get(page(session)).content.decode()
    session.charging_preferences = {
        "profile_type": "GREEN", "energy_need": "12.5", "departure_time": "2026-01-05T18:00:00Z",
        "discharge_allowed": True,
    }  # fmt: skip
    session.save()
    assert (
        "green, 12.5 kWh, by 2026-01-05T18:00:00Z, may be discharged"
        in admin_of_all.get(page(session)).content.decode()
    )
