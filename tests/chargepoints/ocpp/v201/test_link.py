"""An OCPP 2.0.1 link: messages become facts for the writer, and are answered after the commit."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from chargepoints import inventory, metering, observation, sessions, transaction_events
from chargepoints.ocpp.schemas import Schemas
from chargepoints.ocpp.v201.device_model import CAPABILITY_QUESTIONS
from chargepoints.ocpp.v201.link import HANDLERS
from chargepoints.values import AuthorizationStatus, ProblemFacts, TransactionStep
from tests.chargepoints.ocpp.peer import settle
from tests.chargepoints.ocpp.v16_charger import NOW, POINT_ID
from tests.chargepoints.ocpp.v201 import messages
from tests.chargepoints.ocpp.v201.charger import Charger
from tests.chargepoints.ocpp.v201.messages import STAMP, event, transaction

pytestmark = pytest.mark.pure  # the writer is a list here


@pytest.fixture
def charger() -> Charger:
    return Charger()


def sent_only_by_a_csms() -> set[str]:
    return {
        "CancelReservation", "CertificateSigned", "ChangeAvailability", "ClearCache", "ClearChargingProfile",
        "ClearDisplayMessage", "ClearVariableMonitoring", "CostUpdated", "CustomerInformation", "DeleteCertificate",
        "GetBaseReport", "GetChargingProfiles", "GetCompositeSchedule", "GetDisplayMessages",
        "GetInstalledCertificateIds", "GetLocalListVersion", "GetLog", "GetMonitoringReport", "GetReport",
        "GetTransactionStatus", "GetVariables", "InstallCertificate", "PublishFirmware", "RequestStartTransaction",
        "RequestStopTransaction", "ReserveNow", "Reset", "SendLocalList", "SetChargingProfile", "SetDisplayMessage",
        "SetMonitoringBase", "SetMonitoringLevel", "SetNetworkProfile", "SetVariableMonitoring", "SetVariables",
        "TriggerMessage", "UnlockConnector", "UnpublishFirmware", "UpdateFirmware",
    }  # fmt: skip


def test_every_message_of_a_charge_point_has_a_handler_and_no_other():
    known = Schemas.for_version("2.0.1")._sources
    actions = {name.removesuffix("Request") for name in known if name.endswith("Request")}
    assert set(HANDLERS) == actions - sent_only_by_a_csms()


async def test_a_message_that_only_a_csms_sends_is_refused(charger):
    assert (await charger.reports("Reset", {"type": "OnIdle"}))[2] == "NotSupported"
    assert charger.submitted == []


# --- provisioning, authorisation ------------------------------------------------------------------------------------


async def test_a_boot_is_accepted_with_our_time_and_the_heartbeat_interval(charger):
    charger.values[inventory.boot] = 300
    answer = await charger.reports("BootNotification", messages.BOOT)
    assert answer[2] == {"status": "Accepted", "currentTime": STAMP, "interval": 300}
    [(function, args, kwargs)] = charger.submitted
    assert (function, args[0], args[1].vendor) == (inventory.boot, POINT_ID, "ACME")
    assert kwargs == {"questions": CAPABILITY_QUESTIONS, "now": NOW}


async def test_a_boot_for_a_reason_nobody_knows_is_accepted(charger):
    charger.values[inventory.boot] = 300
    assert (await charger.reports("BootNotification", messages.BOOT | {"reason": "Moonrise"}))[0] == 3


async def test_a_heartbeat_is_answered_with_our_time_and_writes_nothing(charger):
    assert (await charger.reports("Heartbeat", {}))[2] == {"currentTime": STAMP}
    assert charger.submitted == []


async def test_an_authorization_is_answered_with_the_tokens_state(charger):
    charger.values[sessions.authorize] = AuthorizationStatus.BLOCKED
    answer = await charger.reports("Authorize", {"idToken": messages.CARD})
    assert answer[2] == {"idTokenInfo": {"status": "Blocked"}}
    assert charger.submitted == [(sessions.authorize, ("CARD",), {})]


async def test_a_charge_point_that_asks_nobody_may_charge(charger):
    answer = await charger.reports("Authorize", {"idToken": {"idToken": "", "type": "NoAuthorization"}})
    assert answer[2] == {"idTokenInfo": {"status": "Accepted"}}


async def test_a_certificate_that_cannot_be_verified_authorises_nobody(charger):
    charger.values[sessions.authorize] = AuthorizationStatus.ACCEPTED
    answer = await charger.reports("Authorize", {"idToken": messages.CARD, "certificate": "PEM"})
    assert answer[2] == {"idTokenInfo": {"status": "Invalid"}, "certificateStatus": "CertChainError"}
    assert charger.submitted == []


# --- transactions ---------------------------------------------------------------------------------------------------


async def test_a_transaction_event_becomes_facts_and_its_token_is_answered(charger):
    charger.values[transaction_events.take] = AuthorizationStatus.INVALID
    answer = await charger.reports("TransactionEvent", messages.TRANSACTION)
    assert answer[2] == {"idTokenInfo": {"status": "Unknown"}}
    facts = charger.facts(transaction_events.take)
    assert (facts.step, facts.transaction_id, facts.id_token) == (TransactionStep.STARTED, "a1b2-TX", "CARD")


async def test_an_event_without_a_token_is_answered_without_one(charger):
    assert (await charger.reports("TransactionEvent", transaction(eventType="Updated", idToken=None)))[2] == {}


async def test_an_event_of_no_kind_is_refused_by_name(charger):
    answer = await charger.reports("TransactionEvent", transaction(eventType="Paused"))
    assert (answer[0], answer[2]) == (4, "PropertyConstraintViolation")
    assert "eventType" in answer[3]
    assert charger.submitted == []


async def test_meter_values_become_readings_of_their_evse(charger):
    assert (await charger.reports("MeterValues", messages.METER_VALUES))[2] == {}
    facts = charger.facts(metering.meter)
    assert (facts.evse_id, facts.transaction_id, facts.readings[0].energy_wh) == (1, None, Decimal(1500))


async def test_nothing_is_answered_before_the_commit(charger):
    charger.commit = asyncio.Event()
    await charger.says(2, "m1", "TransactionEvent", messages.TRANSACTION)
    assert (len(charger.submitted), charger.frames) == (1, [])
    charger.commit.set()
    await settle()
    assert charger.frames == [[3, "m1", {}]]


async def test_what_could_not_be_committed_is_not_confirmed(charger):
    charger.values[transaction_events.take] = ConnectionError("the database is away")
    answer = await charger.reports("TransactionEvent", messages.TRANSACTION)
    assert (answer[0], answer[2]) == (4, "InternalError")


async def test_an_event_sent_again_word_for_word_is_recorded_once(charger):
    for _ in range(2):
        await charger.says(2, "m1", "TransactionEvent", messages.TRANSACTION)
    assert (len(charger.submitted), charger.frames) == (1, [[3, "m1", {}]] * 2)


# --- availability ---------------------------------------------------------------------------------------------------


async def test_a_status_becomes_facts(charger):
    assert (await charger.reports("StatusNotification", messages.STATUS))[2] == {}
    facts = charger.facts(inventory.status)
    assert (facts.evse_id, facts.connector_id, facts.status) == (2, 1, "Occupied")


async def test_events_of_state_become_facts_and_others_are_only_acknowledged(charger):
    payload = event("Connector", "AvailabilityState", "Available")
    payload["eventData"] += event("EVSE", "Problem", "true")["eventData"] + event("EVSE", "Power", "7")["eventData"]
    assert (await charger.reports("NotifyEvent", payload))[2] == {}
    assert charger.facts(inventory.status).status == "Available"
    assert charger.facts(inventory.problem) == ProblemFacts(2, "EVSE", "", NOW)
    assert len(charger.submitted) == 2


# --- smart charging -------------------------------------------------------------------------------------------------

PERIOD = {"startPeriod": 0, "limit": 10}
SCHEDULE = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [PERIOD]}
PROFILE = {
    "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Absolute",
    "chargingSchedule": [SCHEDULE],
}  # fmt: skip
REPORT = {"requestId": 1, "chargingLimitSource": "CSO", "chargingProfile": [PROFILE], "evseId": 0}
EV_PLAN = {"timeBase": STAMP, "chargingSchedule": SCHEDULE, "evseId": 2}


@pytest.mark.parametrize(
    ("action", "payload", "evse_id", "answer"),
    [
        ("NotifyChargingLimit", {"chargingLimit": {"chargingLimitSource": "EMS"}, "evseId": 2}, 2, {}),
        ("NotifyChargingLimit", {"chargingLimit": {"chargingLimitSource": "Moon"}}, 0, {}),
        ("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 2}, 2, {}),
        ("ClearedChargingLimit", {"chargingLimitSource": "SO"}, 0, {}),
        ("ReportChargingProfiles", REPORT, 0, {}), ("ReportChargingProfiles", REPORT | {"evseId": 3}, 3, {}),
        ("NotifyEVChargingSchedule", EV_PLAN, 2, {"status": "Accepted"}),
    ],
)  # fmt: skip
async def test_what_may_change_a_plan_makes_us_look_again_and_no_evse_is_all_of_them(
    charger, action, payload, evse_id, answer
):
    assert (await charger.reports(action, payload))[2] == answer
    assert charger.submitted == [(observation.look_again, (POINT_ID,), {"ocpp_evse_id": evse_id, "now": NOW})]


async def test_a_report_of_profiles_is_looked_at_when_its_last_part_is_there(charger):
    await charger.reports("ReportChargingProfiles", REPORT | {"tbc": True})
    assert charger.submitted == []
    await charger.reports("ReportChargingProfiles", REPORT | {"tbc": False})
    assert len(charger.submitted) == 1


async def test_an_ev_is_not_made_to_wait_for_a_schedule_nobody_makes(charger):
    needs = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "AC_three_phase"}}
    assert (await charger.reports("NotifyEVChargingNeeds", needs))[2] == {"status": "Rejected"}


# --- the rest -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "payload", "function"),
    [
        ("FirmwareStatusNotification", {"status": "Installed", "requestId": 1}, inventory.firmware_status),
        ("PublishFirmwareStatusNotification", {"status": "Downloading"}, inventory.firmware_status),
        ("LogStatusNotification", {"status": "Uploaded", "requestId": 1}, inventory.diagnostics_status),
    ],
)
async def test_the_progress_of_firmware_and_logs_is_kept(charger, action, payload, function):
    assert (await charger.reports(action, payload))[2] == {}
    assert charger.facts(function) == payload["status"]


MONITORS = {"requestId": 1, "seqNo": 0, "generatedAt": STAMP}
HASHES = {
    "hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "c", "responderURL": "d",
}  # fmt: skip


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("DataTransfer", {"vendorId": "acme"}, {"status": "UnknownVendorId"}),
        ("SecurityEventNotification", {"type": "StartupOfTheDevice", "timestamp": STAMP}, {}),
        ("NotifyMonitoringReport", MONITORS, {}), ("NotifyDisplayMessages", {"requestId": 1}, {}),
        ("NotifyCustomerInformation", MONITORS | {"data": "a name"}, {}),
        ("ReservationStatusUpdate", {"reservationId": 1, "reservationUpdateStatus": "Expired"}, {}),
        ("SignCertificate", {"csr": "-"}, {"status": "Rejected"}),
        ("Get15118EVCertificate", {"iso15118SchemaVersion": "x", "action": "Install", "exiRequest": "-"},
         {"status": "Failed", "exiResponse": ""}),
        ("GetCertificateStatus", {"ocspRequestData": HASHES}, {"status": "Failed"}),
    ],
)  # fmt: skip
async def test_what_this_product_does_not_do_is_answered_and_writes_nothing(charger, action, payload, answer):
    assert (await charger.reports(action, payload))[2] == answer
    assert charger.submitted == []


# --- its clock ------------------------------------------------------------------------------------------------------


async def test_every_message_with_a_time_tells_the_clock(charger):
    late = (NOW - timedelta(seconds=40)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await charger.reports("NotifyReport", messages.report() | {"generatedAt": late})
    assert charger.link.clock_skew_s == -40
    await charger.reports("StatusNotification", messages.STATUS)
    assert charger.link.clock_skew_s == 0
