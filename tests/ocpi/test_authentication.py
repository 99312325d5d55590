"""Who calls us (OCPI 2.2.1 transport_and_format, Authorization header)."""

import base64
import secrets

import pytest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from ocpi.models import Credentials
from ocpi.protocol.authentication import AnyCredentials, RegisteredCredentials
from tests.support import ocpi_factories as make

pytestmark = pytest.mark.django_db


def authenticate(kind: type[AnyCredentials], header: str) -> Credentials:
    headers = {"Authorization": header} if header else {}
    found = kind().authenticate(Request(APIRequestFactory().get("/", headers=headers)))
    assert found is not None
    party, credentials = found
    assert party == credentials.party
    return credentials


def written(token: str, ending: bytes = b"") -> str:
    return base64.b64encode(token.encode() + ending).decode()


HEADERS = [
    "Token {raw}", "token {raw}", "Token  {raw} ", "Token {base64}", "Token {broken}", "Token {windows}",
]  # fmt: skip


@pytest.mark.parametrize("kind", [AnyCredentials, RegisteredCredentials])
@pytest.mark.parametrize("header", HEADERS)
def test_a_registered_token_is_known_raw_or_base64_with_or_without_a_line_break(kind, header):
    party, token = make.party(), "inbound-JED"
    make.party("OTH")
    text = header.format(
        raw=token, base64=written(token), broken=written(token, b"\n"), windows=written(token, b"\r\n")
    )
    assert authenticate(kind, text).party == party


def test_token_a_is_known_to_versions_and_credentials_only():
    party = make.unregistered()
    assert authenticate(AnyCredentials, f"Token {written('first-NEW')}").party == party
    with pytest.raises(AuthenticationFailed):
        authenticate(RegisteredCredentials, f"Token {written('first-NEW')}")


UNKNOWN = ["", "Token", "Token x", "Basic inbound-JED", "inbound-JED", "Token inbound-jed", "Token " + "x" * 300]


@pytest.mark.parametrize("kind", [AnyCredentials, RegisteredCredentials])
@pytest.mark.parametrize("header", [*UNKNOWN, "Token ", "Token \xff", "Token ====", "Token inbound-JED,inbound-JED"])
def test_nobody_else_is_known(kind, header):
    make.party()
    with pytest.raises(AuthenticationFailed):
        authenticate(kind, header)


@pytest.mark.parametrize("kind", [AnyCredentials, RegisteredCredentials])
def test_a_party_that_is_switched_off_or_has_no_token_is_not_known(kind):
    make.party(enabled=False)
    Credentials.objects.filter(party=make.party("GON")).update(inbound_hash=None)
    for header in ("Token inbound-JED", "Token inbound-GON", "Token None", "Token "):
        with pytest.raises(AuthenticationFailed):
            authenticate(kind, header)


def test_the_hash_itself_opens_nothing():
    """Whoever reads the database cannot call us with what is there."""
    credentials = make.credentials(make.party())
    with pytest.raises(AuthenticationFailed):
        authenticate(AnyCredentials, f"Token {credentials.inbound_hash}")


def test_a_call_costs_one_query_whoever_calls(django_assert_num_queries):
    make.party(heard_at=timezone.now())
    for header in ("Token inbound-JED", f"Token {secrets.token_urlsafe(32)}"):
        with django_assert_num_queries(1):
            try:
                authenticate(RegisteredCredentials, header)
            except AuthenticationFailed:
                assert "JED" not in header


# --- from where -----------------------------------------------------------------------------------------------------


def from_address(kind: type[AnyCredentials], address: str, **headers: str) -> Credentials:
    headers = {"Authorization": "Token inbound-JED", **headers}
    request = Request(APIRequestFactory().get("/", headers=headers, REMOTE_ADDR=address))
    found = kind().authenticate(request)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("kind", [AnyCredentials, RegisteredCredentials])
def test_a_party_with_networks_is_known_from_there_only(kind, caplog):
    party = make.party(inbound_networks=["192.0.2.0/24", "2001:db8::/48"], fail_safe_ttl_s=600)
    for address in ("203.0.113.1", "2001:db9::1", "", "::1"):
        with pytest.raises(AuthenticationFailed):
            from_address(kind, address)
    party.refresh_from_db()
    assert party.heard_at is None
    assert "party=NL*JED does not call from address=203.0.113.1" in caplog.text
    for address in ("192.0.2.9", "2001:db8::1", "::ffff:192.0.2.9"):
        assert from_address(kind, address).party == party


def test_a_forwarded_address_counts_behind_a_trusted_proxy_only(settings):
    make.party(inbound_networks=["192.0.2.0/24"])
    claimed = {"X-Forwarded-For": "192.0.2.9"}
    with pytest.raises(AuthenticationFailed):
        from_address(AnyCredentials, "10.0.0.1", **claimed)
    settings.TRUST_PROXY = True
    assert from_address(AnyCredentials, "10.0.0.1", **claimed)
    with pytest.raises(AuthenticationFailed):  # the proxy adds what it sees to what its client claims
        from_address(AnyCredentials, "10.0.0.1", **{"X-Forwarded-For": "192.0.2.9, 203.0.113.1"})


def test_from_elsewhere_the_answer_is_that_to_an_unknown_token():
    make.party(inbound_networks=["192.0.2.0/24"])
    answers = [make.Api(token)("get", "/ocpi/versions") for token in ("inbound-JED", "unknown")]
    assert [(answer.status_code, answer.json()["status_code"]) for answer in answers] == [(401, 2000)] * 2
    assert len({answer.json()["status_message"] for answer in answers}) == 1
    assert answers[0].headers["WWW-Authenticate"] == answers[1].headers["WWW-Authenticate"]
