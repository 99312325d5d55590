"""OCPI 2.2.1 credentials, in both directions."""

import pytest

from ocpi.simulator.client import HandshakeFailed
from ocpi.simulator.scsp import SimulatedScsp
from tests.ocpi.simulator.fake_cpo import TOKEN_C, TOKEN_FOR_CPO, send

pytestmark = pytest.mark.once
TOKEN_A, TOKEN_B = "token-a", "token-b"


@pytest.fixture
def unregistered(cpo):
    with SimulatedScsp(token=TOKEN_FOR_CPO) as scsp:
        yield scsp


def credentials_url(scsp):
    return f"{scsp.base_url}/ocpi/2.2.1/credentials"


def test_as_sender_it_posts_its_token_with_token_a_and_goes_on_with_token_c(unregistered, cpo):
    unregistered.register(cpo.versions_url, TOKEN_A)
    unregistered.put_profile("S-1", [(0, 11000)])
    assert [(asked["method"], asked["path"], asked["token"]) for asked in cpo.asked] == [
        ("GET", "/ocpi/versions", TOKEN_A),
        ("GET", "/ocpi/2.2.1", TOKEN_A),
        ("POST", "/ocpi/2.2.1/credentials", TOKEN_A),
        ("PUT", "/ocpi/2.2.1/chargingprofiles/S-1", TOKEN_C),
    ]
    credentials = cpo.asked[2]["body"]
    assert (credentials["token"], credentials["url"]) == (TOKEN_FOR_CPO, unregistered.versions_url)
    assert [(r["role"], r["country_code"], r["party_id"]) for r in credentials["roles"]] == [("SCSP", "NL", "JED")]


def test_the_cpo_may_call_back_while_it_answers_the_registration(unregistered, cpo):
    answers = []

    def call_back(asked):
        if asked["method"] == "POST":
            answers.append(send("GET", asked["body"]["url"], token=asked["body"]["token"]).status_code)

    cpo.before_answering = call_back
    unregistered.register(cpo.versions_url, TOKEN_A)
    assert answers == [200]


@pytest.mark.parametrize(
    ("change", "status_code"),
    [
        ({"http_status": 500}, 3001),
        ({"versions": ["2.1.1"]}, 3002),
        ({"modules": [("credentials", "SENDER")]}, 3003),
        ({"modules": [("chargingprofiles", "RECEIVER")]}, 3003),
    ],
)
def test_a_cpo_that_does_not_do_gets_no_credentials(unregistered, cpo, change, status_code):
    for name, value in change.items():
        setattr(cpo, name, value)
    with pytest.raises(HandshakeFailed) as failed:
        unregistered.register(cpo.versions_url, TOKEN_A)
    assert failed.value.status_code == status_code
    assert [asked["method"] for asked in cpo.asked if asked["method"] != "GET"] == []
    assert not unregistered.registered


def test_as_receiver_it_fetches_the_endpoints_and_gives_a_new_token(unregistered, cpo):
    url = credentials_url(unregistered)
    answer = send("POST", url, body=cpo.credentials(TOKEN_B)).json()
    token_c = answer["data"]["token"]
    assert answer["status_code"] == 1000
    assert [(asked["path"], asked["token"]) for asked in cpo.asked] == [
        ("/ocpi/versions", TOKEN_B),
        ("/ocpi/2.2.1", TOKEN_B),
    ]
    assert send("GET", url).status_code == 401  # token A is dead
    assert send("GET", url, token=token_c).json()["data"]["token"] == token_c
    assert unregistered.put_profile("S-1", [(0, 11000)]).result == "ACCEPTED"
    assert cpo.asked[-1]["token"] == TOKEN_B


def test_a_registration_with_an_unusable_cpo_is_answered_3001_and_changes_nothing(unregistered, cpo):
    cpo.http_status = 500
    assert send("POST", credentials_url(unregistered), body=cpo.credentials(TOKEN_B)).json()["status_code"] == 3001
    assert not unregistered.registered
    assert send("GET", credentials_url(unregistered)).status_code == 200


def test_incomplete_credentials_are_answered_2001(unregistered):
    assert send("POST", credentials_url(unregistered), body={"token": TOKEN_B}).json()["status_code"] == 2001


def test_post_when_registered_and_put_or_delete_when_not_are_405(unregistered, cpo):
    url, body = credentials_url(unregistered), cpo.credentials(TOKEN_B)
    assert [send(method, url, body=body).status_code for method in ("PUT", "DELETE")] == [405, 405]
    token = send("POST", url, body=body).json()["data"]["token"]
    assert send("POST", url, body=body, token=token).status_code == 405
    assert cpo.asked[2:] == []


def test_put_renews_the_token_and_delete_ends_all(unregistered, cpo):
    url = credentials_url(unregistered)
    first = send("POST", url, body=cpo.credentials(TOKEN_B)).json()["data"]["token"]
    second = send("PUT", url, body=cpo.credentials("token-b2"), token=first).json()["data"]["token"]
    assert send("GET", url, token=first).status_code == 401
    assert send("DELETE", url, token=second).json()["status_code"] == 1000
    assert send("GET", unregistered.versions_url, token=second).status_code == 401
    assert not unregistered.registered


def test_fixed_tokens_need_the_url_of_the_cpo():
    with pytest.raises(ValueError, match="go together"):
        SimulatedScsp(token=TOKEN_FOR_CPO, cpo_token="t")
