from contextlib import suppress
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.protocol.errors import InvalidField
from ocpi.v2_2_1.queries import ProfileQuery, parse_delete_query, parse_get_query, raw_response_url

pytestmark = pytest.mark.pure

URL = "https://www.msp.com/ocpi/2.2.1/chargingprofile/response?request_id=5678"
TWO = "https://www.msp.com/response?request_id=5678&shard=b"


@pytest.mark.parametrize("url", [URL, TWO, "https://www.msp.com/response"])
@pytest.mark.parametrize("order", ["{duration}&{url}", "{url}&{duration}"])
@pytest.mark.parametrize("encode", [lambda url: url, lambda url: quote(url, safe=""), quote])
def test_a_response_url_is_found_encoded_or_not_before_or_after_the_duration(url, order, encode) -> None:
    query = order.format(duration="duration=900", url=f"response_url={encode(url)}")
    assert parse_get_query(query) == ProfileQuery(url, 900)


def test_the_sample_of_the_specification() -> None:
    query = f"duration=900&response_url={URL}"
    assert parse_get_query(query) == ProfileQuery(URL, 900)


def test_a_second_duration_belongs_to_the_url() -> None:
    query = f"duration=900&response_url={URL}&duration=5"
    assert parse_get_query(query) == ProfileQuery(f"{URL}&duration=5", 900)


def test_a_duration_amid_the_url_belongs_to_the_url() -> None:
    with pytest.raises(InvalidField, match="duration: is required"):
        parse_get_query(f"response_url={URL}&duration=5&shard=b")


def test_delete_knows_no_duration_so_it_belongs_to_the_url() -> None:
    assert parse_delete_query(f"response_url={URL}&duration=5") == ProfileQuery(f"{URL}&duration=5")


def test_percent_encoding_inside_an_unencoded_url_is_left_alone() -> None:
    url = "https://www.msp.com/response?next=a%20b%26c"
    assert parse_delete_query(f"response_url={url}") == ProfileQuery(url)


def test_a_url_of_which_only_the_query_is_encoded_is_decoded() -> None:
    query = "response_url=https://www.msp.com/response%3Frequest_id%3D5678%26shard%3Db&duration=900"
    assert parse_get_query(query) == ProfileQuery("https://www.msp.com/response?request_id=5678&shard=b", 900)


def test_without_a_query_of_its_own_the_url_ends_at_the_next_parameter() -> None:
    assert raw_response_url("response_url=https://h/x&duration=9&other=1", duration=True) == {
        "response_url": "https://h/x",
        "duration": "9",
        "other": "1",
    }


def test_a_parameter_whose_name_only_ends_so_is_another_one() -> None:
    with pytest.raises(InvalidField, match="response_url: is required"):
        parse_delete_query(f"my_response_url={URL}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "duration: is required"),
        ("duration=900", "response_url: is required"),
        ("duration=900&response_url=", "response_url: must be an absolute URL"),
        ("duration=900&response_url=nowhere", "response_url: must be an absolute URL"),
        (f"duration=-1&response_url={URL}", "duration: must be a whole number between 1 and 2147483647"),
        (f"duration=0&response_url={URL}", "duration: must be a whole number between 1 and 2147483647"),
        (f"duration=1.5&response_url={URL}", "duration: must be a whole number between 1 and 2147483647"),
        (f"duration=9999999999&response_url={URL}", "duration: must be a whole number between 1 and 2147483647"),
        (f"response_url={URL}&duration=1.5", "duration: is required"),
    ],
)
def test_a_missing_or_wrong_parameter_is_named(query: str, expected: str) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_get_query(query)
    assert caught.value.message == expected


SAFE = st.text("abcXYZ019-._~", min_size=1, max_size=10)


@given(st.dictionaries(SAFE, SAFE, max_size=3), st.integers(1, 86400))
def test_an_encoded_url_always_survives(params: dict[str, str], duration: int) -> None:
    url = "https://h.example/x" + ("?" + urlencode(params) if params else "")
    query = urlencode({"response_url": url, "duration": duration})
    assert parse_get_query(query) == ProfileQuery(url, duration)


@given(st.text())
def test_no_query_breaks_the_reading(text: str) -> None:
    for query in (text, f"response_url={text}", f"response_url=https://{text}"):
        for parse in (parse_get_query, parse_delete_query):
            with suppress(InvalidField):
                parse(query)
