"""OCPI 2.2 beside 2.2.1: the same endpoints, for parties pinned to it; only what differs is written otherwise."""

from typing import Any

import pytest
from django.urls import get_resolver
from django.utils import timezone

from chargepoints.models import Location
from ocpi import handshake, outbox, pushes
from ocpi.models import OutboxMessage, Party, ProfileRequest
from ocpi.protocol.errors import OcpiError
from ocpi.versions import WRITERS
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api, Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names")]

BODY = {
    "token": "token-b", "url": "https://new.example/versions",
    "roles": [{"role": "SCSP", "country_code": "NL", "party_id": "NEW", "business_details": {"name": "New"}}],
}  # fmt: skip


@pytest.fixture
def api() -> Api:
    make.party()
    return Api()


def offered(*versions: str) -> Any:
    return answered(data=[{"version": version, "url": f"https://new.example/{version}"} for version in versions])


def details(version: str) -> Any:
    url = f"https://new.example/{version}/sessions"
    return answered(
        data={"version": version, "endpoints": [{"identifier": "sessions", "role": "RECEIVER", "url": url}]}
    )


@pytest.mark.once
def test_a_party_can_be_pinned_to_exactly_the_versions_we_write():
    assert list(WRITERS) == Party.Version.values == ["2.2.1", "2.2"]


@pytest.mark.once
def test_every_version_has_the_same_endpoints(api):
    found = {version: api("get", f"/ocpi/{version}").json()["data"] for version in WRITERS}
    assert found["2.2"]["version"] == "2.2"
    as_newest = [e | {"url": e["url"].replace("/2.2/", "/2.2.1/")} for e in found["2.2"]["endpoints"]]
    assert as_newest == found["2.2.1"]["endpoints"] != found["2.2"]["endpoints"]


def test_the_cdr_token_of_2_2_does_not_say_whose_it_is_and_nothing_else_differs(api):
    """OCPI 2.2.1 changelog, Changes between OCPI 2.2 and 2.2.1: CdrToken."""
    session = make.session()
    newest = api("get", f"/ocpi/2.2.1/sessions/{session.uid}").json()["data"]
    older = api("get", f"/ocpi/2.2/sessions/{session.uid}").json()["data"]
    assert set(newest["cdr_token"]) - set(older["cdr_token"]) == {"country_code", "party_id"}
    token = newest["cdr_token"] | older["cdr_token"]
    assert older | {"cdr_token": token} == newest
    assert api("get", "/ocpi/2.2/sessions").json()["data"] == [older]


def test_a_profile_is_set_through_either_version(api):
    session = make.session()
    profile = {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 11000}]}
    body = {"charging_profile": profile, "response_url": "https://jed.example/r"}
    response = api("put", f"/ocpi/2.2/chargingprofiles/{session.uid}", body)
    assert response.json()["data"]["result"] == ProfileRequest.objects.get().response == "ACCEPTED"


@pytest.mark.parametrize("version", ["2.2.1", "2.2"])
def test_pushes_are_written_in_the_version_of_the_party(partner: Partner, version):
    partner.version = version
    make.party(version=version)
    pushes.session_changed(make.session(), now=timezone.now())
    outbox.deliver(OutboxMessage.objects.get().pk, now=timezone.now())
    assert ("party_id" in partner.bodies[0]["cdr_token"]) is (version == "2.2.1")


@pytest.mark.parametrize("version", ["2.2.1", "2.2"])
def test_the_handshake_takes_the_version_the_party_is_pinned_to(partner: Partner, version):
    party = make.unregistered(version=version)
    partner.answers = [offered("2.1.1", "2.2", "2.2.1"), details(version)]
    handshake.exchange(party, BODY, correlation_id="co", now=timezone.now())
    assert partner.calls[1] == ("GET", f"https://new.example/{version}")
    assert party.endpoints.get().url == f"https://new.example/{version}/sessions"


@pytest.mark.parametrize(("version", "other"), [("2.2.1", "2.2"), ("2.2", "2.2.1")])
def test_a_peer_that_does_not_offer_it_is_3002_and_nothing_is_kept(partner: Partner, version, other):
    party = make.unregistered(version=version)
    partner.answers = [offered(other)]
    with pytest.raises(OcpiError, match=f"offers {other}, and not {version}$") as error:
        handshake.exchange(party, BODY, correlation_id="co", now=timezone.now())
    assert (error.value.status_code, party.endpoints.count(), make.credentials(party).outbound_token) == (3002, 0, "")


@pytest.mark.once
@pytest.mark.parametrize(("phases", "power_type", "older"), [(1, "AC_1_PHASE", "AC_1_PHASE"),
                                                             (2, "AC_2_PHASE", "AC_1_PHASE"),
                                                             (3, "AC_3_PHASE", "AC_3_PHASE")])  # fmt: skip
def test_two_phases_are_unknown_to_2_2_and_nothing_else_of_a_location_differs(api, phases, power_type, older):
    """OCPI 2.2.1 changelog, Changes between OCPI 2.2 and 2.2.1: PowerType."""
    evse = make.session().evse
    Location.objects.update(address="Street 1", city="Town", latitude="52.1", longitude="5.1")
    type(evse).objects.update(phases=phases)
    place = f"locations/{evse.charge_point.location.uid}"
    for path in (f"{place}/{evse.uid}/1", f"{place}/{evse.uid}", place, "locations"):
        newest, old = (api("get", f"/ocpi/{v}/{path}").content.decode().rpartition('"timestamp"')[0] for v in WRITERS)
        assert newest.count(power_type) == 1
        assert newest.replace(power_type, older) == old


@pytest.mark.once
def test_a_url_of_one_version_never_leads_into_another():
    for version in WRITERS:
        match = get_resolver().resolve(f"/ocpi/{version}/sessions")
        assert match.func.initkwargs == {"version": version}
