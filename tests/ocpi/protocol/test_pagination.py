from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from django.test import RequestFactory
from django.test.utils import override_settings

from ocpi.protocol.errors import InvalidField
from ocpi.protocol.pagination import Page, PageQuery, page_headers, paginate, parse_page_query

URL = "https://cpo.example/ocpi/2.2.1/sessions"
START = datetime(2016, 1, 1, tzinfo=UTC)


@pytest.mark.pure
def test_without_parameters_the_first_page_has_the_servers_limit() -> None:
    assert parse_page_query({}, max_limit=100) == PageQuery(offset=0, limit=100)


@pytest.mark.pure
def test_all_parameters_are_read() -> None:
    params = {"offset": "5", "limit": "10", "date_from": "2016-01-01T00:00:00Z", "date_to": "2016-01-02T00:00:00"}
    expected = PageQuery(offset=5, limit=10, date_from=START, date_to=START + timedelta(days=1))
    assert parse_page_query(params, max_limit=100) == expected


@pytest.mark.pure
def test_a_limit_above_ours_is_cut_to_ours() -> None:
    assert parse_page_query({"limit": "2000"}, max_limit=100).limit == 100


@pytest.mark.pure
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offset", "-1"),
        ("offset", "1.5"),
        ("offset", ""),
        ("offset", "９"),
        ("offset", "9" * 30),
        ("limit", "0"),
        ("limit", "ten"),
        ("limit", " 5"),
        ("date_from", "yesterday"),
        ("date_from", "2016-01-01T00:00:00+00:00"),
        ("date_to", ""),
    ],
)
def test_a_bad_parameter_is_2001_and_named(name: str, value: str) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_page_query({name: value}, max_limit=100)
    assert (caught.value.path, caught.value.status_code, caught.value.http_status) == (name, 2001, 200)


def headers(query: PageQuery, total: int, *params: tuple[str, str]) -> dict[str, str]:
    return page_headers(query, total=total, max_limit=100, url=URL, params=params)


@pytest.mark.pure
def test_the_next_link_keeps_the_filters_and_moves_the_offset() -> None:
    query = PageQuery(offset=0, limit=100)
    filters = ("date_from", "2016-01-01T00:00:00Z"), ("date_to", "2016-12-31T23:59:59Z"), ("limit", "2000")
    assert headers(query, 250, *filters) == {
        "X-Total-Count": "250",
        "X-Limit": "100",
        "Link": f'<{URL}?offset=100&limit=100&date_from=2016-01-01T00:00:00Z&date_to=2016-12-31T23:59:59Z>; rel="next"',
    }


@pytest.mark.pure
@pytest.mark.parametrize(("offset", "total"), [(0, 0), (0, 50), (50, 100), (200, 100)])
def test_the_last_page_has_no_link(offset: int, total: int) -> None:
    assert headers(PageQuery(offset=offset, limit=50), total) == {"X-Total-Count": str(total), "X-Limit": "100"}


@pytest.mark.pure
def test_one_object_beyond_the_page_makes_a_link() -> None:
    assert headers(PageQuery(offset=50, limit=50), 101)["Link"] == f'<{URL}?offset=100&limit=50>; rel="next"'


@pytest.mark.pure
def test_a_hostile_parameter_cannot_leave_the_link() -> None:
    link = headers(PageQuery(offset=0, limit=1), 2, ("x", '>\r\nX-Injected: "1'))["Link"]
    assert link == f'<{URL}?offset=1&limit=1&x=%3E%0D%0AX-Injected:+%221>; rel="next"'


@pytest.fixture
def objects(db: None) -> QuerySet[Any]:
    """Any model with `last_updated` and `id` will do; two share a moment, and the first made has changed last."""
    for name, minutes in [("first", 3), ("b", 1), ("c", 1), ("last", 0)]:
        User.objects.create(username=name, date_joined=START + timedelta(minutes=minutes))
    return User.objects.annotate(last_updated=F("date_joined"))


def page(objects: QuerySet[Any], **params: str) -> Page:
    return paginate(objects, RequestFactory().get("/ocpi/2.2.1/sessions", params))


def names(found: Page) -> list[str]:
    return [item.username for item in found.items]


def test_the_oldest_by_creation_come_first_whatever_changed_last(objects: QuerySet[Any]) -> None:
    """OCPI 2.2.1 transport_and_format, Paginated Response."""
    assert names(page(objects)) == ["first", "b", "c", "last"]


def test_an_object_that_changes_during_a_crawl_hides_no_other(objects: QuerySet[Any]) -> None:
    crawled = names(page(objects, offset="0", limit="2"))
    User.objects.filter(username="first").update(date_joined=START + timedelta(minutes=9))
    User.objects.filter(username="b").update(date_joined=START + timedelta(minutes=8))
    crawled += names(page(objects, offset="2", limit="2"))
    assert crawled == ["first", "b", "c", "last"]


def test_date_from_includes_and_date_to_excludes_its_moment(objects: QuerySet[Any]) -> None:
    found = page(objects, date_from="2016-01-01T00:01:00Z", date_to="2016-01-01T00:03:00Z")
    assert names(found) == ["b", "c"]
    assert found.headers["X-Total-Count"] == "2"


@override_settings(PUBLIC_URL="https://cpo.example", OCPI_PAGE_LIMIT=3)
def test_crawling_along_the_links_finds_everything_once(objects: QuerySet[Any]) -> None:
    first = page(objects, limit="50")
    assert names(first) == ["first", "b", "c"]
    assert first.headers == {
        "X-Total-Count": "4",
        "X-Limit": "3",
        "Link": f'<{URL}?offset=3&limit=3>; rel="next"',
    }
    last = page(objects, offset="3", limit="3")
    assert names(last) == ["last"]
    assert last.headers == {"X-Total-Count": "4", "X-Limit": "3"}


def test_beyond_the_end_is_an_empty_page(objects: QuerySet[Any]) -> None:
    found = page(objects, offset="100")
    assert found == Page((), {"X-Total-Count": "4", "X-Limit": "100"})
