"""Which profile a strategy makes of a session."""

import itertools
import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.simulator.prices import EXAMPLE_DAY, BadPrices, PriceCurve, read_prices
from ocpi.simulator.strategies import CheapestStrategy, FlatStrategy, PlannedProfile, PulseStrategy, cheapest
from tests.ocpi.simulator.fake_cpo import session

pytestmark = pytest.mark.pure
START = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
LIMIT_W = 11000.0
CURVES = st.lists(st.integers(-20, 60), min_size=24, max_size=24).map(lambda day: PriceCurve(tuple(day)))
WINDOWS = st.integers(1, 36 * 3600).map(lambda seconds: START + timedelta(seconds=seconds))
STARTS = st.integers(0, 3599).map(lambda seconds: START + timedelta(seconds=seconds))
NEEDS = st.floats(0.01, 500, allow_nan=False)


def lengths(periods, until_s):
    """(seconds, limit) of each period."""
    ends = [at for at, _ in periods[1:]] + [until_s]
    return [(end - at, limit) for (at, limit), end in zip(periods, ends, strict=True)]


def cost(periods, prices, start, end):
    """Price times seconds."""
    total, until_s = 0, int((end - start).total_seconds())
    for (at, limit), (length_s, _) in zip(periods, lengths(periods, until_s), strict=True):
        if limit:
            on = start + timedelta(seconds=at)
            for piece_start, piece_end, price in prices.pieces(on, on + timedelta(seconds=length_s)):
                total += price * int((piece_end - piece_start).total_seconds())
    return total


@given(CURVES, STARTS, WINDOWS, NEEDS)
def test_the_cheapest_profile_is_well_formed(prices, start, end, needed_kwh):
    end = max(end, start + timedelta(seconds=1))
    periods = cheapest(prices, start, end, needed_kwh=needed_kwh, limit_w=LIMIT_W)
    starts, limits = [at for at, _ in periods], [limit for _, limit in periods]
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert starts[-1] < (end - start).total_seconds()
    assert set(limits) <= {0.0, LIMIT_W}
    assert all(one != other for one, other in itertools.pairwise(limits))


@given(CURVES, STARTS, WINDOWS, NEEDS)
def test_the_cheapest_profile_holds_what_is_needed_or_all_there_is_and_no_second_more(prices, start, end, needed_kwh):
    end = max(end, start + timedelta(seconds=1))
    until_s = int((end - start).total_seconds())
    periods = cheapest(prices, start, end, needed_kwh=needed_kwh, limit_w=LIMIT_W)
    on_s = sum(length_s for length_s, limit in lengths(periods, until_s) if limit)
    needed_s = needed_kwh * 3_600_000 / LIMIT_W
    assert on_s == until_s if needed_s >= until_s else 0 <= on_s - needed_s < 1 + 1e-6


@given(CURVES, st.integers(1, 12), st.data())
def test_no_other_choice_of_hours_is_cheaper(prices, hours, data):
    end = START + timedelta(hours=hours)
    chosen = data.draw(st.sets(st.integers(0, hours - 1), min_size=1))
    needed_kwh = len(chosen) * LIMIT_W / 1000
    periods = cheapest(prices, START, end, needed_kwh=needed_kwh, limit_w=LIMIT_W)
    others = sum(prices.at(START + timedelta(hours=hour)) * 3600 for hour in chosen)
    assert cost(periods, prices, START, end) <= others


def test_among_equal_hours_the_first_is_taken():
    flat = PriceCurve((1.0,) * 24)
    assert cheapest(flat, START, START + timedelta(hours=4), needed_kwh=11, limit_w=LIMIT_W) == (
        (0, LIMIT_W),
        (3600, 0.0),
    )


def charging(**options):
    return CheapestStrategy(PriceCurve(), 22.0, LIMIT_W, clock=lambda: START, **options)


def test_a_session_gets_its_cheapest_hours_within_the_window():
    planned = charging(window=timedelta(hours=6))(session(start_date_time="2026-01-05T18:00:00Z"), 0)
    # 18: 0.38, 19: 0.36, 20: 0.30, 21: 0.26, 22: 0.23, 23: 0.21
    assert planned == PlannedProfile(((0, 0.0), (4 * 3600, LIMIT_W)), duration_s=6 * 3600, start=START)


def test_what_is_charged_already_is_not_needed_again():
    planned = charging(window=timedelta(hours=6))(session(start_date_time="2026-01-05T18:00:00Z", kwh=11), 0)
    assert planned.periods == ((0, 0.0), (5 * 3600, LIMIT_W))


@pytest.mark.parametrize(("departure", "hours"), [(time(6, 30), 12.5), (time(20), 2)])
def test_the_window_ends_when_the_car_leaves(departure, hours):
    planned = charging(departure=departure)(session(start_date_time="2026-01-05T17:00:00Z"), 0)
    assert planned.duration_s == hours * 3600


@pytest.mark.parametrize(
    ("changes", "tried"),
    [({}, 1), ({"kwh": 22.0}, 0), ({"start_date_time": "2026-01-05T09:59:00Z"}, 0)],
)
def test_there_is_no_second_plan_none_without_need_and_none_after_the_window(changes, tried):
    assert charging()(session(**{"start_date_time": "2026-01-05T18:00:00Z", **changes}), tried) is None


def test_flat_is_one_open_ended_limit():
    strategy = FlatStrategy(16.0, "A")
    assert strategy(session(), 0) == PlannedProfile(((0, 16.0),), "A")
    assert strategy(session(), 1) is None


@given(st.floats(0.1, 50000), st.integers(1, 3600), st.integers(0, 5))
def test_pulses_are_on_for_half_of_the_time_and_the_next_follow_when_they_end(limit, pulse_s, tried):
    planned = PulseStrategy(limit, pulse_s)(session(), tried)
    seconds = lengths(planned.periods, planned.duration_s)
    assert [length_s for length_s, _ in seconds] == [pulse_s] * 10
    assert [level for _, level in seconds] == [limit, 0.0] * 5
    assert planned.delay_s == (planned.duration_s if tried else 0)


# --- prices ---------------------------------------------------------------------------------------------------------


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_day_in_json(tmp_path):
    assert read_prices(written(tmp_path, "p.json", json.dumps(list(range(24))))).day == tuple(range(24))


def test_hours_in_json_go_before_the_day(tmp_path):
    curve = read_prices(written(tmp_path, "p.json", '{"2026-01-05T20:00:00+01:00": 0.5, "3": 0.01}'))
    assert (curve.at(datetime(2026, 1, 5, 19, 59, tzinfo=UTC)), curve.at(START)) == (0.5, EXAMPLE_DAY[18])
    assert curve.at(datetime(2026, 1, 6, 3, tzinfo=UTC)) == 0.01


def test_a_csv_with_a_title(tmp_path):
    curve = read_prices(written(tmp_path, "p.csv", "hour,price\n2026-01-05T18:00:00Z,0.4\n0,0.2\n"))
    assert (curve.at(START), curve.day[0], curve.day[1]) == (0.4, 0.2, EXAMPLE_DAY[1])


@pytest.mark.parametrize(
    ("name", "text"), [("p.json", "{"), ("p.json", "5"), ("p.csv", "25,1"), ("p.csv", "3"), ("p.csv", "3,dear")]
)
def test_what_is_no_price_curve_is_refused(tmp_path, name, text):
    with pytest.raises(BadPrices, match=r"p\.(json|csv)"):
        read_prices(written(tmp_path, name, text))
