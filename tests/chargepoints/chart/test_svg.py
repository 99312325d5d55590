"""The drawing itself: well formed, escaped, readable without colour."""

from xml.etree import ElementTree

import pytest

from chargepoints.chart.picture import picture
from chargepoints.chart.series import CAPPED, PLANNED, REQUESTED, SENT, Point
from chargepoints.chart.svg import svg
from chargepoints.chart.window import Window
from chargepoints.values import RateUnit
from tests.chargepoints.chart.lines import NOON, amperes, at, stretch, watts

pytestmark = pytest.mark.pure
HOSTILE = "\"><script>'x'</script>&"


def drawing(*, now=30, unit=RateUnit.WATT, title="A title", measured=(), **stepped):
    shown = picture(
        Window(NOON, at(60)), now=None if now is None else at(now), stepped=stepped, measured=tuple(measured)
    )
    return ElementTree.fromstring(f"<both>{svg(shown, unit, title=title)}</both>")


def classes(root):
    return [element.get("class") for element in root.iter() if element.get("class")]


def test_every_line_has_a_class_of_its_own_and_nothing_has_a_style():
    root = drawing(
        measured=[Point(at(1), watts(1))],
        **{key: (stretch(0, 60, watts(1000)),) for key in (REQUESTED, SENT, PLANNED, CAPPED)},
    )
    lines = [name for name in classes(root) if name.startswith("cpo-line ")]
    assert lines == [f"cpo-line cpo-line-{key}" for key in ("measured", "capped", "sent", "requested", "planned")]
    assert not [element for element in root.iter() if element.get("style") or element.tag == "script"]


def test_a_line_that_says_nothing_is_not_drawn():
    assert [name for name in classes(drawing()) if name.startswith("cpo-line ")] == []


def test_texts_are_escaped():
    assert drawing(title=HOSTILE).find("svg[@role='img']").get("aria-label") == HOSTILE


def test_the_axis_names_its_unit_and_its_values():
    root = drawing(unit=RateUnit.AMPERE, sent=(stretch(0, 60, amperes(16)),))
    assert [text.text for text in root.find("svg")] == ["0", "5", "10", "15", "20", "A"]


def test_times_are_marked_inside_and_not_at_the_edge():
    labels = [text.text for text in drawing(now=None).findall("svg")[1].findall("text")]
    assert labels == ["12:10", "12:20", "12:30", "12:40", "12:50"]


def test_now_is_marked_unless_the_session_is_over_or_now_is_outside():
    [line] = drawing(now=30).iter("line")
    assert line.get("x1") == "50.0%"
    assert list(drawing(now=None).iter("line")) == []
    assert list(drawing(now=90).iter("line")) == []
