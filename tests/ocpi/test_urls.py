"""Every URL below /ocpi answers in the envelope, and no PUT is ever redirected."""

import pytest
from django.urls import reverse

from chargepoints.models import ChargingSession, Evse, Location
from ocpi.protocol.datetimes import parse_datetime
from ocpi.versions import WRITERS
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api

pytestmark = [pytest.mark.django_db, pytest.mark.once]

METHODS = ["get", "post", "put", "patch", "delete"]
NOWHERE = [
    "/ocpi", "/ocpi/", "/ocpi/nothing", "/ocpi/2.0", "/ocpi/2.1.1", "/ocpi/2.3.0", "/ocpi/2x2x1", "/ocpi/2.2.1x",
    "/ocpi/2.2.1/sessions/a/b/c", "/ocpi/2.2.1/chargingprofiles", "/ocpi/2.2.1/chargingprofiles/",
    "/ocpi/2.2.1//sessions", "/ocpi/versions/2.2.1", "/ocpi/a%0Ab",
]  # fmt: skip


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("method", ["get", "put"])
@pytest.mark.parametrize("token", ["inbound-JED", "unknown"])
def test_what_leads_nowhere_is_404_in_the_envelope(path, method, token):
    make.party()
    response = Api(token)(method, path, {} if method == "put" else None)
    body = response.json()
    assert (response.status_code, response["Content-Type"], body["status_code"]) == (404, "application/json", 2000)
    assert (body["status_message"], response["X-Request-ID"]) == ("no such endpoint", "rq-1")
    parse_datetime(body["timestamp"])


@pytest.mark.parametrize(
    "path",
    ["/ocpi/versions", "/ocpi/2.2.1", "/ocpi/2.2.1/credentials", "/ocpi/2.2.1/sessions", "/ocpi/2.2.1/sessions/{id}",
     "/ocpi/2.2.1/sessions/{id}/charging_preferences", "/ocpi/2.2.1/chargingprofiles/{id}"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["get", "put", "post", "delete"])
def test_with_and_without_a_trailing_slash_is_the_same_and_no_redirect(path, method):
    make.party("JED")
    path = path.format(id=make.session().uid)
    api = Api("unknown")
    statuses = {api(method, path + ending).status_code for ending in ("", "/")}
    assert statuses == {401}


@pytest.mark.parametrize("version", WRITERS)
def test_a_module_that_we_do_not_have_is_404_and_not_in_the_details(version):
    make.party()
    api, absent = Api(), ["cdrs", "tariffs", "tokens", "commands", "hubclientinfo"]
    named = {endpoint["identifier"] for endpoint in api("get", f"/ocpi/{version}").json()["data"]["endpoints"]}
    assert named == {"credentials", "sessions", "locations", "chargingprofiles"}
    for path in [f"/ocpi/{version}/{module}{rest}" for module in absent for rest in ("", "/START_SESSION")]:
        assert [answer(api, method, path) for method in METHODS] == [(404, 2000)] * len(METHODS), path


@pytest.mark.parametrize("version", WRITERS)
def test_a_method_that_an_endpoint_lacks_is_405_in_the_envelope(version):
    make.party()
    session, api = make.session(), Api()
    place = f"/ocpi/{version}/locations/{session.evse.charge_point.location.uid}"
    lacks = {
        "/ocpi/versions": {"post", "put", "patch", "delete"},
        f"/ocpi/{version}": {"post", "put", "patch", "delete"},
        f"/ocpi/{version}/credentials": {"patch"},
        f"/ocpi/{version}/sessions": {"post", "put", "patch", "delete"},
        f"/ocpi/{version}/sessions/{session.uid}": {"post", "put", "patch", "delete"},
        f"/ocpi/{version}/sessions/{session.uid}/charging_preferences": {"get", "post", "patch", "delete"},
        f"/ocpi/{version}/locations": {"post", "put", "patch", "delete"},
        place: {"post", "put", "patch", "delete"},
        f"{place}/{session.evse.uid}": {"post", "put", "patch", "delete"},
        f"{place}/{session.evse.uid}/1": {"post", "put", "patch", "delete"},
        f"/ocpi/{version}/chargingprofiles/{session.uid}": {"post", "patch"},
    }
    found = {(path, method): answer(api, method, path) for path, methods in lacks.items() for method in methods}
    assert found == dict.fromkeys(found, (405, 2000))


@pytest.mark.parametrize("version", WRITERS)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_a_receiver_would_take_is_refused(version, method):
    make.party()
    session, api = make.session(), Api()
    with make.no_new(ChargingSession, Location, Evse):
        sent = {
            path: answer(api, method, f"/ocpi/{version}/{path}")
            for path in (
                "sessions/NL/JED/S1",
                "locations/NL/JED/L1",
                "locations/NL/JED/L1/E1",
                "locations/NL/JED/L1/E1/1",
            )
        }
    assert sent == {
        "sessions/NL/JED/S1": (404, 2000), "locations/NL/JED/L1": (405, 2000),
        "locations/NL/JED/L1/E1": (404, 2000), "locations/NL/JED/L1/E1/1": (404, 2000),
    }  # fmt: skip
    assert ChargingSession.objects.get() == session


def answer(api: Api, method: str, path: str) -> tuple[int, int]:
    response = api(method, path, None if method in {"get", "delete"} else {})
    return response.status_code, response.json()["status_code"]


@pytest.mark.parametrize("path", ["/ocpix", "/ocpiversions", "/OCPI/versions"])
def test_what_only_looks_like_ocpi_is_not(path):
    response = Api()("get", path)
    assert (response.status_code, response["Content-Type"].startswith("application/json")) == (404, False)


def test_the_routes_of_ocpi_leave_every_other_url_reversible():
    """Django refuses to reverse anything while one pattern holds a construct that it cannot read."""
    assert reverse("admin:index") == "/admin/"
