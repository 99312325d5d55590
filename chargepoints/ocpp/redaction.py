"""What of a frame may reach the log: one line, no credential, no driver's identification."""

import json
import re
import traceback
from functools import lru_cache
from typing import Any

MASK = "***"
LINE_LIMIT = 4000
_SHORTEST_SECRET = 4
_LONGEST_NAME = 64

# `data` is a vendor's own text (DataTransfer): it cannot be judged, so it is not shown. exi...: contract certificates.
_SECRET_NAME = re.compile(
    r"^(idTag|parentIdTag|\w*idToken|data|exi\w*)$|password|certificate|csr|authorizationKey|secret|passphrase|simPin|apiKey",
    re.IGNORECASE,
)
# From where a word begins: tried from each of its letters, a text of a megabyte would take hours.
_URL_LOGIN = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z0-9+.-]+://)[^/?#\s]*@")
_encode = json.JSONEncoder(default=lambda value: type(value).__name__).encode
_VALUE_FIELDS = frozenset({"value", "attributeValue", "variableAttribute"})


def redact(payload: Any, *, limit: int = LINE_LIMIT) -> str:
    """The payload as one line of ASCII JSON with secrets masked: safe to log whatever a peer sent."""
    try:
        line = _encode(payload if _is_harmless(payload) else _masked(payload, secret=False, found=[]))
    except (RecursionError, TypeError, ValueError):
        return "(unprintable)"
    return line if len(line) <= limit else line[:limit] + "..."


def masked(payload: Any) -> Any:
    """The payload with secrets masked, for people to read."""
    return _masked(payload, secret=False, found=[])


def printable(text: str, limit: int = 64) -> str:
    """A peer's text, cut and with control characters escaped, so that it cannot forge a log line."""
    text = text[:limit]
    return text if text.isascii() and text.isprintable() else text.encode("unicode_escape").decode()


def without_secrets(text: str, payload: Any) -> str:
    """The text with every secret of `payload` masked; those too short to be told from other words stay."""
    found: list[str] = []
    _masked(payload, secret=False, found=found)
    for secret in sorted(found, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text


def safe_traceback(error: BaseException, payload: Any) -> str:
    """The traceback without the payload's secrets, each line prefixed so that none can pose as a log line."""
    text = without_secrets("".join(traceback.format_exception(error)), payload)
    return "\n".join("  | " + line for line in text.splitlines())


def _is_harmless(value: Any) -> bool:
    """Nothing to mask, at a glance: most frames are measurements, and a copy of each would cost more than the look."""
    if type(value) is str:
        return "@" not in value
    if type(value) is dict:
        return _are_harmless(tuple(value)) and all(map(_is_harmless, value.values()))
    if type(value) is list:
        return all(map(_is_harmless, value))
    return value is None or type(value) in {int, float, bool}


def _are_harmless(names: tuple[Any, ...]) -> bool:
    """`key` and `variable` may name a secret beside them."""
    if sum(len(name) if type(name) is str else _LONGEST_NAME for name in names) > _LONGEST_NAME * 8:
        return False
    return _are_known_names(names)


@lru_cache(maxsize=2048)
def _are_known_names(names: tuple[Any, ...]) -> bool:
    return not any(name in {"key", "variable"} or _SECRET_NAME.search(str(name)) for name in names)


def _masked(value: Any, *, secret: bool, found: list[str]) -> Any:
    if isinstance(value, dict):
        named = _names_a_secret(value)
        return {key: _masked(part, secret=_is_secret(key, secret, named), found=found) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(part, secret=secret, found=found) for part in value]
    if secret and value is not None:
        found.append(str(value))
        return MASK
    return _URL_LOGIN.sub(rf"\1{MASK}@", value) if isinstance(value, str) and "@" in value else value


def _is_secret(key: object, inherited: bool, named: bool) -> bool:
    return inherited or (named and key in _VALUE_FIELDS) or is_secret_name(str(key))


def is_secret_name(name: str) -> bool:
    return _is_known_name(name) if len(name) <= _LONGEST_NAME else bool(_SECRET_NAME.search(name))


@lru_cache(maxsize=2048)
def _is_known_name(name: str) -> bool:
    """Fields have few names, and each frame many fields."""
    return bool(_SECRET_NAME.search(name))


def _names_a_secret(value: dict[Any, Any]) -> bool:
    """A setting whose name says that its value is secret: {key, value} in 1.6, {variable, attributeValue} in 2.0.1."""
    variable = value.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else value.get("key")
    return isinstance(name, str) and is_secret_name(name)
