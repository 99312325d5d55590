"""OCPP 2.0.1: what the device model says of smart charging."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.ocpp.capabilities import LearnedCapabilities
from chargepoints.ocpp.v201.device_model import (
    CAPABILITY_QUESTIONS,
    LIFE_QUESTION,
    answered_variables,
    full_report,
    is_complete,
    lacks_smart_charging,
    reported_variables,
    to_capabilities,
)
from chargepoints.values import RateUnit
from tests.chargepoints.ocpp.v201.messages import assert_valid, report, reported, variable_result

pytestmark = pytest.mark.pure
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
A, W = RateUnit.AMPERE, RateUnit.WATT


def ctrlr(**said):
    return {f"SmartChargingCtrlr.{name}": value for name, value in said.items()}


@pytest.mark.parametrize("question", [*CAPABILITY_QUESTIONS, LIFE_QUESTION, full_report(NOW)])
def test_every_question_is_valid(question):
    assert_valid(f"{question.action}Request", question.payload)


def test_a_full_report_is_of_everything_and_has_an_id():
    assert full_report(NOW).payload == {"requestId": 1714564800, "reportBase": "FullInventory"}


# --- what is said ---------------------------------------------------------------------------------------------------


def test_answers_are_named_by_component_variable_instance_and_attribute():
    entries = {"name": "Entries", "instance": "ChargingProfiles"}
    answer = {
        "getVariableResult": [
            variable_result("RateUnit", "A,W"), variable_result("Available", None),
            variable_result("x", "20", variable=entries, attributeType="MaxSet"),
            variable_result("Power", "9", component={"name": "EVSE", "evse": {"id": 2, "connectorId": 1}}),
        ]
    }  # fmt: skip
    assert answered_variables(answer) == {
        "SmartChargingCtrlr.RateUnit": "A,W", "SmartChargingCtrlr.Entries[ChargingProfiles].MaxSet": "20",
        "EVSE#2:1.Power": "9",
    }  # fmt: skip


def test_a_report_tells_attributes_and_the_highest_value():
    data = reported("Entries", "3", variableCharacteristics={"maxLimit": 20.0})
    data["variable"] = {"name": "Entries", "instance": "ChargingProfiles"}
    assert reported_variables(report(data, reported("RateUnit", "A"))) == {
        "SmartChargingCtrlr.Entries[ChargingProfiles]": "3",
        "SmartChargingCtrlr.Entries[ChargingProfiles].maxLimit": "20", "SmartChargingCtrlr.RateUnit": "A",
    }  # fmt: skip


def test_secrets_are_not_kept():
    secret = reported("BasicAuthPassword", "hunter2", "SecurityCtrlr")
    told = report(secret, reported("Identity", "CP", "SecurityCtrlr"))
    assert reported_variables(told) == {"SecurityCtrlr.Identity": "CP"}


@pytest.mark.parametrize("odd", [{}, {"reportData": None}, {"reportData": [7, {"component": 1, "variable": 2}]}])
def test_a_report_of_nothing_says_nothing(odd):
    assert reported_variables(odd) == {}


def test_a_component_it_does_not_have_is_said_so():
    unknown = {"attributeStatus": "UnknownComponent"}
    assert lacks_smart_charging({"getVariableResult": [variable_result("Enabled", None, **unknown)] * 2})
    assert not lacks_smart_charging({"getVariableResult": [variable_result("Enabled", None)]})
    assert not lacks_smart_charging({"getVariableResult": []})


# --- what it means --------------------------------------------------------------------------------------------------

FULL = ctrlr(Enabled="true", Available="true", RateUnit="A,W", PeriodsPerSchedule="24", ProfileStackLevel="3")


def test_everything_said_is_learned():
    said = FULL | ctrlr(**{"Entries[ChargingProfiles].MaxSet": "20", "Phases3to1": "false"})
    learned = LearnedCapabilities(True, frozenset({A, W}), 24, 3, 20, phase_switching=False)
    assert to_capabilities(said) == learned
    assert is_complete(learned)


@pytest.mark.parametrize(
    ("said", "supported"),
    [
        ({"Enabled": "true"}, True), ({"Available": "True"}, True), ({"Enabled": "false", "Available": "true"}, False),
        ({"Enabled": "true", "Available": "false"}, False), ({"Enabled": "maybe"}, None), ({}, None),
    ],
)  # fmt: skip
def test_smart_charging_is_supported_when_it_is_there_and_switched_on(said, supported):
    assert to_capabilities(ctrlr(**said)).supported is supported


@pytest.mark.parametrize(
    ("text", "units"), [("A", {A}), ("W", {W}), ("A,W", {A, W}), ("Power, Current", {A, W}), ("VA", set()), ("", set())]
)
def test_units_are_read_in_the_words_of_both_versions(text, units):
    assert to_capabilities(ctrlr(RateUnit=text)).units == units


def test_where_evses_differ_what_all_of_them_take_counts():
    said = {
        "SmartChargingCtrlr#1.Available": "true", "SmartChargingCtrlr#2.Available": "false",
        "SmartChargingCtrlr#1.RateUnit": "A,W", "SmartChargingCtrlr#2.RateUnit": "A",
        "SmartChargingCtrlr#1.PeriodsPerSchedule": "24", "SmartChargingCtrlr#2.PeriodsPerSchedule": "6",
        "SmartChargingCtrlr#1.ProfileStackLevel": "9", "SmartChargingCtrlr#2.ProfileStackLevel": "0",
    }  # fmt: skip
    assert to_capabilities(said) == LearnedCapabilities(True, frozenset({A}), 6, 0)


def test_variables_of_other_components_say_nothing():
    assert to_capabilities({"SmartChargingCtrlrX.RateUnit": "A", "EVSE.Enabled": "true"}) == LearnedCapabilities()


@pytest.mark.parametrize("missing", ["Enabled", "RateUnit", "PeriodsPerSchedule", "ProfileStackLevel"])
def test_it_is_incomplete_while_something_required_is_missing(missing):
    said = {name: value for name, value in FULL.items() if not name.endswith((missing, "Available"))}
    assert not is_complete(to_capabilities(said))


def test_without_smart_charging_nothing_is_missing():
    assert is_complete(LearnedCapabilities(supported=False))


@given(st.dictionaries(st.sampled_from(list(FULL)), st.text(max_size=20)))
def test_no_value_breaks_it(said):
    learned = to_capabilities(said)
    assert learned.max_periods is None or learned.max_periods >= 1
