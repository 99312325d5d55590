"""Each charging period reaches a partner once (OCPI 2.2.1 mod_sessions, PATCH Method)."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.period_marks import mark, unknown

pytestmark = pytest.mark.pure


def period(number: int, kwh: Any = 1) -> dict[str, Any]:
    return {"start_date_time": f"2026-01-05T12:{number:02}:00Z", "dimensions": [{"type": "ENERGY", "volume": kwh}]}


PERIODS = st.lists(st.builds(period, st.integers(0, 59), st.floats(0, 500)), max_size=8)


@given(PERIODS, PERIODS)
def test_what_is_behind_those_it_has_is_unknown_to_it(had, more):
    assert unknown(mark(had), had + more) == more


@given(PERIODS, PERIODS)
def test_a_patch_adds_to_what_a_put_brought(had, more):
    assert mark(more, after=mark(had)) == mark(had + more)


@given(PERIODS.filter(bool))
def test_other_periods_than_it_has_are_none_of_a_patch(had):
    changed = [*had[:-1], period(7, 1000)]
    assert unknown(mark(had), changed) is None
    assert unknown(mark(had), had[:-1]) is None


def test_who_has_had_none_lacks_all():
    assert unknown(None, [period(1), period(2)]) == [period(1), period(2)]
    assert unknown(None, []) == []


def test_the_order_of_fields_and_the_kind_of_number_make_no_difference():
    turned = dict(reversed(period(1, Decimal("0.5")).items()))
    assert mark([turned]) == mark([period(1, 0.5)])


def test_a_mark_is_small_however_many_there_are():
    assert len(str(mark([period(n % 60) for n in range(500)]))) < 120
