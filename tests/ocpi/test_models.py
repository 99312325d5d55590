"""What the database itself keeps true."""

import pytest
from django.db import IntegrityError, transaction

from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party, token_hash
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START

pytestmark = pytest.mark.django_db


def refused(call) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        call()


def test_a_party_exists_once():
    make.party()
    refused(lambda: Party.objects.create(country_code="NL", party_id="JED"))


def test_two_parties_never_share_an_inbound_token_and_several_may_have_none():
    make.party()
    other = make.unregistered()
    refused(lambda: Credentials.objects.filter(party=other).update(inbound_hash=token_hash("inbound-JED")))
    assert Credentials.objects.update(inbound_hash=None) == 2


def test_an_endpoint_has_one_url_for_each_module_and_role():
    party = make.party()
    refused(lambda: PartnerEndpoint.objects.create(party=party, identifier="sessions", role="RECEIVER", url="x"))


@pytest.mark.parametrize("kind", ["SESSION", "ACTIVE_PROFILE"])
def test_a_standing_message_exists_once_for_each_party_and_session(kind):
    party, session = make.party(), make.session()
    fields = {"party": party, "session": session, "due_at": START, "created_at": START}
    OutboxMessage.objects.create(kind=kind, **fields)
    refused(lambda: OutboxMessage.objects.create(kind=kind, **fields))
    for _ in range(2):
        OutboxMessage.objects.create(kind="RESULT", **fields)


def test_a_request_has_one_result_message():
    party, session = make.party(), make.session()
    request = make.accepted(party, session, now=START)
    fields = {"kind": "RESULT", "party": party, "due_at": START, "created_at": START, "profile_request": request}
    OutboxMessage.objects.create(**fields)
    refused(lambda: OutboxMessage.objects.create(**fields))


def test_a_token_is_kept_as_its_hash_or_encrypted():
    credentials = make.credentials(make.party())
    assert credentials.inbound_hash == token_hash("inbound-JED")
    assert "outbound-JED" not in credentials.outbound_encrypted
    assert credentials.outbound_token == "outbound-JED"


def test_an_empty_token_is_none():
    credentials = make.credentials(make.party())
    credentials.outbound_token = ""
    credentials.set_inbound(None, Credentials.Inbound.TOKEN_A)
    assert (credentials.outbound_encrypted, credentials.outbound_token, credentials.inbound_hash) == ("", "", None)


@pytest.mark.parametrize("url", ["https://jed.example/s", "https://jed.example/s/", "https://jed.example/s//"])
def test_one_slash_before_every_segment(url):
    endpoint = PartnerEndpoint(url=url)
    assert endpoint.url_for("NL", "CPO", 7) == "https://jed.example/s/NL/CPO/7"


def test_names_for_people():
    party = make.party()
    assert (str(party), party.owner, str(make.credentials(party))) == ("NL*JED", "NL*JED", "credentials of NL*JED")
