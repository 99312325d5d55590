"""Why the lines differ, in the words that were recorded."""

from dataclasses import replace

import pytest

from chargepoints.chart import differences
from chargepoints.chart.differences import allowed_by, of_drawing, of_limits
from chargepoints.chart.picture import MOST_MOMENTS, moments, picture, why_drawn
from chargepoints.chart.series import CAPPED, PLANNED, REQUESTED, SENT, Point
from chargepoints.chart.window import Window
from tests.chargepoints.chart.lines import NOON, amperes, at, stretch, watts

pytestmark = pytest.mark.pure
ROUNDED = "11000 W -> 15.9 A: 3 phases, 230 V, rounded down"
OTHER = "7400 W -> 10.7 A: 3 phases, 230 V, rounded down"
WINDOW = Window(NOON, at(60))


def said(**rates):
    return {key: stretch(0, 60, rate, *notes) for key, (rate, *notes) in rates.items()}


def test_a_conversion_is_told_by_its_own_note_only():
    limits = said(requested=(watts(11000),), sent=(amperes("15.9"), ROUNDED, OTHER))
    assert of_limits(limits) == (ROUNDED,)


def test_a_chain_of_notes_is_told_whole():
    clamped = ("44000 W -> 63.7 A: 3 phases, 230 V, rounded down", "63.7 A -> 32 A: the connector's maximum")
    assert of_limits(said(requested=(watts(44000),), sent=(amperes(32), *clamped, OTHER))) == clamped


def test_notes_that_name_neither_figure_are_all_told():
    limits = said(requested=(watts(11000),), sent=(watts(5000), "capped to 5 kW by an operator"))
    assert of_limits(limits) == ("capped to 5 kW by an operator",)


def test_what_is_the_same_needs_no_reason():
    assert of_limits(said(requested=(watts(11000),), sent=(watts(11000), ROUNDED), planned=(watts(11000),))) == ()


def test_a_wish_that_came_to_nothing_says_why():
    limits = said(requested=(watts(11000), "rejected: no thanks"))
    assert of_limits(limits) == ("rejected: no thanks", "nothing of it was accepted by the charge point")


def test_a_plan_above_what_was_told_comes_with_the_finding():
    limits = said(sent=(amperes(10),), planned=(amperes(16), "from 12:00 it plans 16 A instead of 10 A"))
    assert of_limits(limits) == (
        "the charge point plans more than it was told", "from 12:00 it plans 16 A instead of 10 A",
    )  # fmt: skip


def test_a_plan_below_is_an_operators_limit_where_that_explains_it():
    limits = said(sent=(amperes(16),), planned=(amperes(10),), capped=(amperes(10), "by operator noor: grid works"))
    assert of_limits(limits) == (
        "the charge point plans less: an operator's limit counts", "by operator noor: grid works",
    )  # fmt: skip
    [other] = of_limits(said(sent=(amperes(16),), planned=(amperes(8),), capped=(amperes(10),)))
    assert other.endswith("another limit counts there (its own, or the site's)")


def test_whole_amperes_are_no_difference():
    assert of_limits(said(sent=(amperes("15.9"),), planned=(amperes("15.5"),))) == ()


@pytest.mark.parametrize(
    ("drawn", "allowed", "why"),
    [
        (watts(7200), None, differences.FREE),
        (watts(7200), amperes(16), differences.LESS),
        (watts(10900), amperes(16), differences.AS_ALLOWED),
        (watts(12000), amperes(16), differences.MORE),
        (watts(0), amperes(16), differences.NOTHING_DRAWN),
        (watts(0), amperes(0), differences.PAUSED),
        (watts(5000), amperes(0), differences.MORE),
    ],
)
def test_what_the_car_draws_is_judged_by_what_it_may(drawn, allowed, why):
    assert of_drawing(drawn, allowed) == why


def test_one_phase_of_three_is_not_more_than_allowed():
    """16 A on one phase under a limit of 15.9 A: a car counts per phase, and rounding is no fault."""
    assert of_drawing(replace(watts(3680), amperes=amperes(16).amperes), amperes("15.9")) == differences.LESS


def test_the_plan_says_what_is_allowed_and_else_the_lowest_limit():
    assert allowed_by(said(sent=(watts(9000),), planned=(watts(7000),))).watts == 7000
    assert allowed_by(said(sent=(watts(9000),), capped=(watts(8000),))).watts == 8000
    assert allowed_by(said(requested=(watts(9000),))) is None


# --- moment by moment -----------------------------------------------------------------------------------------------


def shown(measured=(), **stepped):
    return picture(WINDOW, now=at(30), stepped=stepped, measured=tuple(measured))


def test_every_edge_begins_a_moment_and_a_gap_is_none():
    lines = shown(requested=(stretch(0, 20, watts(1)), stretch(40, 60, watts(2))), sent=(stretch(10, 20, watts(1)),))
    assert [(m.begins_at, m.ends_at, sorted(m.rates)) for m in moments(lines)] == [
        (at(0), at(10), [REQUESTED]), (at(10), at(20), [REQUESTED, SENT]), (at(40), at(60), [REQUESTED]),
    ]  # fmt: skip


def test_of_very_many_moments_the_newest_are_told():
    many = tuple(stretch(i / 10, (i + 1) / 10, watts(i)) for i in range(MOST_MOMENTS + 50))
    found = moments(shown(planned=many))
    assert (len(found), found[-1].rates[PLANNED]) == (MOST_MOMENTS, many[-1].rate)


def test_a_car_is_not_judged_by_a_limit_that_has_just_changed():
    told = moments(shown(sent=(stretch(0, 30, amperes(0)), stretch(30, 60, amperes(16)))))
    at_once, later = Point(at(30.1), watts(0)), Point(at(31), watts(0))
    assert why_drawn(at_once, told, settling_s=15) == differences.JUST_CHANGED
    assert why_drawn(later, told, settling_s=15) == differences.NOTHING_DRAWN


def test_a_change_that_allows_the_same_is_no_change():
    told = moments(shown(sent=(stretch(0, 60, amperes(16)),), capped=(stretch(30, 60, amperes(32)),)))
    assert why_drawn(Point(at(30.1), watts(0)), told, settling_s=15) == differences.NOTHING_DRAWN
    assert CAPPED in told[1].rates


def test_what_was_measured_outside_is_not_shown():
    assert shown([Point(at(-1), watts(1)), Point(at(1), watts(1))]).measured == (Point(at(1), watts(1)),)
