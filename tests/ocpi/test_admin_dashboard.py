"""The first page: every figure is that of the list behind it, and what needs somebody is named."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.utils import timezone

from chargepoints.admin import dashboard, dashboard_charging
from chargepoints.admin.timeline import Problem
from chargepoints.models import ChargePoint, ChargingProfile, ChargingSession, Evse
from ocpi.models import OutboxMessage, PartnerEndpoint, ProfileRequest
from tests.support import factories
from tests.support import ocpi_factories as make
from tests.support.operators import HOSTILE, client_of, client_of_all

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(autouse=True)
def nothing_remembered(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    cache.clear()


def request(session, response="ACCEPTED", result="", *, at=NOW, deadline_at=NOW + timedelta(seconds=30)):
    return ProfileRequest.objects.create(
        party=make.Party.objects.get(), session=session, session_uid=session.uid, kind="SET", response=response,
        result=result, received_at=at, timeout_s=30, deadline_at=deadline_at,
    )  # fmt: skip


def message(session, kind="RESULT", **fields):
    return OutboxMessage.objects.create(
        kind=kind, party=make.Party.objects.get(), session=session, due_at=NOW, created_at=NOW, **fields
    )


def applied(session, limit, **fields):
    """In A per phase, from before now on."""
    schedule = factories.schedule(limit, start_at=NOW - timedelta(minutes=5))
    return ChargingProfile.objects.create(
        session=session, owner="NL*JED", state="INSTALLED", applied=schedule.to_json(), applied_at=NOW, **fields
    )


def a_bad_day():
    """Two of everything that a tile counts, and beside each something that it does not count."""
    make.party()
    running = make.session("CP1", power_w=Decimal(9000), detected_phases=3)
    gone = make.session("CP2", online=False)
    make.session("CP3", state=ChargingSession.State.COMPLETED, ended_at=NOW)
    make.session("CP4", state=ChargingSession.State.PENDING)
    ChargePoint.objects.filter(pk=factories.charge_point(identity="CP5", online=False).pk).update(enabled=False)
    Evse.objects.filter(pk=running.evse_id).update(status="Faulted")
    ChargingProfile.objects.create(session=gone, owner="NL*JED", state="DRIFTED", finding=HOSTILE)
    applied(running, 16)
    for response, result in (("ACCEPTED", "ACCEPTED"), ("ACCEPTED", "REJECTED"), ("ACCEPTED", ""), ("TOO_OFTEN", "")):
        request(running, response, result)
    request(running, "ACCEPTED", "ACCEPTED", at=NOW - timedelta(hours=2))
    request(running, deadline_at=NOW - timedelta(minutes=2))
    message(running, status="EXPIRED", last_error=HOSTILE)
    message(running, status="DELIVERED")
    message(running, "SESSION", status="PENDING", failures=3)
    PartnerEndpoint.objects.filter(identifier="sessions").update(failing_since=NOW - timedelta(minutes=5))


def parts(kind):
    found = [part for section in dashboard._sections for part in section.parts(NOW)]
    return [part for part in found if isinstance(part, kind)]


def test_each_count_is_that_of_the_list_behind_it():
    a_bad_day()
    client = client_of_all()
    counted = {tile.label: (tile.value, tile.url) for tile in parts(dashboard.Tile) if isinstance(tile.value, int)}
    behind = {label: client.get(url).context["cl"].result_count for label, (_, url) in counted.items()}
    assert behind == {label: value for label, (value, _) in counted.items()}
    assert behind == {
        "online": 3, "offline": 1, "EVSEs faulted": 1, "active": 2, "waiting to begin": 1,
        "active, charge point offline": 1, "profiles not followed": 1, "profiles in doubt": 0,
        "result ACCEPTED": 1, "result REJECTED": 1, "result UNKNOWN": 0, "result still to come": 2,
        "refused: TOO_OFTEN": 1, "results lost or in doubt, last hour": 1, "results overdue": 1,
        "not delivered to NL*JED yet": 1,
    }  # fmt: skip


def test_power_is_told_beside_what_the_profiles_allow_now():
    """16 A x 230 V x 3 phases."""
    a_bad_day()
    tiles = {tile.label: (tile.value, tile.detail) for tile in parts(dashboard.Tile)}
    assert tiles["drawn under limits"] == ("9.0 kW", "of 11.0 kW that profiles and limits allow now")
    assert tiles["drawn by all sessions"] == ("9.0 kW", "")


def test_more_drawn_than_allowed_is_alarming():
    make.party()
    applied(make.session(power_w=Decimal(22000), detected_phases=3), 6)
    (tile,) = [tile for tile in parts(dashboard.Tile) if tile.label == "drawn under limits"]
    assert (tile.value, tile.tone) == ("22.0 kW", "bad")


def test_what_needs_somebody_is_named_with_its_page():
    a_bad_day()
    problems = {problem.what: problem.url for problem in parts(Problem)}
    gone = ChargingSession.objects.get(charge_point__identity="CP2")
    party = make.Party.objects.get()
    lost = OutboxMessage.objects.get(status="EXPIRED")
    assert problems == {
        "CP2 is offline with a running session": f"/admin/chargepoints/chargingsession/{gone.pk}/change/",
        "CP2 does not follow the profile of NL*JED": f"/admin/chargepoints/chargingsession/{gone.pk}/change/",
        "NL*JED does not answer at its sessions RECEIVER endpoint": f"/admin/ocpi/party/{party.pk}/change/",
        "NL*JED did not get a result, or may not have": f"/admin/ocpi/outboxmessage/{lost.pk}/change/",
    }


def test_on_a_quiet_day_nothing_is_alarming():
    make.party()
    make.session()
    assert parts(Problem) == []
    assert {tile.tone for tile in parts(dashboard.Tile)} <= {"ok", "info"}


def test_the_slowest_charge_points_come_first_by_the_time_95_of_100_answers_took():
    for identity, seconds in (("FAST", [0.1] * 20), ("SLOW", [0.1] * 19 + [3]), ("SLOWER", [0.2, 5])):
        session = make.session(identity)
        for took in seconds:
            session.commands.create(
                charge_point=session.charge_point, kind="CALL", action="Reset", payload={}, status="ACCEPTED",
                created_at=NOW, expires_at=NOW, sent_at=NOW, finished_at=NOW + timedelta(seconds=took),
            )  # fmt: skip
    tiles = list(dashboard_charging.slowest(NOW))
    assert [(tile.label, tile.value, tile.tone, tile.detail) for tile in tiles] == [
        ("SLOWER", "5000 ms", "warn", "2 answers"), ("SLOW", "100 ms", "info", "20 answers"),
        ("FAST", "100 ms", "info", "20 answers"),
    ]  # fmt: skip


def test_a_user_sees_only_the_parts_of_what_he_may_see_and_hostile_text_is_escaped():
    a_bad_day()
    html = client_of("chargepoints.view_chargepoint", "ocpi.view_party", name="ana").get("/admin/").content.decode()
    assert "EVSEs faulted" in html
    assert "does not answer at its sessions RECEIVER" in html
    assert "Results and pushes" not in html
    assert "Sessions now" not in html
    whole = client_of_all().get("/admin/").content.decode()
    assert HOSTILE not in whole


def test_what_many_look_at_is_counted_once(django_assert_max_num_queries):
    a_bad_day()
    client = client_of_all()
    client.get("/admin/", {"live": 1})
    with django_assert_max_num_queries(2):
        assert client.get("/admin/", {"live": 1}).status_code == 200


def test_the_first_page_takes_few_queries(django_assert_max_num_queries):
    a_bad_day()
    with django_assert_max_num_queries(30):
        parts(object)
