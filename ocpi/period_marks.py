"""Which charging periods a partner has, in a few bytes however many they are. Pure.

A PATCH adds its periods to those that the partner has (OCPI 2.2.1 mod_sessions, PATCH Method): each goes out once, and
when one that it has turns out to be another, only the whole Session by PUT is right.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from ocpi.protocol import documents

Mark = dict[str, Any]
"""`count` periods, and a `digest` that says which."""

Period = dict[str, Any]


def mark(periods: Sequence[Period], *, after: Mark | None = None) -> Mark:
    """Of these periods, behind those of `after`."""
    digest, count = (after["digest"], after["count"]) if after else ("", 0)
    for period in periods:
        text = json.dumps(json.loads(documents.dump(period)), sort_keys=True)
        digest = hashlib.sha256(f"{digest} {text}".encode()).hexdigest()
    return {"count": count + len(periods), "digest": digest}


def unknown(had: Mark | None, periods: Sequence[Period]) -> list[Period] | None:
    """Those behind the ones it has; None when it has others than these."""
    count = had["count"] if had else 0
    known, fresh = periods[:count], list(periods[count:])
    return fresh if not had or mark(known) == had else None
