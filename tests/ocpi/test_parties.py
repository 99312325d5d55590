"""How we speak to a party."""

import pytest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from ocpi import handshake, outbox, parties, pushes
from ocpi.authorizers import OAuth2ClientCredentials, TokenBase64, TokenRaw, WithApiKey
from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party
from ocpi.protocol.authentication import RegisteredCredentials
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START, later

pytestmark = pytest.mark.django_db


def test_a_party_is_authorised_with_its_own_token_as_it_wants_it():
    party, other = make.party(), make.party("OTH")
    assert parties.authorizer(party) == TokenBase64("outbound-JED")
    Credentials.objects.filter(party=other).update(outbound_encoding="raw")
    assert parties.authorizer(other) == TokenRaw("outbound-OTH")


def test_there_is_no_authorisation_for_a_party_that_is_not_connected():
    off, without = make.party(enabled=False), make.unregistered()
    nobody = Party.objects.create(country_code="NL", party_id="NON")
    for party, reason in ((off, "it is disabled"), (without, "no outbound token"), (nobody, "no outbound token")):
        with pytest.raises(parties.NotConnected, match=reason):
            parties.authorizer(party)


def test_a_token_of_another_secret_key_is_an_expected_error(settings):
    party = make.party()
    settings.SECRET_KEY = "another"
    with pytest.raises(parties.NotConnected, match="encrypted with another SECRET_KEY"):
        parties.authorizer(party)


@pytest.mark.parametrize(("debug", "marked"), [(True, False), (False, True), (False, False)])
def test_plain_http_and_loopback_need_debug_and_a_mark(settings, debug, marked):
    settings.DEBUG = debug
    assert parties.address_policy(make.party(allow_insecure_urls=marked)).allow_insecure is False
    settings.DEBUG = True
    assert parties.address_policy(make.party("OTH", allow_insecure_urls=True)).allow_insecure is True


def test_a_response_url_may_name_registered_hosts_and_listed_ones():
    party = make.party(allowed_hosts=["www.jedlix.com", "API.example:8443"])
    PartnerEndpoint.objects.filter(identifier="sessions").update(url="https://push.example/sessions")
    make.party("OTH", allowed_hosts=["other.example"])
    assert parties.allowed_hosts(party) == {"jed.example", "push.example", "www.jedlix.com", "api.example:8443"}


def test_an_unregistered_party_may_name_no_host():
    assert parties.allowed_hosts(make.unregistered()) == frozenset()


def test_routing_says_from_us_to_the_party():
    """OCPI 2.2.1 transport_and_format, Message Routing Headers."""
    assert parties.routing(make.party()) == {
        "OCPI-from-country-code": "NL", "OCPI-from-party-id": "CPO",
        "OCPI-to-country-code": "NL", "OCPI-to-party-id": "JED",
    }  # fmt: skip


# --- OAuth 2.0 and API keys -----------------------------------------------------------------------------------------


def with_oauth2(party: Party, **fields: str) -> Credentials:
    credentials = Credentials.objects.get(party=party)
    chosen = {"outbound_encoding": "oauth2", "oauth_token_url": "https://id.example/token", "oauth_client_id": "us"}
    for name, value in {**chosen, "oauth_secret": "planted-secret", **fields}.items():
        setattr(credentials, name, value)
    credentials.clean()
    credentials.save()
    return credentials


def test_a_party_may_be_authorised_with_oauth2_without_any_ocpi_token(django_assert_num_queries):
    party = make.unregistered()
    with_oauth2(party)
    party = Party.objects.select_related("credentials").get()
    with django_assert_num_queries(0):
        assert type(parties.authorizer(party)) is OAuth2ClientCredentials


@pytest.mark.parametrize("oauth2", [True, False])
def test_an_api_key_goes_with_either(oauth2):
    party = make.party()
    credentials = make.credentials(party)
    if oauth2:
        credentials = with_oauth2(party)
    credentials.api_key_header, credentials.api_key = "ApiKey", "planted-key"
    credentials.save()
    authorizer = parties.authorizer(Party.objects.get())
    assert isinstance(authorizer, WithApiKey)
    assert (authorizer.name, authorizer.key) == ("ApiKey", "planted-key")
    assert type(authorizer.strategy) is (OAuth2ClientCredentials if oauth2 else TokenBase64)


@pytest.mark.parametrize("column", ["oauth_secret_encrypted", "api_key_encrypted"])
def test_a_secret_of_another_secret_key_is_an_expected_error_too(column):
    party = make.party()
    with_oauth2(party, api_key_header="ApiKey", api_key="key")
    Credentials.objects.update(**{column: "gAAAAA"})
    with pytest.raises(parties.NotConnected, match="encrypted with another SECRET_KEY"):
        parties.authorizer(Party.objects.get())


def test_registration_goes_by_ocpi_token_and_api_key_whatever_the_strategy():
    party = make.party()
    with_oauth2(party, api_key_header="ApiKey", api_key="key")
    headers = parties.token_authorizer(party, "token-b").headers()
    assert headers == {**TokenBase64("token-b").headers(), "ApiKey": "key"}


def test_who_unregisters_is_not_called_by_oauth2_either():
    party = make.party()
    with_oauth2(party)
    handshake.unregister(party)
    with pytest.raises(parties.NotConnected, match="no outbound token"):
        parties.authorizer(Party.objects.get())
    assert make.credentials(party).oauth_secret == "planted-secret"


# --- the last call each way -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("note", "column"), [(parties.heard, "heard_at"), (parties.reached, "reached_at")])
def test_a_call_is_noted_at_most_every_30_seconds(note, column, django_assert_num_queries):
    make.party()
    for seconds, noted in ((0, START), (29, START), (30, later(30)), (59, later(30)), (60, later(60))):
        note(Party.objects.get(), now=later(seconds))
        assert getattr(Party.objects.get(), column) == noted
    party = Party.objects.get()
    with django_assert_num_queries(0):
        note(party, now=later(89))


def test_of_two_that_note_the_same_moment_the_slower_one_changes_nothing():
    first, second = make.party(), Party.objects.get()
    parties.heard(first, now=later(10))
    parties.heard(second, now=later(9))
    assert Party.objects.get().heard_at == later(10)


def test_every_authenticated_request_is_heard_and_no_other():
    make.party()
    before = timezone.now()
    with pytest.raises(AuthenticationFailed):
        RegisteredCredentials().authenticate(APIRequestFactory().get("/", HTTP_AUTHORIZATION="Token other"))
    assert Party.objects.get().heard_at is None
    RegisteredCredentials().authenticate(APIRequestFactory().get("/", HTTP_AUTHORIZATION="Token inbound-JED"))
    assert before <= Party.objects.get().heard_at <= timezone.now()


@pytest.mark.parametrize(("answer", "reached"), [(None, True), (make.answered(500, ocpi=None), False)])
def test_a_delivery_that_arrived_is_noted_and_no_other(partner, enqueued, answer, reached):
    party, session, now = make.party(), make.session(), timezone.now()
    pushes.session_changed(session, now=now)
    partner.answers = [answer] if answer else []
    outbox.deliver(make.message(party, OutboxMessage.Kind.SESSION).pk, now=now)
    assert (Party.objects.get().reached_at is not None) is reached
