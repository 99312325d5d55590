"""What may be told of a place, in the shapes of OCPI 2.2.1 mod_locations."""

from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from chargepoints import geography, place_details
from chargepoints.place_details import (
    validate_business,
    validate_declared,
    validate_directions,
    validate_facilities,
    validate_images,
    validate_opening_times,
    validate_parking_restrictions,
)

pytestmark = pytest.mark.pure

WEEKDAY = {"weekday": 1, "period_begin": "01:00", "period_end": "06:00"}
CLOSING = {"period_begin": "2018-12-25T03:00:00Z", "period_end": "2018-12-25T05:00:00Z"}
IMAGE = {"url": "https://cpo.example/a.png", "category": "OPERATOR", "type": "png"}


def refusal(validate: Any, value: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        validate(value)
    return refused.value.messages[0]


@pytest.mark.parametrize(
    "hours",
    [
        {"twentyfourseven": True},
        {"twentyfourseven": True, "exceptional_closings": [CLOSING]},
        {"twentyfourseven": True, "regular_hours": []},
        {"twentyfourseven": False, "regular_hours": [WEEKDAY], "exceptional_closings": [CLOSING]},
        {"twentyfourseven": False, "regular_hours": [WEEKDAY], "exceptional_openings": [CLOSING]},
    ],
)
def test_hours_as_the_specifications_examples_write_them(hours):
    validate_opening_times(hours)


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ({}, "twentyfourseven: is required"),
        ([], "must be an object"),
        ({"twentyfourseven": "yes"}, "twentyfourseven: must be true or false"),
        ({"twentyfourseven": False}, "regular_hours: must name at least one period"),
        ({"twentyfourseven": True, "regular_hours": [WEEKDAY]}, "regular_hours: are only for"),
        ({"twentyfourseven": True, "regularhours": []}, "regularhours: is unknown"),
        ({"twentyfourseven": True, "exceptional_closings": CLOSING}, "exceptional_closings: must be a list"),
    ],
)
def test_wrong_hours_are_refused_and_named(hours, words):
    assert refusal(validate_opening_times, hours).startswith(words)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"weekday": 0}, "weekday"), ({"weekday": 8}, "weekday"), ({"weekday": True}, "weekday"),
        ({"weekday": "1"}, "weekday"), ({"period_begin": "24:00"}, "period_begin"),
        ({"period_begin": "1:00"}, "period_begin"), ({"period_end": "01:00"}, "period_end"),
        ({"period_end": "00:30"}, "period_end"), ({"period_end": None}, "period_end"),
    ],
)  # fmt: skip
def test_a_wrong_regular_period_is_refused_and_named(change, field):
    hours = {"twentyfourseven": False, "regular_hours": [WEEKDAY, WEEKDAY | change]}
    assert refusal(validate_opening_times, hours).startswith(f"regular_hours[1].{field}: ")


@pytest.mark.parametrize(
    "change",
    [
        {"period_begin": "2018-12-25T03:00:00+01:00"}, {"period_begin": "2018-13-25T03:00:00Z"},
        {"period_begin": 7}, {"period_begin": "2018-12-25T05:00:00Z"},
    ],
)  # fmt: skip
def test_a_wrong_exceptional_period_is_refused(change):
    hours = {"twentyfourseven": True, "exceptional_closings": [CLOSING | change]}
    assert refusal(validate_opening_times, hours).startswith("exceptional_closings[0].period_")


def test_images_details_and_directions():
    validate_images([IMAGE, IMAGE | {"thumbnail": "http://cpo.example/t", "width": 800, "height": 600}])
    validate_business({"name": "BeCharged", "website": "https://cpo.example", "logo": IMAGE})
    validate_directions([{"language": "nl", "text": "Achter het station"}])
    validate_facilities(["HOTEL", "WIFI"])
    validate_parking_restrictions(["EV_ONLY"])
    validate_declared(["RFID_READER"])


@pytest.mark.parametrize(
    ("validate", "value", "field"),
    [
        (validate_images, [IMAGE | {"url": "javascript:alert(1)"}], "[0].url"),
        (validate_images, [IMAGE | {"url": "https:///a"}], "[0].url"),
        (validate_images, [IMAGE | {"url": "https://[x/a"}], "[0].url"),
        (validate_images, [IMAGE | {"url": "https://cpo.example/" + "x" * 255}], "[0].url"),
        (validate_images, [IMAGE | {"category": "LOGO"}], "[0].category"),
        (validate_images, [IMAGE | {"category": ["LOGO"]}], "[0].category"),
        (validate_images, [IMAGE | {"type": "jpg"}], "[0].type"),
        (validate_images, [IMAGE | {"width": 100_000}], "[0].width"),
        (validate_business, {}, "name"),
        (validate_business, {"name": ""}, "name"),
        (validate_business, {"name": "x" * 101}, "name"),
        (validate_business, {"name": "a\nb"}, "name"),
        (validate_business, {"name": "x", "logo": {}}, "logo.url"),
        (validate_directions, [{"language": "NL", "text": "x"}], "[0].language"),
        (validate_directions, [{"language": "nl", "text": "x" * 513}], "[0].text"),
        (validate_facilities, ["POOL"], "[0]"),
        (validate_parking_restrictions, ["NOBODY"], "[0]"),
        (validate_declared, ["CHARGING_PROFILE_CAPABLE"], "[0]"),
    ],
)
def test_what_does_not_fit_is_refused_and_named(validate, value, field):
    assert refusal(validate, value).startswith(f"{field}: ")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_whatever_json_brings_is_taken_or_refused(value):
    for validate in (validate_opening_times, validate_images, validate_business, validate_directions):
        with suppress(ValidationError):
            validate(value)


@pytest.mark.parametrize("code", ["NLD", "BEL", "ZWE"])
def test_a_country_of_iso_3166_alpha_3(code):
    geography.validate_country(code)


@pytest.mark.parametrize("code", ["NL", "nld", "XXX", "", "NLDX"])
def test_no_country(code):
    assert "ISO 3166-1 alpha-3" in refusal(geography.validate_country, code)


def test_there_are_as_many_countries_as_iso_knows():
    assert (len(geography.COUNTRIES), {len(code) for code in geography.COUNTRIES}) == (249, {3})


def test_time_zones_are_those_of_iana():
    geography.validate_time_zone("Europe/Oslo")
    for name in ("Europe/Utrecht", "CEST", "", "../etc/passwd"):
        assert "IANA" in refusal(geography.validate_time_zone, name)


def test_the_words_of_ocpi_fit_their_columns():
    assert max(map(len, place_details.CONNECTOR_STANDARDS)) <= 32
    assert max(map(len, place_details.PARKING_TYPES)) <= 18
