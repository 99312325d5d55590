"""Credentials tokens (OCPI 2.2.1 transport_and_format, Authorization header; credentials, Credentials object)."""

import base64
import binascii
import re
import secrets

_TOKEN = re.compile(r"[!-~]{1,64}")
_MAX_HEADER = 256


def valid_token(text: str) -> bool:
    """1 to 64 characters U+0021 to U+007E."""
    return _TOKEN.fullmatch(text) is not None


def new_token() -> str:
    """256 random bits, 43 characters."""
    return secrets.token_urlsafe(32)


def encode_base64(token: str) -> str:
    return base64.b64encode(token.encode()).decode()


def candidates(header: str) -> tuple[str, ...]:
    """The tokens an `Authorization: Token ...` header may mean: as written, and base64-decoded.

    Peers older than 2.2-d2 send the token raw, and a raw token may happen to be base64: only a look-up tells.
    """
    scheme, _, written = header.strip().partition(" ")
    written = written.strip()
    if scheme.lower() != "token" or len(written) > _MAX_HEADER:
        return ()
    found = [text for text in (written, _decoded(written)) if valid_token(text)]
    return tuple(dict.fromkeys(found))


def _decoded(written: str) -> str:
    """Without the line break that the samples of the specification carry; empty if this is not base64."""
    try:
        padded = written + "=" * (-len(written) % 4)
        return base64.b64decode(padded, validate=True).decode().rstrip("\r\n")
    except (binascii.Error, ValueError):
        return ""
