"""The page of a charge point: its connection, what was learned of it, and what goes on there now."""

import re

import pytest
from django.utils.html import strip_tags

from chargepoints.models import ChargingProfile, Evse
from tests.support import factories
from tests.support.operators import (
    HOSTILE,
    STARTED_AT,
    client_of,
    client_of_all,
    install_profile,
    make_charge_point,
    make_session,
    page,
)

pytestmark = pytest.mark.django_db
BASELINE = 20


@pytest.fixture(autouse=True)
def quiet(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr("chargepoints.commands._ring", lambda command_id: None)


def panel(charge_point, title: str) -> str:
    """Its words, in one line."""
    panels = dict(client_of_all().get(page(charge_point)).context["panels"])
    return re.sub(r"\s+", " ", strip_tags(str(panels[title]).replace("<", " <"))).strip()


def test_the_connection_is_told_with_its_process():
    words = panel(make_charge_point(connected_at=STARTED_AT, password_hash="x"), "Connection")
    assert "Online since 2025-03-01 08:00:00 UTC Held by process ocpp.process-1" in words
    assert words.endswith("Password set")


def test_one_that_is_offline_says_since_when():
    words = panel(make_charge_point(online=False, disconnected_at=STARTED_AT), "Connection")
    assert words.startswith("Offline since 2025-03-01 08:00:00 UTC")
    assert "Held by process" not in words


def test_capabilities_are_told_as_it_said_them():
    charge_point = make_charge_point(
        max_periods=24, max_stack_level=8, max_profiles=5, clock_skew_s=2, capabilities_at=STARTED_AT, tells_plans=True
    )
    assert panel(charge_point, "What it can do") == (
        "Smart charging yes Units A and W Periods in a schedule 24 Highest stack level 8 Profiles at a time 5 "
        "Phases EVSE 1: 3 Clock +2 s Tells its plan yes Keeps its profiles nothing known: it has had none "
        "Low currents limits below 6 A are sent as they are; most cars stop Learned 2025-03-01 08:00:00 UTC"
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"refused_units": "W"}, "Units no W it said A and W, refused W and took the other"),
        ({"rate_units": ""}, "Units not said A is tried first on AC"),
        ({"clock_skew_s": -90}, "Clock -90 s start times are missed by that much"),
        ({"clock_skew_s": 900}, "Clock +900 s its plans cannot be checked"),
        ({"tells_plans": False}, "Tells its plan not yet without composite schedules nobody can check"),
        ({"smart_charging": False}, "Smart charging no partners get NOT_SUPPORTED"),
        ({"low_current_policy": "floor"}, "Low currents limits below 6 A are sent as 0"),
    ],
)
def test_what_is_odd_about_it_is_told_with_what_follows(fields, words):
    assert words in panel(make_charge_point(**fields), "What it can do")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "yes none of the newest 1 had to be sent again"),
        ({"corrections": 1}, "not always 1 of the newest 1 had to be sent again"),
        ({"corrections": 2, "state": "DRIFTED"}, "no 1 of the newest 1 drifted though sent again"),
    ],
)
def test_whether_it_keeps_profiles_is_told_by_its_newest_ones(fields, words):
    session = make_session()
    profile = install_profile(session, 11000, at=STARTED_AT)
    ChargingProfile.objects.filter(pk=profile.pk).update(**fields)
    assert f"Keeps its profiles {words}" in panel(session.charge_point, "What it can do")


def test_the_phases_that_a_car_uses_are_told_beside_those_installed():
    session = make_session(detected_phases=1)
    assert "Phases EVSE 1: 3, the car uses 1 " in panel(session.charge_point, "What it can do")


def test_each_evse_is_shown_with_its_status_connectors_and_session():
    session = make_session()
    Evse.objects.update(status="Charging", status_at=STARTED_AT, evse_id="NL*CPO*E1")
    words = panel(session.charge_point, "EVSEs and connectors")
    assert words.endswith(f"1 NL*CPO*E1 Charging 2025-03-01 08:00:00 UTC 1: IEC_62196_T2 32 A, AC {session.uid[:8]}")


def test_a_running_session_is_shown_with_what_it_takes_and_may_take():
    session = make_session(power_w=10900, current_a="47.4", kwh="1.5")
    install_profile(session, 11000, at=STARTED_AT)
    words = panel(session.charge_point, "Running sessions")
    assert f"{session.uid[:8]} ACTIVE 1 1.5 kWh 10900 W, 47.4 A 11000 W in total, wanted by NL*JED" in words


def test_without_a_session_it_says_so():
    make_session(charge_point := make_charge_point(), state="COMPLETED")
    assert panel(charge_point, "Running sessions") == "No car charges here now."


def test_what_a_charge_point_says_of_itself_is_shown_as_text():
    charge_point = make_charge_point()
    Evse.objects.update(status="Faulted", error_code=HOSTILE, status_info=HOSTILE)
    assert HOSTILE not in client_of_all().get(page(charge_point)).content.decode()


def test_more_evses_and_sessions_cost_no_more_queries(django_assert_max_num_queries):
    charge_point = make_charge_point()
    client = client_of("view")
    for number in range(2, 8):
        evse = factories.evse(charge_point, number=number)
        install_profile(factories.session(evse, started_at=STARTED_AT), 11000, at=STARTED_AT)
    with django_assert_max_num_queries(BASELINE):
        client.get(page(charge_point), {"live": "1"})
