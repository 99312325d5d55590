import pytest

from ocpi.authorizers import TokenBase64, TokenRaw

pytestmark = pytest.mark.pure


def test_base64_is_the_form_of_the_specification() -> None:
    assert TokenBase64("example-token").headers() == {"Authorization": "Token ZXhhbXBsZS10b2tlbg=="}


def test_raw_is_the_token_itself() -> None:
    assert TokenRaw("example-token").headers() == {"Authorization": "Token example-token"}


@pytest.mark.parametrize("strategy", [TokenBase64, TokenRaw])
def test_no_representation_shows_the_token(strategy: type[TokenBase64] | type[TokenRaw]) -> None:
    authorizer = strategy("example-token")
    assert "example-token" not in repr(authorizer)
    assert "example-token" not in str(authorizer)
    assert "example-token" not in f"{authorizer}"


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX-Injected: 1", "a" * 65])
def test_what_is_no_token_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ValueError, match="1 to 64") as caught:
        TokenBase64(token)
    assert not token or token not in str(caught.value)
