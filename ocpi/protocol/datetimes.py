"""DateTime (OCPI 2.2.1 types, DateTime): UTC, `Z` or no designator, at most 25 characters when written."""

import re
from datetime import UTC, datetime

# Nine digits of a second are read although 25 characters leave room for four: .NET writes seven.
_DATETIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z?")


def format_datetime(moment: datetime) -> str:
    """Cut to milliseconds, never rounded up: a `date_from` taken from it still finds its object."""
    if moment.utcoffset() is None:
        raise ValueError("a naive datetime has no place in time")
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond >= 1000 else "seconds") + "Z"


def parse_datetime(text: str) -> datetime:
    """Raises ValueError for any other pattern; `+00:00` is one (OCPI 2.2.1 types, DateTime)."""
    match = _DATETIME.fullmatch(text)
    if match is None:
        raise ValueError("not a DateTime such as 2015-06-29T20:39:09Z")
    seconds, fraction = match.groups()
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    return datetime.fromisoformat(seconds).replace(microsecond=microsecond, tzinfo=UTC)
