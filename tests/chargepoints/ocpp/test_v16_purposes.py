"""OCPP 1.6: what a charging profile limits, and where it may be."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import jsonschema_rs
import ocpp.v16
import pytest

from chargepoints.ocpp.v16.translation import to_call
from chargepoints.values import ChargingSchedule, ProfilePurpose, RateUnit, SchedulePeriod, SetProfile

pytestmark = pytest.mark.pure

NOW = datetime(2025, 3, 4, 18, 0, 7, tzinfo=UTC)
SCHEMA = Path(ocpp.v16.__file__).parent / "schemas" / "SetChargingProfile.json"
VALIDATOR = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text("utf-8-sig")))
TX, TX_DEFAULT, MAX = ProfilePurpose.TX, ProfilePurpose.TX_DEFAULT, ProfilePurpose.CHARGE_POINT_MAX


def payload(purpose, *, evse_id=0, transaction_id="", start_at=NOW, valid_to=None):
    schedule = ChargingSchedule(RateUnit.AMPERE, (SchedulePeriod(0, Decimal("10.1"), 3),), start_at)
    request = SetProfile(2_000_000_000, 8, evse_id, transaction_id, schedule, purpose=purpose, valid_to=valid_to)
    action, wire = to_call(request)
    assert action == "SetChargingProfile"
    VALIDATOR.validate(json.loads(json.dumps(wire)))
    return wire


def test_the_limit_of_the_whole_charge_point_is_on_connector_0_and_names_no_transaction():
    assert payload(MAX, valid_to=NOW + timedelta(hours=2)) == {
        "connectorId": 0,
        "csChargingProfiles": {
            "chargingProfileId": 2_000_000_000,
            "stackLevel": 8,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Absolute",
            "validTo": "2025-03-04T20:00:07Z",
            "chargingSchedule": {
                "startSchedule": "2025-03-04T18:00:07Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.1, "numberPhases": 3}],
            },
        },
    }


@pytest.mark.parametrize("connector", [0, 2])
def test_a_default_is_on_all_connectors_or_on_one(connector):
    wire = payload(TX_DEFAULT, evse_id=connector)
    assert wire["connectorId"] == connector
    assert wire["csChargingProfiles"]["chargingProfilePurpose"] == "TxDefaultProfile"
    assert {"transactionId", "validTo"} & set(wire["csChargingProfiles"]) == set()


def test_a_default_may_be_relative_to_the_start_of_each_transaction():
    assert payload(TX_DEFAULT, start_at=None)["csChargingProfiles"]["chargingProfileKind"] == "Relative"


def test_only_a_transactions_profile_names_it():
    wire = payload(TX, evse_id=1, transaction_id="4711")
    assert wire["csChargingProfiles"]["transactionId"] == 4711
    assert wire["csChargingProfiles"]["chargingProfilePurpose"] == "TxProfile"


def test_an_end_is_sent_in_utc():
    valid_to = datetime(2025, 3, 4, 21, 0, tzinfo=timezone(timedelta(hours=1)))
    assert payload(TX_DEFAULT, valid_to=valid_to)["csChargingProfiles"]["validTo"] == "2025-03-04T20:00:00Z"


@pytest.mark.parametrize(
    ("purpose", "fields", "why"),
    [
        (MAX, {"evse_id": 1}, "ChargePointMaxProfile cannot be on connector 1"),
        (MAX, {"transaction_id": "4711"}, "ChargePointMaxProfile belongs to no transaction"),
        (MAX, {"start_at": None}, "ChargePointMaxProfile needs a start"),
        (MAX, {"valid_to": NOW.replace(tzinfo=None)}, "time zone"),
        (TX_DEFAULT, {"evse_id": -1}, "TxDefaultProfile cannot be on connector -1"),
        (TX_DEFAULT, {"transaction_id": "4711"}, "TxDefaultProfile belongs to no transaction"),
        (TX, {"transaction_id": "4711"}, "connector 0 is the whole charge point"),
        (TX, {"evse_id": 1}, "transaction id is an integer"),
    ],
)
def test_what_cannot_be_is_refused(purpose, fields, why):
    with pytest.raises(ValueError, match=why):
        payload(purpose, **fields)
