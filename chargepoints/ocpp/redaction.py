"""What of a frame may reach the log: one line, no credential, no driver's identification."""

import json
import re
import traceback
from typing import Any

MASK = "***"
LINE_LIMIT = 4000
_SHORTEST_SECRET = 4

# `data` is a vendor's own text (DataTransfer): it cannot be judged, so it is not shown. exi...: contract certificates.
_SECRET_NAME = re.compile(
    r"^(idTag|parentIdTag|\w*idToken|data|exi\w*)$|password|certificate|csr|authorizationKey|secret|passphrase|simPin|apiKey",
    re.IGNORECASE,
)
# From where a word begins: tried from each of its letters, a text of a megabyte would take hours.
_URL_LOGIN = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z0-9+.-]+://)[^/?#\s]*@")
_VALUE_FIELDS = frozenset({"value", "attributeValue", "variableAttribute"})


def redact(payload: Any) -> str:
    """The payload as one line of ASCII JSON with secrets masked: safe to log whatever a peer sent."""
    try:
        line = json.dumps(_masked(payload, secret=False, found=[]), default=lambda value: type(value).__name__)
    except (RecursionError, TypeError, ValueError):
        return "(unprintable)"
    return line if len(line) <= LINE_LIMIT else line[:LINE_LIMIT] + "..."


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


def _masked(value: Any, *, secret: bool, found: list[str]) -> Any:
    if isinstance(value, dict):
        named = _names_a_secret(value)
        return {key: _masked(part, secret=_is_secret(key, secret, named), found=found) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(part, secret=secret, found=found) for part in value]
    if secret and value is not None:
        found.append(str(value))
        return MASK
    return _URL_LOGIN.sub(rf"\1{MASK}@", value) if isinstance(value, str) else value


def _is_secret(key: object, inherited: bool, named: bool) -> bool:
    return inherited or (named and key in _VALUE_FIELDS) or bool(_SECRET_NAME.search(str(key)))


def is_secret_name(name: str) -> bool:
    return bool(_SECRET_NAME.search(name))


def _names_a_secret(value: dict[Any, Any]) -> bool:
    """A setting whose name says that its value is secret: {key, value} in 1.6, {variable, attributeValue} in 2.0.1."""
    variable = value.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else value.get("key")
    return isinstance(name, str) and is_secret_name(name)
