"""What may be kept and shown of a body or an address."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.masking import MASK, NOT_KEPT, SECRET_NAMES, masked_body, masked_document, masked_query, masked_text

pytestmark = pytest.mark.pure
SECRET = "planted-secret-7f3a"
NAMES = st.sampled_from(sorted(SECRET_NAMES)).flatmap(lambda name: st.sampled_from([name, name.upper(), name.title()]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def body(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_token_is_masked_and_the_rest_stays():
    kept = masked_body(body({"token": SECRET, "url": "https://a.example/versions"}), limit=1000)
    assert json.loads(kept) == {"token": MASK, "url": "https://a.example/versions"}


def test_a_body_without_secrets_stays_as_it_came():
    raw = b'{ "limit" : 6.10,\n "cdr_token": {"uid": "CARD1"} }'
    assert masked_body(raw, limit=1000) == raw.decode()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://a.example/r?token=abc&id=1", "https://a.example/r?token=***&id=1"),
        ("https://a.example/r?id=1&API_KEY=abc", "https://a.example/r?id=1&API_KEY=***"),
        ("https://user:abc@a.example/r", "https://***@a.example/r"),
        ("https://a.example/r?tokens=3", "https://a.example/r?tokens=3"),
        ("https://a.example/token/1", "https://a.example/token/1"),
    ],
)
def test_what_an_address_proves_is_masked(text, kept):
    assert masked_text(text) == kept


def test_the_first_parameter_of_a_query_is_masked_too():
    assert masked_query("token=abc&limit=10") == "token=***&limit=10"


@given(JSON, NAMES, st.sampled_from(["list", "field"]))
def test_a_secret_is_found_however_deep(document, name, where):
    planted = {"inside": [document, {name: SECRET}]} if where == "list" else {"inside": {"more": {name: [SECRET]}}}
    assert SECRET not in masked_body(body(planted), limit=100_000)


@given(JSON)
def test_masking_twice_is_masking_once(document):
    once = masked_document(document)
    assert masked_document(once) == once


@given(JSON, NAMES, st.integers(0, 200))
def test_no_end_of_a_cut_off_body_shows_a_secret(document, name, cut):
    whole = json.dumps({name: SECRET, "rest": document}).encode()
    assert SECRET[:8] not in masked_body(whole[: len(whole) - cut], limit=100_000)


def test_a_name_written_with_escapes_hides_nothing():
    assert masked_body(b'{"tok\\u0065n": "abc"}', limit=100) == '{"token": "***"}'
    assert masked_body(b'{"tok\\u0065n": "abc"', limit=100) == NOT_KEPT


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_bounded_text_that_a_column_takes(raw, limit):
    kept = masked_body(raw, limit=limit)
    assert len(kept) <= limit + 60
    assert "\0" not in kept
    kept.encode()
