"""The operators' site: how well a party is served, and what was said lately."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ocpi.admin import service_page
from ocpi.models import DeliveryAttempt, InboundRequest, OutboxMessage, PartnerEndpoint, Party, ServiceSlot
from ocpi.service_slots import SLOT, slot_of
from tests.support import ocpi_factories
from tests.support.operators import HOSTILE, client_of, list_of, make_message, make_session, page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def operator():
    return client_of("view")


@pytest.fixture
def party():
    return ocpi_factories.party()


@pytest.fixture
def now():
    return timezone.now()


def came(party, at, **fields) -> InboundRequest:
    defaults = {
        "method": "PUT", "module": "chargingprofiles", "path": "/ocpi/2.2.1/chargingprofiles/1", "http_status": 200,
        "ocpi_status": 1000, "duration_ms": 12, "request_body": '{"limit": 1}',
        "response_body": '{"status_code": 1000}',
    }  # fmt: skip
    return InboundRequest.objects.create(party=party, at=at, **(defaults | fields))


def went(party, at, **fields) -> DeliveryAttempt:
    message = make_message(party, ocpi_factories.session("CP9"), at=at, status="DELIVERED")
    defaults = {
        "number": 1, "method": "PUT", "url": "https://jed.example/ocpi/sessions/1?token=planted", "body": {"kwh": 1},
        "finished_at": at, "http_status": 200, "ocpi_status": 1000, "response_body": '{"status_code": 1000}',
        "duration_ms": 7,
    }  # fmt: skip
    return DeliveryAttempt.objects.create(message=message, party=party, started_at=at, **(defaults | fields))


def slot(party, at, counts, **times) -> ServiceSlot:
    return ServiceSlot.objects.create(party=party, start=slot_of(at), counts=counts, times=times)


def shown(client, party, query: str = "") -> str:
    return client.get(page(party) + query).content.decode()


def level(html: str, label: str) -> str:
    """The card of one figure, as text without tags."""
    card = html.split(f"<h3>{label}</h3>")[1].partition("</li>")[0]
    return " ".join("".join(part.partition(">")[2] for part in f">{card}".split("<")).split())


# --- service levels -------------------------------------------------------------------------------------------------


def test_the_figures_of_the_chosen_time_are_told(operator, party, now):
    slot(party, now - timedelta(minutes=10), {"response.ACCEPTED": 3, "response.TOO_OFTEN": 1})
    slot(party, now - timedelta(hours=20), {"response.ACCEPTED": 6})
    slot(party, now - timedelta(days=6), {"response.ACCEPTED": 90})
    assert level(shown(operator, party), "Requests accepted") == "75 %3 of 4, TOO_OFTEN 1"
    assert level(shown(operator, party, "?window=day"), "Requests accepted") == "90 %9 of 10, TOO_OFTEN 1"
    assert level(shown(operator, party, "?window=week"), "Requests accepted") == "99 %99 of 100, TOO_OFTEN 1"
    assert level(shown(operator, party, "?window=made-up"), "Requests accepted") == "75 %3 of 4, TOO_OFTEN 1"


def test_every_figure_says_what_it_is_of(operator, party, now):
    counts = {
        "response.ACCEPTED": 4, "result.ACCEPTED": 3, "result.UNKNOWN": 1, "promised": 4, "lost": 1, "late": 2,
        "delivered": 9, "failed": 1, "judged": 50, "within": 49,
    }  # fmt: skip
    slot(party, now, counts, apply={"0": 1}, result={"142": 4}, delivery={"95": 9})
    html = shown(operator, party)
    assert level(html, "Results ACCEPTED") == "75 %3 of 4, UNKNOWN 1"
    assert level(html, "Callbacks lost") == "1of 4 promised, and 2 came late"
    assert level(html, "Time to apply, p50 / p95").startswith("1 ms / 1 ms")
    assert level(html, "Time to result, p50 / p95").startswith("1.0 s / 1.0 s")
    assert level(html, "Deliveries") == "90 %9 of 10, p50 / p95 103 ms / 103 ms"
    assert level(html, "Within the limit").startswith("98 %49 of 50, readings")


def test_another_partys_figures_are_not_shown(operator, party, now):
    slot(ocpi_factories.party("OTH"), now, {"response.ACCEPTED": 3})
    assert level(shown(operator, party), "Requests accepted") == "–none in this time"


def test_the_pictures_say_in_words_what_they_show(operator, party, now):
    slot(party, now, {"response.ACCEPTED": 3, "response.REJECTED": 2}, apply={"142": 4})
    html = shown(operator, party)
    assert 'role="img" aria-label="Requests per 5 minutes since ' in html
    assert ": at most 5" in html
    assert "UTC: 3 accepted, 2 refused</title>" in html
    assert "p95: at most 1.0 s" in html


def test_a_page_that_stays_open_keeps_its_time_and_is_the_same_while_nothing_changes(operator, party):
    Party.objects.update(heard_at=None, reached_at=None)
    assert 'data-live="?live=1&amp;window=week"' in shown(operator, party, "?window=week")
    first = operator.get(f"{page(party)}?live=1&window=week")
    assert 'aria-current="true">last 7 days<' in first.content.decode()
    again = operator.get(f"{page(party)}?live=1&window=week", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304


# --- what waits -----------------------------------------------------------------------------------------------------


def test_nothing_waits_for_a_party_that_has_all(operator, party, now):
    went(party, now)
    assert service_page.waiting_since(party) is None
    assert level(shown(operator, party), "Oldest undelivered") == "nonenothing waits for it"


def test_what_failed_waits_since_its_first_failure(party, now):
    first = now - timedelta(minutes=9)
    attempt = went(party, first, error="HTTP 500", number=3)
    OutboxMessage.objects.update(status="PENDING", failures=2, attempt_count=4)
    attempt.message.attempts.create(party=party, number=4, started_at=now, error="HTTP 500")
    attempt.message.attempts.create(party=party, number=2, started_at=first - timedelta(hours=1))
    assert service_page.waiting_since(party) == first


def test_a_result_waits_since_it_was_written_and_an_endpoint_since_it_is_silent(party, now):
    written, silent = now - timedelta(minutes=1), now - timedelta(minutes=2)
    make_message(party, make_session(), at=written, kind="RESULT")
    assert service_page.waiting_since(party) == written
    PartnerEndpoint.objects.filter(party=party, identifier="sessions").update(failing_since=silent)
    assert service_page.waiting_since(party) == silent


# --- problems and endpoints -----------------------------------------------------------------------------------------


def test_a_silent_endpoint_is_said_first_with_the_test_that_tells_why(party, now):
    PartnerEndpoint.objects.filter(party=party, identifier="sessions").update(failing_since=now - timedelta(hours=2))
    html = shown(client_of("view", "ocpi.manage_credentials"), party)
    assert "Its sessions endpoint does not answer" in html
    assert "no answer for 2 h 0 min" in html
    problem = html.split('class="cpo-problems"')[1].split("</section>")[0]
    assert "Test connection" in problem


def test_lost_results_and_closed_doors_are_problems_for_an_hour(operator, party, now):
    slot(party, now - SLOT, {"lost": 2})
    refused = came(
        party, now, http_status=401, refusal="its token is good, but not from this address", address="192.0.2.1"
    )
    html = shown(operator, party)
    assert "2 results of the last hour did not reach it in the promised time" in html
    assert "Its requests get 401" in html
    assert "from 192.0.2.1: its token is good, but not from this address." in html
    old = now - timedelta(hours=2)
    ServiceSlot.objects.update(start=slot_of(old))
    InboundRequest.objects.filter(pk=refused.pk).update(at=old)
    html = shown(operator, party)
    assert "did not reach it in the promised time" not in html
    assert "Its requests get 401" not in html


def test_the_whole_address_of_an_endpoint_can_be_read_and_no_secret_in_it(operator, party):
    PartnerEndpoint.objects.filter(party=party, identifier="sessions").update(
        url="https://a.example/long?token=planted"
    )
    table = shown(operator, party).split('class="cpo-endpoints"')[1].split("</table>")[0]
    assert "https://a.example/long?token=***" in table
    assert "planted" not in table


# --- exchanges ------------------------------------------------------------------------------------------------------


def exchanges(html: str) -> list[str]:
    return [part.split('"')[0] for part in html.split('data-key="')[1:]]


def test_both_ways_are_shown_by_time_the_newest_first(operator, party, now):
    second, first, third = (
        came(party, now - timedelta(seconds=20)), went(party, now - timedelta(seconds=30)),
        came(party, now - timedelta(seconds=10), http_status=500),
    )  # fmt: skip
    came(ocpi_factories.party("OTH"), now)
    html = shown(operator, party)
    assert exchanges(html) == [f"in-{third.pk}", f"in-{second.pk}", f"out-{first.pk}"]
    assert "&quot;limit&quot;: 1" in html
    assert "&quot;kwh&quot;: 1" in html


def test_no_more_than_the_newest_are_read(operator, party, now):
    for second in range(30):
        came(party, now - timedelta(seconds=second), request_body="[" + "1," * 9000)
    html = shown(operator, party)
    assert len(exchanges(html)) == 20
    assert len(html) < 250_000


def test_secrets_are_masked_and_what_was_said_is_escaped(operator, party, now):
    came(party, now, path=HOSTILE, request_body=f'{{"token": "planted", "a": "{HOSTILE}"}}', refusal=HOSTILE)
    went(party, now, body={"api_key": "planted", "a": HOSTILE}, response_body='{"password": "planted"}', error=HOSTILE)
    html = shown(operator, party)
    assert "planted" not in html
    assert HOSTILE not in html
    assert html.count("&quot;***&quot;") == 3


@pytest.mark.once
def test_who_may_not_see_what_was_said_sees_the_figures_only(party, now):
    came(party, now)
    went(party, now)
    assert exchanges(shown(client_of("ocpi.view_party"), party)) == []
    only_theirs = client_of("ocpi.view_party", "ocpi.view_inboundrequest", name="bo")
    assert [key[:2] for key in exchanges(shown(only_theirs, party))] == ["in"]


def test_the_lists_behind_the_links_are_of_this_party(operator, party, now):
    mine = went(party, now)
    other = ocpi_factories.party("OTH")
    for model in (InboundRequest, DeliveryAttempt):
        response = operator.get(f"{list_of(model)}?party__id__exact={other.pk}")
        assert (response.status_code, list(response.context["cl"].result_list)) == (200, [])
    assert mine.party == party


def test_a_page_costs_the_same_queries_however_much_there_is(operator, party, now):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            operator.get(f"{page(party)}?live=1")
        return len(captured)

    few = queries()
    for number in range(12):
        came(party, now)
        slot(party, now - number * SLOT, {"response.ACCEPTED": 1})
    assert queries() == few == 19


@pytest.mark.parametrize(
    ("outcome", "found"),
    [("good", "arrived"), ("wrong", "failed silent"), ("none", "silent"), ("open", "open"), ("5xx", "failed")],
)
def test_attempts_are_chosen_by_what_came_of_them(operator, party, now, outcome, found):
    attempt = went(party, now, url="arrived")
    for url, fields in (
        ("failed", {"http_status": 503, "error": "HTTP 503", "finished_at": now}),
        ("silent", {"error": "no connection", "finished_at": now}),
        ("open", {}),
    ):
        attempt.message.attempts.create(party=party, number=2, url=url, started_at=now, **fields)
    rows = operator.get(f"{list_of(DeliveryAttempt)}?outcome={outcome}").context["cl"].result_list
    assert sorted(row.url for row in rows) == found.split()
