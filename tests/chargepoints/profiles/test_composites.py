from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargepoints.profiles import active_profile, maximum, same_plan, to_unit
from chargepoints.values import ChargingSchedule, CurrentType, EvseLimits, RateUnit, SchedulePeriod

pytestmark = pytest.mark.pure

A, W = RateUnit.AMPERE, RateUnit.WATT
NOON = datetime(2023, 10, 1, 12, tzinfo=UTC)
THREE_PHASE = EvseLimits(CurrentType.AC, voltage_v=D(230), max_current_a=D(32), phases=3)
DC = EvseLimits(CurrentType.DC, voltage_v=D(400), max_current_a=D(125), max_power_w=D(50000))


def composite(*periods, unit=A, start_at=NOON, duration_s=3600, min_rate=None, phases=None):
    return ChargingSchedule(
        unit,
        tuple(SchedulePeriod(start, D(str(limit)), phases) for start, limit in periods),
        start_at,
        duration_s,
        min_rate,
    )


def seen(value, *, unit=A, limits=THREE_PHASE, now=NOON, duration_s=3600):
    return active_profile(value, unit=unit, limits=limits, now=now, duration_s=duration_s)


def curve(value):
    assert all(period.phases is None for period in value.periods)
    return [(period.start_s, period.limit) for period in value.periods]


def ago(seconds):
    return NOON - timedelta(seconds=seconds)


# --- what the EVSE gives --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "unit", "highest"),
    [
        (THREE_PHASE, A, "32"),
        (THREE_PHASE, W, "22080"),
        (replace(THREE_PHASE, phases=1), W, "7360"),
        (replace(THREE_PHASE, max_power_w=D(11000)), W, "11000"),
        (replace(THREE_PHASE, max_power_w=D(11000)), A, "15.9"),
        (replace(THREE_PHASE, phases=None, max_power_w=D(11000)), A, "32"),
        (replace(THREE_PHASE, max_current_a=D("31.99")), A, "31.9"),
        (DC, A, "125"),
        (DC, W, "50000"),
        (replace(DC, max_power_w=None), W, "50000"),
        (replace(DC, max_power_w=D(60000)), W, "60000"),
    ],
)
def test_the_maximum_of_an_evse(limits, unit, highest):
    assert maximum(limits, unit) == D(highest)


# --- units ----------------------------------------------------------------------------------------------------------


def test_a_schedule_in_the_other_unit_keeps_its_times_and_says_its_phases():
    value = composite((0, 22000), (60, "999.99"), unit=W, min_rate=D(5000))
    converted = to_unit(value, A, limits=THREE_PHASE)
    assert converted == replace(
        value,
        unit=A,
        periods=(SchedulePeriod(0, D("31.8"), 3), SchedulePeriod(60, D("1.4"), 3)),
        min_rate=D("7.2"),
    )


def test_a_periods_own_phases_convert_it():
    assert to_unit(composite((0, 16), phases=1), W, limits=THREE_PHASE).periods == (SchedulePeriod(0, D(3680), 1),)


def test_dc_is_converted_at_the_nominal_voltage_for_display():
    assert to_unit(composite((0, 100)), W, limits=DC).periods == (SchedulePeriod(0, D(40000), None),)


# --- what liars send ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, composite()])
@pytest.mark.parametrize(("unit", "highest"), [(A, 32), (W, 22080)])
def test_no_schedule_means_the_evse_maximum(nothing, unit, highest):
    profile = seen(nothing, unit=unit, now=NOON + timedelta(microseconds=7), duration_s=900)
    assert profile == ChargingSchedule(unit, (SchedulePeriod(0, D(highest)),), NOON, 900)


def test_a_plan_in_the_asked_unit_is_shown_as_it_is():
    assert seen(composite((0, 16), (600, 0))) == composite((0, 16), (600, 0))


def test_the_other_unit_is_converted():
    profile = seen(composite((0, "31.8"), (600, 0), min_rate=D(6)), unit=W)
    assert (profile.unit, curve(profile), profile.min_rate) == (W, [(0, D(21942)), (600, D(0))], D(4140))


def test_a_filler_of_48_a_is_the_evse_maximum():
    assert curve(seen(composite((0, 16), (600, 48)))) == [(0, D(16)), (600, D(32))]
    assert curve(seen(composite((0, 48)), unit=W)) == [(0, D(22080))]


def test_a_single_phase_filler_is_clamped_to_what_one_phase_gives():
    assert curve(seen(composite((0, 48), phases=1), unit=W)) == [(0, D(7360))]


@pytest.mark.parametrize("no_limit", [-1, "-0.1", "NaN", "Infinity"])
def test_a_negative_limit_or_none_at_all_means_no_limit(no_limit):
    assert curve(seen(composite((0, no_limit), (60, 10)), unit=W)) == [(0, D(22080)), (60, D(6900))]


def test_a_limit_of_a_binary_fraction_gets_one_decimal():
    assert str(seen(composite((0, "6.1000000000000005"))).periods[0].limit) == "6.1"


def test_periods_in_any_order_are_sorted_and_the_first_starts_at_zero():
    assert curve(seen(composite((600, 8), (10, 16), (300, 10)))) == [(0, D(16)), (300, D(10)), (600, D(8))]
    assert curve(seen(composite((-50, 8), (300, 10), (300, 12)))) == [(0, D(8)), (300, D(12))]


def test_equal_neighbours_after_cleaning_are_one_period():
    assert curve(seen(composite((0, 48), (60, -1), (120, 32), (180, "31.99")))) == [(0, D(32)), (180, D("31.9"))]


def test_the_profile_is_cut_to_what_was_asked_and_not_longer_than_what_was_planned():
    long = seen(composite((0, 16), (900, 10), (899, 8), duration_s=86400), duration_s=900)
    assert (curve(long), long.duration_s) == ([(0, D(16)), (899, D(8))], 900)
    assert seen(composite((0, 16), duration_s=300), duration_s=900).duration_s == 300
    for nonsense in (None, 0, -5):
        assert seen(composite((0, 16), duration_s=nonsense), duration_s=900).duration_s == 900


def test_a_negative_minimum_rate_is_left_out():
    assert seen(composite((0, 16), min_rate=D(-1))).min_rate is None


@pytest.mark.parametrize(
    ("start_at", "shown"),
    [
        (None, NOON),
        (NOON, NOON),
        (ago(0.4), ago(1)),
        (ago(300), ago(300)),
        (ago(-30), NOON),
        (ago(-7200), NOON),
        (ago(7200), NOON),
        (datetime(1970, 1, 1, tzinfo=UTC), NOON),
    ],
)
def test_a_start_slightly_in_the_past_is_kept_and_a_wrong_clock_is_not_believed(start_at, shown):
    profile = seen(composite((0, 16), (600, 10), start_at=start_at))
    assert (profile.start_at, curve(profile), profile.duration_s) == (shown, [(0, D(16)), (600, D(10))], 3600)


def test_a_plan_that_began_some_time_before_is_cut_to_what_is_left():
    value = composite((0, 16), (600, 10), (1000, 8), start_at=ago(900), duration_s=4000)
    profile = seen(value)
    assert (profile.start_at, curve(profile), profile.duration_s) == (NOON, [(0, D(10)), (100, D(8))], 3100)
    assert seen(replace(value, duration_s=None)).duration_s == 3600


# --- real differences -----------------------------------------------------------------------------------------------


def test_a_plan_asked_for_again_later_is_the_same():
    first = composite((0, 16), (600, 10), (1800, 0))
    again = composite((0, 10), (1500, 0), start_at=NOON + timedelta(seconds=300))
    late = composite((0, 10), (1200, 0), start_at=NOON + timedelta(seconds=601))
    assert same_plan(first, first, now=NOON)
    assert same_plan(first, late, now=NOON + timedelta(seconds=601))
    assert not same_plan(first, again, now=NOON + timedelta(seconds=300))


def test_a_difference_in_the_past_or_past_the_shorter_one_is_no_difference():
    short = composite((0, 16), duration_s=900)
    assert same_plan(short, composite((0, 10), (300, 16), (900, 8)), now=NOON + timedelta(seconds=300))
    assert not same_plan(short, composite((0, 16), (890, 8)), now=NOON)


def test_edges_that_jitter_by_a_second_are_no_difference():
    assert same_plan(composite((0, 16), (600, 10)), composite((0, 16), (601, 10)), now=NOON)
    assert same_plan(composite((0, 16), (600, 10)), composite((0, 16), (600, 10), start_at=ago(0.7)), now=NOON)
    assert not same_plan(composite((0, 16), (600, 10)), composite((0, 16), (603, 10)), now=NOON)


def test_short_stretches_in_a_row_are_a_difference():
    steps = composite((0, 16), (600, 10), (602, 11), (604, 10), (606, 16))
    assert not same_plan(composite((0, 16)), steps, now=NOON)


def test_plans_without_a_common_future_or_unit_are_not_the_same():
    over = composite((0, 16), duration_s=600)
    assert not same_plan(over, composite((0, 16)), now=NOON + timedelta(seconds=600))
    assert not same_plan(composite((0, 16)), composite((0, 16), unit=W), now=NOON)


def test_open_ended_plans_are_compared_to_the_end_of_time():
    one, other = composite((0, 16), duration_s=None), composite((0, 16), (10**6, 8), duration_s=None)
    assert same_plan(one, one, now=NOON)
    assert not same_plan(one, other, now=NOON)


# --- properties -----------------------------------------------------------------------------------------------------

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

hardware = st.builds(
    EvseLimits,
    current_type=st.sampled_from(CurrentType),
    voltage_v=st.sampled_from([D(230), D("229.7"), D(400)]),
    max_current_a=st.sampled_from([D(16), D("15.95"), D(32)]),
    max_power_w=st.sampled_from([None, D(11000)]),
    phases=st.sampled_from([None, 1, 3]),
    detected_phases=st.sampled_from([None, 1, 2, 3]),
)
answers = st.builds(
    ChargingSchedule,
    unit=st.sampled_from(RateUnit),
    periods=st.lists(
        st.builds(
            SchedulePeriod,
            start_s=st.integers(-10, 5000),
            limit=st.decimals(-10, 60000, places=4),
            phases=st.sampled_from([None, 0, 1, 3]),
        ),
        max_size=6,
    ).map(tuple),
    start_at=st.none() | st.integers(-9000, 200000).map(ago),
    duration_s=st.none() | st.integers(-1, 9000),
    min_rate=st.none() | st.decimals(-1, 9000, places=3),
)


@settings(patient, max_examples=150)
@given(answers, hardware, st.sampled_from(RateUnit), st.integers(300, 3600))
def test_whatever_a_charge_point_sends_the_partner_sees_a_plan_the_evse_can_follow(answer, limits, unit, duration_s):
    profile = seen(answer, unit=unit, limits=limits, duration_s=duration_s)
    starts = [period.start_s for period in profile.periods]
    assert starts[0] == 0
    assert all(earlier < later for earlier, later in pairwise(starts))
    assert starts[-1] < profile.duration_s <= duration_s
    assert ago(300) <= profile.start_at <= NOON
    assert profile.unit is unit
    assert all(period.limit == round(period.limit, 1) >= 0 for period in profile.periods)
    if unit is A or limits.current_type is CurrentType.AC or limits.max_power_w:
        assert max(limit for _, limit in curve(profile)) <= maximum(limits, unit)
    left_s = profile.duration_s - (NOON - profile.start_at).total_seconds()
    assert same_plan(profile, profile, now=NOON) == (left_s > 2)


@settings(patient, max_examples=100)
@given(answers.filter(lambda answer: answer.periods), hardware, st.sampled_from(RateUnit))
def test_what_was_cleaned_needs_no_second_cleaning(answer, limits, unit):
    profile = seen(answer, unit=unit, limits=limits)
    assert seen(profile, unit=unit, limits=limits) == profile


@settings(patient, max_examples=100)
@given(hardware, st.decimals(0, 80, places=2))
def test_there_and_back_never_grows(limits, amperes):
    value = composite((0, amperes), min_rate=amperes)
    back = to_unit(to_unit(value, W, limits=limits), A, limits=limits)
    assert back.periods[0].limit <= amperes
    assert back.min_rate <= amperes
