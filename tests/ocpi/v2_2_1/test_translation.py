import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.values import ChargingSchedule, RateUnit, SchedulePeriod
from ocpi.protocol import documents
from ocpi.protocol.errors import InvalidField
from ocpi.v2_2_1.translation import (
    active_charging_profile,
    parse_set_charging_profile,
    profile_response,
    response_url,
    result_body,
)

pytestmark = pytest.mark.pure

FIXTURE = Path(__file__).parents[2] / "fixtures" / "ocpi" / "jedlix_set_charging_profile.json"
URL = "https://scsp.example/response?id=1"


def body(**changes: Any) -> dict[str, Any]:
    profile = {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 1000}]}
    return {"charging_profile": profile | changes, "response_url": URL}


def periods(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    return body(charging_profile_period=[{"start_period": start, "limit": limit} for start, limit in pairs])


def problem(document: Any) -> str:
    with pytest.raises(InvalidField) as caught:
        parse_set_charging_profile(document)
    assert caught.value.status_code == 2001
    return caught.value.message


def limits(document: dict[str, Any]) -> list[str]:
    schedule, _ = parse_set_charging_profile(document)
    return [str(period.limit) for period in schedule.periods]


def test_the_sample_of_the_first_partner() -> None:
    assert parse_set_charging_profile(documents.load(FIXTURE.read_bytes())) == (
        ChargingSchedule(
            unit=RateUnit.WATT,
            periods=(
                SchedulePeriod(0, Decimal(22000)),
                SchedulePeriod(1800, Decimal(0)),
                SchedulePeriod(3600, Decimal(10000)),
            ),
            start_at=datetime(2023, 10, 1, 12, tzinfo=UTC),
        ),
        "https://www.jedlix.com/ocpi/2.2.1/chargingprofiles/response?request_id=123456",
    )


def test_all_fields_are_read_and_unknown_ones_ignored() -> None:
    document = body(
        start_date_time="2023-10-01T12:00:00",
        duration=900,
        charging_rate_unit="A",
        min_charging_rate=Decimal("6.5"),
        charging_profile_period=[{"start_period": 0, "limit": 16, "colour": "red"}],
        mood="good",
    )
    schedule, url = parse_set_charging_profile(document | {"extra": {}})
    assert url == URL
    assert schedule == ChargingSchedule(
        unit=RateUnit.AMPERE,
        periods=(SchedulePeriod(0, Decimal(16)),),
        start_at=datetime(2023, 10, 1, 12, tzinfo=UTC),
        duration_s=900,
        min_rate=Decimal("6.5"),
    )


def test_null_is_absent() -> None:
    schedule, _ = parse_set_charging_profile(body(start_date_time=None, duration=None, min_charging_rate=None))
    assert schedule == ChargingSchedule(unit=RateUnit.WATT, periods=(SchedulePeriod(0, Decimal(1000)),))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([], "body: must be an object"),
        ({}, "charging_profile: is required"),
        ({"charging_profile": None}, "charging_profile: is required"),
        ({"charging_profile": 1}, "charging_profile: must be an object"),
        ({"charging_profile": {}}, "charging_profile.charging_rate_unit: is required"),
        (body(charging_rate_unit="w"), "charging_profile.charging_rate_unit: must be A or W"),
        (body(charging_rate_unit=["W"]), "charging_profile.charging_rate_unit: must be A or W"),
        (body(charging_profile_period=None), "charging_profile.charging_profile_period: is required"),
        (body(charging_profile_period=[]), "charging_profile.charging_profile_period: must not be empty"),
        (body(charging_profile_period={}), "charging_profile.charging_profile_period: must be a list"),
        (body(charging_profile_period=[1]), "charging_profile.charging_profile_period[0]: must be an object"),
        (body(duration=0), "charging_profile.duration: must be between 1 and 2147483647"),
        (body(duration=True), "charging_profile.duration: must be a number"),
        (body(duration="900"), "charging_profile.duration: must be a number"),
        (body(duration=1.5), "charging_profile.duration: must be a whole number"),
        (body(start_date_time=0), "charging_profile.start_date_time: must be a DateTime string"),
        (body(start_date_time="0001-01-01T00:00:00Z"), "charging_profile.start_date_time: out of range"),
        (body(min_charging_rate="6"), "charging_profile.min_charging_rate: must be a number"),
        (body() | {"response_url": None}, "response_url: is required"),
        (body() | {"response_url": 1}, "response_url: must be a string"),
    ],
)
def test_a_wrong_field_is_named(document: Any, expected: str) -> None:
    assert problem(document) == expected


def test_a_date_of_another_pattern_is_named() -> None:
    assert problem(body(start_date_time="tomorrow")).startswith("charging_profile.start_date_time: not a DateTime")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(1, 1)], "[0].start_period: the first must be 0"),
        ([(0, 1), (0, 2)], "[1].start_period: must be greater than the one before"),
        ([(0, 1), (60, 2), (30, 3)], "[2].start_period: must be greater than the one before"),
        ([(-1, 1)], "[0].start_period: must be between 0 and 2147483647"),
        ([(0, 1), (2**31, 2)], "[1].start_period: must be between 0 and 2147483647"),
        ([(0, 1), (None, 2)], "[1].start_period: is required"),
        ([(0, -1)], "[0].limit: must not be negative"),
        ([(0, Decimal("-0.1"))], "[0].limit: must not be negative"),
        ([(0, "16")], "[0].limit: must be a number"),
        ([(0, True)], "[0].limit: must be a number"),
        ([(0, None)], "[0].limit: is required"),
        ([(0, float("nan"))], "[0].limit: must be a number"),
        ([(0, float("inf"))], "[0].limit: must be a number"),
        ([(0, Decimal("1e999999999"))], "[0].limit: out of range"),
        ([(0, 10**400)], "[0].limit: out of range"),
        ([(0, 16), (60, Decimal("6.15"))], "[1].limit: at most one decimal"),
        ([(0, Decimal("0.01"))], "[0].limit: at most one decimal"),
    ],
)
def test_a_wrong_period_is_named_by_its_index(pairs: list[tuple[Any, Any]], expected: str) -> None:
    assert problem(periods(*pairs)) == "charging_profile.charging_profile_period" + expected


def test_float_noise_is_not_taken_for_decimals() -> None:
    noisy = periods((0, Decimal("6.1000000000000005")), (1, 5.999999999999999), (2, Decimal("-1e-17")), (3, 0.1 + 0.2))
    assert limits(noisy) == ["6.1", "6", "0", "0.3"]


def test_each_value_is_written_in_one_way() -> None:
    assert limits(periods((0, Decimal("22000.00")), (1, Decimal("2.2E+4")), (2, -0.0))) == ["22000", "22000", "0"]


def test_a_whole_number_may_be_written_with_a_fraction_of_zero() -> None:
    schedule, _ = parse_set_charging_profile(body(duration=Decimal("900.0")))
    assert schedule.duration_s == 900


@pytest.mark.parametrize(
    "url",
    ["", "/path", "ftp://h/", "https://", "https:///x", "https://[::1", "https://h/ a", "https://h/\n", "https://é/"],
)
def test_a_response_url_must_be_absolute(url: str) -> None:
    assert problem(body() | {"response_url": url}) == "response_url: must be an absolute URL"


def test_a_response_url_has_at_most_255_characters() -> None:
    longest = "https://h/" + "x" * 245
    assert response_url(longest) == longest
    assert problem(body() | {"response_url": longest + "x"}) == "response_url: longer than 255 characters"


def test_an_active_profile_has_the_form_of_the_specification() -> None:
    schedule = ChargingSchedule(
        unit=RateUnit.AMPERE,
        periods=(SchedulePeriod(0, Decimal("31.89")), SchedulePeriod(1800, Decimal("0.0"))),
        start_at=datetime(2023, 10, 1, 12, tzinfo=UTC),
        duration_s=3600,
    )
    profile = active_charging_profile(schedule)
    assert profile == {
        "start_date_time": "2023-10-01T12:00:00Z",
        "charging_profile": {
            "start_date_time": "2023-10-01T12:00:00Z",
            "duration": 3600,
            "charging_rate_unit": "A",
            "charging_profile_period": [{"start_period": 0, "limit": 31.8}, {"start_period": 1800, "limit": 0}],
        },
    }
    json.dumps(profile, allow_nan=False)


def test_an_open_ended_active_profile_has_no_duration() -> None:
    schedule = ChargingSchedule(
        unit=RateUnit.WATT,
        periods=(SchedulePeriod(0, Decimal(11000)),),
        start_at=datetime(2023, 10, 1, tzinfo=UTC),
        min_rate=Decimal("1380"),
    )
    assert active_charging_profile(schedule)["charging_profile"] == {
        "start_date_time": "2023-10-01T00:00:00Z",
        "charging_rate_unit": "W",
        "min_charging_rate": 1380,
        "charging_profile_period": [{"start_period": 0, "limit": 11000}],
    }


def test_an_active_profile_without_a_start_is_refused() -> None:
    with pytest.raises(ValueError, match="start"):
        active_charging_profile(ChargingSchedule(unit=RateUnit.WATT, periods=()))


def test_the_immediate_answer_carries_result_and_timeout() -> None:
    assert profile_response("TOO_OFTEN", 30) == {"result": "TOO_OFTEN", "timeout": 30}


def test_a_result_carries_the_profile_only_beside_accepted() -> None:
    assert result_body("ACCEPTED", {"a": 1}) == {"result": "ACCEPTED", "profile": {"a": 1}}
    assert result_body("ACCEPTED") == {"result": "ACCEPTED"}
    assert result_body("REJECTED", {"a": 1}) == {"result": "REJECTED"}
    assert result_body("UNKNOWN", None) == {"result": "UNKNOWN"}


def test_results_the_specification_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError):
        result_body("TOO_OFTEN")
    with pytest.raises(ValueError):
        profile_response("UNKNOWN", 30)


TENTHS = st.integers(0, 10**7).map(lambda tenths: Decimal(tenths) / 10)
PLAIN = TENTHS.map(lambda value: Decimal(int(value)) if value == int(value) else value)
MOMENTS = st.integers(0, 7 * 10**12).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))
STARTS = st.sets(st.integers(1, 2**31 - 1), max_size=20).map(lambda later: [0, *sorted(later)])


@st.composite
def schedules(draw: st.DrawFn) -> ChargingSchedule:
    return ChargingSchedule(
        unit=draw(st.sampled_from(RateUnit)),
        periods=tuple(SchedulePeriod(start, draw(PLAIN)) for start in draw(STARTS)),
        start_at=draw(MOMENTS),
        duration_s=draw(st.none() | st.integers(1, 2**31 - 1)),
        min_rate=draw(st.none() | PLAIN),
    )


@given(schedules())
def test_a_schedule_survives_the_wire(schedule: ChargingSchedule) -> None:
    profile = active_charging_profile(schedule)["charging_profile"]
    wire = documents.load(documents.dump({"charging_profile": profile, "response_url": URL}))
    assert parse_set_charging_profile(wire) == (schedule, URL)


NUMBERS = st.integers() | st.floats() | st.decimals(allow_nan=True)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=30) | st.sampled_from(["W", "A", URL])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def mostly(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: value | JSON for name, value in fields.items()})


PERIOD = mostly(start_period=st.integers(0, 5), limit=NUMBERS)
PROFILE = mostly(
    start_date_time=st.text(max_size=30),
    duration=NUMBERS,
    charging_rate_unit=st.sampled_from("AW"),
    min_charging_rate=NUMBERS,
    charging_profile_period=st.lists(PERIOD, max_size=4),
)


@given(JSON | mostly(charging_profile=PROFILE, response_url=st.just(URL)))
def test_any_document_is_read_or_refused_by_name(document: Any) -> None:
    try:
        schedule, url = parse_set_charging_profile(document)
    except InvalidField:
        return
    assert url == document["response_url"]
    assert schedule.periods[0].start_s == 0
    assert all(period.limit >= 0 for period in schedule.periods)
