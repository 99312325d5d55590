import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.authorizers import TokenBase64, TokenRaw
from ocpi.protocol.tokens import candidates, encode_base64, new_token, valid_token

pytestmark = pytest.mark.pure

TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)


def test_the_samples_of_the_specification_decode_without_their_line_break() -> None:
    assert candidates("Token ZXhhbXBsZS10b2tlbgo=")[-1] == "example-token"
    sample = "Token ZWJmM2IzOTktNzc5Zi00NDk3LTliOWQtYWM2YWQzY2M0NGQyCg=="
    assert candidates(sample)[-1] == "ebf3b399-779f-4497-9b9d-ac6ad3cc44d2"


def test_a_raw_token_is_its_own_candidate() -> None:
    assert candidates("Token ebf3b399-779f-4497-9b9d-ac6ad3cc44d2") == ("ebf3b399-779f-4497-9b9d-ac6ad3cc44d2",)


def test_a_raw_token_that_happens_to_be_base64_has_both_readings() -> None:
    assert candidates("Token dG9rZW4=") == ("dG9rZW4=", "token")


def test_missing_padding_is_forgiven() -> None:
    assert candidates("Token dG9rZW4") == ("dG9rZW4", "token")


@pytest.mark.parametrize(
    "header", ["", "Token", "Token ", "Bearer dG9rZW4=", "Basic dG9rZW4=", "Tokendingdong", "Token " + "a" * 300]
)
def test_any_other_header_has_no_candidate(header: str) -> None:
    assert candidates(header) == ()


def test_the_scheme_is_read_without_regard_to_case() -> None:
    assert candidates("token a-b") == ("a-b",)


def test_a_decoding_that_is_no_token_is_no_candidate() -> None:
    binary = base64.b64encode(b"\xff\xfe\x00").decode()
    assert candidates(f"Token {binary}") == (binary,)


@given(TOKENS)
def test_every_token_is_found_however_it_is_sent(token: str) -> None:
    assert token in candidates(TokenBase64(token).headers()["Authorization"])
    assert token in candidates(TokenRaw(token).headers()["Authorization"])


@given(st.text())
def test_no_header_breaks_the_reading(header: str) -> None:
    assert all(valid_token(token) for token in candidates(header))
    assert all(valid_token(token) for token in candidates(f"Token {header}"))


@pytest.mark.parametrize(
    ("text", "valid"),
    [("a", True), ("!~", True), ("a" * 64, True), ("", False), ("a" * 65, False), ("a b", False), ("é", False)],
)
def test_a_token_has_1_to_64_visible_ascii_characters(text: str, valid: bool) -> None:
    assert valid_token(text) is valid


def test_a_token_does_not_end_in_a_line_break() -> None:
    assert valid_token("a\n") is False


def test_new_tokens_are_valid_and_differ() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(valid_token(token) for token in tokens)


def test_base64_carries_no_line_break() -> None:
    assert encode_base64("example-token") == "ZXhhbXBsZS10b2tlbg=="
