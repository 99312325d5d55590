"""Where things are: within the box, from left to right, whatever the values."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.chart.geometry import SIZE, Scale, line_path, scale_for, step_path, value_ticks
from chargepoints.chart.readings import unbroken
from chargepoints.chart.series import Point, Rate, Stretch
from chargepoints.chart.window import TICKS, Window, Zoom, time_ticks, window
from chargepoints.values import RateUnit
from tests.chargepoints.chart.lines import NOON, at, stretch, watts

pytestmark = pytest.mark.pure
WINDOW = Window(NOON, at(60))
values = st.decimals(min_value=0, max_value=10**15, allow_nan=False, allow_infinity=False, places=1)
minutes = st.floats(-100, 200, allow_nan=False)


def corners(path):
    """x and y of every corner, in their order."""
    found, x, y = [], 0.0, 0.0
    for command, numbers in re.findall(r"([MLHV])([^MLHV]+)", path):
        figures = [float(text) for text in numbers.split(",")]
        x = figures[0] if command in "MLH" else x
        y = figures[-1] if command in "MLV" else y
        found.append((x, y))
    return found


def scale(*rates, unit=RateUnit.WATT):
    return scale_for(WINDOW, unit, map(float, rates))


def inside(path):
    return all(0 <= x <= SIZE and 0 <= y <= SIZE for x, y in corners(path))


def rising(path):
    xs = [x for x, _ in corners(path)]
    return xs == sorted(xs)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 10), values), max_size=12), minutes)
def test_a_staircase_stays_in_the_box_and_goes_right(steps, begin):
    stretches, clock = [], at(begin)
    for length, gap, value in steps:
        stretches.append(Stretch(clock, clock + timedelta(minutes=length), Rate(value, value)))
        clock += timedelta(minutes=length + gap)
    path = step_path(stretches, scale(*(s.rate.watts for s in stretches)))
    assert inside(path)
    assert rising(path)


@given(st.lists(st.tuples(minutes, values), min_size=1, max_size=20))
def test_a_measured_line_stays_in_the_box_and_goes_right(measured):
    points = [Point(at(minute), Rate(value, value)) for minute, value in sorted(measured, key=lambda row: row[0])]
    for run in unbroken(points, least_gap_s=300):
        path = line_path(run, scale(*(p.rate.watts for p in points)))
        assert inside(path)
        assert rising(path)


@given(values)
def test_the_scale_has_round_steps_and_room_above_the_highest(value):
    found = scale(value)
    assert found.top >= float(value)
    ticks = value_ticks(found)
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 7
    assert f"{found.step:e}"[0] in "125"


def test_nothing_but_zero_has_a_scale_all_the_same():
    assert (scale(0).top, scale(unit=RateUnit.AMPERE).top) == (1000.0, 6.0)


def test_zero_is_at_the_bottom_and_the_top_at_the_top():
    of = Scale(WINDOW, RateUnit.WATT, 12000.0, 2000.0)
    assert (of.y(0), of.y(12000), of.y(6000), of.y(-5), of.y(10**20)) == (SIZE, 0, SIZE / 2, SIZE, 0)


def test_a_gap_begins_a_new_line():
    path = step_path([stretch(0, 30, watts(500)), stretch(45, 60, watts(500))], scale(1000))
    assert path.count("M") == 2
    touching = step_path([stretch(0, 30, watts(500)), stretch(30, 60, watts(900))], scale(1000))
    assert (touching.count("M"), touching.count("V")) == (1, 1)


def test_a_single_point_is_drawn():
    [first, last] = corners(line_path([Point(at(30), watts(500))], scale(1000)))
    assert (first[0], last[0]) == (SIZE / 2 - 2, SIZE / 2 + 2)


# --- the window -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zoom", "ended", "changes", "begin", "end"),
    [
        (Zoom.WHOLE, None, [], 0, 136),  # two hours old, open: a little ahead
        (Zoom.WHOLE, None, [150], 0, 166),  # a change is ahead: shown, and a little after it
        (Zoom.WHOLE, None, [900], 0, 136),  # too far ahead
        (Zoom.WHOLE, None, [300], 0, 181),  # half of what is past, at most
        (Zoom.WHOLE, 90, [150], 0, 91),
        (Zoom.WHOLE, 10, [], 0, 31),  # half an hour at least
        (Zoom.HOUR, None, [], 60, 136),
        (Zoom.HOUR, 90, [], 30, 91),
        (Zoom.AHEAD, None, [150, 300], 105, 316),
        (Zoom.AHEAD, None, [], 105, 181),
        (Zoom.AHEAD, 90, [], 0, 91),  # nothing is ahead of a session that ended
    ],
)
def test_what_is_shown(zoom, ended, changes, begin, end):
    shown = window(
        zoom, started_at=NOON, ended_at=None if ended is None else at(ended), now=at(120),
        changes=[at(minute) for minute in changes],
    )  # fmt: skip
    assert shown == Window(at(begin), at(end))


def test_a_session_that_begins_in_the_future_has_a_window():
    assert window(Zoom.WHOLE, started_at=at(10), ended_at=None, now=NOON).span_s > 0


@given(st.integers(1, 400 * 86_400))
def test_time_marks_are_few_and_inside(seconds):
    shown = Window(NOON, NOON + timedelta(seconds=seconds))
    ticks = [moment for moment, _ in time_ticks(shown)]
    assert len(ticks) <= TICKS + 1
    assert all(shown.shows(moment) for moment in ticks)


def test_midnight_is_told_by_its_date():
    labels = [label for _, label in time_ticks(Window(at(0), at(24 * 60)))]
    assert labels == ["12:00", "18:00", "02 Mar", "06:00", "12:00"]


def test_decimals_of_any_size_have_a_place():
    assert inside(step_path([stretch(0, 1, Rate(Decimal("1e30"), Decimal(0)))], scale(Decimal("1e30"))))
