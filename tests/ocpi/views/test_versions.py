"""Versions and version details (OCPI 2.2.1 version_information_endpoint)."""

import pytest

from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture(autouse=True)
def public_url(settings) -> None:
    settings.PUBLIC_URL = "https://cpo.example"


@pytest.fixture(params=["inbound-JED", "first-NEW"], ids=["registered", "token A"])
def api(request) -> Api:
    make.party()
    make.unregistered()
    return Api(request.param)


@pytest.mark.parametrize("path", ["/ocpi/versions", "/ocpi/versions/"])
def test_versions_are_listed_with_absolute_urls(api, path):
    response = api("get", path)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json()["data"] == [
        {"version": "2.2.1", "url": "https://cpo.example/ocpi/2.2.1"},
        {"version": "2.2", "url": "https://cpo.example/ocpi/2.2"},
    ]


@pytest.mark.parametrize("path", ["/ocpi/2.2.1", "/ocpi/2.2.1/"])
def test_details_list_every_module_with_our_role_and_credentials_once(api, path):
    assert api("get", path).json()["data"] == {
        "version": "2.2.1",
        "endpoints": [
            {"identifier": "credentials", "role": "SENDER", "url": "https://cpo.example/ocpi/2.2.1/credentials"},
            {"identifier": "sessions", "role": "SENDER", "url": "https://cpo.example/ocpi/2.2.1/sessions"},
            {"identifier": "locations", "role": "SENDER", "url": "https://cpo.example/ocpi/2.2.1/locations"},
            {
                "identifier": "chargingprofiles",
                "role": "RECEIVER",
                "url": "https://cpo.example/ocpi/2.2.1/chargingprofiles",
            },
        ],
    }


def test_every_listed_url_leads_somewhere():
    make.party()
    api = Api()
    for endpoint in api("get", "/ocpi/2.2.1").json()["data"]["endpoints"]:
        path = endpoint["url"].removeprefix("https://cpo.example")
        path += "/unknown?duration=1&response_url=https://elsewhere.example" * path.endswith("profiles")
        assert api("get", path).status_code == 200


@pytest.mark.parametrize("path", ["/ocpi/versions", "/ocpi/2.2.1"])
@pytest.mark.parametrize("token", ["unknown", "inbound-OFF"])
def test_both_need_a_token(path, token):
    make.party("OFF", enabled=False)
    assert Api(token)("get", path).status_code == 401


@pytest.mark.parametrize("path", ["/ocpi/versions", "/ocpi/2.2.1"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_both_are_only_read(api, path, method):
    assert api(method, path).status_code == 405
