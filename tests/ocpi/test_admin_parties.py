"""The operators' site: parties, and tokens that are shown once."""

import pytest
from django.contrib.admin.models import LogEntry

from ocpi.models import Credentials, Party, token_hash
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
def test_the_roles_of_a_platform_are_written_one_a_line_and_a_version_is_chosen(admin_of_all, party):
    admin_of_all.post(page(party), party_form(roles="SCSP NL JED\n\nemsp be je2\n", version="2.2"))
    party.refresh_from_db()
    assert (party.version, [tuple(role.values()) for role in party.roles]) == (
        "2.2", [("SCSP", "NL", "JED"), ("EMSP", "BE", "JE2")],
    )  # fmt: skip
    assert "SCSP NL JED\nEMSP BE JE2" in admin_of_all.get(page(party)).content.decode()


@pytest.mark.once
@pytest.mark.parametrize(("roles", "problem"), [("EMSP NL", "a role, a country code"), ("EMSP NLD ABC", "2 letters")])
def test_what_is_no_role_is_refused(admin_of_all, party, roles, problem):
    assert problem in admin_of_all.post(page(party), party_form(roles=roles)).content.decode()
    party.refresh_from_db()
    assert party.roles == []
