"""Lists stay fast however many rows there are: what each of them asks the database for, and how it is found."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench import scale
from chargepoints.admin import large_lists
from chargepoints.models import ChargingSession, Location, MeterValue
from ocpi.admin import inbound
from ocpi.models import InboundRequest, ProfileRequest
from tests.support import factories
from tests.support import ocpi_factories as make
from tests.support.operators import client_of_all, list_of, messages_of

pytestmark = pytest.mark.django_db
SESSIONS = 60
QUERIES = {  # session, user and permissions; the count; the page; choices of filters; both ends of the dates
    "chargepoints.AuditEntry": 10, "chargepoints.ChargePoint": 6, "chargepoints.ChargePointCommand": 7,
    "chargepoints.ChargingProfile": 4, "chargepoints.ChargingSession": 8, "chargepoints.Connector": 4,
    "chargepoints.DriverToken": 4, "chargepoints.Evse": 6, "chargepoints.Location": 5, "chargepoints.MeterValue": 4,
    "chargepoints.OcppMessage": 9, "chargepoints.OperatorLimit": 7, "chargepoints.ServerProcess": 4,
    "chargepoints.SmartChargingTest": 4, "ocpi.Credentials": 4, "ocpi.DeliveryAttempt": 7, "ocpi.InboundRequest": 5,
    "ocpi.OutboxMessage": 7, "ocpi.PartnerEndpoint": 6, "ocpi.Party": 4, "ocpi.ProfileRequest": 8,
    "ocpi.RequestBucket": 4,
}  # fmt: skip
LARGE = [label for label, count, _ in scale.Size(SESSIONS).rows() if count >= SESSIONS and label in QUERIES]

SEARCHED = [label for label in LARGE if label != "chargepoints.OcppMessage"]  # that looks at the newest ones alone


@pytest.fixture(autouse=True)
def nothing_remembered(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    cache.clear()


@pytest.fixture
def many():
    """Of everything."""
    scale.fill(scale.Size(SESSIONS))


def asked(client, url):
    """Every statement of it."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    assert response.status_code == 200, url
    return [query["sql"] for query in queries], response.context["cl"]


def found(client, model, query):
    return [row.pk for row in client.get(f"{list_of(model)}?{query}").context["cl"].result_list]


def scanned(sql):
    """Tables that it may read from end to end: not for the first row of an index."""
    if not sql.startswith("SELECT") or sql.endswith("LIMIT 1"):
        return []
    with connection.cursor() as cursor:
        steps = cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    return [match[1] for *_, step in steps if (match := re.match(r"SCAN (\w+)", step))]


# --- what is asked for ----------------------------------------------------------------------------------------------


@pytest.mark.once
def test_each_list_asks_as_many_questions_as_before_however_many_rows_it_shows(many):
    client, counted = client_of_all(), {}
    for model in admin.site._registry:
        if model._meta.app_label in {"chargepoints", "ocpi"}:
            client.get(list_of(model))
            counted[model._meta.label] = len(asked(client, list_of(model))[0])
    assert counted == QUERIES


@pytest.mark.once
@pytest.mark.parametrize("label", LARGE)
def test_nothing_is_counted_or_looked_for_in_all_rows(many, label):
    model = apps.get_model(label)
    client = client_of_all()
    statements, cl = asked(client, list_of(model))
    tables = "|".join(apps.get_model(name)._meta.db_table for name in LARGE)
    large = [sql for sql in statements if re.search(rf'FROM "({tables})"', sql)]
    unbounded = [sql for sql in large if not any(bound in sql for bound in (" LIMIT ", "MAX(", '"session_id" IN ('))]
    assert unbounded == []
    assert not any("DISTINCT" in sql for sql in statements)
    assert cl.full_result_count is None


@pytest.mark.once
@pytest.mark.parametrize("label", SEARCHED)
def test_a_search_reads_no_large_table_from_end_to_end(many, label):
    """SQLite says how it finds what it is asked for."""
    statements, _ = asked(client_of_all(), f"{list_of(apps.get_model(label))}?q=192.0.2.7")
    tables = {apps.get_model(name)._meta.db_table for name in LARGE}
    scans = [(table, sql) for sql in statements for table in scanned(sql) if table in tables]
    assert scans == []


# --- search ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def session():
    """CP-7 charges, and so does another."""
    factories.session(factories.evse(factories.charge_point(identity="XX-1")), id_token="OTHER", contract_id="OTHER")
    place = factories.evse(factories.charge_point(identity="CP-7"))
    return factories.session(place, ocpp_transaction_id="77", id_token="CARD7", contract_id="NL-C7")


@pytest.mark.parametrize("term", ["{uid}", "{beginning}", "p-7", "77", "CARD7", "NL-C7", " CARD7 "])
def test_a_session_is_found_by_all_that_people_call_it(session, term):
    term = term.format(uid=session.uid, beginning=session.uid[:8])
    assert found(client_of_all(), ChargingSession, f"q={term}") == [session.pk]


@pytest.mark.parametrize("term", ["CARD", "ARD7", "nothing", "%25"])
def test_a_part_of_a_token_or_transaction_finds_no_session(session, term):
    ChargingSession.objects.update(charge_point=factories.charge_point(identity="YY"))
    assert found(client_of_all(), ChargingSession, f"q={term}") == []


def test_a_search_that_matches_too_many_charge_points_says_so(session, monkeypatch):
    monkeypatch.setattr(large_lists, "MATCHES", 1)
    client = client_of_all()
    response = client.get(f"{list_of(ChargingSession)}?q=-")
    assert messages_of(response) == [
        "More than 1 charge points match “-”: the newest 1 of them are looked at. Type more."
    ]
    assert [row.pk for row in response.context["cl"].result_list] == [session.pk]


def test_meter_values_of_a_charge_point_are_those_of_its_sessions_and_those_outside_of_any(session):
    other = ChargingSession.objects.exclude(pk=session.pk).get()
    of = [
        (session, session.charge_point),
        (None, session.charge_point),
        (other, other.charge_point),
        (None, other.charge_point),
    ]
    keys = [
        MeterValue.objects.create(session=s, charge_point=p, measured_at=factories.NOW, received_at=factories.NOW).pk
        for s, p in of
    ]
    client = client_of_all()
    assert found(client, MeterValue, "q=cp-7") == [keys[1], keys[0]]
    assert found(client, MeterValue, f"q={session.uid[:8]}") == [keys[0]]


def test_profiles_are_found_by_owner_and_by_charge_point(session):
    other = ChargingSession.objects.exclude(pk=session.pk).get()
    mine = session.profiles.create(owner="NL*JED")
    other.profiles.create(owner="NL*XXX")
    client, model = client_of_all(), type(mine)
    assert found(client, model, "q=NL*JED") == found(client, model, "q=cp-7") == [mine.pk]


def test_a_request_for_a_session_that_nobody_knows_is_found_by_its_name():
    party = make.party()
    asked = [
        ProfileRequest.objects.create(
            party=party, session_uid=uid, kind="SET", response="UNKNOWN_SESSION", reason=reason, timeout_s=0,
            received_at=factories.NOW, deadline_at=factories.NOW,
        )
        for uid, reason in (("mine", "unknown_session"), ("other", "too_often"))
    ]  # fmt: skip
    client = client_of_all()
    assert found(client, ProfileRequest, "q=mine") == [asked[0].pk]
    assert found(client, ProfileRequest, "reason=too_often") == [asked[1].pk]


@pytest.mark.parametrize(("term", "expected"), [("192.0.2.7", 1), ("192.0.2", 0), ("rq-7", 1), ("rq", 0)])
def test_a_request_is_found_by_a_whole_address_or_id(term, expected):
    for number in (7, 8):
        InboundRequest.objects.create(
            at=factories.NOW, method="PUT", path="/", address=f"192.0.2.{number}", request_id=f"rq-{number}",
            http_status=200, duration_ms=1,
        )  # fmt: skip
    assert len(found(client_of_all(), InboundRequest, f"q={term}")) == expected


def test_methods_and_modules_are_sought_among_the_newest_requests(monkeypatch):
    monkeypatch.setattr(inbound, "NEWEST", 2)
    keys = [
        InboundRequest.objects.create(at=factories.NOW, method=method, path="/", http_status=200, duration_ms=1).pk
        for method in ("GET", "GET", "PUT")
    ]
    client = client_of_all()
    assert found(client, InboundRequest, "method=GET") == [keys[1]]
    assert found(client, InboundRequest, "") == keys[::-1]


# --- filters, order, dates ------------------------------------------------------------------------------------------


def test_sessions_are_filtered_by_location_and_a_wrong_one_has_none(session):
    there = factories.charge_point(identity="CP-8", location=factories.location(name="There"))
    elsewhere = factories.session(factories.evse(there))
    client = client_of_all()
    assert found(client, ChargingSession, f"charge_point__location={there.location_id}") == [elsewhere.pk]
    assert found(client, ChargingSession, "charge_point__location=x") == []


def test_of_many_locations_the_first_are_offered_and_the_one_that_is_chosen(session, monkeypatch):
    monkeypatch.setattr(large_lists, "CHOICES", 1)
    last = factories.location(name="Zoo")
    first = Location.objects.order_by("name").first()

    def offered(url):
        (spec,) = [s for s in client.get(url).context["cl"].filter_specs if s.title == "location"]
        return [name for _, name in spec.lookup_choices]

    client = client_of_all()
    assert offered(list_of(ChargingSession)) == [first.name]
    assert offered(f"{list_of(ChargingSession)}?charge_point__location={last.pk}") == [first.name, "Zoo"]


def test_only_what_an_index_sorts_can_be_sorted_but_open_sessions_by_everything(session):
    client = client_of_all()

    def names(url):
        return [getattr(column, "__name__", column) for column in client.get(url).context["cl"].sortable_by]

    assert names(list_of(ChargingSession)) == ["started_at"]
    assert "power_w" in names(f"{list_of(ChargingSession)}?state__exact=ACTIVE")
    assert names(f"{list_of(ChargingSession)}?state__exact=COMPLETED") == ["started_at"]


def titles(client, query=""):
    """What the dates lead back to, and what they offer."""
    dates = client.get(f"{list_of(ChargingSession)}?{query}").context["dates"]
    return dates["back"] and dates["back"]["title"], [choice["title"] for choice in dates["choices"]]


def test_dates_lead_from_years_to_days_between_the_first_and_the_last():
    place = factories.evse()
    for day in ((2023, 11, 29), (2024, 1, 2)):
        factories.session(place, started_at=datetime(*day, 12, tzinfo=UTC))
    client = client_of_all()
    year, month, day = "started_at__year=2023", "started_at__month=11", "started_at__day=30"
    assert titles(client) == (None, ["2023", "2024"])
    assert titles(client, year) == ("All dates", ["November 2023", "December 2023"])
    assert titles(client, f"{year}&{month}") == ("2023", ["29 November", "30 November"])
    assert titles(client, f"{year}&{month}&{day}") == ("November 2023", ["30 November"])


def test_within_one_year_the_months_are_offered_at_once():
    factories.session(started_at=datetime(2024, 5, 1, tzinfo=UTC))
    assert titles(client_of_all()) == ("All dates", ["May 2024"])


def test_a_clock_that_is_wrong_by_decades_offers_no_years_that_never_were():
    place, now = factories.evse(), timezone.now()
    for at in (datetime(1970, 1, 1, tzinfo=UTC), now + timedelta(days=9999)):
        factories.session(place, started_at=at)
    tomorrow = now + timedelta(days=1)
    _, years = titles(client_of_all())
    assert years == [str(tomorrow.year - n) for n in reversed(range(10))]


def test_a_list_without_rows_offers_no_dates():
    assert client_of_all().get(list_of(ChargingSession)).context["dates"] is None
