"""What each line says over time, and in which unit."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.chart.series import (
    Rate,
    Version,
    at_moment,
    joined,
    later,
    lowest,
    rate_of,
    stretches_of,
    topmost,
    within,
)
from chargepoints.values import ChargingSchedule, CurrentType, RateUnit, SchedulePeriod
from tests.chargepoints.chart.lines import NOON, THREE_PHASES, amperes, at, stretch, told, watts

pytestmark = pytest.mark.pure


def schedule(*periods, unit=RateUnit.WATT, start_at=NOON, duration_s=None):
    steps = tuple(SchedulePeriod(start, Decimal(limit), phases) for start, limit, phases in periods)
    return ChargingSchedule(unit, steps, start_at=start_at, duration_s=duration_s)


def stretches(*versions, until=60):
    return told(stretches_of(versions, limits=THREE_PHASES, started_at=NOON, until=at(until)))


def test_both_units_come_from_the_bridge_that_was_sent_by():
    assert rate_of(Decimal(11000), RateUnit.WATT, limits=THREE_PHASES) == Rate(Decimal("11000.0"), Decimal("15.9"))
    assert rate_of(Decimal(16), RateUnit.AMPERE, limits=THREE_PHASES) == Rate(Decimal("11040.0"), Decimal("16.0"))


def test_phases_that_a_limit_names_count_for_it():
    assert rate_of(Decimal(16), RateUnit.AMPERE, limits=THREE_PHASES, phases=1).watts == Decimal("3680.0")


def test_detected_phases_and_dc_count_as_when_it_was_sent():
    one = replace(THREE_PHASES, detected_phases=1)
    assert rate_of(Decimal(3680), RateUnit.WATT, limits=one).amperes == Decimal("16.0")
    dc = replace(THREE_PHASES, current_type=CurrentType.DC, voltage_v=Decimal(400), phases=None)
    assert rate_of(Decimal(50000), RateUnit.WATT, limits=dc).amperes == Decimal("125.0")


def test_without_a_voltage_nothing_is_divided():
    flat = replace(THREE_PHASES, voltage_v=Decimal(0))
    assert rate_of(Decimal(11000), RateUnit.WATT, limits=flat) == Rate(Decimal("11000.0"), Decimal("11000.0"))


def test_a_schedule_is_a_staircase_until_its_end():
    plan = schedule((0, 11000, None), (600, 0, None), duration_s=1800)
    assert stretches(Version(NOON, plan)) == [(0, 10, "11000.0", "15.9"), (10, 30, "0.0", "0.0")]


def test_an_open_ended_schedule_holds_until_the_end_of_all():
    assert stretches(Version(NOON, schedule((0, 5000, None)))) == [(0, 60, "5000.0", "7.2")]


def test_a_newer_version_ends_the_one_before_and_none_is_a_gap():
    versions = (
        Version(NOON, schedule((0, 5000, None))),
        Version(at(20), None),
        Version(at(30), schedule((0, 7000, None))),
    )
    assert [row[:2] for row in stretches(*versions)] == [(0, 20), (30, 60)]


def test_a_version_says_nothing_before_it_came_though_its_start_is_earlier():
    assert [row[:2] for row in stretches(Version(at(5), schedule((0, 5000, None), start_at=at(-60))))] == [(5, 60)]


def test_a_relative_schedule_begins_with_the_session():
    relative = schedule((0, 5000, None), (600, 7000, None), start_at=None)
    assert [row[:2] for row in stretches(Version(at(2), relative))] == [(2, 10), (10, 60)]


def test_no_version_no_line():
    assert stretches() == []


def test_negative_and_endless_limits_are_not_drawn():
    odd = schedule((0, -1, None), (60, "Infinity", None), (120, "NaN", None), (180, 5000, None))
    assert [row[:2] for row in stretches(Version(NOON, odd))] == [(3, 60)]


def test_a_duration_of_centuries_is_within_the_calendar():
    assert later(NOON, 2**40).year == NOON.year + 10


def test_neighbours_that_say_the_same_become_one():
    parts = [stretch(0, 5, watts(100), "a"), stretch(5, 9, watts(100), "a"), stretch(9, 12, watts(100), "b")]
    assert [row[:2] for row in told(joined(parts))] == [(0, 9), (9, 12)]


def test_the_highest_level_that_speaks_counts():
    high, low = [stretch(10, 20, watts(1000))], [stretch(0, 60, watts(9000))]
    assert [row[:3] for row in told(topmost([high, low]))] == [
        (0, 10, "9000.0"), (10, 20, "1000.0"), (20, 60, "9000.0"),
    ]  # fmt: skip


def test_of_operators_limits_the_lowest_counts():
    both = lowest([[stretch(0, 60, amperes(16))], [stretch(10, 20, amperes(10))]])
    assert [row[3] for row in told(both)] == ["16.0", "10.0", "16.0"]


def test_what_is_outside_the_window_is_cut():
    cut = within([stretch(-10, 5, watts(1)), stretch(5, 99, watts(2)), stretch(99, 100, watts(3))], NOON, at(60))
    assert [row[:2] for row in told(cut)] == [(0, 5), (5, 60)]


@given(
    st.lists(st.tuples(st.integers(-60, 60), st.integers(0, 90), st.integers(0, 22000)), max_size=8),
    st.integers(-70, 70),
)
def test_the_top_level_at_any_moment_is_the_first_that_speaks(spans, minute):
    levels = [[stretch(begin, begin + length, watts(value))] for begin, length, value in spans if length]
    expected = next((s.rate for level in levels if (s := at_moment(level, at(minute)))), None)
    found = at_moment(topmost(levels), at(minute))
    assert (found.rate if found else None) == expected
