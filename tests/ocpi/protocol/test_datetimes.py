from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.protocol.datetimes import format_datetime, parse_datetime

pytestmark = pytest.mark.pure

MOMENTS = st.datetimes(timezones=st.just(UTC))


def test_a_moment_is_written_in_utc_with_z_and_no_fraction() -> None:
    assert format_datetime(datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC)) == "2015-06-29T20:39:09Z"


def test_another_zone_is_converted() -> None:
    moment = datetime(2015, 6, 29, 22, 39, 9, tzinfo=timezone(timedelta(hours=2)))
    assert format_datetime(moment) == "2015-06-29T20:39:09Z"


def test_milliseconds_are_written_when_there_are_any_and_cut_not_rounded() -> None:
    assert format_datetime(datetime(2018, 1, 1, 1, 8, 1, 123999, tzinfo=UTC)) == "2018-01-01T01:08:01.123Z"
    assert format_datetime(datetime(2018, 1, 1, 1, 8, 1, 999, tzinfo=UTC)) == "2018-01-01T01:08:01Z"


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        format_datetime(datetime(2015, 6, 29, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2015-06-29T20:39:09Z", datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC)),
        ("2015-06-29T20:39:09", datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC)),
        ("2016-12-29T17:45:09.2Z", datetime(2016, 12, 29, 17, 45, 9, 200000, tzinfo=UTC)),
        ("2016-12-29T17:45:09.2", datetime(2016, 12, 29, 17, 45, 9, 200000, tzinfo=UTC)),
        ("2018-01-01T01:08:01.123Z", datetime(2018, 1, 1, 1, 8, 1, 123000, tzinfo=UTC)),
        ("2018-01-01T01:08:01.123", datetime(2018, 1, 1, 1, 8, 1, 123000, tzinfo=UTC)),
        ("2023-10-01T12:00:00.0000000Z", datetime(2023, 10, 1, 12, tzinfo=UTC)),
    ],
)
def test_every_pattern_of_the_specification_is_read(text: str, expected: datetime) -> None:
    assert parse_datetime(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2015-06-29",
        "2015-06-29 20:39:09Z",
        "2015-06-29T20:39:09+00:00",
        "2015-06-29T20:39:09z",
        "2015-06-29T20:39:09.Z",
        "2015-06-29T20:39:09Z\n",
        "2015-02-30T20:39:09Z",
        "2015-06-29T24:39:09Z",
        "２015-06-29T20:39:09Z",
    ],
)
def test_any_other_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_datetime(text)


@given(MOMENTS)
def test_what_is_written_has_at_most_25_characters_and_is_read_back_to_the_millisecond(moment: datetime) -> None:
    text = format_datetime(moment)
    assert len(text) <= 25
    assert parse_datetime(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
