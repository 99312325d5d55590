"""Locations, Sender interface, as a partner calls it (OCPI 2.2.1 mod_locations)."""

import re
from datetime import timedelta
from typing import Any

import pytest

from chargepoints.models import ChargePoint, Connector, Evse, Location
from tests.support import factories
from tests.support import ocpi_factories as make
from tests.support.factories import NOW, at
from tests.support.ocpi_factories import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

PATH = "/ocpi/2.2.1/locations"
MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def api() -> Api:
    make.party()
    return Api()


def place(name: str = "Depot", *, evses: int = 1, changed_at: Any = NOW) -> tuple[Location, list[Evse]]:
    """A Location with one charge point; all of it was changed last at `changed_at`."""
    location = factories.location(name=name, updated_at=changed_at)
    point = factories.charge_point(location=location)
    return location, [factories.evse(point, number=n + 1, last_updated=changed_at) for n in range(evses)]


def data(response: Any) -> Any:
    assert (response.status_code, response.json()["status_code"]) == (200, 1000)
    return response.json()["data"]


def ids(response: Any) -> list[str]:
    return [item["id"] for item in data(response)]


# --- the list -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_locations_are_listed_whole_oldest_first_with_the_counts_in_headers(api, path):
    first, evses = place("First", changed_at=at(60), evses=2)
    last, _ = place("Last")
    response = api("get", path)
    assert ids(response) == [first.uid, last.uid]
    assert [evse["uid"] for evse in data(response)[0]["evses"]] == [evse.uid for evse in evses]
    assert (response["X-Total-Count"], response["X-Limit"], "Link" in response) == ("2", "100", False)


def test_no_location_is_an_empty_list(api):
    factories.location()
    response = api("get", PATH)
    assert (ids(response), response["X-Total-Count"]) == ([], "0")


def test_the_dates_are_inclusive_and_exclusive(api):
    places = [place(f"P{n}", changed_at=at(60 * n))[0] for n in range(4)]
    response = api("get", f"{PATH}?date_from=2024-05-01T12:01:00Z&date_to=2024-05-01T12:03:00")
    assert ids(response) == [places[1].uid, places[2].uid]
    assert response["X-Total-Count"] == "2"


def test_a_change_of_an_evse_is_one_of_its_location(api):
    """OCPI 2.2.1 mod_locations, GET List: the parent's last_updated needs to be updated."""
    location, evses = place(evses=2)
    place("Other")
    Evse.objects.filter(pk=evses[1].pk).update(last_updated=at(600))
    response = api("get", f"{PATH}?date_from=2024-05-01T12:10:00Z")
    assert ids(response) == [location.uid]
    assert data(response)[0]["last_updated"] == "2024-05-01T12:10:00Z"


def test_a_change_of_an_evse_that_the_caller_does_not_see_is_none(api):
    location, (seen, hidden) = place(evses=2)
    make.share_only(of=make.Party.objects.get(), evses=[seen])
    Evse.objects.filter(pk=hidden.pk).update(last_updated=at(600))
    assert ids(api("get", f"{PATH}?date_from=2024-05-01T12:10:00Z")) == []
    assert data(api("get", f"{PATH}/{location.uid}"))["last_updated"] == "2024-05-01T12:00:00Z"


def test_a_date_taken_from_last_updated_finds_its_location_again(api):
    place(changed_at=NOW.replace(microsecond=123_456))
    (item,) = data(api("get", PATH))
    assert ids(api("get", f"{PATH}?date_from={item['last_updated']}")) == [item["id"]]


def test_pages_follow_each_other_by_their_links_to_the_last(api, settings):
    settings.OCPI_PAGE_LIMIT, settings.PUBLIC_URL = 2, "https://cpo.example"
    places = [place(f"P{n}", changed_at=at(n))[0] for n in range(5)]
    found, url, pages = [], PATH, 0
    while url:
        response = api("get", url)
        found += ids(response)
        match = re.fullmatch(r'<https://cpo\.example(.+)>; rel="next"', response.get("Link", ""))
        url, pages = match[1] if match else "", pages + 1
    assert (found, pages) == ([location.uid for location in places], 3)


@pytest.mark.parametrize("query", ["limit=0", "offset=-1", "date_from=yesterday"])
def test_a_wrong_filter_is_2001_and_named(api, query):
    body = api("get", f"{PATH}?{query}").json()
    assert (body["status_code"], body["status_message"].partition(":")[0]) == (2001, query.partition("=")[0])


def test_a_page_costs_the_same_number_of_queries_whatever_its_length(api, django_assert_num_queries):
    place(evses=2)
    api("get", PATH)
    with django_assert_num_queries(5):  # credentials, count, page, EVSEs, connectors
        api("get", PATH)
    for number in range(5):
        place(f"P{number}", evses=3)
    with django_assert_num_queries(5):
        assert len(ids(api("get", PATH))) == 6


# --- what is shared -------------------------------------------------------------------------------------------------


def test_only_shared_evses_are_told_and_only_locations_that_have_one(api):
    location, (mine, other) = place(evses=2)
    hidden, _ = place("Hidden")
    make.share_only(of=make.Party.objects.get(), evses=[mine])
    response = api("get", PATH)
    assert (ids(response), response["X-Total-Count"]) == ([location.uid], "1")
    assert [evse["uid"] for evse in data(response)[0]["evses"]] == [mine.uid]
    assert [other.uid in response.content.decode(), hidden.uid in response.content.decode()] == [False, False]


def test_a_location_shared_with_several_parties_is_listed_once(api):
    location, evses = place(evses=2)
    for party in (make.Party.objects.get(), make.party("OTH")):
        make.share_only(of=party, evses=evses)
    response = api("get", PATH)
    assert (ids(response), response["X-Total-Count"]) == ([location.uid], "1")
    assert len(data(response)[0]["evses"]) == 2


def test_what_is_not_shared_is_as_missing_as_what_does_not_exist(api):
    location, (mine, other) = place(evses=2)
    hidden, (far,) = place("Hidden")
    make.share_only(of=make.Party.objects.get(), evses=[mine])
    for path in (
        f"{PATH}/{hidden.uid}", f"{PATH}/{hidden.uid}/{far.uid}", f"{PATH}/{hidden.uid}/{far.uid}/1",
        f"{PATH}/{location.uid}/{other.uid}", f"{PATH}/{location.uid}/{other.uid}/1",
        f"{PATH}/{hidden.uid}/{mine.uid}",
    ):  # fmt: skip
        missing = api("get", re.sub(r"[0-9a-f-]{36}", MISSING, path))
        found = api("get", path)
        assert (found.status_code, found.json()["status_message"]) == (404, missing.json()["status_message"]), path


@pytest.mark.parametrize("field", ["address", "city", "latitude", "longitude"])
def test_a_place_without_what_ocpi_requires_is_not_told(api, field):
    location, (evse,) = place()
    Location.objects.update(**{field: "" if field in {"address", "city"} else None})
    assert ids(api("get", PATH)) == []
    assert api("get", f"{PATH}/{location.uid}").status_code == 404
    assert api("get", f"{PATH}/{location.uid}/{evse.uid}").status_code == 404


def test_an_evse_without_a_connector_and_a_charge_point_as_a_whole_are_not_told(api):
    """OCPI 2.2.1 mod_locations, EVSE Object: at least one Connector."""
    location, (first, second) = place(evses=2)
    Connector.objects.filter(evse=second).delete()
    factories.evse(first.charge_point, number=0)
    assert [evse["uid"] for evse in data(api("get", f"{PATH}/{location.uid}"))["evses"]] == [first.uid]


# --- one object -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/"])
def test_each_level_is_found_whatever_the_case_of_its_ids(api, ending):
    location, (evse,) = place()
    whole = data(api("get", f"{PATH}/{location.uid.upper()}{ending}"))
    assert whole["id"] == location.uid
    assert data(api("get", f"{PATH}/{location.uid.upper()}/{evse.uid.upper()}{ending}")) == whole["evses"][0]
    connector = data(api("get", f"{PATH}/{location.uid}/{evse.uid}/1{ending}"))
    assert connector == whole["evses"][0]["connectors"][0]


@pytest.mark.parametrize("connector_id", ["2", "01", "x", "%E2%82%AC"])
def test_a_connector_that_is_not_there_is_404(api, connector_id):
    location, (evse,) = place()
    response = api("get", f"{PATH}/{location.uid}/{evse.uid}/{connector_id}")
    assert (response.status_code, response.json()["status_code"]) == (404, 2000)


@pytest.mark.parametrize("location_id", [MISSING, "%00", "%E2%82%AC", "x" * 37])
def test_a_missing_location_is_404_in_the_envelope(api, location_id):
    response = api("get", f"{PATH}/{location_id}")
    assert (response.status_code, response.json()["status_code"]) == (404, 2000)


def test_a_charge_point_that_is_offline_is_unknown(api):
    location, _ = place()
    Evse.objects.update(status="Available")
    assert data(api("get", f"{PATH}/{location.uid}"))["evses"][0]["status"] == "AVAILABLE"
    ChargePoint.objects.update(connection_id="")
    assert data(api("get", f"{PATH}/{location.uid}"))["evses"][0]["status"] == "UNKNOWN"


@pytest.mark.parametrize("path", [PATH, f"{PATH}/x", f"{PATH}/x/y", f"{PATH}/x/y/1"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_not_allowed(api, path, method):
    assert api(method, path).status_code == 405


def test_token_a_opens_no_location(api):
    make.unregistered()
    place()
    assert Api("first-NEW")("get", PATH).status_code == 401


def test_the_page_of_a_later_hour_is_empty(api):
    place()
    later = (NOW + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ids(api("get", f"{PATH}?date_from={later}")) == []
