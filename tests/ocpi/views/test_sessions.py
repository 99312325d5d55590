"""Sessions, Sender interface, as a partner calls it (OCPI 2.2.1 mod_sessions)."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from chargepoints.models import ChargePoint, ChargingSession
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START, Api, later

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

PATH = "/ocpi/2.2.1/sessions"


@pytest.fixture
def api() -> Api:
    make.party()
    return Api()


def five() -> list[ChargingSession]:
    """On one EVSE, in order of creation; the earlier created of the last four, the later changed."""
    first = make.session(ocpp_transaction_id="0", last_updated=later(0))
    rest = [
        make.session(evse=first.evse, ocpp_transaction_id=str(n), state="COMPLETED", last_updated=later(60 * n))
        for n in (4, 3, 2, 1)
    ]
    return [first, *rest]


def uids(response: Any) -> list[str]:
    assert (response.status_code, response.json()["status_code"]) == (200, 1000)
    return [item["id"] for item in response.json()["data"]]


# --- the list -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_sessions_are_listed_oldest_first_with_the_counts_in_headers(api, path):
    """OCPI 2.2.1 transport_and_format, Pagination."""
    sessions = five()
    response = api("get", path)
    assert uids(response) == [session.uid for session in sessions]
    assert (response["X-Total-Count"], response["X-Limit"], "Link" in response) == ("5", "100", False)


def test_no_session_is_an_empty_list(api):
    response = api("get", PATH)
    assert (uids(response), response["X-Total-Count"]) == ([], "0")


def test_the_dates_are_inclusive_and_exclusive(api):
    sessions = five()
    response = api("get", f"{PATH}?date_from=2026-01-05T12:01:00Z&date_to=2026-01-05T12:03:00")
    assert uids(response) == [sessions[3].uid, sessions[4].uid]
    assert response["X-Total-Count"] == "2"


def test_a_date_taken_from_last_updated_finds_its_session_again(api):
    make.session(last_updated=START.replace(microsecond=123_456))
    (item,) = api("get", PATH).json()["data"]
    assert uids(api("get", f"{PATH}?date_from={item['last_updated']}")) == [item["id"]]


def test_pages_follow_each_other_by_their_links_to_the_last(api, settings):
    settings.OCPI_PAGE_LIMIT, settings.PUBLIC_URL = 2, "https://cpo.example"
    sessions = five()
    found, url, pages = [], f"{PATH}?date_from=2026-01-05T12:00:00Z", 0
    while url:
        response = api("get", url)
        found += uids(response)
        assert (response["X-Total-Count"], response["X-Limit"]) == ("5", "2")
        link = response.get("Link", "")
        assert not link or "date_from=2026-01-05T12:00:00Z" in link
        match = re.fullmatch(r'<https://cpo\.example(.+)>; rel="next"', link)
        url, pages = match[1] if match else "", pages + 1
    assert (found, pages) == ([session.uid for session in sessions], 3)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "offset=-1", "date_from=yesterday", "date_to=2026-01-05"])
def test_a_wrong_filter_is_2001_and_named(api, query):
    body = api("get", f"{PATH}?{query}").json()
    assert (body["status_code"], body["status_message"].partition(":")[0]) == (2001, query.partition("=")[0])


def test_only_visible_sessions_are_listed_and_counted(api):
    """X-Total-Count: what is available to this client."""
    mine, hidden = make.session("CP1"), make.session("CP2", ocpp_transaction_id="4712")
    make.share_only(of=make.Party.objects.get(), evses=[mine.evse])
    response = api("get", PATH)
    assert (uids(response), response["X-Total-Count"]) == ([mine.uid], "1")
    assert hidden.uid not in response.content.decode()


def test_a_session_shared_with_several_parties_is_listed_once(api):
    session = make.session()
    for party in (make.Party.objects.get(), make.party("OTH")):
        make.share_only(of=party, evses=[session.evse])
    assert uids(api("get", PATH)) == [session.uid]


def test_a_page_costs_the_same_number_of_queries_whatever_its_length(api, django_assert_num_queries):
    make.session()
    api("get", PATH)
    with django_assert_num_queries(4):  # credentials, count, page, charging periods
        api("get", PATH)
    five_more = ChargingSession.objects.get()
    for number in range(5):
        make.session(evse=five_more.evse, ocpp_transaction_id=f"n{number}")
    with django_assert_num_queries(4):
        assert len(uids(api("get", PATH))) == 6


# --- one session ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/"])
def test_one_session_is_found_whatever_the_case_of_its_id(api, ending):
    session = make.session()
    assert api("get", f"{PATH}/{session.uid.upper()}{ending}").json()["data"]["id"] == session.uid


@pytest.mark.parametrize("session_id", ["00000000-0000-4000-8000-000000000000", "%00", "%E2%82%AC", "x" * 37])
def test_a_missing_session_is_404_in_the_envelope(api, session_id):
    """OCPI 2.2.1 status_codes: GET of a resource that does not exist."""
    response = api("get", f"{PATH}/{session_id}")
    assert (response.status_code, response.json()["status_code"]) == (404, 2000)


def test_a_hidden_session_is_as_missing_as_any(api):
    session = make.session()
    make.Party.objects.update(shares_all_evses=False)
    hidden, missing = api("get", f"{PATH}/{session.uid}"), api("get", f"{PATH}/00000000-0000-4000-8000-000000000000")
    assert (hidden.status_code, hidden.json()["status_message"]) == (404, missing.json()["status_message"])


# --- charging preferences -------------------------------------------------------------------------------------------


def prefer(api: Api, session: ChargingSession, ending: str = "", **body: Any) -> Any:
    path = f"{PATH}/{session.uid}/charging_preferences{ending}"
    return api("put", path, {"profile_type": "GREEN", **body})


@pytest.mark.parametrize("ending", ["", "/"])
def test_preferences_are_stored_and_answered_with_the_enum(api, ending):
    """OCPI 2.2.1 mod_sessions, PUT Method of the Sender interface."""
    session = make.session()
    departure = (timezone.now() + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%SZ")
    response = prefer(api, session, ending, departure_time=departure, energy_need=12.5, discharge_allowed=False, more=1)
    assert (response.status_code, response.json()["data"]) == (200, "ACCEPTED")
    session.refresh_from_db()
    assert session.charging_preferences == {
        "profile_type": "GREEN", "departure_time": departure, "energy_need": "12.5", "discharge_allowed": False,
    }  # fmt: skip


def test_an_evse_without_the_capability_is_404_and_2001(api):
    """OCPI 2.2.1 mod_sessions, ChargingPreferencesResponse."""
    session = make.session()
    ChargePoint.objects.update(smart_charging=False)
    response = prefer(api, session)
    assert (response.status_code, response.json()["status_code"]) == (404, 2001)
    assert ChargingSession.objects.get().charging_preferences is None


def test_preferences_of_a_hidden_session_are_404(api):
    session = make.session()
    make.Party.objects.update(shares_all_evses=False)
    assert prefer(api, session).status_code == 404
    assert ChargingSession.objects.get().charging_preferences is None


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("profile_type", {"profile_type": "QUICK"}),
        ("profile_type", {"profile_type": None}),
        ("profile_type", {"profile_type": ["GREEN"]}),
        ("profile_type", {"profile_type": {"GREEN": 1}}),
        ("departure_time", {"departure_time": "tomorrow"}),
        ("departure_time", {"departure_time": 7}),
        ("energy_need", {"energy_need": "12"}),
        ("energy_need", {"energy_need": -1}),
        ("energy_need", {"energy_need": True}),
        ("energy_need", {"energy_need": 10000}),
        ("discharge_allowed", {"discharge_allowed": "no"}),
    ],
)
def test_a_wrong_preference_is_2001_and_named(api, path, change):
    session = make.session()
    body = prefer(api, session, **change).json()
    assert (body["status_code"], body["status_message"].partition(":")[0]) == (2001, path)
    assert ChargingSession.objects.get().charging_preferences is None


@pytest.mark.parametrize("state", ["COMPLETED", "INVALID"])
def test_nothing_is_stored_on_a_session_that_is_over(api, state):
    session = make.session(state=state)
    assert prefer(api, session).json()["data"] == "NOT_POSSIBLE"
    assert ChargingSession.objects.get().charging_preferences is None


def test_preferences_change_nothing_a_partner_sees_of_the_session(api):
    session = make.session(kwh=Decimal(3))
    before = api("get", f"{PATH}/{session.uid}").json()["data"]
    prefer(api, session)
    assert api("get", f"{PATH}/{session.uid}").json()["data"] == before


@pytest.mark.parametrize("path", [PATH, f"{PATH}/x", f"{PATH}/x/charging_preferences"])
@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_other_methods_are_not_allowed(api, path, method):
    assert api(method, path).status_code == 405
