"""The operators' site: what partners sent, and what they got."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ocpi.models import InboundRequest
from tests.support import ocpi_factories
from tests.support.operators import HOSTILE, client_of, client_of_all, list_of, page

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


def came(party=None, **fields) -> InboundRequest:
    defaults = {
        "at": timezone.now(), "method": "PUT", "module": "chargingprofiles", "path": "/ocpi/2.2.1/chargingprofiles/1",
        "address": "192.0.2.1", "http_status": 200, "ocpi_status": 1000, "duration_ms": 12,
        "request_body": '{"limit": 1}', "response_body": '{"status_code": 1000}',
    }  # fmt: skip
    return InboundRequest.objects.create(party=party, **(defaults | fields))


def listed(client, query: str) -> list[int]:
    return [row.pk for row in client.get(f"{list_of(InboundRequest)}?{query}").context["cl"].result_list]


def test_the_page_shows_both_bodies_indented(operator, party):
    html = operator.get(page(came(party))).content.decode()
    assert "{\n  &quot;limit&quot;: 1\n}" in html
    assert "{\n  &quot;status_code&quot;: 1000\n}" in html
    assert "HTTP 200, OCPI 1000" in html


def test_what_a_partner_wrote_is_escaped(operator, party):
    hostile = came(party, path=HOSTILE, query=HOSTILE, request_body=HOSTILE, response_body=HOSTILE, refusal=HOSTILE)
    for url in (page(hostile), list_of(hostile)):
        assert HOSTILE not in operator.get(url).content.decode()


def test_a_secret_that_got_into_a_row_is_not_shown(operator, party):
    html = operator.get(page(came(party, request_body='{"token": "planted"}'))).content.decode()
    assert "planted" not in html


def test_the_filters_choose_by_party_method_module_and_answer(operator, party):
    other = ocpi_factories.party("OTH")
    good, refused = came(party), came(party, ocpi_status=2001)
    missing = came(other, method="GET", module="sessions", http_status=404, ocpi_status=2000)
    broken = came(other, http_status=500, ocpi_status=3000)
    stranger = came(http_status=401, refusal="nobody has this token", count=4)
    assert listed(operator, f"party__id__exact={other.pk}") == [broken.pk, missing.pk]
    assert listed(operator, "method=GET") == [missing.pk]
    assert listed(operator, "module=sessions") == [missing.pk]
    assert listed(operator, "answer=wrong") == [stranger.pk, broken.pk, missing.pk, refused.pk]
    assert listed(operator, "answer=good") == [good.pk]
    assert listed(operator, "answer=401") == [stranger.pk]
    assert listed(operator, "answer=3xxx") == [broken.pk]
    assert listed(operator, "caller=unknown") == [stranger.pk]
    assert listed(operator, "answer=made-up") == [stranger.pk, broken.pk, missing.pk, refused.pk, good.pk]


def test_the_newest_comes_first(operator, party):
    now = timezone.now()
    old, new = came(party, at=now - timedelta(hours=1)), came(party, at=now)
    assert listed(operator, "") == [new.pk, old.pk]


def test_the_list_can_be_kept_to_what_came_lately(operator, party):
    now = timezone.now()
    old, new = came(party, at=now - timedelta(hours=2)), came(party, at=now - timedelta(minutes=1))
    assert listed(operator, "last_s=3600") == [new.pk]
    assert listed(operator, "last_s=86400") == [new.pk, old.pk]
    assert listed(operator, "last_s=1e9") == [new.pk, old.pk]


def test_why_a_stranger_was_not_let_in_is_said(operator):
    stranger = came(http_status=401, refusal="nobody has this token", count=4)
    html = operator.get(page(stranger)).content.decode()
    assert "A caller that nobody knows was not let in" in html
    assert "Nobody has this token." in html
    assert "unknown, 192.0.2.1, 4 times" in operator.get(list_of(stranger)).content.decode()


@pytest.mark.once
def test_nobody_changes_the_record(party):
    kept = came(party)
    client = client_of_all()
    assert client.post(page(kept), {"path": "/other"}).status_code == 403
    assert client.post(f"{page(kept)}../delete/", {"post": "yes"}).status_code in {403, 404}
    assert client_of(name="nobody").get(page(kept)).status_code == 403
    assert InboundRequest.objects.get().path == kept.path
