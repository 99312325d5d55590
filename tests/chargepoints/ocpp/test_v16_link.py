"""An OCPP 1.6 link: messages become facts for the writer, and are answered after the commit."""

import asyncio
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from chargepoints import inventory, metering, sessions
from chargepoints.ocpp.v16.link import HANDLERS
from chargepoints.ocpp.v16.translation import CAPABILITY_QUESTIONS
from chargepoints.values import (
    AuthorizationStatus,
    StartAnswer,
)
from tests.chargepoints.ocpp.peer import settle
from tests.chargepoints.ocpp.v16_charger import NOW, POINT_ID, Charger

pytestmark = pytest.mark.pure  # the writer is a list here


@pytest.fixture
def charger() -> Charger:
    return Charger()


# --- messages -------------------------------------------------------------------------------------------------------


async def test_a_boot_is_accepted_with_our_time_and_the_heartbeat_interval(charger):
    charger.values[inventory.boot] = 300
    answer = await charger.reports("BootNotification", {"chargePointVendor": "ACME", "chargePointModel": "Wall"})
    assert answer[2] == {"status": "Accepted", "currentTime": "2024-05-01T12:00:00Z", "interval": 300}
    [(function, args, kwargs)] = charger.submitted
    assert (function, args[0], args[1].vendor) == (inventory.boot, POINT_ID, "ACME")
    assert kwargs == {"questions": CAPABILITY_QUESTIONS, "now": NOW}


async def test_a_heartbeat_is_answered_with_our_time_and_writes_nothing(charger):
    answer = await charger.reports("Heartbeat", {})
    assert answer[2] == {"currentTime": "2024-05-01T12:00:00Z"}
    assert charger.submitted == []


async def test_a_status_becomes_facts(charger):
    payload = {"connectorId": 2, "errorCode": "NoError", "status": "Charging", "timestamp": "2024-05-01T11:59:00Z"}
    assert (await charger.reports("StatusNotification", payload))[2] == {}
    facts = charger.facts(inventory.status)
    assert (facts.evse_id, facts.status, facts.reported_at) == (2, "Charging", NOW - timedelta(minutes=1))


async def test_an_authorization_is_answered_with_the_tokens_state(charger):
    charger.values[sessions.authorize] = AuthorizationStatus.BLOCKED
    answer = await charger.reports("Authorize", {"idTag": " CARD "})
    assert answer[2] == {"idTagInfo": {"status": "Blocked"}}
    assert charger.submitted == [(sessions.authorize, ("CARD",), {})]


async def test_a_start_is_answered_with_our_transaction_id(charger):
    charger.values[sessions.start] = StartAnswer("4711", AuthorizationStatus.ACCEPTED)
    payload = {"connectorId": 1, "idTag": "CARD", "meterStart": 1000, "timestamp": "2024-05-01T12:00:00Z"}
    answer = await charger.reports("StartTransaction", payload)
    assert answer[2] == {"transactionId": 4711, "idTagInfo": {"status": "Accepted"}}
    facts = charger.facts(sessions.start)
    assert (facts.evse_id, facts.id_token, facts.meter_start_wh, facts.started_at) == (1, "CARD", 1000, NOW)


async def test_a_refused_start_gets_a_transaction_id_all_the_same(charger):
    charger.values[sessions.start] = StartAnswer("4711", AuthorizationStatus.INVALID)
    payload = {"connectorId": 1, "idTag": "CARD", "meterStart": 1000, "timestamp": "2024-05-01T12:00:00Z"}
    answer = await charger.reports("StartTransaction", payload)
    assert answer[2] == {"transactionId": 4711, "idTagInfo": {"status": "Invalid"}}


async def test_a_start_of_1970_has_no_time_of_its_own(charger):
    charger.values[sessions.start] = StartAnswer("4711", AuthorizationStatus.ACCEPTED)
    payload = {"connectorId": 1, "idTag": "CARD", "meterStart": 1000, "timestamp": "1970-01-01T00:00:10Z"}
    assert (await charger.reports("StartTransaction", payload))[0] == 3
    assert charger.facts(sessions.start).started_at is None


async def test_meter_values_become_readings(charger):
    sampled = [{"value": "1.5", "unit": "kWh"}]
    payload = {
        "connectorId": 1, "transactionId": 4711,
        "meterValue": [{"timestamp": "2024-05-01T12:00:00Z", "sampledValue": sampled}],
    }  # fmt: skip
    assert (await charger.reports("MeterValues", payload))[2] == {}
    facts = charger.facts(metering.meter)
    assert (facts.transaction_id, [r.energy_wh for r in facts.readings]) == ("4711", [Decimal(1500)])


@pytest.mark.parametrize(
    ("status", "answer"), [(AuthorizationStatus.ACCEPTED, {"idTagInfo": {"status": "Accepted"}}), (None, {})]
)
async def test_a_stop_is_answered_with_the_tokens_state_if_it_named_one(charger, status, answer):
    charger.values[sessions.stop] = status
    payload = {"transactionId": 4711, "meterStop": 5000, "timestamp": "2024-05-01T12:00:00Z", "reason": "Remote"}
    assert (await charger.reports("StopTransaction", payload))[2] == answer
    facts = charger.facts(sessions.stop)
    assert (facts.transaction_id, facts.meter_stop_wh, facts.reason) == ("4711", 5000, "Remote")


@pytest.mark.parametrize(
    ("action", "payload", "function"),
    [
        ("FirmwareStatusNotification", {"status": "Installed"}, inventory.firmware_status),
        ("SignedFirmwareStatusNotification", {"status": "Installed"}, inventory.firmware_status),
        ("DiagnosticsStatusNotification", {"status": "Uploaded"}, inventory.diagnostics_status),
        ("LogStatusNotification", {"status": "Uploaded"}, inventory.diagnostics_status),
    ],
)
async def test_the_progress_of_firmware_and_logs_is_kept(charger, action, payload, function):
    assert (await charger.reports(action, payload))[2] == {}
    assert charger.facts(function) == payload["status"]


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("DataTransfer", {"vendorId": "acme"}, {"status": "UnknownVendorId"}),
        ("SecurityEventNotification", {"type": "Boot", "timestamp": "2024-05-01T12:00:00Z"}, {}),
        ("SignCertificate", {"csr": "-"}, {"status": "Rejected"}),
    ],
)
async def test_what_this_product_does_not_do_is_answered_and_writes_nothing(charger, action, payload, answer):
    assert (await charger.reports(action, payload))[2] == answer
    assert charger.submitted == []


async def test_a_message_that_only_a_central_system_sends_is_refused(charger):
    assert (await charger.reports("Reset", {"type": "Soft"}))[2] == "NotSupported"
    assert charger.submitted == []


async def test_a_message_without_which_it_means_nothing_names_the_field(charger):
    payload = {"connectorId": -1, "idTag": "CARD", "meterStart": 1000, "timestamp": "2024-05-01T12:00:00Z"}
    answer = await charger.reports("StartTransaction", payload)
    assert (answer[0], answer[2]) == (4, "PropertyConstraintViolation")
    assert "connectorId" in answer[3]
    assert charger.submitted == []


async def test_nothing_is_answered_before_the_commit(charger):
    charger.commit = asyncio.Event()
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    await charger.says(2, "m1", "StatusNotification", status)
    assert (len(charger.submitted), charger.frames) == (1, [])
    charger.commit.set()
    await settle()
    assert charger.frames == [[3, "m1", {}]]


async def test_what_could_not_be_committed_is_not_confirmed(charger):
    charger.values[inventory.status] = ConnectionError("the database is away")
    answer = await charger.reports(
        "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    )
    assert (answer[0], answer[2]) == (4, "InternalError")
    assert "database" not in json.dumps(answer)


async def test_a_message_sent_again_is_answered_again_without_being_recorded_again(charger):
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    await charger.says(2, "m1", "StatusNotification", status)
    await charger.says(2, "m1", "StatusNotification", status)
    assert charger.frames == [[3, "m1", {}], [3, "m1", {}]]
    assert len(charger.submitted) == 1


def test_every_message_of_a_charge_point_has_a_handler():
    assert set(HANDLERS) >= {
        "Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification",
        "FirmwareStatusNotification", "Heartbeat", "MeterValues", "StartTransaction", "StatusNotification",
        "StopTransaction",
    }  # fmt: skip


# --- its clock ------------------------------------------------------------------------------------------------------


async def stamp(charger, seconds: int) -> int | None:
    time = (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": time}
    await charger.reports("StatusNotification", status)
    return charger.link.clock_skew_s


async def test_the_clock_skew_is_the_highest_of_a_connection_because_late_messages_only_lower_it(charger):
    assert charger.link.clock_skew_s is None
    assert [await stamp(charger, seconds) for seconds in (-40, -7, -900)] == [-40, -7, -7]


async def test_a_message_without_a_time_says_nothing_of_the_clock(charger):
    await charger.reports("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
    assert charger.link.clock_skew_s is None
