"""Bodies and addresses as they may be kept and shown: what proves somebody's identity is replaced. Pure."""

import json
import re
from typing import Any

MASK = "***"
NOT_KEPT = "(not kept: it may hold a token)"
SECRET_NAMES = frozenset({
    "token", "access_token", "auth_token", "refresh_token", "authorization", "api_key", "apikey", "key", "password",
    "secret", "client_secret", "signature", "sig",
})  # fmt: skip
_IN_QUERY = re.compile(rf"(?<=[?&])({'|'.join(sorted(SECRET_NAMES))})=[^&#\s\"']*", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/@\s\"']+@")


def masked_text(text: str) -> str:
    """Queries and user names in whatever addresses a text holds."""
    return _USERINFO.sub(f"{MASK}@", _IN_QUERY.sub(rf"\1={MASK}", text))


def masked_query(query: str) -> str:
    return masked_text(f"?{query}")[1:]


def masked_document(document: Any) -> Any:
    """A JSON value without the values of fields that name a secret, however deep."""
    if isinstance(document, dict):
        return {name: _field(name, value) for name, value in document.items()}
    if isinstance(document, list):
        return [masked_document(item) for item in document]
    return masked_text(document) if isinstance(document, str) else document


def _field(name: str, value: Any) -> Any:
    hidden = name.lower() in SECRET_NAMES and value not in (None, "")
    return MASK if hidden else masked_document(value)


def masked_body(raw: bytes, *, limit: int) -> str:
    """At most `limit` characters, as they came where nothing had to be masked. What is no JSON is kept only if nothing
    in it looks like a secret's field: nobody can tell where its value ends.
    """
    text = raw.decode(errors="replace").replace("\0", "�")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return NOT_KEPT if _names_a_secret(text) else _cut(masked_text(text), limit)
    try:
        masked = masked_document(document)
    except RecursionError:
        return NOT_KEPT
    return _cut(text if masked == document else json.dumps(masked, ensure_ascii=False), limit)


def _names_a_secret(text: str) -> bool:
    """Also where a body is cut off, or a name is written with escapes."""
    return "\\u00" in text or any(f'"{name}"' in text.lower() for name in SECRET_NAMES)


def _cut(text: str, limit: int) -> str:
    text = text.encode("utf-8", errors="replace").decode()
    return text if len(text) <= limit else f"{text[:limit]}… (cut off: {len(text)} characters in all)"
