import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.protocol import documents
from ocpi.protocol.numbers import json_number

pytestmark = pytest.mark.pure


def test_decimals_are_written_as_numbers_without_float_noise() -> None:
    document = {"kwh": Decimal("41.1234"), "limit": Decimal("22000.0"), "low": Decimal("-0"), "tenth": Decimal("6.10")}
    assert documents.dump(document) == b'{"kwh":41.1234,"limit":22000,"low":0,"tenth":6.1}'


def test_times_and_uuids_have_their_wire_form() -> None:
    document = {"at": datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC), "id": UUID(int=1), "name": "Zoë"}
    expected = '{"at":"2015-06-29T20:39:09Z","id":"00000000-0000-0000-0000-000000000001","name":"Zoë"}'
    assert documents.dump(document) == expected.encode()


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+301")])
def test_a_decimal_json_cannot_carry_is_refused(value: Decimal) -> None:
    with pytest.raises(ValueError):
        json_number(value)


def test_what_has_no_wire_form_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        documents.dump({"a": set()})


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_a_decimal_survives_the_wire_exactly(value: Decimal) -> None:
    assert Decimal(json.loads(documents.dump(value), parse_float=Decimal)) == value


def test_fractions_are_read_as_decimal() -> None:
    assert documents.load(b'{"limit": 6.1}') == {"limit": Decimal("6.1")}


def test_of_a_repeated_key_the_last_counts() -> None:
    assert documents.load(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"NaN", b"[Infinity]", b"[-Infinity]", b"\xff", b"[" * 100_000, b"1" * 5000, b'"\x00"']
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        documents.load(raw)


@pytest.mark.parametrize("raw", [b'{"a": ["\\u0000"]}', b'{"\\ud800": 1}', b"1e99999999999999999999"])
def test_json_no_column_can_hold_is_unusable(raw: bytes) -> None:
    with pytest.raises(documents.Unusable):
        documents.load(raw)


def test_escaped_characters_are_read() -> None:
    assert documents.load(b'["\\u00e9\\ud83d\\ude00"]') == ["é😀"]
