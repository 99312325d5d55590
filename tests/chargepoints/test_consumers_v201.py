"""A whole OCPP 2.0.1 charge point on its websocket: boot, capabilities, a transaction, a profile, any call."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from chargepoints import commands
from chargepoints.doorbell import Ring
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingSession
from chargepoints.ocpp.v201.device_model import CAPABILITY_QUESTIONS
from chargepoints.values import ChargingSchedule, RateUnit, SchedulePeriod
from tests.chargepoints.asgi_socket import ChargerSocket, in_db, ring, row
from tests.chargepoints.ocpp.v201 import messages
from tests.chargepoints.waiting import eventually
from tests.support import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published", "no_socket_left")]
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def point(transactional_db):
    factories.driver("CARD")
    point = factories.charge_point(identity="CP-201", online=False, smart_charging=None, rate_units="")
    factories.evse(point)
    return point


async def connected() -> ChargerSocket:
    return await ChargerSocket("CP-201", subprotocols=("ocpp1.6", "ocpp2.0.1")).connect()


async def answers_first(charger, action, answer):
    """Answers the first CALL of `action` and returns its payload."""
    message_id = await charger.call(action)
    charger.says(3, message_id, answer)
    return next(call[2] for call in charger.calls if call[0] == message_id)


def now_text(seconds: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_charge_point_that_offers_both_versions_speaks_the_better_one(point):
    charger = await connected()
    assert charger.sent[0]["subprotocol"] == "ocpp2.0.1"
    assert (await row(point)).ocpp_version == "2.0.1"
    await charger.leave()


async def test_after_a_boot_its_capabilities_are_asked_and_learned(point):
    charger = await connected()
    charger.says(2, "m1", "BootNotification", messages.BOOT)
    assert (await charger.answer_to("m1"))["status"] == "Accepted"
    results = [
        messages.variable_result(name, value)
        for name, value in (
            ("Enabled", "true"),
            ("RateUnit", "A,W"),
            ("PeriodsPerSchedule", "24"),
            ("ProfileStackLevel", "3"),
        )
    ]
    await ring(point)
    asked = await answers_first(charger, "GetVariables", {"getVariableResult": results})
    assert asked == CAPABILITY_QUESTIONS[0].payload

    async def learned() -> bool:
        return (await row(point)).smart_charging is True

    await eventually(learned)
    current = await row(point)
    assert (current.rate_units, current.max_periods, current.max_stack_level) == ("AW", 24, 3)
    await charger.leave()


async def test_a_charge_point_that_knows_no_variables_is_asked_for_a_report_and_learned_from_it(point):
    charger = await connected()
    charger.says(2, "m1", "BootNotification", messages.BOOT)
    await charger.answer_to("m1")
    await ring(point)
    charger.says(4, await charger.call("GetVariables"), "NotImplemented", "", {})
    assert (await answers_first(charger, "GetBaseReport", ACCEPTED))["reportBase"] == "FullInventory"
    charger.says(2, "m2", "NotifyReport", messages.report(messages.reported("RateUnit", "W"), tbc=True))
    charger.says(2, "m3", "NotifyReport", messages.report(messages.reported("Enabled", "true"), seq_no=1))
    await charger.answer_to("m3")
    current = await row(point)
    assert (current.smart_charging, current.rate_units) == (True, "W")
    await charger.leave()


async def the_session() -> ChargingSession:
    return await in_db(ChargingSession.objects.select_related("charge_point", "evse").get)


def ask_profile(session: ChargingSession) -> ChargePointCommand:
    now = datetime.now(UTC)
    schedule = ChargingSchedule(RateUnit.AMPERE, (SchedulePeriod(0, Decimal(10)),), start_at=now.replace(microsecond=0))
    return commands.request_set_profile(
        session=session, owner="NL*JED", schedule=schedule, requested_by="NL*JED", now=now,
        expires_at=now + timedelta(seconds=30),
    )  # fmt: skip


async def test_a_profile_reaches_the_transaction_that_the_charge_point_began(point):
    await in_db(ChargePoint.objects.update, smart_charging=True, rate_units="A")
    charger = await connected()
    begun = messages.transaction({"chargingState": "Charging"}, timestamp=now_text(), evse={"id": 1})
    charger.says(2, "m1", "TransactionEvent", begun)
    assert await charger.answer_to("m1") == {"idTokenInfo": {"status": "Accepted"}}
    session = await the_session()
    assert (session.state, session.ocpp_transaction_id, session.detected_phases) == ("ACTIVE", "a1b2-TX", 2)
    command = await in_db(ask_profile, session)
    await ring(point)
    sent = await answers_first(charger, "SetChargingProfile", ACCEPTED)
    profile = sent["chargingProfile"]
    assert (sent["evseId"], profile["transactionId"], profile["chargingProfilePurpose"]) == (1, "a1b2-TX", "TxProfile")
    assert profile["chargingSchedule"][0]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 10.0, "numberPhases": 2}
    ]
    await eventually(lambda: _is(command, "ACCEPTED"))
    asked = await answers_first(charger, "GetCompositeSchedule", ACCEPTED)
    assert (asked["evseId"], asked["chargingRateUnit"]) == (1, "A")
    ended = messages.transaction(eventType="Ended", seqNo=1, timestamp=now_text(1), meterValue=[])
    charger.says(2, "m2", "TransactionEvent", ended)
    await charger.answer_to("m2")
    assert (await the_session()).state == "COMPLETED"
    await charger.leave()


async def _is(command, status) -> bool:
    return (await in_db(ChargePointCommand.objects.get, pk=command.pk)).status == status


async def test_a_notified_limit_makes_us_ask_what_is_planned(point):
    charger = await connected()
    begun = messages.transaction({"chargingState": "Charging"}, timestamp=now_text(), evse={"id": 1})
    charger.says(2, "m1", "TransactionEvent", begun)
    await charger.answer_to("m1")
    session = await the_session()
    await in_db(session.profiles.create, owner="NL*JED", ever_accepted=True)
    charger.says(2, "m2", "NotifyChargingLimit", {"chargingLimit": {"chargingLimitSource": "EMS"}})
    await charger.answer_to("m2")
    await ring(point)
    assert (await answers_first(charger, "GetCompositeSchedule", ACCEPTED))["evseId"] == 1
    await charger.leave()


async def test_any_call_of_the_version_can_be_made(point):
    charger = await connected()
    wanted = {"setVariableData": [
        {"attributeValue": "60", "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    ]}  # fmt: skip
    command = await in_db(
        commands.request_call, charge_point=point, action="SetVariables", payload=wanted, requested_by="operator",
        now=datetime.now(UTC),
    )  # fmt: skip
    await ring(point)
    refused = {"setVariableResult": [messages.variable_result("HeartbeatInterval", None, attributeStatus="Rejected")]}
    assert await answers_first(charger, "SetVariables", refused) == wanted
    await eventually(lambda: _is(command, "REJECTED"))
    await charger.leave()


@pytest.mark.parametrize("alive", [True, False])
async def test_a_socket_without_a_password_keeps_its_place_if_it_answers_a_question_of_its_version(
    point, alive, monkeypatch
):
    monkeypatch.setattr("chargepoints.consumers.PROBE_TIMEOUT_S", 5 if alive else 0.05)
    charger = await connected()
    await ring(point, Ring.PROBE)
    message_id = await charger.call("GetVariables")
    if alive:
        charger.says(3, message_id, {"getVariableResult": [messages.variable_result("HeartbeatInterval", "300")]})
        charger.says(2, "m1", "Heartbeat", {})
        await charger.answer_to("m1")
    else:
        await eventually(lambda: charger.close_code)
    assert charger.close_code == (None if alive else 1001)
    await charger.leave()


async def test_a_malformed_event_loses_no_energy(point):
    charger = await connected()
    event = messages.transaction(timestamp="soon", triggerReason="Moonrise", seqNo="3", evse=None, vendor=[1])
    charger.says_text(json.dumps([2, "m1", "TransactionEvent", event]))
    await charger.answer_to("m1")
    session = await the_session()
    assert (session.meter_start_wh, session.evse.ocpp_evse_id) == (1500, 1)
    await charger.leave()
