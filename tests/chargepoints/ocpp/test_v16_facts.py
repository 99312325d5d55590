"""OCPP 1.6: what a charge point reports, as facts."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import jsonschema_rs
import ocpp.v16
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoints.ocpp.v16.facts import (
    boot_facts,
    meter_facts,
    readings,
    start_facts,
    status_facts,
    stop_facts,
)
from chargepoints.ocpp.wire import number_in, parse_time, plausible
from chargepoints.values import BootFacts, Sample, StartFacts, StatusFacts

pytestmark = pytest.mark.pure

NOW = datetime(2025, 3, 4, 18, 0, 7, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "ocpp"
SCHEMAS = Path(ocpp.v16.__file__).parent / "schemas"


def payload_of(name):
    return json.loads((FIXTURES / f"{name}.json").read_text())[3]


def sampled(value, measurand="", **fields):
    return {"value": value} | ({"measurand": measurand} if measurand else {}) | fields


def reading_of(*samples, timestamp="2025-03-04T18:00:00Z"):
    (reading,) = readings([{"timestamp": timestamp, "sampledValue": list(samples)}], NOW)
    return reading


def currents(*values, location="Outlet"):
    return [
        sampled(value, "Current.Import", phase=f"L{n}", unit="A", location=location)
        for n, value in enumerate(values, start=1)
    ]


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("v16_*.json")), ids=lambda path: path.stem)
def test_the_fixtures_are_valid_frames(path):
    kind, _, *rest = json.loads(path.read_text())
    action = rest[0] if kind == 2 else "".join(map(str.title, path.stem.split("_")[1:-1])) + "Response"
    schema = json.loads((SCHEMAS / f"{action}.json").read_text("utf-8-sig"))
    jsonschema_rs.validator_for(schema).validate(rest[-1])


# --- times


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-04T18:00:07Z", "2025-03-04T18:00:07", "2025-03-04t18:00:07z", "2025-03-04 18:00:07Z",
        "2025-03-04T19:00:07+01:00", "2025-03-04T19:00:07+0100", "2025-03-04T19:00:07+01", "2025-03-04T13:30:07-04:30",
        "2025-03-04T18:00:07.0Z", "2025-03-04T18:00:07.0000000Z", " 2025-03-04T18:00:07Z ",
    ],
)  # fmt: skip
def test_every_way_to_write_a_time_is_read(text):
    assert parse_time(text) == NOW
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(("fraction", "micros"), [("5", 500_000), ("123", 123_000), ("1234567", 123_456)])
def test_fractions_of_any_length_are_read(fraction, micros):
    assert parse_time(f"2025-03-04T18:00:07.{fraction}Z") == NOW + timedelta(microseconds=micros)


@pytest.mark.parametrize(
    "text",
    [
        None, 0, 1741111207, True, [], "", "now", "2025-03-04", "18:00:07", "2025-13-01T00:00:00Z",
        "2025-02-30T00:00:00Z", "2025-03-04T24:30:00Z", "2025-03-04T18:00:07+99:00", "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00", "20250304T180007Z", "2025-W10-2T18:00:07Z", "٢٠٢٥-03-04T18:00:07Z",
        "2025-03-04T18:00:07Z; DROP",
    ],
)  # fmt: skip
def test_what_is_not_a_time_is_none(text):
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("moment", "believed"),
    [
        (None, False),
        (datetime(1970, 1, 1, tzinfo=UTC), False),
        (datetime(2014, 12, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2015, 1, 1, tzinfo=UTC), True),
        (NOW - timedelta(days=40), True),
        (NOW + timedelta(hours=24), True),
        (NOW + timedelta(hours=24, seconds=1), False),
    ],
)
def test_a_clock_before_2015_or_a_day_ahead_is_not_believed(moment, believed):
    assert plausible(moment, NOW) is believed


def test_how_far_ahead_a_clock_may_be_is_a_parameter():
    assert plausible(NOW + timedelta(minutes=2), NOW, ahead=timedelta(minutes=1)) is False


# --- numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.5", "12.5"), ("12,5", "12.5"), (" 7 ", "7"), ("-3", "-3"), ("+3", "3"), ("0012", "12"), ("1.5E3", "1500"),
        (".5", "0.5"), ("5.", "5"),
    ],
)  # fmt: skip
def test_a_number_is_read_with_point_or_comma(text, value):
    assert number_in(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "NaN", "Infinity", "-inf", "1e99", "1,234.5", "0x10", "12 A", "1_000", "٣", "9" * 31, "."]
)
def test_what_is_not_one_sane_number_is_none(text):
    assert number_in(text) is None


# --- boot, status


def test_boot_facts():
    assert boot_facts(payload_of("v16_boot_notification")) == BootFacts(
        vendor="Voltbox",
        model="VB-22-T2",
        serial_number="VB22-0004711",
        firmware_version="3.4.12-1190",
        meter_serial_number="M-99-0815",
        details={
            "chargeBoxSerialNumber": "CB-0004711",
            "iccid": "8931087819001234567",
            "imsi": "204080012345678",
            "meterType": "MID 3x32A",
        },
    )


def test_the_charge_box_serial_number_stands_in_for_a_missing_one():
    assert boot_facts({"chargeBoxSerialNumber": "CB-1"}).serial_number == "CB-1"


def test_hostile_boot_texts_are_cleaned_and_bounded():
    facts = boot_facts({
        "chargePointVendor": "Volt\x00box\x1b[31m\ud800\u202e",
        "chargePointModel": "M" * 10_000,
        "firmwareVersion": ["3"],
        **{f"extra{n}": "x" for n in range(100)},
    })  # fmt: skip
    assert facts.vendor == "Voltbox[31m"
    assert facts.model == "M" * 255
    assert facts.firmware_version == ""
    assert len(facts.details) == 20


def test_status_facts_carry_the_vendor_error_code_in_the_info():
    assert status_facts(payload_of("v16_status_notification"), NOW) == StatusFacts(
        evse_id=1,
        status="Faulted",
        error_code="OtherError",
        info="contactor welded, E-0x42",
        reported_at=datetime(2025, 3, 4, 17, 59, 58, 120_000, tzinfo=UTC),
    )


@pytest.mark.parametrize("timestamp", [None, "1970-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "soon"])
def test_an_impossible_time_of_a_message_is_unknown(timestamp):
    status = {"connectorId": 0, "status": "Available", "errorCode": "NoError", "timestamp": timestamp}
    assert status_facts(status, NOW) == StatusFacts(0, "Available", "NoError")
    start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": timestamp}
    assert start_facts(start, NOW).started_at is None
    assert stop_facts({"transactionId": 5, "meterStop": 1, "timestamp": timestamp}, NOW).stopped_at is None


@pytest.mark.parametrize("connector_id", [None, -1, "one", 1.5, True, 2**40])
def test_a_message_without_a_usable_connector_is_an_error_that_names_it(connector_id):
    for facts in (status_facts, start_facts, meter_facts):
        with pytest.raises(ValueError, match="connectorId"):
            facts({"connectorId": connector_id, "meterStart": 0}, NOW)


# --- start, stop


def test_start_facts():
    assert start_facts(payload_of("v16_start_transaction"), NOW) == StartFacts(
        evse_id=1,
        id_token="04A2B3C4D5E680",
        meter_start_wh=Decimal(1204530),
        started_at=datetime(2025, 3, 4, 18, 0, 2, tzinfo=UTC),
        reservation_id=None,
    )


@pytest.mark.parametrize(("sent", "reservation_id"), [(12, 12), (0, None), (-1, None), (None, None), ("x", None)])
def test_a_reservation_of_zero_or_less_is_none(sent, reservation_id):
    payload = {"connectorId": 1, "idTag": "A", "meterStart": 0, "reservationId": sent}
    assert start_facts(payload, NOW).reservation_id == reservation_id


@pytest.mark.parametrize(
    ("sent", "token"),
    [
        ("ABC\x00\x00", "ABC"), ("  ABC ", "ABC"), ("T" * 36, "T" * 36), ("T" * 37, ""), ("T" * 5000, ""), (None, ""),
        (12345, "12345"),
    ],
)  # fmt: skip
def test_an_id_tag_is_freed_of_padding_and_never_cut_to_another_one(sent, token):
    assert start_facts({"connectorId": 1, "idTag": sent, "meterStart": 0}, NOW).id_token == token


@pytest.mark.parametrize(("sent", "energy"), [(1204530, "1204530"), (10.5, "10.5"), ("77", "77"), (-3, "-3")])
def test_a_meter_start_is_an_exact_number_of_wh(sent, energy):
    assert start_facts({"connectorId": 1, "meterStart": sent}, NOW).meter_start_wh == Decimal(energy)


@pytest.mark.parametrize("sent", [None, "", "NaN", float("nan"), [1], True])
def test_an_energy_that_cannot_be_read_is_an_error_that_names_it(sent):
    with pytest.raises(ValueError, match="meterStart"):
        start_facts({"connectorId": 1, "meterStart": sent}, NOW)
    with pytest.raises(ValueError, match="meterStop"):
        stop_facts({"transactionId": 1, "meterStop": sent}, NOW)


def test_stop_facts_carry_the_transaction_data_as_readings():
    facts = stop_facts(payload_of("v16_stop_transaction"), NOW + timedelta(hours=4))

    assert facts.transaction_id == "481516234"
    assert facts.meter_stop_wh == Decimal(1219870)
    assert facts.stopped_at == datetime(2025, 3, 4, 21, 30, 41, 500_000, tzinfo=UTC)
    assert (facts.reason, facts.id_token) == ("EVDisconnected", "04A2B3C4D5E680")
    assert [reading.energy_wh for reading in facts.readings] == [Decimal(1204530), Decimal(1219870)]
    signed = facts.readings[0].samples[1]
    assert (signed.value, signed.format) == (None, "SignedData")
    assert signed.raw == 'OCMF|{"FV":"1.0","GI":"VB-22"}|{"SD":"3045"}'


def test_a_stop_without_reason_is_local():
    assert stop_facts({"transactionId": 1, "meterStop": 5}, NOW).reason == "Local"


@pytest.mark.parametrize(("sent", "transaction_id"), [(0, "0"), (-1, "-1"), (None, ""), ("12", "12"), ([], "")])
def test_a_stop_of_an_unknown_transaction_keeps_its_energy(sent, transaction_id):
    facts = stop_facts({"transactionId": sent, "meterStop": 5}, NOW)
    assert (facts.transaction_id, facts.meter_stop_wh, facts.readings) == (transaction_id, Decimal(5), ())


# --- meter values


def test_a_three_phase_reading():
    facts = meter_facts(payload_of("v16_meter_values_three_phase"), NOW)

    assert (facts.evse_id, facts.transaction_id) == (1, "481516234")
    (reading,) = facts.readings
    assert reading.measured_at == datetime(2025, 3, 4, 17, 5, tzinfo=UTC)
    assert reading.energy_wh == Decimal(1205731)
    assert reading.power_w == Decimal(10980)
    assert reading.current_a == Decimal("16.1")
    assert reading.offered_a == Decimal(16)
    assert reading.offered_w == Decimal(11040)
    assert reading.soc_percent == Decimal(57)
    assert reading.phases == 3
    assert len(reading.samples) == 10
    assert reading.samples[0] == Sample(
        measurand="Energy.Active.Import.Register", value=Decimal("1205.731"), raw="1205.731", unit="kWh",
        context="Sample.Periodic", location="Outlet",
    )  # fmt: skip
    assert reading.samples[9] == Sample(
        measurand="Temperature", value=Decimal(31), raw="31", unit="Celsius", context="Sample.Periodic", location="Body"
    )


def test_a_bare_value_is_imported_energy_in_wh_at_the_outlet():
    first, second = meter_facts(payload_of("v16_meter_values_bare"), NOW).readings

    assert first.samples == (
        Sample(
            measurand="Energy.Active.Import.Register", value=Decimal(1205100), raw="1205100", unit="Wh",
            context="Sample.Periodic", location="Outlet", format="Raw",
        ),
    )  # fmt: skip
    assert (first.energy_wh, second.energy_wh) == (Decimal(1205100), Decimal(1205220))
    assert (first.measured_at, second.measured_at) == (NOW, datetime(2025, 3, 4, 17, 10, tzinfo=UTC))
    assert (first.power_w, first.current_a, first.phases) == (None, None, None)


@pytest.mark.parametrize(("sent", "transaction_id"), [(7, "7"), (0, None), (-1, None), (None, None), ("x", None)])
def test_no_transaction_is_absent_null_zero_or_minus_one(sent, transaction_id):
    assert meter_facts({"connectorId": 1, "transactionId": sent}, NOW).transaction_id == transaction_id
    assert meter_facts({"connectorId": 1}, NOW).transaction_id is None


@pytest.mark.parametrize(
    ("value", "unit", "energy"),
    [("1.5", "kWh", 1500), ("1500", "Wh", 1500), ("1,5", "KWH", 1500), ("1500", None, 1500), ("1500", "W", None)],
)
def test_energy_is_wh_whatever_the_unit_and_unknown_in_a_foreign_one(value, unit, energy):
    assert reading_of(sampled(value, **({"unit": unit} if unit else {}))).energy_wh == energy


@pytest.mark.parametrize("value", ["NaN", "Infinity", "", "n/a", "12 kWh", None, [1], True])
def test_a_value_that_is_not_a_number_is_kept_as_text_only(value):
    reading = reading_of(sampled(value, unit="Wh"))
    assert reading.samples[0].value is None
    assert reading.samples[0].raw == (value if isinstance(value, str) else "")
    assert reading.energy_wh is None


def test_a_value_sent_as_a_json_number_counts():
    assert reading_of(sampled(1500.5)).energy_wh == Decimal("1500.5")


def test_signed_data_keeps_its_lines_and_length_but_no_nul():
    text = "A" * 4000 + "\r\n\tB\x00"
    sample = reading_of(sampled(text, format="SignedData")).samples[0]
    assert (sample.value, sample.raw) == (None, text[:-1])


def test_hostile_sample_texts_are_cleaned_and_bounded():
    sample = reading_of(sampled("1\x002", "Volt\x00age", unit="V" * 999, phase={"L": 1})).samples[0]
    assert (sample.raw, sample.measurand, sample.unit, sample.phase) == ("12", "Voltage", "V" * 255, "")


@pytest.mark.parametrize("suffix", ["", "-N"])
def test_energy_and_power_without_a_total_are_the_sum_of_the_phases(suffix):
    phases = [f"L{n}{suffix}" for n in (1, 2, 3)]
    reading = reading_of(
        *(sampled("1.1", "Energy.Active.Import.Register", phase=phase, unit="kWh") for phase in phases),
        *(sampled("2300", "Power.Active.Import", phase=phase, unit="W") for phase in phases),
    )
    assert (reading.energy_wh, reading.power_w) == (Decimal(3300), Decimal(6900))


def test_a_total_wins_over_the_sum_of_the_phases():
    phased = [sampled("1000", "Power.Active.Import", phase=f"L{n}") for n in (1, 2, 3)]
    assert reading_of(*phased, sampled("2.9", "Power.Active.Import", unit="kW")).power_w == Decimal(2900)


def test_line_and_line_to_neutral_values_of_one_phase_are_not_added():
    values = [sampled("1000", "Power.Active.Import", phase=phase) for phase in ("L1", "L1-N", "N", "L1-L2")]
    assert reading_of(*values).power_w == Decimal(1000)


def test_phases_of_which_one_cannot_be_read_have_no_sum():
    assert reading_of(*currents("16", "?", "16")).phases is None
    values = [sampled(text, "Power.Active.Import", phase=f"L{n}") for n, text in enumerate(("9", "?"), start=1)]
    assert reading_of(*values).power_w is None


def test_an_unphased_current_is_taken_as_it_is():
    reading = reading_of(sampled("15.5", "Current.Import", unit="A"))
    assert (reading.current_a, reading.phases) == (Decimal("15.5"), None)


@pytest.mark.parametrize(
    ("values", "highest", "phases"),
    [
        (("16", "0", "0"), "16", 1),
        (("16", "15.9", "0.4"), "16", 2),
        (("16", "16", "16"), "16", 3),
        (("6", "0.99", "1"), "6", 2),
    ],
)
def test_phases_in_use_carry_at_least_1_a(values, highest, phases):
    reading = reading_of(*currents(*values))
    assert (reading.current_a, reading.phases) == (Decimal(highest), phases)


@pytest.mark.parametrize("values", [("16",), ("16", "16"), ("4.9", "0", "0"), ("0.3", "0.2", "0.9")])
def test_phases_are_not_guessed_from_unreported_phases_or_a_car_that_does_not_charge(values):
    assert reading_of(*currents(*values)).phases is None


def test_the_outlet_is_preferred_over_every_other_location():
    inlet = [sampled("900", location="Inlet"), sampled("7000", "Power.Active.Import", location="Inlet")]
    reading = reading_of(sampled("500", location="Outlet"), *inlet)
    assert (reading.energy_wh, reading.power_w) == (Decimal(500), Decimal(7000))


def test_currents_on_the_grid_side_do_not_show_the_phases_of_an_idle_car():
    reading = reading_of(*currents("16", "16", "16", location="Inlet"), *currents("0", "0", "0"))
    assert (reading.current_a, reading.phases) == (Decimal(0), None)


def test_the_offered_current_is_per_phase_and_the_offered_power_a_total():
    reading = reading_of(
        *(sampled("16", "Current.Offered", phase=f"L{n}") for n in (1, 2, 3)),
        *(sampled("3.68", "Power.Offered", phase=f"L{n}", unit="kW") for n in (1, 2, 3)),
    )
    assert (reading.offered_a, reading.offered_w) == (Decimal(16), Decimal(11040))


@pytest.mark.parametrize(("sent", "soc"), [("0", 0), ("100", 100), ("255", None), ("-1", None)])
def test_a_state_of_charge_outside_0_to_100_is_unknown(sent, soc):
    assert reading_of(sampled(sent, "SoC", unit="Percent", location="EV")).soc_percent == soc


def test_other_measurands_are_kept_and_count_for_nothing():
    reading = reading_of(
        sampled("400", "Voltage", phase="L1-L2", unit="V"),
        sampled("88", "Energy.Active.Export.Register"),
        sampled("5", "Energy.Active.Import.Interval"),
        sampled("7", "Power.Reactive.Import", unit="var"),
    )
    assert [sample.value for sample in reading.samples] == [400, 88, 5, 7]
    assert (reading.energy_wh, reading.power_w, reading.current_a) == (None, None, None)


@pytest.mark.parametrize(
    "meter_values", [None, {}, "x", [], [1, None], [{}], [{"sampledValue": []}], [{"sampledValue": ["1", 2]}]]
)
def test_meter_values_without_samples_are_no_readings(meter_values):
    assert readings(meter_values, NOW) == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just("1.5"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
sampled_values = st.fixed_dictionaries({}, optional={
    "value": json_values,
    "measurand": st.sampled_from(["Current.Import", "Power.Active.Import", "SoC"]) | json_values,
    "phase": st.sampled_from(["L1", "L2", "L3-N"]) | json_values,
    "unit": st.sampled_from(["kWh", "kW", "A"]) | json_values,
    "location": st.sampled_from(["Outlet", "Inlet"]) | json_values,
    "format": json_values,
})  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"timestamp": json_values, "sampledValue": st.lists(sampled_values, max_size=4)}),
        max_size=4,
    )
)
def test_no_meter_value_raises_and_no_sample_is_lost(meter_values):
    found = readings(meter_values, NOW)
    sent = [len(element["sampledValue"]) for element in meter_values if element["sampledValue"]]
    assert [len(reading.samples) for reading in found] == sent


messages = st.dictionaries(
    st.sampled_from(["connectorId", "idTag", "meterStart", "meterStop", "info", "iccid"]), json_values
)


@settings(max_examples=100, deadline=None)
@given(messages, st.sampled_from([status_facts, start_facts, stop_facts, meter_facts]))
def test_a_message_is_read_or_refused_by_an_error_that_names_the_field(payload, facts):
    boot_facts(payload)
    refusal = ""
    try:
        facts(payload, NOW)
    except ValueError as error:
        refusal = str(error)
    assert refusal.split(" is not ")[0] in {"", "connectorId", "meterStart", "meterStop"}
