"""The operators' site: connecting, renewing, refreshing, ending and testing a party."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import Credentials, PartnerEndpoint, Party
from tests.ocpi.registration_steps import (
    CREDENTIALS,
    SESSIONS,
    TIMEOUT,
    VERSIONS,
    connected,
    details,
    found,
    new,
    versions,
)
from tests.ocpi.registration_steps import theirs as answer_of_theirs
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner, answered
from tests.support.operators import HOSTILE, act, client_of, client_of_all, messages_of, page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names"), pytest.mark.once]
FORM = {"token": "secret-token-a", "versions_url": VERSIONS}
ACTIONS = ["connect", "test_connection", "refresh_endpoints", "rotate_tokens", "disconnect"]


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def admin_of_all():
    return client_of_all()


def html(response: Any) -> str:
    return response.content.decode()


# --- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
def test_who_may_only_view_has_no_button_and_calls_nobody(partner: Partner, action):
    party, client = connected(), client_of("view")
    before = make.snapshot(Party, Credentials, PartnerEndpoint)
    assert f'value="{action}"' not in html(client.get(page(party)))
    act(client, action, party, confirmed=True, **FORM)
    assert (partner.requests, make.snapshot(Party, Credentials, PartnerEndpoint)) == ([], before)


def test_who_may_manage_credentials_has_all_buttons():
    shown = html(client_of("view", "ocpi.manage_credentials").get(page(connected())))
    assert [action for action in ACTIONS if f'value="{action}"' not in shown] == []


@pytest.mark.parametrize("action", ["connect", "refresh_endpoints", "rotate_tokens", "disconnect"])
def test_nothing_is_sent_before_it_is_confirmed(partner: Partner, admin_of_all, action):
    response = act(admin_of_all, action, connected())
    assert 'name="confirm"' in html(response)
    assert partner.requests == []


@pytest.mark.parametrize("action", ACTIONS)
def test_parties_are_spoken_with_one_by_one(partner: Partner, admin_of_all, action):
    response = act(admin_of_all, action, connected(), make.party("OTH"), confirmed=True, **FORM)
    assert messages_of(response) == ["Speak with parties one by one: select one."]
    assert partner.requests == []


# --- connect --------------------------------------------------------------------------------------------------------


def test_connecting_says_what_holds_now_and_shows_no_token(partner: Partner, admin_of_all):
    party = new()
    partner.answers = [*found(), answer_of_theirs()]
    response = act(admin_of_all, "connect", party, confirmed=True, **FORM, next=page(party))
    assert messages_of(response) == ["NL*NEW is connected: OCPI 2.2.1, 3 endpoints."]
    shown = html(response) + LogEntry.objects.get().change_message
    for secret in ("secret-token-a", "token-c", partner.bodies[2]["token"]):
        assert secret not in shown
    assert "SCSP NL*NEW New B.V." in shown
    assert make.credentials(party).outbound_token == "token-c"


def test_a_failed_connection_says_why_and_keeps_the_form_but_not_the_token(partner: Partner, admin_of_all):
    partner.answers = [DeliveryFailed(FailureKind.DNS, "x")]
    response = act(admin_of_all, "connect", new(), confirmed=True, **FORM)
    shown = html(response)
    assert f"Not connected. GET {VERSIONS}: DNS: x." in shown
    assert VERSIONS in shown
    assert "secret-token-a" not in shown
    assert "Not connected: GET" in LogEntry.objects.get().change_message


def test_where_we_are_registered_already_the_form_offers_put(partner: Partner, admin_of_all):
    party = new()
    partner.answers = [*found(), answered(405, ocpi=2000)]
    response = act(admin_of_all, "connect", party, confirmed=True, **FORM)
    assert "renew it (PUT)" in html(response)
    assert response.context["form"]["renew"].value() is True
    partner.answers = [*found(), answer_of_theirs()]
    response = act(admin_of_all, "connect", party, confirmed=True, **FORM, renew="on")
    assert messages_of(response) == ["NL*NEW is connected: OCPI 2.2.1, 3 endpoints."]
    assert partner.calls[-1][0] == "PUT"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": "two words"}, "1 to 64 characters"),
        ({"token": ""}, "This field is required"),
        ({"versions_url": "http://new.example/versions"}, "We would not call this address: must be https."),
        ({"versions_url": "https://user@new.example/versions"}, "address: has userinfo"),
    ],
)
def test_bad_input_is_said_at_its_field_and_calls_nobody(partner: Partner, admin_of_all, change, words):
    response = act(admin_of_all, "connect", new(), confirmed=True, **(FORM | change))
    assert words in html(response)
    assert partner.requests == []


# --- the others -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "answers", "said"),
    [
        ("refresh_endpoints", [versions("2.2.1"), details(CREDENTIALS, SESSIONS)],
         "NL*NEW is refreshed: OCPI 2.2.1, 2 endpoints. Note: chargingprofiles SENDER is gone. "
         "Note: sessions RECEIVER has moved."),
        ("refresh_endpoints", [TIMEOUT],
         "NL*NEW was not refreshed: GET https://new.example/ocpi/versions: timeout: no complete answer in time."),
        ("rotate_tokens", [*found(), answer_of_theirs()], "NL*NEW is renewed: OCPI 2.2.1, 3 endpoints."),
        ("disconnect", [],
         "NL*NEW: disconnected on both sides. DELETE https://new.example/ocpi/2.2.1/credentials: done."),
        ("disconnect", [TIMEOUT],
         "NL*NEW: disconnected here only, they were not told. DELETE https://new.example/ocpi/2.2.1/credentials: "
         "timeout: no complete answer in time."),
    ],
)  # fmt: skip
def test_what_was_done_is_said_and_written_into_the_history(partner: Partner, admin_of_all, action, answers, said):
    party = connected()
    partner.answers = list(answers)
    response = act(admin_of_all, action, party, confirmed=True, next=page(party))
    assert messages_of(response) == [said]
    assert LogEntry.objects.count() == 1


def test_the_test_of_a_connection_shows_every_step_escaped(partner: Partner, admin_of_all):
    party = connected()
    partner.answers = [versions("2.2.1"), answered(404, ocpi=None)]
    response = act(admin_of_all, "test_connection", party)
    assert "it does not work" in html(response)
    assert "HTTP 404: nothing is at this address" in html(response)
    partner.answers = [versions("<b>2.1</b>")]
    response = act(admin_of_all, "test_connection", party)
    assert "&lt;b&gt;2.1" in html(response)
    assert "<b>2.1" not in html(response)


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_tells_the_last_call_each_way_and_the_roles(admin_of_all):
    party = connected()
    shown = html(admin_of_all.get(page(party)))
    assert shown.count("<dd>never</dd>") == 2
    Party.objects.update(heard_at=timezone.now(), reached_at=timezone.now())
    role = {"role": "EMSP", "country_code": "BE", "party_id": "XYZ", "name": HOSTILE}
    Credentials.objects.update(roles=[role])
    shown = html(admin_of_all.get(page(party)))
    assert "<dd>never</dd>" not in shown
    assert "EMSP BE*XYZ" in shown
    assert HOSTILE not in shown


def test_a_handshake_in_doubt_is_a_problem_of_the_party(partner: Partner, admin_of_all):
    party = connected()
    assert "is in doubt" not in html(admin_of_all.get(page(party)))
    partner.answers = [*found(), TIMEOUT]
    response = act(admin_of_all, "rotate_tokens", party, confirmed=True, next=page(party))
    assert "A handshake that we began is in doubt" in html(response)


# --- by hand --------------------------------------------------------------------------------------------------------


def party_form(party: Party, *, url: str, **changes: Any) -> dict[str, Any]:
    return {
        "role": "SCSP", "version": "2.2.1", "enabled": "on", "endpoints-TOTAL_FORMS": 1, "endpoints-INITIAL_FORMS": 0,
        "endpoints-0-identifier": "sessions", "endpoints-0-role": "RECEIVER", "endpoints-0-url": url, **changes,
    }  # fmt: skip


def test_an_endpoint_entered_by_hand_is_checked_at_once_and_the_test_is_offered(admin_of_all):
    party = new()
    response = admin_of_all.post(page(party), party_form(party, url="http://new.example/sessions"), follow=True)
    assert "We would not call this address: must be https." in html(response)
    assert not PartnerEndpoint.objects.exists()
    response = admin_of_all.post(page(party), party_form(party, url="https://new.example/sessions"), follow=True)
    assert "Whether they answer: Test connection." in messages_of(response)[0]
    assert PartnerEndpoint.objects.get().url == "https://new.example/sessions"


def test_a_name_that_leads_into_our_network_is_refused_at_once(admin_of_all, monkeypatch):
    monkeypatch.setattr("ocpi.addresses.lookup", lambda host, timeout_s: ("10.0.0.7",))
    monkeypatch.setattr("ocpi.addresses._cache", {})
    party = new()
    response = admin_of_all.post(page(party), party_form(party, url="https://inner.example/sessions"))
    assert "this address: host has a forbidden address." in html(response)
    assert not PartnerEndpoint.objects.exists()


def test_what_was_stored_before_does_not_keep_a_party_from_being_changed(admin_of_all):
    party = make.party(endpoints=False)
    endpoint = PartnerEndpoint.objects.create(party=party, **{**SESSIONS, "url": "http://old.example/sessions"})
    form = party_form(party, url=endpoint.url, name="Named", **{
        "endpoints-INITIAL_FORMS": 1, "endpoints-0-id": endpoint.pk, "endpoints-0-party": party.pk,
    })  # fmt: skip
    admin_of_all.post(page(party), form)
    assert Party.objects.get().name == "Named"


@pytest.mark.parametrize("url", ["http://new.example/versions", "https://user@new.example/versions"])
def test_a_versions_url_and_an_endpoint_of_their_own_pages_are_checked_too(admin_of_all, url):
    party = connected()
    response = admin_of_all.post(page(party.credentials), {"outbound_encoding": "base64", "versions_url": url})
    assert "We would not call this address" in html(response)
    endpoint = party.endpoints.get(identifier="sessions")
    form = {"party": party.pk, "identifier": "sessions", "role": "RECEIVER", "url": url}
    assert "We would not call this address" in html(admin_of_all.post(page(endpoint), form))
    assert (make.credentials(party).versions_url, party.endpoints.get(identifier="sessions").url) == (
        "https://new.example/ocpi/versions", "https://new.example/ocpi/sessions",
    )  # fmt: skip
