"""What an operator allows counts in every schedule until its end, and changes nothing after it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.profiles import limit_at, prepare
from chargepoints.profiles.caps import Cap
from chargepoints.values import (
    ChargingSchedule,
    CurrentType,
    EvseLimits,
    LowCurrentPolicy,
    RateUnit,
    SchedulePeriod,
    SmartChargingCapabilities,
)

pytestmark = pytest.mark.pure

A, W = RateUnit.AMPERE, RateUnit.WATT
NOON = datetime(2023, 10, 1, 12, tzinfo=UTC)
THREE_PHASE = EvseLimits(CurrentType.AC, voltage_v=D(230), max_current_a=D(32), phases=3)
TAKES_BOTH = SmartChargingCapabilities(supported=True, units=frozenset({A, W}))


def schedule(*periods, unit=A, start_at=NOON, duration_s=None):
    return ChargingSchedule(unit, tuple(SchedulePeriod(s, D(str(limit))) for s, limit in periods), start_at, duration_s)


def capped(requested, rate, *, unit=A, until=None, capabilities=TAKES_BOTH, **more):
    cap = Cap(7, D(str(rate)), unit, until)
    return prepare(requested, limits=THREE_PHASE, capabilities=capabilities, now=NOON, cap=cap, **more)


def curve(value):
    return [(period.start_s, period.limit) for period in value.schedule.periods]


def minutes(count):
    return NOON + timedelta(minutes=count)


def test_what_is_above_is_lowered_and_what_is_below_stays():
    value = capped(schedule((0, 16), (900, 8), (1800, 32)), 10)
    assert curve(value) == [(0, 10), (900, 8), (1800, 10)]
    assert value.notes == ("16 A -> 10 A: limited by an operator", "32 A -> 10 A: limited by an operator")
    assert value.capped_by == 7


def test_at_its_end_the_schedule_goes_on_as_it_was_asked_for():
    value = capped(schedule((0, 16)), 10, until=minutes(30))
    assert curve(value) == [(0, 10), (1800, 16)]
    assert value.notes == ("16 A -> 10 A: limited by an operator until 2023-10-01T12:30:00Z",)


def test_an_end_between_two_seconds_holds_for_the_whole_second():
    value = capped(schedule((0, 16)), 10, until=NOON + timedelta(seconds=59, microseconds=1))
    assert curve(value) == [(0, 10), (60, 16)]


def test_an_end_where_a_period_starts_makes_no_other_period():
    assert curve(capped(schedule((0, 16), (900, 20)), 10, until=minutes(15))) == [(0, 10), (900, 20)]


def test_an_end_after_the_schedules_own_makes_no_period_there():
    assert curve(capped(schedule((0, 16), duration_s=900), 10, until=minutes(15))) == [(0, 10)]
    assert curve(capped(schedule((0, 16), duration_s=900), 10, until=minutes(60))) == [(0, 10)]


def test_a_relative_schedule_is_placed_by_the_start_of_its_transaction():
    value = capped(schedule((0, 16), start_at=None), 10, until=minutes(30), started_at=minutes(-30))
    assert curve(value) == [(0, 10), (3600, 16)]


def test_a_relative_schedule_of_unknown_start_is_lowered_throughout():
    assert curve(capped(schedule((0, 16), start_at=None), 10, until=minutes(30))) == [(0, 10)]


def test_the_time_before_a_later_start_is_lowered_too():
    value = capped(schedule((0, 16), start_at=minutes(10)), 10, until=minutes(20))
    assert curve(value) == [(0, 10), (1200, 16)]


def test_watts_become_amperes_rounded_down_and_the_note_says_how():
    value = capped(schedule((0, 16)), 7000, unit=W)
    assert curve(value) == [(0, D("10.1"))]
    assert value.notes == (
        "7000 W -> 10.1 A: 3 phases, 230 V, rounded down",
        "16 A -> 10.1 A: limited by an operator",
    )


def test_nothing_is_noted_where_nothing_is_lowered():
    value = capped(schedule((0, 8)), 7000, unit=W)
    assert (curve(value), value.notes, value.capped_by) == ([(0, 8)], (), 7)


def test_an_allowance_that_most_cars_cannot_use_is_none_where_that_is_the_policy():
    policy = SmartChargingCapabilities(supported=True, units=frozenset({A}), low_current_policy=LowCurrentPolicy.FLOOR)
    assert curve(capped(schedule((0, 16)), 5, capabilities=policy)) == [(0, 0)]


def test_without_an_operators_limit_nothing_heeds_one():
    value = prepare(schedule((0, 16)), limits=THREE_PHASE, capabilities=TAKES_BOTH, now=NOON)
    assert (curve(value), value.capped_by) == ([(0, 16)], None)


limits = st.decimals(0, 40, places=1)
schedules = st.builds(
    lambda starts, values, age, duration: schedule(
        *zip([0, *sorted(starts)], values, strict=False), start_at=NOON - timedelta(seconds=age), duration_s=duration
    ),
    st.sets(st.integers(1, 5000), max_size=4), st.lists(limits, min_size=5, max_size=5), st.integers(0, 3000),
    st.none() | st.integers(3001, 9000),
)  # fmt: skip


@given(schedules, limits, st.none() | st.integers(1, 6000))
def test_never_above_before_the_end_and_never_changed_after_it(requested, rate, until_s):
    until = None if until_s is None else NOON + timedelta(seconds=until_s)
    value = capped(requested, rate, until=until).schedule
    plain = prepare(requested, limits=THREE_PHASE, capabilities=TAKES_BOTH, now=NOON).schedule
    for second in (*range(0, 6000, 97), *((until_s - 1, until_s) if until_s else ())):
        moment = NOON + timedelta(seconds=second)
        had, has = limit_at(plain, moment), limit_at(value, moment)
        bound = until is None or moment < until
        assert has == (min(had, rate) if bound and had is not None else had)
