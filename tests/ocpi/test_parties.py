"""How we speak to a party."""

import pytest

from ocpi import parties
from ocpi.authorizers import TokenBase64, TokenRaw
from ocpi.models import Credentials, PartnerEndpoint, Party
from tests.support import ocpi_factories as make

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
