"""Whether a plan is what the charge point was told: above is wrong, below may have other reasons."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.profiles.comparison import Deviation, Place, Verdict, deviation, judge, lingers
from chargepoints.values import ChargingSchedule, CurrentType, EvseLimits, RateUnit, SchedulePeriod
from tests.support.factories import NOW, at, schedule

pytestmark = pytest.mark.pure
LIMITS = EvseLimits(CurrentType.AC, Decimal(230), Decimal(32), phases=3)
PLACE = Place(LIMITS, NOW, started_at=at(-600))


def told(*limits, **fields) -> ChargingSchedule:
    fields = {"start_at": at(-60)} | fields
    plain = schedule(*limits, **fields)
    return replace(plain, periods=tuple(replace(period, phases=3) for period in plain.periods))


def plan(*limits, **fields) -> ChargingSchedule:
    """A composite schedule as a charge point answers it: of now, for an hour, without phases."""
    return schedule(*limits, **({"start_at": NOW, "duration_s": 3600} | fields))


@pytest.mark.parametrize("shown", [16, "16.4", "15.6"])
def test_the_same_within_half_an_ampere_is_no_deviation(shown):
    assert deviation(plan(shown), told(16), PLACE) == Deviation()


def test_more_than_told_is_said_with_its_time_and_both_rates():
    found = deviation(plan(16, 20), told(16), PLACE)
    assert found == Deviation(above="from 2024-05-01T12:15:02Z it plans 20 A instead of 16 A")


def test_less_than_told_is_only_noted():
    assert deviation(plan(10), told(16), PLACE) == Deviation(below=True)


def test_no_schedule_means_the_connectors_maximum():
    assert deviation(None, told(16), PLACE).above == "from 2024-05-01T12:00:02Z it plans 32 A instead of 16 A"
    assert deviation(None, told(32), PLACE) == Deviation()


@pytest.mark.parametrize("filler", [48, -1])
def test_a_filler_counts_as_the_connectors_maximum(filler):
    assert deviation(plan(filler), told(32), PLACE) == Deviation()
    assert deviation(plan(filler), told(31), PLACE).above


def test_after_its_end_a_schedule_says_nothing():
    assert deviation(plan(16, 32), told(16, duration_s=960), PLACE) == Deviation()


def test_a_higher_stack_level_speaks_for_its_own_time():
    over = Place(LIMITS, NOW, over=(told(32, duration_s=960),))
    assert deviation(plan(32, 16), told(16), over) == Deviation()
    assert deviation(plan(32, 32), told(16), over).above


def test_seconds_at_the_edges_are_no_deviation():
    shown = ChargingSchedule(
        RateUnit.AMPERE, (SchedulePeriod(0, Decimal(16)), SchedulePeriod(836, Decimal(8))), at(0.4)
    )
    assert deviation(shown, told(16, 8), PLACE) == Deviation()


def test_the_other_unit_is_compared_for_the_phases_that_were_told():
    assert deviation(plan(11040, unit=RateUnit.WATT), told(16), PLACE) == Deviation()
    assert deviation(plan(3680, unit=RateUnit.WATT), replace_phases(told(16), 1), PLACE) == Deviation()


def replace_phases(of: ChargingSchedule, phases: int) -> ChargingSchedule:
    return replace(of, periods=tuple(replace(period, phases=phases) for period in of.periods))


@pytest.mark.parametrize(
    "known", [{"applied": schedule(20000, unit=RateUnit.WATT)}, {"unanswered": schedule(20000, unit=RateUnit.WATT)}]
)
def test_on_dc_a_plan_in_the_other_unit_tells_nothing(known):
    """57 A at a battery of 350 V are 20 kW; at the nominal 400 V they would be more than was told."""
    place = Place(EvseLimits(CurrentType.DC, Decimal(400), Decimal(125)), NOW, started_at=at(-600))
    assert judge(plan(57), **({"applied": None} | known), place=place) == (Verdict.UNTOLD, "")
    in_watts = plan(22800, unit=RateUnit.WATT)
    assert judge(in_watts, applied=schedule(20000, unit=RateUnit.WATT), place=place)[0] == Verdict.CONTRADICTED


def test_a_relative_schedule_is_placed_by_the_start_of_its_transaction():
    relative = told(6, 16, start_at=None)  # 16 A from 900 s after the start, which is 300 s from now
    assert deviation(plan(6, 16, step_s=300), relative, PLACE) == Deviation()
    assert deviation(plan(16), relative, PLACE).above


# --- verdicts -------------------------------------------------------------------------------------------------------

OLD, NEW = told(16), told(10)


@pytest.mark.parametrize(
    ("shown", "known", "verdict"),
    [
        (plan(16), {"applied": OLD}, Verdict.HOLDS),
        (plan(8), {"applied": OLD}, Verdict.LOWER),
        (plan(32), {"applied": OLD}, Verdict.CONTRADICTED),
        (None, {"applied": OLD}, Verdict.CONTRADICTED),
        (plan(10), {"applied": OLD, "unanswered": NEW}, Verdict.TAKEN),
        (plan(16), {"applied": OLD, "unanswered": NEW}, Verdict.HOLDS),
        (plan(32), {"applied": OLD, "unanswered": NEW}, Verdict.CONTRADICTED),
        (plan(8), {"applied": OLD, "unanswered": NEW}, Verdict.UNTOLD),
        (plan(18), {"applied": OLD, "unanswered": told(20)}, Verdict.TAKEN),
        (plan(16), {"applied": OLD, "unanswered": OLD}, Verdict.UNTOLD),
        (plan(10), {"applied": None, "unanswered": NEW}, Verdict.TAKEN),
        (plan(32), {"applied": None, "unanswered": NEW}, Verdict.GONE),
        (plan(8), {"applied": None, "unanswered": NEW}, Verdict.UNTOLD),
        (plan(32), {"applied": OLD, "clearing": True}, Verdict.GONE),
        (plan(16), {"applied": OLD, "clearing": True}, Verdict.HOLDS),
        (plan(8), {"applied": OLD, "clearing": True}, Verdict.UNTOLD),
        (plan(32), {"applied": None, "clearing": True}, Verdict.GONE),
        (None, {"applied": None, "clearing": True}, Verdict.GONE),
        (plan(10), {"applied": None, "clearing": True}, Verdict.UNTOLD),
    ],
)
def test_what_a_plan_tells_of_a_profile(shown, known, verdict):
    assert judge(shown, place=PLACE, **known)[0] == verdict


amperes = st.integers(0, 320).map(lambda tenths: Decimal(tenths) / 10)
schedules = st.lists(amperes, min_size=1, max_size=6).map(lambda limits: told(*map(str, limits), step_s=600))


@given(schedules)
def test_a_schedule_never_deviates_from_itself(asked):
    assert deviation(asked, asked, PLACE) == Deviation()
    assert judge(asked, applied=asked, place=PLACE) == (Verdict.HOLDS, "")


@given(schedules, st.integers(6, 320).map(lambda tenths: Decimal(tenths) / 10))
def test_more_than_half_an_ampere_above_at_any_time_is_found(asked, more):
    lifted = replace(asked, periods=tuple(replace(p, limit=min(p.limit + more, Decimal(32))) for p in asked.periods))
    lies = any(
        b.limit - a.limit > Decimal("0.5") and a.start_s < 3660
        for a, b in zip(asked.periods, lifted.periods, strict=True)
    )
    assert bool(deviation(lifted, asked, PLACE).above) == lies


# --- what was cleared -----------------------------------------------------------------------------------------------


def test_a_plan_that_is_still_what_was_cleared_lingers():
    assert lingers(plan("16.2", 10), told(16, 10, start_at=NOW), PLACE) == (
        "it was cleared, and is planned all the same: 16 A"
    )


@pytest.mark.parametrize("other", [plan(32), plan(20), plan(10), plan(16, 32), plan(16, 8)])
def test_another_plan_does_not_linger(other):
    assert lingers(other, told(16), PLACE) == ""


def test_a_profile_that_limited_nothing_or_is_over_cannot_linger():
    assert lingers(plan(32), told(32), PLACE) == ""
    assert lingers(plan(16), told(16, duration_s=30), PLACE) == ""


# --- another clock --------------------------------------------------------------------------------------------------

HOURS = 3 * 3600


def by_its_clock(ahead_s, *limits, **fields) -> ChargingSchedule:
    return plan(*limits, **({"start_at": at(ahead_s)} | fields))


@pytest.mark.parametrize("ahead_s", [HOURS, 900, 60, -60, -HOURS])
def test_a_schedule_without_a_start_is_compared_by_the_clock_that_counts_it(ahead_s):
    """The car has charged for ten minutes, of which that clock says when they began."""
    place = replace(PLACE, started_at=at(ahead_s - 600))
    assert deviation(by_its_clock(ahead_s, 10, 16, step_s=300), told(10, 16, start_at=None), place) == Deviation()
    assert deviation(by_its_clock(ahead_s, 10, 16, step_s=120), told(10, 16, start_at=None), place).above


@pytest.mark.parametrize("ahead_s", [HOURS, -HOURS])
def test_a_schedule_that_starts_with_its_transaction_is_compared_by_the_clock_that_told_of_it(ahead_s):
    place = replace(PLACE, started_at=at(ahead_s - 600.7))
    named = told(10, 16, start_at=at(ahead_s - 601))
    assert deviation(by_its_clock(ahead_s, 10, 16, step_s=300), named, place) == Deviation()
    assert deviation(by_its_clock(ahead_s, 10, 16, step_s=120), named, place).above


@pytest.mark.parametrize("ahead_s", [200, 20, -20, -200])
def test_a_few_minutes_of_another_clock_are_no_deviation_of_a_schedule_with_a_start(ahead_s):
    shown = by_its_clock(ahead_s, 10, 16, step_s=900 - 60 - ahead_s)
    assert deviation(shown, told(10, 16), PLACE) == Deviation()


def test_hours_of_another_clock_are_one():
    assert deviation(by_its_clock(-HOURS, 32), told(16), PLACE).above
    assert deviation(by_its_clock(HOURS, 10, 10), told(16), PLACE) == Deviation(below=True)


def test_a_higher_stack_level_speaks_by_the_same_clock():
    over = Place(LIMITS, NOW, over=(told(32, duration_s=960),))
    assert deviation(by_its_clock(100, 32, 16, step_s=800), told(16), over) == Deviation()
