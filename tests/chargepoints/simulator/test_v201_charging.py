"""Transactions of the simulated charge point in OCPP 2.0.1 (section E): events, numbers, what is told offline."""

from typing import Any

import pytest

from chargepoints.simulator import Car, Knobs, NotAuthorized, SimulatedChargePoint

from .conftest import Clock, Connect, charging, of_2_0_1
from .csms import CentralSystem
from .talk import Talk

pytestmark = [pytest.mark.once, of_2_0_1]


def events_of(csms: CentralSystem) -> list[dict[str, Any]]:
    return csms.payloads("TransactionEvent")


def told(csms: CentralSystem) -> list[tuple[str, str, str]]:
    """Type, trigger and charging state of each event."""
    return [(e["eventType"], e["triggerReason"], e["transactionInfo"]["chargingState"]) for e in events_of(csms)]


async def away(cp: SimulatedChargePoint) -> None:
    cp.drop(stay_away=True)
    await cp.until(lambda: not cp.connected)


async def test_a_transaction_from_cable_to_cable(csms: CentralSystem, connect: Connect, clock: Clock) -> None:
    cp = await charging(connect)
    transaction_id = cp.transaction_id()
    clock.advance(3600)
    await cp.stop_transaction()
    await cp.unplug()
    assert told(csms) == [
        ("Started", "CablePluggedIn", "EVConnected"),
        ("Updated", "Authorized", "EVConnected"),
        ("Updated", "ChargingStateChanged", "Charging"),
        ("Ended", "StopAuthorized", "EVConnected"),
    ]
    assert [e["seqNo"] for e in events_of(csms)] == [0, 1, 2, 3]
    assert {e["transactionInfo"]["transactionId"] for e in events_of(csms)} == {transaction_id}
    assert [e.get("evse") for e in events_of(csms)] == [{"id": 1, "connectorId": 1}, None, None, None]
    card = {"idToken": "TAG-1", "type": "ISO14443"}
    assert [e.get("idToken") for e in events_of(csms)] == [None, card, None, card]
    assert csms.payloads("Authorize") == [{"idToken": card}]
    assert not any("offline" in e for e in events_of(csms))
    assert csms.violations == []


async def test_the_register_is_told_at_the_start_and_at_the_end(
    csms: CentralSystem, connect: Connect, clock: Clock
) -> None:
    cp = await charging(connect)
    clock.advance(3600)
    await cp.stop_transaction()
    values = [e["meterValue"][0]["sampledValue"] for e in events_of(csms) if "meterValue" in e]
    assert [[(v["measurand"], v["context"], v["value"]) for v in rows] for rows in values] == [
        [("Energy.Active.Import.Register", "Transaction.Begin", 0)],
        [("Energy.Active.Import.Register", "Transaction.End", 22080)],
    ]
    assert events_of(csms)[-1]["timestamp"] == "2024-05-01T13:00:00.000Z"
    assert events_of(csms)[-1]["transactionInfo"]["stoppedReason"] == "Local"


async def test_with_authorized_as_start_point_the_card_starts(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(knobs=Knobs(tx_start_point="Authorized"))
    await cp.plug_in()
    assert (events_of(csms), cp.transaction_id()) == ([], None)
    await cp.start()
    await csms.until(lambda: len(events_of(csms)) == 2)
    assert told(csms)[:2] == [("Started", "Authorized", "EVConnected"), ("Updated", "ChargingStateChanged", "Charging")]
    assert events_of(csms)[0]["idToken"]["idToken"] == "SIM-TAG"


async def test_a_cable_that_nobody_pays_for(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await cp.plug_in()
    assert (cp.status(), cp.drawn_amps()) == ("Preparing", 0)
    await cp.unplug()
    assert told(csms) == [("Started", "CablePluggedIn", "EVConnected"), ("Ended", "EVCommunicationLost", "Idle")]
    assert [e.get("idToken") for e in events_of(csms)] == [None, None]
    assert cp.status() == "Available"


async def test_where_only_the_cable_ends_a_transaction_a_stop_ends_the_charging(
    csms: CentralSystem, connect: Connect, clock: Clock
) -> None:
    cp = await charging(connect, knobs=Knobs(tx_stop_point="EVConnected"))
    transaction_id = cp.transaction_id()
    await cp.stop_transaction()
    assert (cp.transaction_id(), cp.status(), cp.drawn_amps()) == (transaction_id, "Finishing", 0)
    clock.advance(3600)
    await cp.unplug()
    assert told(csms)[-2:] == [("Updated", "StopAuthorized", "EVConnected"), ("Ended", "EVCommunicationLost", "Idle")]
    assert events_of(csms)[-1]["transactionInfo"]["stoppedReason"] == "Local"
    assert (cp.transaction_id(), cp.energy_wh()) == (None, 0)


async def test_a_token_refused_in_the_event_ends_the_transaction(csms: CentralSystem, connect: Connect) -> None:
    csms.answers["TransactionEvent"] = lambda e: {"idTokenInfo": {"status": "Invalid"}} if "idToken" in e else {}
    cp = await connect()
    await cp.plug_in()
    with pytest.raises(NotAuthorized, match="Invalid"):
        await cp.start()
    await csms.until(lambda: told(csms)[-1] == ("Ended", "Deauthorized", "EVConnected"))
    assert events_of(csms)[-1]["transactionInfo"]["stoppedReason"] == "DeAuthorized"
    assert cp.transaction_id() is None


async def test_meter_values_are_events_of_the_transaction(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    cp = await charging(connect)
    await cp.send_meter_values()
    ((stamp, values),) = talk.meter_values(csms)
    assert stamp == "2024-05-01T12:00:00.000Z"
    assert {v["measurand"] for v in values} == {
        "Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Current.Offered", "Voltage", "SoC",
    }  # fmt: skip
    assert values[0] == {
        "value": 0, "context": "Sample.Periodic", "measurand": "Energy.Active.Import.Register",
        "unitOfMeasure": {"unit": "Wh"},
    }  # fmt: skip
    assert csms.payloads("MeterValues") == []
    assert csms.violations == []


async def test_the_measurands_are_those_asked_for(csms: CentralSystem, connect: Connect, talk: Talk) -> None:
    configuration = {"SampledDataCtrlr.TxUpdatedMeasurands": "SoC", "SampledDataCtrlr.TxEndedMeasurands": ""}
    cp = await charging(connect, configuration=configuration)
    await cp.send_meter_values()
    await cp.stop_transaction()
    ((_, values),) = talk.meter_values(csms)
    assert [v["measurand"] for v in values] == ["SoC"]
    assert "meterValue" not in talk.ends(csms)[0]


async def test_outside_a_transaction_they_are_meter_values(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await cp.send_meter_values()
    assert [p["evseId"] for p in csms.payloads("MeterValues")] == [1]
    assert events_of(csms) == []
    assert csms.violations == []


async def test_a_multiplier_scales_the_value(csms: CentralSystem, connect: Connect, talk: Talk, clock: Clock) -> None:
    cp = await charging(connect, knobs=Knobs(unit_multiplier=3))
    clock.advance(3600)
    await cp.send_meter_values()
    ((_, (energy, *_)),) = talk.meter_values(csms)
    assert (energy["value"], energy["unitOfMeasure"]) == (22.08, {"unit": "Wh", "multiplier": 3})


async def test_another_limit_is_a_changed_rate_and_a_pause_a_changed_state(
    csms: CentralSystem, connect: Connect, talk: Talk
) -> None:
    cp = await charging(connect)
    for amps, events in ((10, 4), (10, 4), (0, 5), (16, 6)):
        await csms.call("SetChargingProfile", talk.set_profile((0, amps), transaction_id=cp.transaction_id()))
        await csms.until(lambda events=events: len(events_of(csms)) == events)
    assert told(csms)[3:] == [
        ("Updated", "ChargingRateChanged", "Charging"),
        ("Updated", "ChargingStateChanged", "SuspendedEVSE"),
        ("Updated", "ChargingStateChanged", "Charging"),
    ]


async def test_the_phases_in_use_are_told(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await cp.plug_in(car=Car(phases=1))
    await cp.start()
    await csms.until(lambda: len(events_of(csms)) == 3)
    assert [e.get("numberOfPhasesUsed") for e in events_of(csms)] == [None, None, 1]


async def test_what_happened_offline_is_told_later_and_says_so(
    csms: CentralSystem, connect: Connect, clock: Clock
) -> None:
    cp = await charging(connect)
    await away(cp)
    clock.advance(1800)
    await cp.send_meter_values()
    await cp.stop_transaction()
    assert cp.queued == ("TransactionEvent", "TransactionEvent")
    cp.come_back()
    await cp.until(lambda: cp.online and cp.queued == ())
    assert told(csms)[3:] == [("Updated", "MeterValuePeriodic", "Charging"), ("Ended", "StopAuthorized", "EVConnected")]
    assert [(e["seqNo"], e.get("offline")) for e in events_of(csms)[2:]] == [(2, None), (3, True), (4, True)]
    assert events_of(csms)[-1]["timestamp"] == "2024-05-01T12:30:00.000Z"


async def test_a_transaction_that_nobody_heard_of_until_it_was_over(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await away(cp)
    await cp.plug_in()
    transaction_id = await cp.start()
    await cp.unplug()
    cp.come_back()
    await cp.until(lambda: cp.online and cp.queued == ())
    assert [e["eventType"] for e in events_of(csms)] == ["Started", "Updated", "Updated", "Ended"]
    assert all(e["offline"] for e in events_of(csms))
    assert {e["transactionInfo"]["transactionId"] for e in events_of(csms)} == {transaction_id}
    assert csms.payloads("Authorize") == []


async def test_a_repeated_event_is_the_same_event(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect, time_scale=1000)
    honest = csms.answers["TransactionEvent"]
    csms.answers["TransactionEvent"] = ["InternalError", "", {}]
    await cp.send_meter_values()
    csms.answers["TransactionEvent"] = honest
    first, second, third = events_of(csms)[-3:]
    assert first == second == third


async def test_ids_of_transactions_are_unique_or_count(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(evses=2, knobs=Knobs(count_transaction_ids=True))
    for number in (1, 2):
        await cp.plug_in(number)
    assert (cp.transaction_id(1), cp.transaction_id(2)) == ("1", "2")
    assert [(e["evse"]["id"], e["transactionInfo"]["transactionId"]) for e in events_of(csms)] == [(1, "1"), (2, "2")]
    assert [e["seqNo"] for e in events_of(csms)] == [0, 0]
    cp.set_knobs(count_transaction_ids=False)
    await cp.unplug(2)
    await cp.plug_in(2)
    assert len(str(cp.transaction_id(2))) == 36


async def test_an_external_limit_is_told_and_then_the_rate(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect)
    await cp.impose_external_limit(10)
    await cp.until(lambda: cp.queued == ())
    await cp.impose_external_limit(None)
    await csms.until(lambda: len(events_of(csms)) == 5)
    assert csms.payloads("NotifyChargingLimit") == [
        {"chargingLimit": {"chargingLimitSource": "EMS"},
         "chargingSchedule": [{"id": 1, "chargingRateUnit": "A",
                               "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}]}
    ]  # fmt: skip
    assert csms.payloads("ClearedChargingLimit") == [{"chargingLimitSource": "EMS"}]
    assert csms.actions()[-4:] == [
        "NotifyChargingLimit", "TransactionEvent", "ClearedChargingLimit", "TransactionEvent"
    ]  # fmt: skip
    assert [e["triggerReason"] for e in events_of(csms)[3:]] == ["ChargingRateChanged"] * 2
    assert csms.violations == []


async def test_an_external_limit_of_which_nobody_hears(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await away(cp)
    await cp.impose_external_limit(8)
    cp.come_back()
    await cp.wait_booted()
    assert cp.current_limit() == 8
    assert csms.payloads("NotifyChargingLimit") == []


def start_request(**more: Any) -> dict[str, Any]:
    return {"remoteStartId": 12, "idToken": {"idToken": "APP-1", "type": "Central"}} | more


async def test_a_remote_start_of_a_transaction_that_the_cable_began(
    csms: CentralSystem, connect: Connect, talk: Talk
) -> None:
    cp = await connect()
    await cp.plug_in()
    answer = await csms.call(*talk.remote_start(talk.set_profile((0, 8), start=None)))
    assert answer == {"status": "Accepted", "transactionId": cp.transaction_id()}
    await csms.until(lambda: len(events_of(csms)) == 3)
    event = events_of(csms)[1]
    assert (event["triggerReason"], event["idToken"]) == ("RemoteStart", {"idToken": "APP-1", "type": "Central"})
    assert event["transactionInfo"]["remoteStartId"] == 12
    assert (cp.drawn_amps(), cp.profiles[0].transaction_id) == (8, cp.transaction_id())
    assert csms.payloads("Authorize") == []
    assert csms.violations == []


async def test_a_remote_start_waits_for_the_cable(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    assert await csms.call("RequestStartTransaction", start_request()) == {"status": "Accepted"}
    assert events_of(csms) == []
    await cp.plug_in()
    assert [e["transactionInfo"].get("remoteStartId") for e in events_of(csms)[:2]] == [12, 12]
    assert [trigger for _, trigger, _ in told(csms)[:2]] == ["CablePluggedIn", "RemoteStart"]
    assert (await csms.call("RequestStartTransaction", start_request(evseId=1)))["status"] == "Rejected"


async def test_reset_on_idle_waits_for_the_transaction(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect)
    assert await csms.call("Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
    assert cp.status() == "Charging"
    await cp.stop_transaction()
    await csms.until(lambda: len(csms.payloads("BootNotification")) == 2)
    assert [p["reason"] for p in csms.payloads("BootNotification")] == ["PowerUp", "RemoteReset"]
    assert len(events_of(csms)) == 4


async def test_an_immediate_reset_ends_the_transaction(csms: CentralSystem, connect: Connect) -> None:
    await charging(connect)
    assert await csms.call("Reset", {"type": "Immediate"}) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("BootNotification")) == 2)
    assert told(csms)[-1] == ("Ended", "ResetCommand", "EVConnected")
    assert events_of(csms)[-1]["transactionInfo"]["stoppedReason"] == "ImmediateReset"


async def test_a_connector_that_charges_is_not_unlocked(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect)
    answer = await csms.call("UnlockConnector", {"evseId": 1, "connectorId": 1})
    assert answer == {"status": "OngoingAuthorizedTransaction"}
    assert cp.status() == "Charging"


async def test_the_status_of_a_transaction(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect)
    asked = {"transactionId": cp.transaction_id()}
    answer = await csms.call("GetTransactionStatus", asked)
    assert answer == {"ongoingIndicator": True, "messagesInQueue": False}
    await cp.stop_transaction()
    answer = await csms.call("GetTransactionStatus", asked)
    assert answer == {"ongoingIndicator": False, "messagesInQueue": False}
    assert await csms.call("GetTransactionStatus", {}) == {"messagesInQueue": False}
