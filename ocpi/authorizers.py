"""How we prove ourselves to a partner: one strategy per partner, each a source of request headers."""

from dataclasses import dataclass, field
from typing import Protocol

from ocpi.protocol.tokens import encode_base64, valid_token


class Authorizer(Protocol):
    def headers(self) -> dict[str, str]:
        """The headers that authorise one request. Asked anew for every request, before its connection is made."""
        ...


@dataclass(frozen=True, slots=True)
class _Token:
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not valid_token(self.token):
            raise ValueError("a credentials token has 1 to 64 characters U+0021 to U+007E")


class TokenBase64(_Token):
    """OCPI 2.2.1 transport_and_format, Authorization header."""

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {encode_base64(self.token)}"}


class TokenRaw(_Token):
    """For peers that never learnt to decode (same section, note)."""

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"}
