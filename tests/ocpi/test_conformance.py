"""What we send and answer is OCPI 2.2.1 to an independent model; the specification's own examples are read.

All requests and answers that the tests of `ocpi` make, and what the flow tests wait for, go through the same checks
(`tests.support.conformance`): here is what they are worth, and what no other test makes.
"""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpi_types import v2_2_1 as model

from chargepoints.models import ChargePoint, ChargingSession, Connector, DriverToken, Evse, Location
from ocpi.models import ChargingPeriod
from ocpi.simulator.session_rules import SessionKey, patch_session, put_session
from ocpi.v2_2_1 import translation
from ocpi.v2_2_1.session_objects import session_object
from tests.support import conformance
from tests.support import ocpi_factories as make
from tests.support.conformance import Nonconforming, as_read, check_object
from tests.support.ocpi_factories import START, Api, Partner, answered

FIXTURES = Path(__file__).parents[1] / "fixtures/ocpi"
EXAMPLES = json.loads((FIXTURES / "specification_examples.json").read_text())
JEDLIX = json.loads((FIXTURES / "jedlix_set_charging_profile.json").read_text())
SHORT_SESSION = EXAMPLES["session_example_2_short_finished"]
KEY = SessionKey("BE", "BEC", "101")


# --- the specification's examples -----------------------------------------------------------------------------------


@pytest.mark.pure
@pytest.mark.parametrize("name", ["session_example_1_simple_start", "session_example_2_short_finished"])
def test_its_sessions_are_sessions_to_the_model_and_to_our_partner(name):
    example = EXAMPLES[name]
    check_object(model.Session, example)
    key = SessionKey(example["country_code"], example["party_id"], example["id"])
    assert put_session(None, example, key) == example


@pytest.mark.pure
@pytest.mark.parametrize("name", ["session_patch_example_charging_period", "session_patch_example_total_cost"])
def test_its_patches_are_patches_to_the_model_and_to_our_partner(name):
    """mod_sessions, PATCH Method: charging periods are added."""
    example = EXAMPLES[name]
    conformance.check_request("PATCH", "https://www.server.com/ocpi/cpo/2.2.1/sessions/NL/TNM/101", example)
    stored = {**SHORT_SESSION, "status": "ACTIVE", "kwh": 1}
    patched = patch_session(stored, example, KEY)
    added = example.get("charging_periods", [])
    assert patched["charging_periods"] == SHORT_SESSION["charging_periods"] + added


@pytest.mark.pure
def test_its_versions_and_credentials_are_those_of_the_model():
    for name in ("credentials_example", "credentials_example2"):
        check_object(model.Credentials, EXAMPLES[name])
    for name in ("version_details_example", "version_details_example2"):
        check_object(model.VersionDetails, EXAMPLES[name])
    conformance.check_data("/ocpi/versions", EXAMPLES["versions_info_example"])


@pytest.mark.django_db
@pytest.mark.usefixtures("enqueued", "public_names")
@pytest.mark.parametrize("name", ["credentials_example", "credentials_example2"])
def test_a_partner_registers_with_its_credentials_and_versions(partner: Partner, name):
    make.unregistered("EXA", role="CPO")
    sessions = {"identifier": "sessions", "role": "RECEIVER", "url": "https://example.com/ocpi/2.2/sessions"}
    details = EXAMPLES["version_details_example"]
    known = {**details, "endpoints": [*details["endpoints"], sessions]}
    partner.answers = [answered(data=EXAMPLES["versions_info_example"]), answered(data=known)]
    response = Api("first-EXA")("post", "/ocpi/2.2.1/credentials", EXAMPLES[name])
    assert response.json()["status_code"] == 1000
    assert partner.calls[1] == ("GET", "https://www.server.com/ocpi/2.2.1")


@pytest.mark.pure
def test_a_partners_sample_of_a_charging_profile_is_one_to_the_model_and_to_us():
    """The specification has no example of its own."""
    check_object(model.SetChargingProfile, JEDLIX)
    schedule, response_url = translation.parse_set_charging_profile(JEDLIX)
    assert ([period.limit for period in schedule.periods], response_url) == ([22000, 0, 10000], JEDLIX["response_url"])


# --- ours -----------------------------------------------------------------------------------------------------------

KWH = st.decimals(0, 99_999, places=4)
PERIODS = st.lists(
    st.builds(
        ChargingPeriod,
        started_at=st.just(START),
        ended_at=st.integers(300, 10**6).map(lambda seconds: START + timedelta(seconds=seconds)),
        kwh=KWH,
        charging_s=st.decimals(0, 300, places=3),
        power_w=st.none() | st.decimals(-50_000, 400_000, places=1),
        current_a=st.none() | st.decimals(-100, 2_000, places=2),
        soc_percent=st.none() | st.decimals(0, 100, places=1),
    ),
    max_size=5,
)


@pytest.mark.pure
@given(
    kwh=KWH,
    state=st.sampled_from(ChargingSession.State.values),
    token_type=st.sampled_from(DriverToken.Type.values),
    auth_method=st.sampled_from(["WHITELIST", "COMMAND"]),
    uid=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=36),
    ended=st.none() | st.integers(0, 10**7),
    issuer=st.sampled_from([("", ""), ("DE", "ABC")]),
    meter=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=255),
    connector=st.booleans(),
    periods=PERIODS,
)
def test_whatever_a_session_is_it_is_one_to_the_model(
    kwh, state, token_type, auth_method, uid, ended, issuer, meter, connector, periods
):
    point = ChargePoint(location=Location(name="L"), meter_serial_number=meter)
    evse = Evse(charge_point=point, ocpp_evse_id=1)
    session = ChargingSession(
        charge_point=point, evse=evse, connector=Connector(evse=evse, ocpp_connector_id=2) if connector else None,
        kwh=kwh, state=state, token_type=token_type, auth_method=auth_method, id_token=uid, started_at=START,
        ended_at=None if ended is None else START + timedelta(milliseconds=ended), last_updated=START,
        token_country_code=issuer[0], token_party_id=issuer[1],
    )  # fmt: skip
    check_object(model.Session, as_read(session_object(session, periods)))


# --- what the checks are worth --------------------------------------------------------------------------------------

WRONG: list[dict[str, Any]] = [
    {"kwh": "41.12"},
    {"kwh": None},
    {"status": "RESERVED"},
    {"auth_method": "whitelist"},
    {"start_date_time": "2015-06-29T22:39:09+00:00"},
    {"last_updated": "2015-06-29T22:39:09.123456Z"},
    {"last_updated": 1435617557},
    {"id": "x" * 37},
    {"country_code": "BEL"},
    {"currency": ""},
    {"evse_uid": "é"},
    {"charging_periods": [{"start_date_time": "2015-06-29T22:39:09Z", "dimensions": []}]},
    {"charging_periods": [{"start_date_time": "2015-06-29T22:39:09Z", "dimensions": [{"type": "KWH", "volume": 1}]}]},
    {"charging_periods": [{"start_date_time": "2015-06-29T22:39:09Z", "dimensions": [{"type": "ENERGY"}]}]},
    {"cdr_token": {"uid": "1", "type": "RFID", "contract_id": "C"}},
    {"charging_preferences": {"profile_type": "FAST"}},
]


@pytest.mark.pure
@pytest.mark.parametrize("change", WRONG, ids=json.dumps)
def test_what_is_wrong_in_a_session_is_found(change):
    with pytest.raises(Nonconforming):
        check_object(model.Session, {**SHORT_SESSION, **change})


PROFILE = {"start_date_time": "2026-01-05T12:00:00Z", "charging_profile": JEDLIX["charging_profile"]}
PUT_PROFILE = ("PUT", "https://jed.example/profiles/1")
PERIOD = {"start_period": 0, "limit": 6}


def profile(unit: str, periods: Any) -> dict[str, Any]:
    return {**PROFILE, "charging_profile": {"charging_rate_unit": unit, "charging_profile_period": periods}}


@pytest.mark.pure
@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("PATCH", "https://jed.example/sessions/NL/CPO/1", {"kwh": 1}),
        ("PUT", "https://jed.example/sessions/NL/CPO/1", {"last_updated": "2026-01-05T12:00:00Z"}),
        ("POST", "https://jed.example/result", {"result": "TIMEOUT"}),
        ("POST", "https://jed.example/result", {"data": {"result": "ACCEPTED"}, "status_code": 1000}),
        ("POST", "https://jed.example/result", {"result": "ACCEPTED", "profile": {}}),
        ("PUT", "https://jed.example/other/1", {"x": 1}),
        ("POST", "https://jed.example/result", None),
        (*PUT_PROFILE, JEDLIX["charging_profile"]),
        (*PUT_PROFILE, profile("KW", [PERIOD])),
        (*PUT_PROFILE, profile("W", PERIOD)),
        (*PUT_PROFILE, profile("A", [{**PERIOD, "limit": 6.25}])),
        (*PUT_PROFILE, profile("A", [{**PERIOD, "start_period": "0"}])),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_request_is_found(method, url, body):
    conformance.check_request(*PUT_PROFILE, PROFILE)
    with pytest.raises(Nonconforming):
        conformance.check_request(method, url, body)


@pytest.mark.pure
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/ocpi/versions", {"version": "2.2.1", "url": "https://cpo.example"}),
        ("/ocpi/2.2.1/sessions", [{**SHORT_SESSION, "kwh": "1"}]),
        ("/ocpi/2.2.1/sessions/1/charging_preferences", "REJECTED"),
        ("/ocpi/2.2.1/chargingprofiles/1", {"result": "ACCEPTED"}),
        ("/ocpi/2.2.1/novelty", {}),
    ],
)
def test_what_is_wrong_in_an_answer_is_found(path, data):
    with pytest.raises(Nonconforming):
        conformance.check_data(path, data)


@pytest.mark.pure
def test_decimals_are_checked_as_they_are_read():
    conformance.check_request(
        "PUT", "https://x.example/sessions/BE/BEC/101", {**SHORT_SESSION, "kwh": Decimal("41.12")}
    )
