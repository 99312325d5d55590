import pytest

from ocpi.authorizers import OAuth2ClientCredentials, TokenBase64, TokenRaw, WithApiKey, valid_header_name

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


# --- OAuth 2.0 and API keys -----------------------------------------------------------------------------------------


class Source:
    def __init__(self) -> None:
        self.asked: list[float] = []
        self.refused: list[str] = []

    def current(self, *, timeout_s: float) -> str:
        self.asked.append(timeout_s)
        return "access-token"

    def refuse(self, token: str) -> bool:
        self.refused.append(token)
        return True


def test_an_access_token_is_sent_as_a_bearer_token_and_asked_for_each_time() -> None:
    source = Source()
    strategy = OAuth2ClientCredentials(source)
    assert source.asked == []
    assert strategy.headers(timeout_s=2.5) == {"Authorization": "Bearer access-token"}
    assert strategy.headers(timeout_s=1.5) == {"Authorization": "Bearer access-token"}
    assert source.asked == [2.5, 1.5]


def test_what_the_partner_refused_goes_back_to_its_source() -> None:
    source = Source()
    strategy = WithApiKey(OAuth2ClientCredentials(source), "ApiKey", "key")
    assert strategy.renew({"Authorization": "Bearer old", "ApiKey": "key"})
    assert source.refused == ["old"]


@pytest.mark.parametrize("strategy", [TokenBase64, TokenRaw])
def test_an_ocpi_token_cannot_be_renewed_by_us(strategy: type[TokenBase64] | type[TokenRaw]) -> None:
    authorizer = strategy("example-token")
    assert not authorizer.renew(authorizer.headers())
    assert not WithApiKey(authorizer, "ApiKey", "key").renew(authorizer.headers())


def test_an_api_key_goes_beside_any_strategy() -> None:
    authorizer = WithApiKey(TokenRaw("example-token"), "ApiKey", "planted-key")
    assert authorizer.headers() == {"Authorization": "Token example-token", "ApiKey": "planted-key"}
    assert "planted-key" not in repr(authorizer)


@pytest.mark.parametrize("name", ["ApiKey", "X-API-Key", "Ocp-Apim-Subscription-Key", "x_key"])
def test_a_header_of_its_own_may_carry_a_key(name: str) -> None:
    assert valid_header_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "two words", "key:", "a\r\nb", "é", "k" * 65, "Authorization", "authorization", "Host", "Content-Type",
     "content-length", "Transfer-Encoding", "Connection", "Cookie", "OCPI-to-party-id", "X-Request-ID",
     "X-Correlation-ID", "X-Forwarded-For", "Proxy-Authorization", "User-Agent", "Accept"],
)  # fmt: skip
def test_a_header_that_a_request_has_already_may_not(name: str) -> None:
    assert not valid_header_name(name)
    with pytest.raises(ValueError, match="a header of its own"):
        WithApiKey(TokenRaw("example-token"), name, "key")


@pytest.mark.parametrize("key", ["", "two words", "line\r\nX-Injected: 1", "é", "k" * 513])
def test_what_is_no_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValueError, match="1 to 512") as caught:
        WithApiKey(TokenRaw("example-token"), "ApiKey", key)
    assert not key or key not in str(caught.value)
