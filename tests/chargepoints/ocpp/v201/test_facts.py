"""OCPP 2.0.1: what a charge point reports, as facts."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.ocpp.schemas import Schemas
from chargepoints.ocpp.v201.facts import (
    boot_facts,
    event_facts,
    id_token,
    meter_facts,
    readings,
    status_facts,
    transaction_facts,
    transaction_id_text,
)
from chargepoints.values import BootFacts, ProblemFacts, Sample, StatusFacts, TransactionFacts, TransactionStep
from tests.chargepoints.ocpp.v201 import messages
from tests.chargepoints.ocpp.v201.messages import assert_valid, event, transaction

pytestmark = pytest.mark.pure
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("BootNotification", messages.BOOT), ("StatusNotification", messages.STATUS),
        ("MeterValues", messages.METER_VALUES), ("TransactionEvent", messages.TRANSACTION),
        ("NotifyEvent", event("Connector", "AvailabilityState", "Occupied")),
        ("NotifyReport", messages.report(messages.reported("RateUnit", "A"))),
    ],
)  # fmt: skip
def test_the_messages_of_these_tests_are_valid(name, payload):
    assert_valid(f"{name}Request", payload)


def test_a_boot_says_who_it_is():
    details = {"reason": "PowerUp", "iccid": "8931"}
    assert boot_facts(messages.BOOT) == BootFacts("ACME", "Wall", "S1", "1.2", details=details)


@pytest.mark.parametrize("payload", [{}, {"chargingStation": None}, {"chargingStation": {"modem": 7}}])
def test_a_boot_that_says_nothing_is_a_boot(payload):
    assert boot_facts(payload) == BootFacts()


def test_a_status_is_of_a_connector_and_tells_no_error_code():
    facts = StatusFacts(evse_id=2, connector_id=1, status="Occupied", error_code=None, reported_at=NOW)
    assert status_facts(messages.STATUS, NOW) == facts


@pytest.mark.parametrize("evse_id", [-1, None, "x", 1.5])
def test_a_status_without_an_evse_means_nothing(evse_id):
    with pytest.raises(ValueError, match="evseId"):
        status_facts(messages.STATUS | {"evseId": evse_id}, NOW)


# --- transactions ---------------------------------------------------------------------------------------------------


def test_a_transaction_event_is_read_whole():
    facts = transaction_facts(messages.TRANSACTION, NOW)
    assert facts.readings == readings(messages.METER_VALUE, NOW)
    assert facts == TransactionFacts(
        step=TransactionStep.STARTED, transaction_id="a1b2-TX", seq_no=0, trigger="Authorized", evse_id=1,
        connector_id=2, id_token="CARD", authorizes=True, happened_at=NOW, charging_state="EVConnected",
        remote_start_id=9, reservation_id=5, phases=3, readings=facts.readings,
    )  # fmt: skip


def test_what_an_event_does_not_say_is_empty():
    payload = {"eventType": "Updated", "transactionInfo": {"transactionId": "T"}, "seqNo": 4}
    assert transaction_facts(payload, NOW) == TransactionFacts(TransactionStep.UPDATED, "T", 4)


def test_an_event_of_no_kind_means_nothing():
    with pytest.raises(ValueError, match="eventType"):
        transaction_facts(transaction(eventType="Paused"), NOW)


def test_an_end_has_its_reason_and_an_offline_event_its_own_time():
    past = {"eventType": "Ended", "offline": True, "timestamp": "2024-05-01T09:00:00Z"}
    facts = transaction_facts(transaction({"stoppedReason": "EVDisconnected"}, **past), NOW)
    assert (facts.step, facts.stop_reason, facts.offline) == (TransactionStep.ENDED, "EVDisconnected", True)
    assert facts.happened_at == datetime(2024, 5, 1, 9, tzinfo=UTC)


def test_an_event_of_1970_has_no_time_of_its_own():
    assert transaction_facts(transaction(timestamp="1970-01-01T00:00:10Z"), NOW).happened_at is None


@pytest.mark.parametrize(("sent", "kept"), [(1, 1), (3, 3), (0, None), (4, None), (-1, None), ("2", 2), (None, None)])
def test_phases_are_one_two_or_three(sent, kept):
    assert transaction_facts(transaction(numberOfPhasesUsed=sent), NOW).phases == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a" * 36, "a" * 36), (" x ", " x "), ("a" * 37, ""), ("a\nb", ""), ("", ""), (None, ""), (7, "7"),
        (True, ""), (7.5, ""), (["x"], ""),
    ],
)  # fmt: skip
def test_a_transaction_id_is_kept_exactly_or_not_at_all(sent, kept):
    assert transaction_id_text(sent) == kept


@pytest.mark.parametrize(
    ("sent", "token", "authorizes", "free"),
    [
        (None, "", False, False), ({"idToken": " CARD ", "type": "eMAID"}, "CARD", True, False),
        ({"idToken": "", "type": "NoAuthorization"}, "", True, True), ({}, "", True, False),
        ({"idToken": "x" * 37, "type": "Central"}, "", True, False), ("CARD", "", False, False),
    ],
)  # fmt: skip
def test_a_token_is_one_that_can_be_read(sent, token, authorizes, free):
    facts = transaction_facts(transaction(idToken=sent), NOW)
    assert (facts.id_token, facts.authorizes, facts.needs_no_token) == (token, authorizes, free)
    assert id_token(sent) == token


# --- meter values ---------------------------------------------------------------------------------------------------


def test_samples_become_what_they_say_together():
    (reading,) = meter_facts(messages.METER_VALUES, NOW).readings
    assert (reading.energy_wh, reading.power_w, reading.current_a) == (1500, 7400, Decimal("16.1"))
    assert (reading.offered_a, reading.soc_percent, reading.phases) == (32, 55, 2)
    assert reading.samples[0] == Sample(
        "Energy.Active.Import.Register", Decimal("1.5"), "1.5", "Wh", context="Transaction.Begin", location="Outlet",
        multiplier=3,
    )  # fmt: skip
    assert reading.samples[0].to_json()["multiplier"] == "3"
    assert "multiplier" not in reading.samples[1].to_json()


def reading_of(**sample):
    (reading,) = readings([{"timestamp": messages.STAMP, "sampledValue": [{"value": 12} | sample]}], NOW)
    return reading


@pytest.mark.parametrize(
    ("unit", "energy_wh"),
    [
        (None, 12), ({}, 12), ({"unit": "kWh"}, 12_000), ({"unit": "Wh", "multiplier": 3}, 12_000),
        ({"unit": "kWh", "multiplier": -1}, 1_200), ({"multiplier": None}, 12), ({"multiplier": "x"}, None),
        ({"multiplier": 400}, None), ({"unit": "varh"}, None),
    ],
)  # fmt: skip
def test_energy_is_in_wh_whatever_its_unit_and_multiplier(unit, energy_wh):
    assert reading_of(unitOfMeasure=unit).energy_wh == energy_wh


def test_a_value_sent_as_a_text_is_a_number():
    assert reading_of(value="12,5").energy_wh == Decimal("12.5")


def test_a_value_that_is_no_number_is_kept_as_it_came():
    reading = reading_of(value="much")
    assert (reading.energy_wh, reading.samples[0].raw, reading.samples[0].value) == (None, "much", None)


def test_a_signed_value_is_kept_whole_beside_the_plain_one():
    signed = {"signedMeterData": "AB==", "signingMethod": "ECDSA", "encodingMethod": "OCMF", "publicKey": "KEY"}
    reading = reading_of(signedMeterValue=signed)
    plain, kept = reading.samples
    assert (reading.energy_wh, plain.format, kept.format, json.loads(kept.raw)) == (12, "Raw", "SignedData", signed)


def test_a_signed_value_spoils_no_sum_over_phases():
    items = [
        {"value": 1, "measurand": "Power.Active.Import", "phase": phase, "signedMeterValue": {"signedMeterData": "AB"}}
        for phase in ("L1", "L2", "L3")
    ]
    (reading,) = readings([{"timestamp": messages.STAMP, "sampledValue": items}], NOW)
    assert reading.power_w == 3


def test_what_is_no_reading_is_left_out():
    odd = [7, {}, {"sampledValue": []}, {"sampledValue": ["x"]}, {"timestamp": "x", "sampledValue": [{"value": 1}]}]
    (reading,) = readings(odd, NOW)
    assert (reading.measured_at, reading.energy_wh) == (NOW, 1)


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("component", ["Connector", "EVSE"])
def test_an_availability_event_is_a_status(component):
    payload = event(component, "AvailabilityState", "Unavailable")
    assert event_facts(payload, NOW) == (StatusFacts(2, "Unavailable", connector_id=1, reported_at=NOW),)


def test_an_availability_event_of_the_charging_station_is_its_status_as_a_whole():
    """OCPP 2.0.1 part 2 appendix 3, ChargingStation: AvailabilityState."""
    payload = event("ChargingStation", "AvailabilityState", "Faulted", component={"name": "ChargingStation"})
    assert event_facts(payload, NOW) == (StatusFacts(0, "Faulted", reported_at=NOW),)


def test_a_problem_is_one_with_its_code_until_it_is_cleared():
    code = {"techCode": "E42", "techInfo": "RCD tripped"}
    assert event_facts(event("EVSE", "Problem", "true", **code), NOW) == (ProblemFacts(2, "E42", "RCD tripped", NOW),)
    assert event_facts(event("EVSE", "Problem", "True"), NOW) == (ProblemFacts(2, "EVSE", "", NOW),)
    for over in (event("EVSE", "Problem", "false", **code), event("EVSE", "Problem", "true", cleared=True, **code)):
        assert event_facts(over, NOW) == (ProblemFacts(2, "", "", NOW),)


@pytest.mark.parametrize(
    "payload",
    [
        event("ChargingStation", "AvailabilityState", "Available"), event("Connector", "AvailabilityState", ""),
        event("EVSE", "Power", "11000"), event("EVSE", "Problem", "true", component={"name": "ChargingStation"}),
        {"eventData": None}, {"eventData": [7, {}]},
    ],
)  # fmt: skip
def test_other_events_say_nothing_of_an_evse(payload):
    assert event_facts(payload, NOW) == ()


# --- hostile messages -----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


SAID = st.fixed_dictionaries({}, optional=dict.fromkeys(messages.TRANSACTION, JSON))


@given(SAID, st.sampled_from(["Started", "Ended"]))
def test_whatever_else_it_says_an_event_of_a_kind_is_read(said, kind):
    facts = transaction_facts(said | {"eventType": kind}, NOW)
    assert 0 <= facts.seq_no < 2**31
    assert len(facts.transaction_id) <= 36
    assert facts.phases in {None, 1, 2, 3}


@given(JSON, JSON, JSON)
def test_no_sample_breaks_a_reading(value, unit, signed):
    item = {"value": value, "unitOfMeasure": unit, "signedMeterValue": signed}
    for reading in readings([{"sampledValue": [item]}], NOW):
        assert all("\x00" not in sample.raw for sample in reading.samples)


@pytest.mark.parametrize(
    "changes",
    [
        {"triggerReason": "Moonrise", "timestamp": "yesterday"}, {"seqNo": "7"}, {"evse": None, "idToken": None},
        {"numberOfPhasesUsed": 2.5}, {"transactionInfo": {"transactionId": 12, "chargingState": "Dreaming"}},
        {"transactionInfo": {"transactionId": "x" * 50}}, {"transactionInfo": {}},
        {"meterValue": [{"sampledValue": [{"value": "12 kWh"}]}, {}]}, {"vendorField": 1},
    ],
)  # fmt: skip
def test_a_malformed_event_is_heard_all_the_same(changes):
    schemas = Schemas.for_version("2.0.1")
    assert schemas.check_request("TransactionEvent", messages.TRANSACTION | changes, strict=False) is None
    assert schemas.check_request("TransactionEvent", messages.TRANSACTION | changes, strict=True) is not None or (
        "vendorField" in changes
    )
    assert transaction_facts(messages.TRANSACTION | changes, NOW).step is TransactionStep.STARTED
