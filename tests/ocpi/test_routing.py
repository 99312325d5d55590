"""Who may send to whom, and what a request addressed to one of our CPOs reaches (OCPI 2.2.1 Message Routing)."""

from typing import Any

import pytest
from django.utils import timezone

from chargepoints.models import ChargePointCommand, ChargingSession, Location
from ocpi import handshake, outbox, parties, pushes
from ocpi.models import Credentials, OutboxMessage, Party, ProfileRequest
from ocpi.protocol.headers import Address
from tests.support import factories as rows
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api, Partner

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names")]

SESSIONS = "/ocpi/2.2.1/sessions"
URL = "https://jed.example/result"
PROFILE = {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 11000}]}
ROLES = [
    {"role": "SCSP", "country_code": "NL", "party_id": "JED"},
    {"role": "EMSP", "country_code": "BE", "party_id": "JE2"},
]


@pytest.fixture
def api() -> Api:
    make.party()
    return Api()


def ends(*, sender: str = "", receiver: str = "") -> dict[str, str]:
    headers = {}
    for end, address in (("from", sender), ("to", receiver)):
        country_code, _, party_id = address.partition("*")
        headers |= {f"OCPI-{end}-country-code": country_code, f"OCPI-{end}-party-id": party_id}
    return headers


def white_label(identity: str = "CP2", cpo: str = "DE*WHT") -> ChargingSession:
    """A session at a Location that is run for another CPO."""
    country_code, _, party_id = cpo.partition("*")
    location = Location.objects.create(name=f"of {cpo}", country_code=country_code, party_id=party_id)
    point = rows.charge_point(identity=identity, location=location, online=False, connection_id=make.CONNECTION,
                              channel_name="process-1")  # fmt: skip
    return make.session(evse=rows.evse(point), ocpp_transaction_id=identity)


def put(api: Api, session: ChargingSession, **headers: str) -> Any:
    body = {"charging_profile": PROFILE, "response_url": URL}
    return api("put", f"/ocpi/2.2.1/chargingprofiles/{session.uid}", body, **headers)


def listed(response: Any) -> list[str]:
    assert (response.status_code, response.json()["status_code"]) == (200, 1000)
    return [item["id"] for item in response.json()["data"]]


# --- who may send to whom -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("receiver", ["NL*XXX", "DE*CPO", "DE*WHT"])
def test_a_receiver_that_is_none_of_our_cpos_is_4001_and_nothing_happens(api, receiver):
    """HTTP stays 200: the message was understood (OCPI 2.2.1 status_codes)."""
    session = make.session()
    with make.no_new(ProfileRequest, ChargePointCommand):
        answers = [api("get", SESSIONS, **ends(receiver=receiver)), put(api, session, **ends(receiver=receiver))]
    for response in answers:
        body = response.json()
        assert (response.status_code, body["status_code"], "data" in body) == (200, 4001, False)
        assert body["status_message"] == f"{receiver} is none of the CPOs on this platform"
        assert response["OCPI-from-party-id"] == receiver.partition("*")[2]


@pytest.mark.parametrize("itself", ["NL*JED", "nl*jed", "BE*JE2"])
def test_a_caller_that_names_itself_as_receiver_is_served_as_if_it_named_none(api, itself):
    """So does the ocpi-tool 1.1.1 of the EV Roaming Foundation with every list it asks for."""
    Credentials.objects.update(roles=ROLES)
    ours, white = make.session("CP1"), white_label()
    response = api("get", SESSIONS, **ends(sender=itself, receiver=itself))
    assert listed(response) == [ours.uid, white.uid]
    assert response["OCPI-to-party-id"] == itself.partition("*")[2]
    assert "OCPI-from-party-id" not in response


def test_a_caller_with_the_id_of_one_of_our_cpos_reaches_that_cpo(api):
    ours, white = make.session("CP1"), white_label(cpo="NL*JED")
    assert listed(api("get", SESSIONS, **ends(receiver="NL*JED"))) == [white.uid]
    assert listed(api("get", SESSIONS, **ends(receiver="NL*CPO"))) == [ours.uid]


def test_a_hub_that_names_a_party_it_forwards_for_as_receiver_is_4001(api):
    Party.objects.update(role="HUB")
    body = api("get", SESSIONS, **ends(sender="FR*ANY", receiver="FR*ANY")).json()
    assert (body["status_code"], "data" in body) == (4001, False)


def test_a_sender_that_is_none_of_the_callers_roles_is_2001_and_nothing_happens(api):
    session = make.session()
    make.party("OTH")
    with make.no_new(ProfileRequest, ChargePointCommand):
        body = put(api, session, **ends(sender="NL*OTH")).json()
    assert (body["status_code"], "data" in body) == (2001, False)
    assert body["status_message"] == "OCPI-from-party-id: NL*OTH is none of the roles of NL*JED"


@pytest.mark.parametrize("sender", ["NL*JED", "nl*jed", "BE*JE2", "be*je2"])
def test_any_role_of_the_platform_may_send_whatever_the_case(api, sender):
    Credentials.objects.update(roles=ROLES)
    assert listed(api("get", SESSIONS, **ends(sender=sender, receiver="nl*cpo"))) == []


def test_a_hub_forwards_for_parties_it_does_not_list(api):
    """OCPI 2.2.1 credentials: a Hub reports only itself as a role."""
    Party.objects.update(role="HUB")
    assert listed(api("get", SESSIONS, **ends(sender="FR*ANY"))) == []


@pytest.mark.parametrize("end", ["from", "to"])
@pytest.mark.parametrize(("country_code", "party_id"), [("NL", ""), ("", "JED"), ("NLD", "JED"), ("NL", "JEDL")])
def test_an_end_that_is_said_but_cannot_be_a_party_is_2001(api, end, country_code, party_id):
    said = {f"OCPI-{end}-country-code": country_code, f"OCPI-{end}-party-id": party_id}
    body = api("get", SESSIONS, **said).json()
    message = f"OCPI-{end}-country-code, OCPI-{end}-party-id: must be a country code and a party id"
    assert (body["status_code"], body["status_message"]) == (2001, message)


@pytest.mark.parametrize("path", ["/ocpi/versions", "/ocpi/2.2.1", "/ocpi/2.2.1/credentials"])
def test_configuration_modules_are_not_routed(api, path):
    response = api("get", path, **ends(sender="FR*ANY", receiver="NL*XXX"))
    assert (response.status_code, response.json()["status_code"]) == (200, 1000)


def test_what_is_said_costs_no_query_more_unless_another_of_our_cpos_is_asked(api, django_assert_num_queries):
    make.session()
    headers = ends(sender="NL*JED", receiver="NL*CPO")
    api("get", SESSIONS, **headers)
    with django_assert_num_queries(4):  # credentials, count, page, charging periods
        api("get", SESSIONS, **headers)


# --- white label ----------------------------------------------------------------------------------------------------


def test_a_request_to_one_of_our_cpos_lists_only_its_sessions(api):
    ours, white = make.session("CP1"), white_label()
    assert listed(api("get", SESSIONS)) == [ours.uid, white.uid]
    assert listed(api("get", SESSIONS, **ends(receiver="DE*WHT"))) == [white.uid]
    assert listed(api("get", SESSIONS, **ends(receiver="NL*CPO"))) == [ours.uid]
    assert api("get", SESSIONS, **ends(receiver="de*wht"))["X-Total-Count"] == "1"


def test_a_location_that_names_only_half_of_its_cpo_has_the_other_half_of_ours(api):
    half = white_label(cpo="*WHT")
    assert listed(api("get", SESSIONS, **ends(receiver="NL*WHT"))) == [half.uid]
    assert listed(api("get", SESSIONS, **ends(receiver="NL*CPO"))) == []


def test_a_session_of_another_of_our_cpos_is_neither_seen_nor_steered(api):
    ours, white = make.session("CP1"), white_label()
    asked_of_white = ends(receiver="DE*WHT")
    assert api("get", f"{SESSIONS}/{ours.uid}", **asked_of_white).status_code == 404
    preferences = api("put", f"{SESSIONS}/{ours.uid}/charging_preferences", {"profile_type": "FAST"}, **asked_of_white)
    assert preferences.status_code == 404
    with make.no_new(ChargePointCommand):
        assert put(api, ours, **asked_of_white).json()["data"]["result"] == "UNKNOWN_SESSION"
    assert put(api, white, **asked_of_white).json()["data"]["result"] == "ACCEPTED"
    assert put(api, ours).json()["data"]["result"] == "ACCEPTED"


def test_our_credentials_name_every_cpo_we_speak_for(settings):
    white_label()
    roles = handshake.our_credentials(token="t")["roles"]
    assert [(r["role"], r["country_code"], r["party_id"], r["business_details"]["name"]) for r in roles] == [
        ("CPO", "NL", "CPO", settings.OCPI_BUSINESS_NAME), ("CPO", "DE", "WHT", "DE*WHT"),
    ]  # fmt: skip


# --- what we send ---------------------------------------------------------------------------------------------------


def sent(partner: Partner) -> tuple[str | None, str | None]:
    headers = partner.requests[-1].routing
    return tuple(headers.get(f"OCPI-{end}-party-id") for end in ("from", "to"))  # type: ignore[return-value]


def test_a_session_is_pushed_from_its_cpo(api, partner: Partner):
    white = white_label()
    pushes.session_changed(white, now=timezone.now())
    outbox.deliver(OutboxMessage.objects.get().pk, now=timezone.now())
    assert sent(partner) == ("WHT", "JED")


@pytest.mark.parametrize(
    ("headers", "expected"), [({}, ("WHT", "JED")), (ends(sender="BE*JE2", receiver="DE*WHT"), ("WHT", "JE2"))]
)
def test_a_result_goes_back_to_the_role_that_asked_from_the_cpo_that_was_asked(
    api, partner: Partner, headers, expected
):
    Credentials.objects.update(roles=ROLES)
    put(api, white_label(), **headers)
    make.finish(ChargePointCommand.objects.get())
    outbox.deliver(OutboxMessage.objects.get(kind="RESULT").pk, now=timezone.now())
    assert sent(partner) == expected


def test_a_changed_plan_goes_to_the_role_that_set_one_last(api, partner: Partner):
    Credentials.objects.update(roles=ROLES)
    white, now = white_label(), timezone.now()
    put(api, white, **ends(sender="BE*JE2"))
    put(api, white, **ends(sender="NL*OTH"))  # refused
    white.profiles.update(ever_accepted=True)
    profile = white.profiles.get()
    pushes.active_profile_changed(profile, make.plan(9000, now=now), now=now)
    outbox.deliver(OutboxMessage.objects.get(kind="ACTIVE_PROFILE").pk, now=timezone.now())
    assert sent(partner) == ("WHT", "JE2")


def test_nothing_is_broadcast_through_a_hub(api, partner: Partner):
    """A request to the Hub itself is a Broadcast Push, not for Sessions (OCPI 2.2.1 transport_and_format)."""
    Party.objects.update(role="HUB")
    pushes.session_changed(make.session(), now=timezone.now())
    outbox.deliver(OutboxMessage.objects.get().pk, now=timezone.now())
    assert sent(partner) == ("CPO", None)


# --- several roles --------------------------------------------------------------------------------------------------


def test_a_registration_names_the_roles_that_may_call_and_an_unregistration_ends_that(partner: Partner):
    party = make.unregistered()
    own = {"role": "SCSP", "country_code": "nl", "party_id": "new", "business_details": {"name": "New"}}
    body = {"token": "token-b", "url": "https://new.example/versions", "roles": [ROLES[1] | {"more": 1}, own]}
    details = {"endpoints": [{"identifier": "sessions", "role": "RECEIVER", "url": "https://new.example/s"}]}
    partner.answers = [make.answered(data=[{"version": "2.2.1", "url": "https://new.example/2.2.1"}]),
                       make.answered(data=details)]  # fmt: skip
    handshake.exchange(party, body, correlation_id="co-1", now=timezone.now())
    spoken_for = [parties.speaks_for(make.credentials(party), Address("BE", "JE2"))]
    handshake.unregister(party)
    assert [*spoken_for, parties.speaks_for(make.credentials(party), Address("BE", "JE2"))] == [True, False]
    assert parties.speaks_for(make.credentials(party), Address("nl", "new"))


# --- locations ------------------------------------------------------------------------------------------------------


def test_a_request_to_one_of_our_cpos_sees_only_its_locations_evses_and_connectors(api):
    ours, white = make.session("CP1"), white_label()
    Location.objects.update(address="Street 1", city="Town", latitude="52.1", longitude="5.1")
    here, there = (f"/ocpi/2.2.1/locations/{s.evse.charge_point.location.uid}" for s in (ours, white))
    asked_of_white = ends(receiver="DE*WHT")
    everywhere = [item["party_id"] for item in api("get", "/ocpi/2.2.1/locations").json()["data"]]
    assert sorted(everywhere) == ["CPO", "WHT"]
    response = api("get", "/ocpi/2.2.1/locations", **asked_of_white)
    assert ([item["party_id"] for item in response.json()["data"]], response["X-Total-Count"]) == (["WHT"], "1")
    for session, place, http_status in ((ours, here, 404), (white, there, 200)):
        paths = (place, f"{place}/{session.evse.uid}", f"{place}/{session.evse.uid}/1")
        assert [api("get", path, **asked_of_white).status_code for path in paths] == [http_status] * 3
