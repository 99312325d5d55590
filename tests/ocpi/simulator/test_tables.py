"""What an object lacks against the table of the specification."""

import pytest

from ocpi.simulator import objects
from ocpi.simulator.session_rules import tolerated
from ocpi.simulator.tables import findings
from tests.ocpi.simulator.fake_cpo import evse, location, session

pytestmark = pytest.mark.pure
PERIOD = {"start_date_time": "2024-05-01T10:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 1.5}]}


def test_what_is_right_has_no_findings():
    assert findings(objects.SESSION, session(charging_periods=[PERIOD])) == []
    assert findings(objects.LOCATION, location()) == []


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"kwh": "1"}, "kwh is '1', no number"),
        ({"kwh": True}, "kwh is True, no number"),
        ({"id": "x" * 37}, "id is longer than 36 characters"),
        ({"id": "é"}, "id is 'é', with more than printable ASCII"),
        ({"status": "active"}, "status is 'active', which the enum does not have"),
        ({"auth_method": "GUESS"}, "auth_method is 'GUESS', which the enum does not have"),
        ({"start_date_time": "2024-05-01T10:00:00+00:00"},
         "start_date_time is '2024-05-01T10:00:00+00:00', no OCPI DateTime"),
        ({"currency": None}, "currency is missing"),
        ({"cdr_token": {"uid": "T", "type": "RFID", "contract_id": "C", "party_id": "T"}},
         "cdr_token.country_code is missing"),
        ({"cdr_token": "T"}, "cdr_token is not an object"),
        ({"charging_periods": [PERIOD, {**PERIOD, "dimensions": []}]},
         "charging_periods.1.dimensions is an empty list"),
        (
            {"charging_periods": [{**PERIOD, "dimensions": [{"type": "POWERS", "volume": 1}]}]},
            "charging_periods.0.dimensions.0.type is 'POWERS', which the enum does not have",
        ),
    ],
)  # fmt: skip
def test_a_finding_names_the_field_and_what_is_wrong(changes, finding):
    assert findings(objects.SESSION, session(**changes)) == [finding]


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"coordinates": {"latitude": "52.1", "longitude": "5.10640"}},
         r"coordinates.latitude is '52.1', which does not match -?[0-9]{1,2}\.[0-9]{5,7}"),
        ({"publish": "yes"}, "publish is 'yes', no boolean"),
        ({"evses": [evse(connectors=[])]}, "evses.0.connectors is an empty list"),
        ({"evses": [evse(capabilities=["FLYING"])]},
         "evses.0.capabilities.0 is 'FLYING', which the enum does not have"),
        ({"evses": {}}, "evses is {}, no list"),
    ],
)  # fmt: skip
def test_a_location_is_judged_down_to_its_connectors(changes, finding):
    assert findings(objects.LOCATION, location(**changes)) == [finding]


def test_a_patch_lacks_nothing_but_its_types_count():
    assert findings(objects.SESSION, {"kwh": 1}, partial=True) == []
    assert findings(objects.SESSION, {"kwh": "1"}, partial=True) == ["kwh is '1', no number"]


def test_a_token_that_is_wrong_is_not_shown():
    credentials = {"token": "a secret", "url": "u", "roles": []}
    assert findings(objects.CREDENTIALS, credentials) == [
        "token is not 1 to 64 printable characters without a space",
        "roles is an empty list",
    ]


def test_an_endless_list_of_mistakes_is_cut():
    assert len(findings(objects.SESSION, session(charging_periods=[1] * 1000))) == 20


# --- sessions that a partner can live with ----------------------------------------------------------------------------


def of_patch(stored, **changes):
    body = {"last_updated": "2024-05-01T10:05:00Z", **changes}
    return [violation.what for violation in tolerated("w", "PATCH", stored, body, version="2.2.1")]


def test_a_charging_period_that_comes_twice_is_a_violation():
    stored = session(charging_periods=[PERIOD])
    assert of_patch(stored, charging_periods=[PERIOD]) == [
        "charging_periods has the one of 2024-05-01T10:00:00Z a second time"
    ]
    assert of_patch(None, charging_periods=[PERIOD]) == []  # not exactly known: read from a list
    assert of_patch(stored, charging_periods=[{**PERIOD, "start_date_time": "2024-05-01T10:05:00Z"}]) == []


@pytest.mark.parametrize(("volume", "wrong"), [(0, []), (100, []), (101, ["STATE_OF_CHARGE of 101"])])
def test_a_state_of_charge_is_a_percentage(volume, wrong):
    period = {**PERIOD, "dimensions": [{"type": "STATE_OF_CHARGE", "volume": volume}]}
    assert of_patch(session(), charging_periods=[period]) == wrong


@pytest.mark.parametrize(("version", "wrong"), [("2.2", 0), ("2.2.1", 2)])
def test_a_token_of_2_2_has_no_owner(version, wrong):
    body = session(cdr_token={"uid": "T", "type": "RFID", "contract_id": "C"})
    assert len(tolerated("w", "PUT", None, body, version=version)) == wrong
