"""Cells of exports: no text is a formula, no number is changed, whatever charge points and partners write."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.admin.cells import FORMULA, csv_cell, csv_line, json_value

pytestmark = pytest.mark.pure
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
def test_no_text_begins_as_a_formula(text):
    assert not csv_cell(text).lstrip(" ").startswith(FORMULA)


@given(st.sampled_from(FORMULA), TEXTS, st.sampled_from(["", " ", "\t", "  "]))
def test_what_would_be_a_formula_gets_an_apostrophe_and_keeps_its_text(sign, text, space):
    hostile = f"{space}{sign}{text}"
    assert csv_cell(hostile) == "'" + hostile.replace("\0", "\ufffd")


@given(st.lists(TEXTS, min_size=1))
def test_a_line_is_read_back_as_the_same_cells(cells):
    line = csv_line(cells)
    assert line.endswith("\r\n")
    assert list(csv.reader(io.StringIO(line, newline=""))) == [[csv_cell(cell) for cell in cells]] or cells == [""]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4), st.integers())
def test_numbers_stay_numbers_with_all_their_digits(decimal, integer):
    assert Decimal(csv_cell(decimal)) == decimal
    assert int(csv_cell(integer)) == integer
    assert Decimal(json_value(decimal)) == decimal


@pytest.mark.parametrize(
    ("value", "in_csv", "in_json"),
    [
        (None, "", None), (True, "true", True), (-3, "-3", -3), (Decimal("-0.10"), "-0.10", "-0.10"),
        (Decimal("1E+3"), "1000", "1000"), ("-3", "'-3", "-3"), ("=1+1", "'=1+1", "=1+1"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        (["=1", Decimal(2)], '["=1", "2"]', ["=1", "2"]), ("plain", "plain", "plain"), ("a\0b", "a\ufffdb", "a\0b"),
    ],
)  # fmt: skip
def test_each_kind_of_value(value, in_csv, in_json):
    assert csv_cell(value) == in_csv
    assert json_value(value) == in_json


@given(st.recursive(TEXTS | st.integers() | st.booleans() | st.none(), st.lists))
def test_what_json_knows_comes_back_as_it_is(value):
    assert json.loads(json.dumps(json_value(value))) == value
