"""Whether a car took no more than the limit in force at that moment."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.profiles.history import Limit, Told, in_force, limit_then, told
from chargepoints.values import CurrentType, EvseLimits, RateUnit
from ocpi.compliance import Reading, Verdicts, judge, keeps, verdicts
from tests.support.factories import NOW, at, schedule

pytestmark = pytest.mark.pure
AC = EvseLimits(CurrentType.AC, Decimal(230), Decimal(32), phases=3)
DC = EvseLimits(CurrentType.DC, Decimal(400), Decimal(100))
WATT, AMPERE = RateUnit.WATT, RateUnit.AMPERE
AMPERES = st.decimals(0, 40, places=1)


def history(*limits: tuple[float, int | None], unit: RateUnit = AMPERE) -> list[Told]:
    """From so many seconds after NOW on this limit; None: cleared."""
    return [Told(at(s), None if limit is None else schedule(limit, unit=unit, start_at=at(s))) for s, limit in limits]


def judged(second: float, of: list[Told], **measured: int) -> bool | None:
    reading = Reading(at(second), **{name: Decimal(value) for name, value in measured.items()})
    return judge(reading, of, limits=AC, started_at=NOW)


# --- what was in force ----------------------------------------------------------------------------------------------


def test_what_was_accepted_last_before_a_moment_was_in_force_then():
    of = history((0, 16), (60, 8), (120, None))
    assert [limit_then(of, at(s)) for s in (-1, 0, 59, 60, 119, 120)] == [
        None, Limit(Decimal(16), AMPERE), Limit(Decimal(16), AMPERE), Limit(Decimal(8), AMPERE),
        Limit(Decimal(8), AMPERE), None,
    ]  # fmt: skip


def test_a_schedule_says_nothing_before_it_starts_and_after_it_ends():
    of = [Told(NOW, schedule(16, 8, step_s=60, start_at=at(30), duration_s=120))]
    assert [limit_then(of, at(s)) and limit_then(of, at(s)).value for s in (29, 30, 90, 149, 150)] == [
        None, 16, 8, 8, None
    ]  # fmt: skip


def test_a_relative_schedule_counts_from_the_transaction():
    of = [Told(at(600), schedule(16, 8, step_s=900))]
    assert limit_then(of, at(899), started_at=NOW).value == 16
    assert limit_then(of, at(900), started_at=NOW).value == 8
    assert limit_then(of, at(900)) is None


PAYLOAD = {"schedule": schedule(16).to_json()}


@pytest.mark.parametrize(
    ("setting", "status", "late_status", "since"),
    [
        (True, "ACCEPTED", "", 1),
        (True, "REJECTED", "", None),
        (True, "FAILED", "", None),
        (True, "UNKNOWN", "", None),
        (True, "EXPIRED", "ACCEPTED", 2),
        (True, "EXPIRED", "REJECTED", None),
        (False, "ACCEPTED", "", 1),
        (False, "UNKNOWN", "", 1),
        (False, "REJECTED", "", None),
    ],
)
def test_only_what_the_charge_point_took_changed_anything(setting, status, late_status, since):
    payload = PAYLOAD if setting else {"profile_id": 1}
    entry = told(
        setting=setting, payload=payload, status=status, finished_at=at(1), late_status=late_status, late_at=at(2)
    )
    changed = Told(at(since), schedule(16) if setting else None) if since else None
    assert entry == changed


@given(st.lists(st.integers(0, 1000), unique=True, min_size=1).map(sorted), st.integers(0, 1000))
def test_the_newest_of_what_was_told_before_counts(seconds, moment):
    of = history(*((s, s) for s in seconds))
    before = [s for s in seconds if s <= moment]
    found = in_force(of, at(moment))
    assert (found.periods[0].limit if found else None) == (max(before) if before else None)


# --- one reading ----------------------------------------------------------------------------------------------------


def test_a_car_at_its_limit_keeps_it_and_one_above_does_not():
    of = history((0, 16))
    assert judged(60, of, current_a=16) is True
    assert judge(Reading(at(60), current_a=Decimal("16.5")), of, limits=AC, started_at=NOW) is True
    assert judge(Reading(at(60), current_a=Decimal("16.6")), of, limits=AC, started_at=NOW) is False


def test_a_car_has_half_a_minute_to_follow():
    of = history((0, 16), (100, 8))
    assert judged(129, of, current_a=16) is True
    assert judged(130, of, current_a=16) is False


def test_a_car_may_already_take_more_when_the_limit_has_just_risen():
    assert judged(101, history((0, 8), (100, 16)), current_a=16) is True


def test_nothing_is_judged_before_a_profile_has_settled_nor_after_it_ended():
    of = history((0, 16), (100, None))
    assert [judged(s, of, current_a=32) for s in (-1, 0, 29, 30, 99, 100, 200)] == [
        None, None, None, False, False, None, None
    ]  # fmt: skip


def test_power_is_judged_by_a_limit_in_watt_and_current_by_one_in_ampere():
    assert keeps(Reading(NOW, power_w=Decimal(11000), current_a=Decimal(99)), Limit(Decimal(11000), WATT), limits=AC)
    assert keeps(Reading(NOW, power_w=Decimal(99999), current_a=Decimal(16)), Limit(Decimal(16), AMPERE), limits=AC)


@pytest.mark.parametrize(("power_w", "kept"), [(11385, True), (12523, True), (12524, False)])
def test_where_only_power_was_measured_a_limit_in_ampere_leaves_room_for_the_grid(power_w, kept):
    """16.5 A on three phases of 230 V, and a tenth more."""
    assert keeps(Reading(NOW, power_w=Decimal(power_w)), Limit(Decimal(16), AMPERE), limits=AC) is kept


def test_a_limit_on_one_phase_allows_a_third_of_the_power():
    one, three = Limit(Decimal(16), AMPERE, 1), Limit(Decimal(16), AMPERE, 3)
    reading = Reading(NOW, power_w=Decimal(7000))
    assert (keeps(reading, one, limits=AC), keeps(reading, three, limits=AC)) == (False, True)


def test_on_direct_current_the_other_unit_tells_nothing():
    assert keeps(Reading(NOW, power_w=Decimal(1)), Limit(Decimal(16), AMPERE), limits=DC) is None
    assert keeps(Reading(NOW, current_a=Decimal(16)), Limit(Decimal(16), AMPERE), limits=DC) is True


def test_without_a_figure_nothing_is_judged():
    assert verdicts([Reading(at(60))], history((0, 16)), limits=AC, started_at=NOW) == Verdicts(0, 0)


@given(AMPERES, AMPERES, AMPERES)
def test_who_takes_less_is_never_judged_worse(limit, more, less):
    more, less = max(more, less), min(more, less)
    found = [keeps(Reading(NOW, current_a=value), Limit(limit, AMPERE), limits=AC) for value in (more, less)]
    assert found in ([False, False], [False, True], [True, True])


@given(st.lists(st.tuples(st.integers(0, 600), AMPERES), max_size=30), st.integers(6, 32))
def test_no_more_are_within_than_are_judged(readings, limit):
    of = history((0, limit), (300, None))
    found = verdicts([Reading(at(s), current_a=a) for s, a in readings], of, limits=AC, started_at=NOW)
    assert 0 <= found.within <= found.judged == sum(30 <= s < 300 for s, _ in readings)
    assert found.within == sum(30 <= s < 300 and a <= limit + Decimal("0.5") for s, a in readings)
