"""Session objects as the specification has them (OCPI 2.2.1 mod_sessions, Session Object; mod_cdrs, CdrToken)."""

import json
from decimal import Decimal
from typing import Any

import pytest

from chargepoints.models import ChargingSession
from ocpi.protocol import documents
from ocpi.v2_2_1.session_objects import session_object
from tests.support import ocpi_factories as make

pytestmark = pytest.mark.django_db


def shown(**fields: Any) -> dict[str, Any]:
    return session_object(make.session(**fields))


def test_a_session_that_has_just_begun():
    session = make.session()
    assert session_object(session) == {
        "country_code": "NL",
        "party_id": "CPO",
        "id": session.uid,
        "start_date_time": "2026-01-05T12:00:00Z",
        "kwh": 0,
        "cdr_token": {
            "country_code": "NL", "party_id": "CPO", "uid": "CARD1", "type": "RFID", "contract_id": "NL-ABC-C1",
        },
        "auth_method": "WHITELIST",
        "location_id": session.charge_point.location.uid,
        "evse_uid": session.evse.uid,
        "connector_id": "1",
        "currency": "EUR",
        "status": "ACTIVE",
        "last_updated": "2026-01-05T12:00:00Z",
    }  # fmt: skip


def test_an_ended_session_has_its_end():
    body = shown(state="COMPLETED", ended_at=make.later(3600.5))
    assert (body["status"], body["end_date_time"]) == ("COMPLETED", "2026-01-05T13:00:00.500Z")


@pytest.mark.parametrize("state", ChargingSession.State.values)
def test_every_state_is_one_of_the_specification(state):
    assert shown(state=state)["status"] in {"ACTIVE", "COMPLETED", "INVALID", "PENDING", "RESERVATION"}


@pytest.mark.parametrize(
    ("kwh", "written"), [("12.5", "12.5"), ("0.0001", "0.0001"), ("7", "7"), ("99999.9999", "99999.9999")]
)
def test_energy_is_a_json_number(kwh, written):
    """OCPI 2.2.1 types, number: never a string."""
    text = documents.dump(shown(kwh=Decimal(kwh))).decode()
    assert f'"kwh":{written},' in text
    assert Decimal(str(json.loads(text, parse_float=Decimal)["kwh"])) == Decimal(kwh)


def test_times_have_at_most_25_characters_and_a_z():
    body = shown(started_at=make.START.replace(microsecond=999_999))
    assert body["start_date_time"] == "2026-01-05T12:00:00.999Z"
    assert len(body["start_date_time"]) <= 25


def test_what_is_not_known_is_said_so():
    """OCPI 2.2.1 transport_and_format, No Data Available."""
    body = shown(id_token="", contract_id="", connector=None)
    assert (body["cdr_token"]["uid"], body["cdr_token"]["contract_id"], body["connector_id"]) == ("#NA", "#NA", "1")


def test_a_driver_without_a_contract_is_named_by_the_token():
    assert shown(contract_id="")["cdr_token"]["contract_id"] == "CARD1"


def test_the_ocpp_side_is_not_told():
    """The evse_uid is ours, random, and never the OCPP identity; the transaction id stays inside."""
    text = json.dumps(shown(identity="SECRET-IDENTITY", ocpp_transaction_id="987654321"))
    assert ("SECRET-IDENTITY" in text, "987654321" in text) == (False, False)


def test_every_text_fits_its_type():
    longest = "x" * 36
    body = shown(id_token=longest, contract_id=longest)
    assert all(len(body[name]) <= 36 for name in ("id", "location_id", "evse_uid", "connector_id"))
    assert (len(body["cdr_token"]["uid"]), len(body["currency"])) == (36, 3)


def test_the_token_is_of_the_party_that_issued_it():
    """OCPI 2.2.1 mod_cdrs, CdrToken: of the eMSP that owns this Token."""
    session = make.session(token_type="APP_USER", token_country_code="DE", token_party_id="ABC")
    token = session_object(session)["cdr_token"]
    assert (token["country_code"], token["party_id"], token["type"]) == ("DE", "ABC", "APP_USER")


def test_the_meter_is_named_where_the_charge_point_told_it():
    session = make.session()
    assert "meter_id" not in session_object(session)
    session.evse.charge_point.meter_serial_number = session.charge_point.meter_serial_number = "M-1"
    assert session_object(session)["meter_id"] == "M-1"


def test_there_is_no_price_and_no_reference_where_there_is_none():
    assert {"total_cost", "authorization_reference", "charging_periods"} & set(shown()) == set()
