"""A status with its StatusInfo."""

from collections.abc import Awaitable, Callable
from typing import Any

from ..dialect import Reply


def status(
    word: str, reason_code: str = "", info: str = "", *, then: Callable[[], Awaitable[Any]] | None = None
) -> Reply:
    payload: dict[str, Any] = {"status": word}
    if reason_code:
        payload["statusInfo"] = {"reasonCode": reason_code} | ({"additionalInfo": info[:512]} if info else {})
    return Reply(payload, then)
