"""How we prove ourselves to a partner: one strategy per partner, each a source of request headers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ocpi.protocol.tokens import encode_base64, valid_token

TIMEOUT_S = 5.0
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")  # RFC 9110 section 5.1
_HEADER_VALUE = re.compile(r"[!-~]{1,512}")
_OURS = re.compile(
    r"authorization|accept|user-agent|host|connection|transfer-encoding|te|trailer|upgrade|expect|cookie"
    r"|content-.*|proxy-.*|ocpi-.*|x-request-id|x-correlation-id|x-forwarded-.*",
    re.IGNORECASE,
)


class Authorizer(Protocol):
    def headers(self, *, timeout_s: float = TIMEOUT_S) -> dict[str, str]:
        """The headers that authorise one request. Asked anew for every request, before its connection is made.

        May ask a server for them, for `timeout_s` at most: never call this in a transaction. Raises DeliveryFailed.
        """
        ...

    def renew(self, refused: Mapping[str, str]) -> bool:
        """The partner answered 401 to these headers. True: `headers` will return others, worth one more request."""
        ...


class AccessTokenSource(Protocol):
    """Where access tokens come from: see `ocpi.access_tokens`."""

    def current(self, *, timeout_s: float) -> str: ...

    def refuse(self, token: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Token:
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not valid_token(self.token):
            raise ValueError("a credentials token has 1 to 64 characters U+0021 to U+007E")

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        """Only the partner can give us another."""
        return False


class TokenBase64(_Token):
    """OCPI 2.2.1 transport_and_format, Authorization header."""

    def headers(self, *, timeout_s: float = TIMEOUT_S) -> dict[str, str]:  # noqa: ARG002
        return {"Authorization": f"Token {encode_base64(self.token)}"}


class TokenRaw(_Token):
    """For peers that never learnt to decode (same section, note)."""

    def headers(self, *, timeout_s: float = TIMEOUT_S) -> dict[str, str]:  # noqa: ARG002
        return {"Authorization": f"Token {self.token}"}


@dataclass(frozen=True, slots=True)
class OAuth2ClientCredentials:
    """RFC 6749 section 4.4; the access token goes into the header of RFC 6750 section 2.1."""

    tokens: AccessTokenSource = field(repr=False)

    def headers(self, *, timeout_s: float = TIMEOUT_S) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.current(timeout_s=timeout_s)}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        return self.tokens.refuse(refused["Authorization"].removeprefix("Bearer "))


@dataclass(frozen=True, slots=True)
class WithApiKey:
    """A static key in a header of its own, beside any strategy: gateways in front of a partner ask for one."""

    strategy: Authorizer
    name: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (valid_header_name(self.name) and valid_api_key(self.key)):
            raise ValueError("an API key has 1 to 512 characters U+0021 to U+007E and a header of its own")

    def headers(self, *, timeout_s: float = TIMEOUT_S) -> dict[str, str]:
        return {**self.strategy.headers(timeout_s=timeout_s), self.name: self.key}

    def renew(self, refused: Mapping[str, str]) -> bool:
        return self.strategy.renew(refused)


def valid_header_name(name: str) -> bool:
    """A header that no request of ours has already."""
    return _HEADER_NAME.fullmatch(name) is not None and _OURS.fullmatch(name) is None


def valid_api_key(key: str) -> bool:
    return _HEADER_VALUE.fullmatch(key) is not None
