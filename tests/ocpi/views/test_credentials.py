"""Credentials, as a partner calls them (OCPI 2.2.1 credentials, Interfaces and endpoints)."""

import base64
from typing import Any

import pytest

from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party, token_hash
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api, Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names")]

PATH = "/ocpi/2.2.1/credentials"
SESSIONS = {"identifier": "sessions", "role": "RECEIVER", "url": "https://new.example/sessions"}


def body(party_id: str = "NEW", **changes: Any) -> dict[str, Any]:
    role = {"role": "SCSP", "country_code": "NL", "party_id": party_id, "business_details": {"name": "New B.V."}}
    return {"token": "token-b", "url": "https://new.example/versions", "roles": [role], **changes}


def willing(partner: Partner) -> None:
    partner.answers += [
        answered(data=[{"version": "2.2.1", "url": "https://new.example/2.2.1"}]),
        answered(data={"version": "2.2.1", "endpoints": [SESSIONS]}),
    ]


def register(api: Api, partner: Partner) -> str:
    willing(partner)
    response = api("post", PATH, body())
    assert (response.status_code, response.json()["status_code"]) == (200, 1000)
    return response.json()["data"]["token"]


def encoded(token: str) -> str:
    return base64.b64encode(token.encode()).decode()


# --- registration ---------------------------------------------------------------------------------------------------


def test_post_with_token_a_returns_the_credentials_object_with_token_c(partner: Partner, settings):
    settings.PUBLIC_URL = "https://cpo.example"
    make.unregistered()
    willing(partner)
    data = Api("first-NEW")("post", PATH, body()).json()["data"]
    role = {"role": "CPO", "country_code": "NL", "party_id": "CPO", "business_details": {"name": "CPO back-office"}}
    assert (data["url"], data["roles"]) == ("https://cpo.example/ocpi/versions", [role])
    assert Credentials.objects.get().inbound_hash == token_hash(data["token"])


def test_token_a_is_dead_after_a_successful_registration_and_token_c_opens_everything(partner: Partner):
    make.unregistered()
    api = Api("first-NEW")
    token = register(api, partner)
    for path in ("/ocpi/versions", "/ocpi/2.2.1", PATH, "/ocpi/2.2.1/sessions"):
        assert api("get", path).status_code == 401
        assert Api(token)("get", path).status_code == 200


def test_token_a_still_works_after_a_failed_registration(partner: Partner):
    make.unregistered()
    api = Api("first-NEW")
    partner.answers = [answered(500, ocpi=None)]
    response = api("post", PATH, body())
    assert (response.status_code, response.json()["status_code"], "data" in response.json()) == (200, 3001, False)
    assert register(api, partner)


@pytest.mark.parametrize(
    ("code", "answers"),
    [
        (3001, [answered(503, ocpi=None)]),
        (3002, [answered(data=[{"version": "2.1.1", "url": "https://new.example/2.1.1"}])]),
        (3003, [
            answered(data=[{"version": "2.2.1", "url": "https://new.example/2.2.1"}]),
            answered(data={"version": "2.2.1", "endpoints": []}),
        ]),
        (2001, []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["post", "put"])
def test_a_failed_handshake_leaves_everything_as_it_was(partner: Partner, method, code, answers):
    party = make.unregistered() if method == "post" else make.party("NEW")
    before = make.snapshot(Party, Credentials, PartnerEndpoint, OutboxMessage)
    partner.answers = list(answers)
    document = body(token="") if code == 2001 else body()
    response = Api("first-NEW" if method == "post" else "inbound-NEW")(method, PATH, document)
    assert (response.status_code, response.json()["status_code"]) == (200, code)
    assert response.json()["status_message"]
    assert make.snapshot(Party, Credentials, PartnerEndpoint, OutboxMessage) == before
    assert party.pk


def test_put_fetches_the_endpoints_again_and_issues_a_new_token(partner: Partner):
    party = make.party("NEW")
    willing(partner)
    token = Api("inbound-NEW")("put", PATH, body()).json()["data"]["token"]
    assert [request.method for request in partner.requests] == ["GET", "GET"]
    assert list(party.endpoints.values("identifier", "role", "url")) == [SESSIONS]
    assert (make.credentials(party).outbound_token, token != "inbound-NEW") == ("token-b", True)
    assert Api("inbound-NEW")("get", PATH).status_code == 401
    assert Api(token)("get", PATH).status_code == 200


# --- 405 ------------------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_post_when_registered_is_405(partner: Partner):
    make.party("NEW")
    assert Api("inbound-NEW")("post", PATH, body()).status_code == 405
    assert partner.requests == []


@pytest.mark.once
@pytest.mark.parametrize("method", ["put", "delete"])
def test_put_and_delete_when_not_registered_are_405(partner: Partner, method):
    make.unregistered()
    before = make.snapshot(Party, Credentials)
    response = Api("first-NEW")(method, PATH, body())
    assert (response.status_code, response.json()["status_code"]) == (405, 2000)
    assert (partner.requests, make.snapshot(Party, Credentials)) == ([], before)


@pytest.mark.once
def test_patch_is_405():
    make.party("NEW")
    assert Api("inbound-NEW")("patch", PATH, body()).status_code == 405


# --- delete ---------------------------------------------------------------------------------------------------------


def test_delete_ends_it_for_both_sides():
    party = make.party("NEW")
    api = Api("inbound-NEW")
    response = api("delete", PATH)
    assert (response.status_code, response.json()["status_code"], "data" in response.json()) == (200, 1000, False)
    assert (make.credentials(party).outbound_token, party.endpoints.count()) == ("", 0)
    for path in ("/ocpi/versions", PATH, "/ocpi/2.2.1/sessions"):
        assert api("get", path).status_code == 401
    assert api("delete", PATH).status_code == 401


# --- get, and how a token may be written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "Token inbound-NEW",
        f"Token {encoded('inbound-NEW')}",
        f"Token {base64.b64encode(b'inbound-NEW' + bytes([10])).decode()}",
        f"token {encoded('inbound-NEW').rstrip('=')}",
    ],
    ids=["raw", "base64", "base64 with the samples' line break", "no padding"],
)
def test_get_returns_the_token_that_was_used_however_it_was_written(header):
    """OCPI 2.2.1 transport_and_format, Authorization header."""
    make.party("NEW")
    response = Api()("get", PATH, Authorization=header)
    assert response.json()["data"]["token"] == "inbound-NEW"


def test_a_token_that_is_base64_itself_is_taken_as_it_is():
    party = make.party("NEW")
    credentials = make.credentials(party)
    credentials.set_inbound(encoded("something"), Credentials.Inbound.TOKEN_C)
    credentials.save()
    assert Api(encoded("something"))("get", PATH).json()["data"]["token"] == encoded("something")


@pytest.mark.once
@pytest.mark.parametrize(
    "header",
    ["", "inbound-NEW", "Basic inbound-NEW", "Token", "Token ", "Token inbound-NEW extra", "Bearer inbound-NEW"],
)
def test_anything_else_is_401(header):
    make.party("NEW")
    response = Api()("get", PATH, Authorization=header)
    assert (response.status_code, response["WWW-Authenticate"], response.json()["status_code"]) == (401, "Token", 2000)


def test_a_party_that_is_switched_off_is_401():
    make.party("NEW", enabled=False)
    assert Api("inbound-NEW")("get", PATH).status_code == 401


@pytest.mark.once
def test_there_is_no_routing_on_credentials_but_message_ids():
    """OCPI 2.2.1 transport_and_format, Message Routing Headers: not on configuration modules."""
    make.party("NEW")
    ends = {"OCPI-from-country-code": "NL", "OCPI-from-party-id": "NEW"}
    response = Api("inbound-NEW")("get", PATH, **ends)
    assert ("OCPI-to-party-id" in response, response["X-Request-ID"]) == (False, "rq-1")
