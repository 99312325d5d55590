"""From meter values to the measured line."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.chart.readings import MOST_POINTS, Bucket, points, step_s, unbroken
from chargepoints.chart.series import Point
from tests.chargepoints.chart.lines import NOON, THREE_PHASES, at, watts

pytestmark = pytest.mark.pure


def bucket(minute, *, w=None, a=None, wh=None):
    return Bucket(at(minute), *(None if value is None else Decimal(value) for value in (w, a, wh)))


def drawn(*buckets):
    found = points(buckets, limits=THREE_PHASES)
    return [((p.at - NOON).total_seconds() / 60, str(p.rate.watts), str(p.rate.amperes), p.derived) for p in found]


def test_power_and_current_stay_as_they_were_measured():
    assert drawn(bucket(1, w="3680.0", a="16.04")) == [(1, "3680.0", "16.0", False)]


def test_the_missing_one_is_converted():
    assert drawn(bucket(1, w=11040), bucket(2, a=10)) == [(1, "11040.0", "16.0", False), (2, "6900.0", "10.0", False)]


def test_energy_alone_gives_the_average_between_two_readings():
    found = drawn(bucket(0, wh=1000), bucket(10, wh=2000), bucket(20, wh=1500), bucket(30, wh=1500))
    assert found == [(10, "6000.0", "8.6", True), (30, "0.0", "0.0", True)]


def test_energy_is_not_used_where_power_is_told():
    assert drawn(bucket(0, wh=0), bucket(1, w=100, wh=500)) == [(1, "100.0", "0.1", False)]


def test_what_flows_back_is_drawn_as_nothing():
    assert drawn(bucket(0, w=-500, a=-2)) == [(0, "0.0", "0.0", False)]


@given(st.floats(0, 400 * 86_400))
def test_no_window_has_more_steps_than_points_to_draw(span_s):
    assert span_s / step_s(span_s) <= MOST_POINTS


def test_a_gap_of_three_times_the_usual_distance_is_not_bridged():
    seconds = [0, 60, 120, 180, 1000, 1060]
    run = [Point(NOON + timedelta(seconds=second), watts(1)) for second in seconds]
    assert [len(part) for part in unbroken(run, least_gap_s=300)] == [4, 2]
    slow = [Point(at(15 * i), watts(1)) for i in range(5)]
    assert [len(part) for part in unbroken(slow, least_gap_s=300)] == [5]
    assert unbroken([], least_gap_s=300) == []
