"""Every URL below /ocpi answers in the envelope, and no PUT is ever redirected."""

import pytest
from django.urls import reverse

from ocpi.protocol.datetimes import parse_datetime
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api

pytestmark = [pytest.mark.django_db, pytest.mark.once]

NOWHERE = [
    "/ocpi", "/ocpi/", "/ocpi/nothing", "/ocpi/2.1.1", "/ocpi/2x2x1", "/ocpi/2.2.1x", "/ocpi/2.2.1/tariffs",
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


@pytest.mark.parametrize("path", ["/ocpix", "/ocpiversions", "/OCPI/versions"])
def test_what_only_looks_like_ocpi_is_not(path):
    response = Api()("get", path)
    assert (response.status_code, response["Content-Type"].startswith("application/json")) == (404, False)


def test_the_routes_of_ocpi_leave_every_other_url_reversible():
    """Django refuses to reverse anything while one pattern holds a construct that it cannot read."""
    assert reverse("admin:index") == "/admin/"
