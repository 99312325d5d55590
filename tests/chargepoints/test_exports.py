"""Every list as CSV and JSON: its filters, its order, its columns, and no secret."""

import asyncio
import csv
import io
import json
from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from chargepoints.admin import exports
from chargepoints.models import AuditEntry, ChargePoint, ChargingSession, Location
from ocpi.models import Credentials
from tests.support import ocpi_factories
from tests.support.operators import client_in, client_of, list_of, make_charge_point, make_session

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def viewer():
    return client_in("Viewer")


def body(response) -> str:
    return b"".join(response.streaming_content).decode()


def export(client, model, wanted="csv", **query):
    return client.get(list_of(model), {**query, "export": wanted})


def rows(client, model, **query):
    return json.loads(body(export(client, model, "json", **query)))["rows"]


def test_an_export_has_what_the_list_shows_in_its_order(viewer):
    for name in ("B", "A", "C"):
        make_charge_point(name, enabled=name != "C")
    assert [row["identity"] for row in rows(viewer, ChargePoint)] == ["A", "B", "C"]
    assert [row["identity"] for row in rows(viewer, ChargePoint, enabled__exact="1")] == ["A", "B"]
    assert [row["identity"] for row in rows(viewer, ChargePoint, q="C")] == ["C"]
    assert [row["identity"] for row in rows(viewer, ChargePoint, o="-0")] == ["C", "B", "A"]


def test_times_are_utc_and_figures_exact(viewer):
    make_session(kwh=Decimal("1.2340"))
    [row] = rows(viewer, ChargingSession)
    assert row["started"] == "2025-03-01T08:00:00Z"
    assert Decimal(row["energy"]) == Decimal("1.234")


def test_what_charge_points_write_is_no_formula_and_no_markup(viewer):
    make_charge_point("X", vendor="=HYPERLINK(1)", model='"<b>,\r\n')
    text = body(export(viewer, ChargePoint))
    head, line = list(csv.reader(io.StringIO(text, newline="")))
    row = dict(zip(head, line, strict=True))
    assert row["vendor and model"].startswith("'=HYPERLINK(1)")
    assert '"<b>,' in row["vendor and model"]
    response = export(viewer, ChargePoint)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="chargepoint-')
    assert "no-store" in response["Cache-Control"]


def test_a_longer_list_is_cut_and_says_so(viewer, monkeypatch):
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    for i in range(3):
        Location.objects.create(name=f"L{i}")
    whole = json.loads(body(export(viewer, Location, "json")))
    assert (whole["cut"], len(whole["rows"])) == (True, 2)
    lines = body(export(viewer, Location)).splitlines()
    assert lines[0] == lines[-1] == "Cut after 2 rows: there are more. Search or filter the list to get the rest."
    assert "-cut.csv" in export(viewer, Location)["Content-Disposition"]
    monkeypatch.setattr(exports, "MOST_ROWS", 3)
    assert json.loads(body(export(viewer, Location, "json")))["cut"] is False


@pytest.mark.once
def test_more_rows_than_are_read_at_a_time_all_come(viewer, monkeypatch):
    monkeypatch.setattr(exports, "AT_A_TIME", 2)
    for i in range(5):
        Location.objects.create(name=f"L{i}")
    assert [row["name"] for row in rows(viewer, Location)] == [f"L{i}" for i in range(5)]


def test_who_may_not_see_a_list_gets_no_export():
    assert export(client_of("chargepoints.view_location"), ChargePoint).status_code == 403
    assert export(Client(), ChargePoint).status_code == 302
    assert export(client_in("Viewer"), User).status_code == 403


def test_an_export_is_in_the_audit_log(viewer):
    body(export(viewer, Location, country__exact="NLD"))
    entry = AuditEntry.objects.get(action__startswith="Exported")
    assert (entry.username, entry.action) == ("viewer", "Exported locations")
    assert entry.result == "0 rows as CSV, of country__exact=NLD"


@pytest.mark.once
def test_no_export_has_a_secret():
    ocpi_factories.party()
    User.objects.update(password="pbkdf2_secret")
    client = client_in("Administrator")
    for model in (Credentials, User, ChargePoint):
        text = body(export(client, model))
        credentials = Credentials.objects.get()
        for secret in (credentials.inbound_hash, credentials.outbound_encrypted, "outbound-JED", "pbkdf2"):
            assert str(secret) not in text


@pytest.mark.once
@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model._meta.label_lower)
def test_every_list_has_its_exports(model):
    client = client_in("Administrator")
    make_session()
    ocpi_factories.party()
    for wanted in exports.FORMATS:
        assert body(export(client, model, wanted))


@pytest.mark.once
def test_a_list_leads_to_its_exports_with_its_filters(viewer):
    html = viewer.get(list_of(ChargePoint), {"enabled__exact": "1", "q": "A"}).content.decode()
    assert 'href="?enabled__exact=1&amp;export=csv&amp;q=A"' in html
    assert 'href="?enabled__exact=1&amp;export=json&amp;q=A"' in html


@pytest.mark.once
def test_a_server_gets_it_piece_by_piece():
    async def all_of():
        return [part async for part in exports._hopping(iter(["a", "b"]))]

    assert asyncio.run(all_of()) == ["a", "b"]
