"""The operators' site: parties, and tokens that are shown once."""

import pytest
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.db import connection

from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import Credentials, Party, token_hash
from ocpi.oauth2 import Grant
from tests.support import ocpi_factories
from tests.support.operators import act, client_of, client_of_all, list_of, page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def admin_of_all():
    return client_of_all()


@pytest.fixture
def party():
    return ocpi_factories.party()


# --- credentials ----------------------------------------------------------------------------------------------------


def test_no_page_shows_a_hash_or_a_token(admin_of_all, party):
    credentials = party.credentials
    for url in (page(credentials), list_of(credentials), page(party), list_of(party)):
        html = admin_of_all.get(url).content.decode()
        for secret in (credentials.inbound_hash, credentials.outbound_encrypted, credentials.outbound_token):
            assert secret not in html


def test_a_new_outbound_token_is_stored_encrypted(admin_of_all, party):
    credentials = party.credentials
    form = {
        "outbound_encoding": "raw",
        "oauth_client_style": "body",
        "versions_url": credentials.versions_url,
        "new_outbound_token": "token-of-theirs",
    }
    assert admin_of_all.post(page(credentials), form).status_code == 302
    credentials.refresh_from_db()
    assert (credentials.outbound_token, credentials.outbound_encoding) == ("token-of-theirs", "raw")
    assert "token-of-theirs" not in credentials.outbound_encrypted
    assert "token-of-theirs" not in LogEntry.objects.get().change_message


@pytest.mark.once
def test_an_outbound_token_with_a_space_is_refused(admin_of_all, party):
    form = {"outbound_encoding": "raw", "new_outbound_token": "two words"}
    response = admin_of_all.post(page(party.credentials), form)
    assert "1 to 64 characters" in response.content.decode()
    assert Credentials.objects.get().outbound_token == party.credentials.outbound_token


@pytest.mark.parametrize("kind", ["A", "C"])
def test_a_new_token_is_shown_once_and_kept_as_a_hash(kind, admin_of_all, party):
    old_hash = party.credentials.inbound_hash
    asked = act(admin_of_all, "issue_new_token", party.credentials)
    assert "its requests get 401" in asked.content.decode()
    assert Credentials.objects.get().inbound_hash == old_hash
    response = act(admin_of_all, "issue_new_token", party.credentials, confirmed=True, kind=kind)
    token, credentials = response.context["token"], Credentials.objects.get()
    assert response.content.decode().count(token) == 1
    assert "no-store" in response["Cache-Control"]
    assert (credentials.inbound_hash, credentials.inbound_kind) == (token_hash(token), kind)
    assert token not in LogEntry.objects.get().change_message
    assert token not in admin_of_all.get(page(credentials)).content.decode()


@pytest.mark.once
def test_who_may_only_view_cannot_issue_a_token(party):
    old_hash = party.credentials.inbound_hash
    act(client_of("view"), "issue_new_token", party.credentials, confirmed=True, kind="A")
    assert Credentials.objects.get().inbound_hash == old_hash


# --- how we prove ourselves -----------------------------------------------------------------------------------------

OAUTH2 = {
    "outbound_encoding": "oauth2", "versions_url": "", "oauth_token_url": "https://id.example/oauth/token",
    "oauth_client_id": "us", "new_oauth_secret": "planted-secret", "oauth_client_style": "body",
    "oauth_audience": "https://ocpi.example", "oauth_scope": "", "api_key_header": "ApiKey",
    "new_api_key": "planted-key",
}  # fmt: skip


@pytest.fixture
def token_endpoint(monkeypatch):
    """What it would be asked, and what it answers: a lifetime in s, or a failure."""
    answers, asked = [], []

    def request_token(who, *, policy, timeout_s):
        asked.append((who.secret, connection.in_atomic_block, timeout_s))
        answer = answers.pop(0) if answers else Grant("planted-token", 3600)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("ocpi.access_tokens.request_token", request_token)
    cache.clear()
    return answers, asked


def told(client, url):
    return [str(message) for message in client.get(url).context["messages"]]


def test_oauth2_is_stored_encrypted_and_shown_nowhere(
    admin_of_all, party, token_endpoint, django_capture_on_commit_callbacks
):
    credentials = party.credentials
    with django_capture_on_commit_callbacks(execute=False) as waiting:
        assert admin_of_all.post(page(credentials), OAUTH2).status_code == 302
    assert (len(waiting), token_endpoint[1]) == (1, [])  # asked after the commit
    credentials.refresh_from_db()
    assert (credentials.outbound_encoding, credentials.oauth_client_id) == ("oauth2", "us")
    assert (credentials.oauth_secret, credentials.api_key) == ("planted-secret", "planted-key")
    shown = "".join(
        admin_of_all.get(url).content.decode() for url in (page(credentials), list_of(credentials), page(party))
    )
    hidden = ("planted", credentials.oauth_secret_encrypted, credentials.api_key_encrypted)
    assert [text for text in hidden if text in shown + LogEntry.objects.get().change_message] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"new_oauth_secret": ""}, "OAuth 2.0 client credentials need a client secret."),
        ({"oauth_token_url": "https://u:p@id.example/"}, "The token URL has userinfo."),
        ({"api_key_header": "Host"}, "is no name for an API key&#x27;s header"),
        ({"new_api_key": "two words"}, "An API key has 1 to 512 characters"),
        ({"new_api_key": ""}, "An API key and the name of its header go together."),
        ({"api_key_header": ""}, "An API key and the name of its header go together."),
    ],
)
@pytest.mark.once
def test_what_cannot_prove_us_is_not_saved(admin_of_all, party, changes, words):
    before = Credentials.objects.values().get()
    response = admin_of_all.post(page(party.credentials), OAUTH2 | changes)
    assert words in response.content.decode()
    assert Credentials.objects.values().get() == before


@pytest.mark.once
def test_secrets_left_empty_stay_and_a_key_without_a_header_is_forgotten(admin_of_all, party):
    admin_of_all.post(page(party.credentials), OAUTH2)
    empty = {"new_oauth_secret": "", "new_api_key": ""}
    admin_of_all.post(page(party.credentials), OAUTH2 | empty | {"oauth_scope": "x"})
    found = Credentials.objects.get()
    assert (found.oauth_scope, found.oauth_secret, found.api_key) == ("x", "planted-secret", "planted-key")
    admin_of_all.post(page(party.credentials), OAUTH2 | empty | {"api_key_header": ""})
    found.refresh_from_db()
    assert (found.oauth_secret, found.api_key, found.api_key_encrypted) == ("planted-secret", "", "")


@pytest.mark.once
def test_the_secret_is_not_sent_to_another_token_url_by_who_does_not_know_it(admin_of_all, party):
    admin_of_all.post(page(party.credentials), OAUTH2)
    other = OAUTH2 | {"oauth_token_url": "https://evil.example/token"}
    response = admin_of_all.post(page(party.credentials), other | {"new_oauth_secret": ""})
    assert "only by somebody who knows it" in response.content.decode()
    assert Credentials.objects.get().oauth_token_url == OAUTH2["oauth_token_url"]
    assert admin_of_all.post(page(party.credentials), other).status_code == 302


def test_authorisation_is_checked_by_a_button_and_told_in_words(admin_of_all, party, token_endpoint):
    answers, asked = token_endpoint
    refusal = "token endpoint says HTTP 401 invalid_client"
    answers += [Grant("planted-token", 3600), DeliveryFailed(FailureKind.AUTHORISATION, refusal)]
    admin_of_all.post(page(party.credentials), OAUTH2)
    told(admin_of_all, list_of(Credentials))
    for words in (
        "NL*JED: the token endpoint gave an access token for 3600 s.",
        f"NL*JED: no access token: authorisation: {refusal}",
    ):
        response = act(admin_of_all, "check_authorisation", party.credentials)
        assert [str(message) for message in response.context["messages"]] == [words]
    assert [secret for secret, _, _ in asked] == ["planted-secret"] * 2


@pytest.mark.once
def test_of_an_ocpi_token_only_the_partner_can_tell(admin_of_all, party, token_endpoint):
    response = act(admin_of_all, "check_authorisation", party.credentials)
    assert "only the partner itself can say" in response.content.decode()
    assert token_endpoint[1] == []


@pytest.mark.django_db(transaction=True)
def test_it_is_checked_once_saved_and_outside_the_transaction(admin_of_all, party, token_endpoint):
    answers, asked = token_endpoint
    answers.append(DeliveryFailed(FailureKind.CONNECT, "token endpoint: no connection"))
    assert admin_of_all.post(page(party.credentials), OAUTH2).status_code == 302
    assert "NL*JED: no access token: connect: token endpoint: no connection" in told(admin_of_all, list_of(Credentials))
    assert asked == [("planted-secret", False, 5.0)]
    assert Credentials.objects.get().outbound_encoding == "oauth2"
    admin_of_all.post(page(party.credentials), OAUTH2 | {"new_oauth_secret": "", "new_api_key": ""})
    assert len(asked) == 1  # nothing of it has changed
    act(admin_of_all, "check_authorisation", party.credentials)
    assert asked[1:] == [("planted-secret", False, 5.0)]


@pytest.mark.once
def test_who_may_only_view_cannot_make_us_call_anybody(party, token_endpoint):
    act(client_of("view"), "check_authorisation", party.credentials)
    assert token_endpoint[1] == []


# --- parties --------------------------------------------------------------------------------------------------------


def party_form(**changes):
    form = {"role": "SCSP", "version": "2.2.1", "enabled": "on"}
    return {**form, "endpoints-TOTAL_FORMS": 0, "endpoints-INITIAL_FORMS": 0, **changes}


@pytest.mark.once
def test_allowed_hosts_are_written_one_a_line(admin_of_all, party):
    admin_of_all.post(page(party), party_form(allowed_hosts="A.example\n\nb.example:8443\n"))
    party.refresh_from_db()
    assert party.allowed_hosts == ["a.example", "b.example:8443"]
    assert "a.example\nb.example:8443" in admin_of_all.get(page(party)).content.decode()


@pytest.mark.once
def test_networks_are_written_one_a_line_and_judged_at_once(admin_of_all, party):
    admin_of_all.post(page(party), party_form(inbound_networks="192.0.2.0/24\n\n2001:DB8::1\n"))
    party.refresh_from_db()
    assert party.inbound_networks == ["192.0.2.0/24", "2001:db8::1/128"]
    assert "192.0.2.0/24\n2001:db8::1/128" in admin_of_all.get(page(party)).content.decode()
    response = admin_of_all.post(page(party), party_form(inbound_networks="192.0.2.1/24"))
    assert "is no network" in response.content.decode()
    party.refresh_from_db()
    assert party.inbound_networks == ["192.0.2.0/24", "2001:db8::1/128"]


@pytest.mark.once
def test_a_url_is_no_allowed_host(admin_of_all, party):
    response = admin_of_all.post(page(party), party_form(allowed_hosts="https://a.example/x"))
    assert "is no host" in response.content.decode()
    party.refresh_from_db()
    assert party.allowed_hosts == []


def test_a_party_is_added_in_capitals_and_keeps_its_name_for_good(admin_of_all):
    admin_of_all.post(f"{list_of(Party)}add/", party_form(country_code="nl", party_id="abc"))
    party = Party.objects.get()
    assert str(party) == "NL*ABC"
    admin_of_all.post(page(party), party_form(country_code="DE", party_id="XYZ"))
    party.refresh_from_db()
    assert str(party) == "NL*ABC"


@pytest.mark.once
def test_a_version_is_chosen(admin_of_all, party):
    admin_of_all.post(page(party), party_form(version="2.2"))
    party.refresh_from_db()
    assert party.version == "2.2"


@pytest.mark.once
def test_the_roles_of_a_platform_are_written_one_a_line(admin_of_all, party):
    form = {"outbound_encoding": "base64", "oauth_client_style": "body", "roles": "SCSP NL JED\n\nemsp be je2\n"}
    admin_of_all.post(page(party.credentials), form)
    assert [tuple(role.values()) for role in Credentials.objects.get().roles] == [
        ("SCSP", "NL", "JED", ""), ("EMSP", "BE", "JE2", ""),
    ]  # fmt: skip
    assert "SCSP NL JED\nEMSP BE JE2" in admin_of_all.get(page(party.credentials)).content.decode()
    assert "EMSP BE*JE2" in admin_of_all.get(page(party)).content.decode()


@pytest.mark.once
@pytest.mark.parametrize(
    ("roles", "problem"),
    [("EMSP NL", "a role, a country code"), ("EMSP NLD ABC", "2 letters"), ("BOSS NL ABC", "a role is one of")],
)
def test_what_is_no_role_is_refused(admin_of_all, party, roles, problem):
    form = {"outbound_encoding": "base64", "oauth_client_style": "body", "roles": roles}
    assert problem in admin_of_all.post(page(party.credentials), form).content.decode()
    assert Credentials.objects.get().roles == []
