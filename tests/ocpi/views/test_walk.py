"""A second partner walks over every endpoint and finds nothing of the first."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, Evse
from ocpi.models import Credentials, OutboxMessage, Party, ProfileRequest, RequestBucket
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api, Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names")]

RESPONSE_URL = "https://oth.example/result"
PROFILE = {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 11000}]}
BODY = {"charging_profile": PROFILE, "response_url": RESPONSE_URL, "profile_type": "FAST"}
METHODS = ["get", "post", "put", "patch", "delete"]


def ocpi_paths() -> Iterator[str]:
    """Every route below /ocpi, from the URL configuration itself."""
    (root,) = (p for p in get_resolver().url_patterns if isinstance(p, URLResolver) and "ocpi" in str(p.pattern))
    yield from _paths(root, "")


def _paths(resolver: URLResolver, before: str) -> Iterator[str]:
    prefix = before + str(resolver.pattern)
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern)
        else:
            yield from _paths(pattern, prefix)


def path_of(route: str, session: ChargingSession | None) -> str:
    """To what is the first partner's."""
    ids = {"session_id": "ID", "location_id": "LOC", "evse_uid": "EVSE", "connector_id": "1"}
    if session:
        location = session.evse.charge_point.location
        ids |= {"session_id": session.uid, "location_id": location.uid, "evse_uid": session.evse.uid}
    plain = re.sub(r"\(\?P<(\w+)>.*?\)", lambda found: ids[found[1]], route)
    plain = re.sub(r"\(\?.*\)\?", "/nothing", plain)
    return "/" + plain.replace("^", "").replace("/?$", "").replace("$", "").replace("\\", "")


@pytest.fixture
def first() -> ChargingSession:
    """The first partner's session, with a profile, a request and messages."""
    owner, session = make.party(), make.session(id_token="FIRSTS-CARD", contract_id="FIRSTS-CONTRACT")
    make.share_only(of=owner, evses=[session.evse])
    Evse.objects.filter(pk=session.evse_id).update(evse_id="NL*CPO*E1")
    make.finish(make.accepted(owner, session).command)
    session.evse.refresh_from_db()
    return session


@pytest.fixture
def second() -> Party:
    other = make.session("CP2", ocpp_transaction_id="4712", id_token="SECONDS-CARD")
    party = make.party("OTH")
    make.share_only(of=party, evses=[other.evse])
    return party


def secrets_of(session: ChargingSession) -> list[str]:
    """The location is shared by both charge points."""
    evse_id = session.evse.evse_id
    return [session.uid, session.id_token, session.contract_id, session.evse.uid, evse_id, "bound-JED", "jed.example"]


def rows() -> Any:
    return make.snapshot(ChargingSession, ChargingProfile, ChargePointCommand, OutboxMessage)


def walk(api: Api, session: ChargingSession, token: str) -> Iterator[tuple[str, str, Any]]:
    for route in ocpi_paths():
        path = path_of(route, session)
        if path == "/ocpi/schema":
            continue  # the same for everybody: tests/ocpi/test_openapi.py
        for method in METHODS:
            if token.startswith("inbound-") and path.endswith("credentials") and method == "delete":
                continue  # its own: it would end the walk
            query = f"?duration=60&response_url={RESPONSE_URL}"
            yield method, path, api(method, path + query, BODY if method in {"post", "put", "patch"} else None)


def test_the_routes_are_all_walked():
    paths = [path_of(route, None) for route in ocpi_paths()]
    modules = [
        "", "/credentials", "/sessions", "/sessions/ID", "/sessions/ID/charging_preferences", "/locations",
        "/locations/LOC", "/locations/LOC/EVSE", "/locations/LOC/EVSE/1", "/chargingprofiles/ID",
    ]  # fmt: skip
    of_versions = [f"/ocpi/{version}{module}" for version in ("2.2.1", "2.2") for module in modules]
    assert paths == ["/ocpi/versions", "/ocpi/schema", *of_versions, "/ocpi/nothing"]


def test_a_second_partner_sees_and_changes_nothing_of_the_first(first, second, partner: Partner):
    partner.answers = [answered(500, ocpi=None)] * 9
    hidden, before = secrets_of(first), rows()
    results = {}
    for method, path, response in walk(Api("inbound-OTH"), first, "inbound-OTH"):
        text = response.content.decode() + str(dict(response.headers))
        assert [secret for secret in hidden if secret in text] == [], (method, path)
        if "chargingprofiles" in path and response.status_code == 200:
            body = response.json()
            results[method] = (body["data"]["result"], body["status_message"].partition(":")[0])
    assert rows() == before
    assert results == dict.fromkeys(("get", "put", "delete"), ("REJECTED", "session_not_shared"))
    assert set(ProfileRequest.objects.filter(party=second).values_list("response", flat=True)) == {"REJECTED"}
    assert not RequestBucket.objects.filter(key__startswith=f"party:{second.pk}").exists()


def test_every_endpoint_that_is_walked_has_something_to_show_its_own_partner(first, partner: Partner):
    """Nothing is seen by a second partner for another reason than that it is the first one's: a new endpoint must be
    reached here, with data that `tests.support.conformance` knows."""
    Party.objects.filter(party_id="JED").update(allowed_hosts=["oth.example"])
    partner.answers = [answered(500, ocpi=None)] * 9
    paths, shown = set(), set()
    for _, path, response in walk(Api("inbound-JED"), first, "inbound-JED"):
        paths.add(path)
        if response.status_code == 200 and response.json()["status_code"] == 1000 and "data" in response.json():
            shown.add(path)
    assert paths - shown == {"/ocpi/nothing"}


def test_what_names_a_session_of_the_first_partner_is_missing_to_the_second(first, second, partner: Partner):
    partner.answers = [answered(500, ocpi=None)] * 9
    for method, path, response in walk(Api("inbound-OTH"), first, "inbound-OTH"):
        if first.uid in path and "chargingprofiles" not in path:
            assert response.status_code in {404, 405}, (method, path)


@pytest.mark.once
@pytest.mark.parametrize("token", ["", "unknown", "inbound-OFF"], ids=["none", "unknown", "switched off"])
def test_nobody_gets_anywhere(first, token, partner: Partner):
    make.party("OFF", enabled=False)
    before = rows() + make.snapshot(Party, Credentials, ProfileRequest)
    api = Api(token)
    api.token = token
    for method, path, response in walk(api, first, token):
        assert response.status_code in ({404} if path == "/ocpi/nothing" else {401}), (method, path)
        assert "data" not in response.json()
    assert rows() + make.snapshot(Party, Credentials, ProfileRequest) == before
    assert partner.requests == []


@pytest.mark.once
def test_token_a_opens_versions_and_credentials_only(first, partner: Partner):
    """OCPI 2.2.1 credentials, Registration."""
    make.unregistered()
    opened = {path for _, path, response in walk(Api("first-NEW"), first, "first-NEW") if response.status_code == 200}
    of_versions = {f"/ocpi/{version}{module}" for version in ("2.2.1", "2.2") for module in ("", "/credentials")}
    assert opened == {"/ocpi/versions", *of_versions}
