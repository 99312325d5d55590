import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chargepoints.profiles import limit_at, prepare
from chargepoints.profiles.timeline import elapsed_s, period_at
from chargepoints.values import (
    ChargingSchedule,
    CurrentType,
    EvseLimits,
    LowCurrentPolicy,
    RateUnit,
    SchedulePeriod,
    ScheduleRefused,
    SmartChargingCapabilities,
)

pytestmark = pytest.mark.pure

A, W = RateUnit.AMPERE, RateUnit.WATT
NOON = datetime(2023, 10, 1, 12, tzinfo=UTC)
THREE_PHASE = EvseLimits(CurrentType.AC, voltage_v=D(230), max_current_a=D(32), phases=3)
DC = EvseLimits(CurrentType.DC, voltage_v=D(400), max_current_a=D(125), max_power_w=D(50000))
TAKES_A = SmartChargingCapabilities(supported=True, units=frozenset({A}))
TAKES_W = SmartChargingCapabilities(supported=True, units=frozenset({W}))
TAKES_BOTH = SmartChargingCapabilities(supported=True, units=frozenset({A, W}))
SILENT = SmartChargingCapabilities()


def schedule(*periods, unit=A, start_at=NOON, duration_s=None, min_rate=None):
    return ChargingSchedule(
        unit, tuple(SchedulePeriod(start, D(str(limit))) for start, limit in periods), start_at, duration_s, min_rate
    )


def prepared(requested, *, limits=THREE_PHASE, capabilities=TAKES_A, now=NOON, **more):
    return prepare(requested, limits=limits, capabilities=capabilities, now=now, **more)


def curve(value):
    return [(period.start_s, period.limit) for period in value.schedule.periods]


def refusal(requested, **more):
    with pytest.raises(ScheduleRefused) as caught:
        prepared(requested, **more)
    assert caught.value.detail
    return caught.value.code


# --- what the first partner sends -----------------------------------------------------------------------------------


def test_the_partners_sample_in_watts_becomes_amperes_rounded_down_at_the_same_start():
    sample = schedule((0, 22000), (1800, 0), (3600, 10000), unit=W)
    result = prepared(sample)
    assert curve(result) == [(0, D("31.8")), (1800, D(0)), (3600, D("14.4"))]
    assert [period.phases for period in result.schedule.periods] == [3, 3, 3]
    assert (result.schedule.unit, result.schedule.start_at, result.schedule.duration_s) == (A, NOON, None)
    assert result.follow_up_at is None
    assert result.notes == (
        "22000 W -> 31.8 A: 3 phases, 230 V, rounded down",
        "10000 W -> 14.4 A: 3 phases, 230 V, rounded down",
    )


def test_a_schedule_that_needs_no_change_has_no_notes():
    result = prepared(schedule((0, 16), (600, 0)))
    assert (curve(result), result.notes) == ([(0, D(16)), (600, D(0))], ())


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "requested"),
    [
        ("no_periods", schedule()),
        ("negative_limit", schedule((0, 16), (60, "-0.1"))),
        ("limit_not_finite", schedule((0, "NaN"))),
        ("limit_not_finite", schedule((0, "Infinity"))),
        ("first_period_not_zero", schedule((60, 16))),
        ("first_period_not_zero", schedule((60, 16), (0, 10))),
        ("periods_not_ascending", schedule((0, 16), (120, 10), (60, 8))),
        ("periods_not_ascending", schedule((0, 16), (60, 10), (60, 8))),
        ("invalid_duration", schedule((0, 16), duration_s=0)),
        ("invalid_duration", schedule((0, 16), duration_s=-1)),
        ("profile_in_the_past", schedule((0, 16), start_at=NOON - timedelta(hours=1), duration_s=3600)),
    ],
)
def test_an_unusable_schedule_is_refused_with_its_reason(code, requested):
    assert refusal(requested) == code


def test_a_relative_schedule_that_ended_with_the_known_transaction_start_is_in_the_past():
    over = schedule((0, 16), start_at=None, duration_s=3600)
    assert refusal(over, started_at=NOON - timedelta(hours=2)) == "profile_in_the_past"
    assert prepared(over).schedule.duration_s == 3600


def test_the_last_second_and_an_open_end_are_not_in_the_past():
    assert prepared(schedule((0, 16), start_at=NOON - timedelta(seconds=3599), duration_s=3600)).notes == ()
    assert prepared(schedule((0, 16), start_at=NOON - timedelta(days=3))).notes == ()


def test_a_charge_point_without_smart_charging_is_refused_and_one_that_has_not_said_is_tried():
    assert refusal(schedule((0, 16)), capabilities=replace(TAKES_A, supported=False)) == "smart_charging_unsupported"
    assert curve(prepared(schedule((0, 16)), capabilities=SILENT)) == [(0, D(16))]


def test_dc_is_never_converted():
    assert refusal(schedule((0, 20000), unit=W), limits=DC, capabilities=TAKES_A) == "unit_unsupported"
    assert refusal(schedule((0, 50)), limits=DC, capabilities=TAKES_W) == "unit_unsupported"


def test_ac_without_a_voltage_is_refused_instead_of_divided_by_zero():
    assert refusal(schedule((0, 9000), unit=W), limits=replace(THREE_PHASE, voltage_v=D(0))) == "voltage_unknown"


# --- units and phases -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requested", "capabilities", "limits", "sent"),
    [
        (W, TAKES_BOTH, THREE_PHASE, W),
        (A, TAKES_BOTH, THREE_PHASE, A),
        (W, TAKES_A, THREE_PHASE, A),
        (A, TAKES_W, THREE_PHASE, W),
        (W, SILENT, THREE_PHASE, A),
        (A, SILENT, THREE_PHASE, A),
        (W, SILENT, DC, W),
        (A, SILENT, DC, A),
        (W, TAKES_W, DC, W),
    ],
)
def test_the_unit_that_is_sent(requested, capabilities, limits, sent):
    result = prepared(schedule((0, 10), unit=requested), capabilities=capabilities, limits=limits)
    assert result.schedule.unit is sent


@pytest.mark.parametrize(
    ("installed", "detected", "phases", "limit", "words"),
    [
        (None, None, 3, "5.7", "3 phases (assumed)"),
        (3, None, 3, "5.7", "3 phases"),
        (1, None, 1, "17.3", "1 phase"),
        (3, 1, 1, "17.3", "1 phase (detected)"),
        (None, 2, 2, "8.6", "2 phases (detected)"),
        (1, 3, 1, "17.3", "1 phase (detected)"),
    ],
)
def test_watts_are_spread_over_the_phases_in_use_never_more_than_are_installed(
    installed, detected, phases, limit, words
):
    limits = replace(THREE_PHASE, phases=installed, detected_phases=detected)
    result = prepared(schedule((0, 4000), unit=W), limits=limits)
    assert result.schedule.periods == (SchedulePeriod(0, D(limit), phases),)
    assert result.notes[0] == f"4000 W -> {limit} A: {words}, 230 V, rounded down"


def test_amperes_become_total_watts():
    result = prepared(schedule((0, 16)), capabilities=TAKES_W)
    assert curve(result) == [(0, D(11040))]
    assert result.notes == ("16 A -> 11040 W: 3 phases, 230 V",)


def test_dc_has_no_phases_and_no_low_current_rule():
    floor = replace(TAKES_A, low_current_policy=LowCurrentPolicy.FLOOR)
    result = prepared(schedule((0, 5)), limits=DC, capabilities=floor)
    assert (result.schedule.periods, result.notes) == ((SchedulePeriod(0, D(5), None),), ())


def test_a_limit_gets_one_decimal_rounded_down_and_a_note():
    result = prepared(schedule((0, "16.19999")))
    assert curve(result) == [(0, D("16.1"))]
    assert str(result.schedule.periods[0].limit) == "16.1"
    assert result.notes == ("16.19999 A -> 16.1 A: rounded down",)


def test_a_quotient_just_below_a_tenth_is_not_rounded_up_to_it():
    result = prepared(schedule((0, "22079." + "9" * 60), unit=W))
    assert curve(result) == [(0, D("31.9"))]


@pytest.mark.parametrize(
    ("unit", "asked", "limits", "capabilities", "sent", "note"),
    [
        (A, 63, THREE_PHASE, TAKES_A, 32, "63 A -> 32 A: the connector's maximum"),
        (W, 43000, THREE_PHASE, TAKES_W, 22080, "43000 W -> 22080 W: the connector's maximum"),
        (A, 32, replace(THREE_PHASE, max_power_w=D(11000)), TAKES_A, "15.9", "32 A -> 15.9 A: the connector's maximum"),
        (W, 90000, DC, TAKES_W, 50000, "90000 W -> 50000 W: the connector's maximum"),
        (A, "1E+400", THREE_PHASE, TAKES_A, 32, "1.000E+400 A -> 1000000000000 A: rounded down"),
    ],
)
def test_nothing_exceeds_the_connector(unit, asked, limits, capabilities, sent, note):
    result = prepared(schedule((0, asked), unit=unit), limits=limits, capabilities=capabilities)
    assert curve(result) == [(0, D(str(sent)))]
    assert result.notes[0] == note


def test_a_stated_power_lowers_the_current_only_where_the_phases_are_known():
    limits = EvseLimits(CurrentType.AC, voltage_v=D(230), max_current_a=D(16), max_power_w=D(3700))
    assert curve(prepared(schedule((0, 16)), limits=limits)) == [(0, D(16))]
    assert curve(prepared(schedule((0, 16)), limits=replace(limits, phases=1))) == [(0, D(16))]
    assert curve(prepared(schedule((0, 16)), limits=replace(limits, phases=2))) == [(0, D(8))]


def test_dc_watts_are_not_clamped_by_a_nominal_voltage():
    result = prepared(schedule((0, 90000), unit=W), limits=replace(DC, max_power_w=None), capabilities=TAKES_W)
    assert (curve(result), result.notes) == ([(0, D(90000))], ())


@pytest.mark.parametrize(
    ("unit", "asked", "as_is_note"),
    [(A, "5.9", "5.9 A is below 6 A: most cars stop"), (W, 4139, "4139 W is below 6 A: most cars stop")],
)
def test_below_6_a_per_phase_the_policy_decides(unit, asked, as_is_note):
    capabilities = replace(TAKES_BOTH, low_current_policy=LowCurrentPolicy.AS_IS)
    as_is = prepared(schedule((0, asked), unit=unit), capabilities=capabilities)
    assert (curve(as_is), as_is.notes) == ([(0, D(str(asked)))], (as_is_note,))
    capabilities = replace(TAKES_BOTH, low_current_policy=LowCurrentPolicy.FLOOR)
    floored = prepared(schedule((0, asked), unit=unit), capabilities=capabilities)
    assert curve(floored) == [(0, D(0))]
    assert floored.notes == (f"{asked} {unit} -> 0 {unit}: below 6 A most cars stop",)


@pytest.mark.parametrize(("unit", "asked"), [(A, 6), (W, 4140), (A, 0)])
def test_6_a_and_0_are_not_low_currents(unit, asked):
    capabilities = replace(TAKES_BOTH, low_current_policy=LowCurrentPolicy.FLOOR)
    result = prepared(schedule((0, asked), unit=unit), capabilities=capabilities)
    assert (curve(result), result.notes) == ([(0, D(asked))], ())


def test_the_minimum_rate_is_converted_and_a_negative_one_left_out():
    result = prepared(schedule((0, 11040), unit=W, min_rate=D(5000)))
    assert result.schedule.min_rate == D("7.2")
    assert "5000 W -> 7.2 A: 3 phases, 230 V, rounded down" in result.notes
    result = prepared(schedule((0, 16), min_rate=D(-1)))
    assert (result.schedule.min_rate, result.notes) == (None, ("minimum rate -1 A left out: not a rate",))


# --- time -----------------------------------------------------------------------------------------------------------


def test_a_past_start_and_its_periods_stay():
    start = NOON - timedelta(hours=3)
    result = prepared(schedule((0, 16), (3600, 10), start_at=start, duration_s=86400))
    assert (result.schedule.start_at, result.schedule.duration_s) == (start, 86400)
    assert (curve(result), result.notes) == ([(0, D(16)), (3600, D(10))], ())


def test_a_start_with_fractions_of_a_second_is_floored():
    result = prepared(schedule((0, 16), start_at=NOON + timedelta(microseconds=900_000)))
    assert (result.schedule.start_at, result.notes) == (NOON, ())


def test_equal_neighbours_become_one():
    assert curve(prepared(schedule((0, 16), (60, "16.04"), (120, 10)))) == [(0, D(16)), (120, D(10))]


def test_periods_at_or_after_the_duration_are_trimmed_with_a_note():
    result = prepared(schedule((0, 16), (600, 10), (900, 8), duration_s=600))
    assert (curve(result), result.schedule.duration_s) == ([(0, D(16))], 600)
    assert result.notes == ("2 period(s) at or after the duration of 600 s left out",)


def test_a_relative_schedule_keeps_its_times():
    result = prepared(schedule((0, 16), (600, 10), start_at=None, duration_s=900))
    assert (result.schedule.start_at, result.schedule.duration_s) == (None, 900)
    assert curve(result) == [(0, D(16)), (600, D(10))]


def test_a_future_start_is_preceded_by_the_connectors_maximum_when_nothing_is_in_force():
    later = schedule((0, 16), (600, 10), start_at=NOON + timedelta(seconds=300), duration_s=1200)
    result = prepared(later, now=NOON + timedelta(microseconds=500))
    assert (result.schedule.start_at, result.schedule.duration_s) == (NOON, 1500)
    assert curve(result) == [(0, D(32)), (300, D(16)), (900, D(10))]
    assert result.schedule.periods[0].phases == 3
    assert result.notes == (
        "starts at 2023-10-01T12:05:00Z, so the time until then is filled",
        "until the start, as nothing was in force: the connector's maximum, 32 A",
    )


def test_a_future_start_is_preceded_by_what_was_in_force_in_the_outgoing_unit():
    in_force = schedule((0, 22000), (4000, 0), (4100, 7000), unit=W, start_at=NOON - timedelta(seconds=3600))
    result = prepared(schedule((0, 16), start_at=NOON + timedelta(seconds=600)), in_force=in_force)
    assert curve(result) == [(0, D("31.8")), (400, D(0)), (500, D("10.1")), (600, D(16))]
    assert "22000 W -> 31.8 A: 3 phases, 230 V, rounded down" in result.notes


def test_what_was_in_force_and_ends_before_the_start_is_followed_by_the_maximum():
    in_force = schedule((0, 10), start_at=NOON - timedelta(seconds=100), duration_s=160)
    result = prepared(schedule((0, 16), start_at=NOON + timedelta(seconds=600)), in_force=in_force)
    assert curve(result) == [(0, D(10)), (60, D(32)), (600, D(16))]


def test_what_was_over_or_has_not_begun_is_not_in_force():
    requested = schedule((0, 16), start_at=NOON + timedelta(seconds=600))
    over = schedule((0, 10), start_at=NOON - timedelta(seconds=100), duration_s=100)
    assert curve(prepared(requested, in_force=over)) == [(0, D(32)), (600, D(16))]
    begins = schedule((0, 10), start_at=NOON + timedelta(seconds=60))
    assert curve(prepared(requested, in_force=begins)) == [(0, D(32)), (60, D(10)), (600, D(16))]


def test_a_relative_schedule_in_force_is_placed_by_the_transaction_start_or_counts_with_its_lowest_limit():
    requested = schedule((0, 16), start_at=NOON + timedelta(seconds=600))
    in_force = schedule((0, 12), (900, 8), (1200, 20), start_at=None)
    known = prepared(requested, in_force=in_force, started_at=NOON - timedelta(seconds=1000))
    assert curve(known) == [(0, D(8)), (200, D(20)), (600, D(16))]
    unknown = prepared(requested, in_force=in_force)
    assert curve(unknown) == [(0, D(8)), (600, D(16))]


# --- few periods ----------------------------------------------------------------------------------------------------

QUARTERS = schedule((0, 10), (900, 16), (1800, 8), (2700, 20), (3600, 12), duration_s=4500)


def holds(count):
    return replace(TAKES_A, max_periods=count)


def test_merging_comes_before_counting():
    result = prepared(schedule((0, 10), (60, 10), (120, 16)), capabilities=holds(2))
    assert (curve(result), result.follow_up_at, result.notes) == ([(0, D(10)), (120, D(16))], None, ())


def test_as_many_periods_as_fit_go_unchanged_even_if_some_are_over():
    result = prepared(QUARTERS, capabilities=holds(5), now=NOON + timedelta(seconds=2000))
    assert (len(result.schedule.periods), result.schedule.start_at, result.notes) == (5, NOON, ())


def test_periods_that_are_over_go_first_and_the_start_moves():
    result = prepared(QUARTERS, capabilities=holds(3), now=NOON + timedelta(seconds=2000))
    assert curve(result) == [(0, D(8)), (900, D(20)), (1800, D(12))]
    assert result.schedule.start_at == NOON + timedelta(seconds=1800)
    assert result.schedule.duration_s == 2700
    assert result.follow_up_at is None
    assert result.notes == (
        "2 period(s) already over left out",
        "start moved from 2023-10-01T12:00:00Z to 2023-10-01T12:30:00Z",
    )


def test_the_rest_is_held_at_its_lowest_until_the_follow_up():
    result = prepared(QUARTERS, capabilities=holds(3))
    assert curve(result) == [(0, D(10)), (900, D(16)), (1800, D(8))]
    assert (result.schedule.duration_s, result.follow_up_at) == (4500, NOON + timedelta(seconds=1740))
    assert result.notes == (
        "the charge point holds 3 of 5 periods: the last 3, from 1800 s on, are one at their lowest, 8 A; "
        "the rest follows at 2023-10-01T12:29:00Z",
    )


@pytest.mark.parametrize(("count", "limits"), [(1, [8]), (2, [10, 8])])
def test_the_follow_up_waits_until_it_can_free_a_period(count, limits):
    result = prepared(QUARTERS, capabilities=holds(count))
    assert [period.limit for period in result.schedule.periods] == limits
    assert result.follow_up_at == NOON + timedelta(seconds=900)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_following_up_installs_the_whole_schedule_in_few_steps(count):
    now, rounds = NOON, 0
    while now is not None:
        result = prepared(QUARTERS, capabilities=holds(count), now=now)
        assert result.follow_up_at is None or result.follow_up_at > now
        now, rounds = result.follow_up_at, rounds + 1
    assert rounds <= 5
    assert limit_at(result.schedule, NOON + timedelta(seconds=3600)) == 12


def test_a_relative_schedule_with_too_many_periods_follows_up_by_the_transaction_start():
    relative = replace(QUARTERS, start_at=None)
    unknown = prepared(relative, capabilities=holds(2))
    assert curve(unknown) == [(0, D(10)), (900, D(8))]
    assert unknown.follow_up_at is None
    assert unknown.notes[0].endswith("the rest cannot follow, the start of the transaction is not known")
    known = prepared(relative, capabilities=holds(3), started_at=NOON - timedelta(seconds=1000))
    assert curve(known) == [(0, D(16)), (1800, D(8)), (2700, D(12))]
    assert (known.schedule.start_at, known.schedule.duration_s) == (None, 4500)
    assert known.follow_up_at == NOON + timedelta(seconds=1640)


@pytest.mark.parametrize("nonsense", [None, 0, -1])
def test_a_nonsensical_count_of_periods_is_no_count(nonsense):
    assert len(prepared(QUARTERS, capabilities=holds(nonsense)).schedule.periods) == 5


def test_a_period_in_the_far_future_does_not_overflow_the_calendar():
    far = schedule((0, 10), (10**15, 12), (2 * 10**15, 14), duration_s=3 * 10**15)
    assert prepared(far, capabilities=holds(1)).follow_up_at == NOON + timedelta(days=366)


# --- evaluation -----------------------------------------------------------------------------------------------------


def test_a_schedule_says_nothing_before_its_start_after_its_end_or_without_a_start():
    value = schedule((0, 10), (60, 16), duration_s=120)
    at = [limit_at(value, NOON + timedelta(seconds=second)) for second in (-1, 0, 59, 60, 119, 120)]
    assert at == [None, 10, 10, 16, 16, None]
    relative = replace(value, start_at=None)
    assert limit_at(relative, NOON) is None
    assert limit_at(relative, NOON, started_at=NOON - timedelta(seconds=60)) == 16


# --- properties -----------------------------------------------------------------------------------------------------

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

rates = {
    A: st.decimals(0, 80, places=3) | st.sampled_from([D(0), D(6), D("5.99"), D(32)]),
    W: st.decimals(0, 60000, places=2) | st.sampled_from([D(0), D(4140), D(22000)]),
}
hardware = st.builds(
    EvseLimits,
    current_type=st.just(CurrentType.AC),
    voltage_v=st.sampled_from([D(230), D("229.7"), D(120), D(240)]),
    max_current_a=st.sampled_from([D(10), D("15.95"), D(16), D(32), D(63)]),
    max_power_w=st.sampled_from([None, D(3700), D(11000), D(22000)]),
    phases=st.sampled_from([None, 1, 2, 3]),
    detected_phases=st.sampled_from([None, 1, 2, 3]),
)
memories = st.builds(
    SmartChargingCapabilities,
    supported=st.sampled_from([None, True]),
    units=st.sets(st.sampled_from([A, W])).map(frozenset),
    max_periods=st.none() | st.integers(1, 6),
    low_current_policy=st.sampled_from(LowCurrentPolicy),
)


@st.composite
def schedules(draw):
    unit = draw(st.sampled_from(RateUnit))
    begins = [0, *sorted(draw(st.sets(st.integers(1, 5000), max_size=8)))]
    phases = draw(st.sampled_from([None, 1, 3]))
    return ChargingSchedule(
        unit,
        tuple(SchedulePeriod(begin, draw(rates[unit]), phases) for begin in begins),
        NOON + timedelta(seconds=draw(st.integers(-4000, 4000))),
        draw(st.none() | st.integers(4001, 9000) | st.integers(1, 5000)),
        draw(st.none() | rates[unit]),
    )


requests = schedules() | schedules().map(lambda value: replace(value, start_at=None))
transaction_starts = st.integers(0, 4000).map(lambda age: NOON - timedelta(seconds=age))


@st.composite
def preparations(draw):
    """(request, result, the arguments of prepare). The installed schedule is judged by the transaction start."""
    requested = draw(requests)
    arguments = {
        "limits": draw(hardware),
        "capabilities": draw(memories),
        "now": NOON,
        "in_force": draw(st.none() | schedules()),
        "started_at": draw(transaction_starts),
    }
    begun_s = elapsed_s(requested, NOON, started_at=arguments["started_at"])
    assume(requested.duration_s is None or begun_s < requested.duration_s)
    return requested, prepare(requested, **arguments), arguments


def moments(*values, started_at):
    """From now on, every edge of every schedule and the second before it."""
    edges = {0, 20000}
    for value in values:
        offset = -int(elapsed_s(value, NOON, started_at=started_at))
        edges |= {offset + at for at in [value.duration_s or 0, *(period.start_s for period in value.periods)]}
    return [NOON + timedelta(seconds=second) for edge in sorted(edges) for second in (edge - 1, edge) if second >= 0]


def in_both_units(limit, unit, phases, limits):
    """(A per phase, W in total), exact."""
    factor = Fraction(limits.voltage_v) * phases
    return (Fraction(limit), Fraction(limit) * factor) if unit is A else (Fraction(limit) / factor, Fraction(limit))


def pairs(requested, installed, started_at):
    for moment in moments(requested, installed, started_at=started_at):
        yield tuple(
            period_at(value, elapsed_s(value, moment, started_at=started_at)) for value in (requested, installed)
        )


@settings(patient, max_examples=200)
@given(preparations())
def test_never_above_what_was_asked_and_never_silent_where_it_speaks(case):
    requested, result, arguments = case
    installed, limits = result.schedule, arguments["limits"]
    for asked, given_ in pairs(requested, installed, arguments["started_at"]):
        if asked is None:
            continue
        assert given_ is not None
        phases = asked.phases and min(asked.phases, limits.phases or 3)
        asked_a, asked_w = in_both_units(asked.limit, requested.unit, phases or given_.phases, limits)
        given_a, given_w = in_both_units(given_.limit, installed.unit, given_.phases, limits)
        assert given_a <= asked_a
        assert given_w <= asked_w


@settings(patient, max_examples=150)
@given(preparations())
def test_never_above_the_connector(case):
    _, result, arguments = case
    limits = arguments["limits"]
    for period in result.schedule.periods:
        current, power = in_both_units(period.limit, result.schedule.unit, period.phases, limits)
        assert current <= limits.max_current_a
        if limits.max_power_w and (result.schedule.unit is W or limits.phases or limits.detected_phases):
            assert power <= limits.max_power_w


@settings(patient, max_examples=150)
@given(preparations())
def test_what_is_sent_is_well_formed_and_fits(case):
    requested, result, arguments = case
    installed, memory = result.schedule, arguments["capabilities"]
    starts = [period.start_s for period in installed.periods]
    assert starts[0] == 0
    assert all(earlier < later for earlier, later in pairwise(starts))
    assert installed.duration_s is None or starts[-1] < installed.duration_s
    assert memory.max_periods is None or len(starts) <= memory.max_periods
    assert not memory.units or installed.unit in memory.units
    assert all(
        period.limit == round(period.limit, 1) >= 0 and period.phases in {1, 2, 3} for period in installed.periods
    )
    assert (installed.start_at is None) == (requested.start_at is None)
    assert installed.start_at is None or installed.start_at <= NOON
    assert result.follow_up_at is None or result.follow_up_at > NOON
    assert len(set(result.notes)) == len(result.notes)


@settings(patient, max_examples=150)
@given(preparations())
def test_without_a_note_nothing_differs(case):
    requested, result, arguments = case
    if not result.notes:
        assert result.schedule.unit is requested.unit or not any(p.limit for p in requested.periods)
        for asked, given_ in pairs(requested, result.schedule, arguments["started_at"]):
            assert (asked and asked.limit) == (given_ and given_.limit)


@settings(patient, max_examples=150)
@given(preparations())
def test_what_was_prepared_needs_no_second_preparation(case):
    _, result, arguments = case
    assert prepare(result.schedule, **arguments).schedule == result.schedule


@settings(patient, max_examples=100)
@given(requests)
def test_json_loses_nothing(value):
    assert ChargingSchedule.from_json(json.loads(json.dumps(value.to_json()))) == value
