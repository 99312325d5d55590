"""What a kWh costs at which hour: an example by hour of the day, or a curve from a file. Pure, but for the reading."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HOUR = timedelta(hours=1)
# EUR per kWh by hour of the day in UTC: cheap at night and at noon, dear in the evening.
EXAMPLE_DAY = (
    0.19, 0.17, 0.16, 0.16, 0.17, 0.20, 0.26, 0.31, 0.29, 0.23, 0.17, 0.13,
    0.11, 0.10, 0.12, 0.16, 0.23, 0.32, 0.38, 0.36, 0.30, 0.26, 0.23, 0.21,
)  # fmt: skip


class BadPrices(ValueError):
    """A file that is no price curve; the text says why."""


@dataclass(frozen=True, slots=True)
class PriceCurve:
    """`day` has 24 prices by hour of the day in UTC; `hours` those of certain hours, which go before."""

    day: tuple[float, ...] = EXAMPLE_DAY
    hours: Mapping[datetime, float] = field(default_factory=dict)

    def at(self, moment: datetime) -> float:
        return self.hours.get(_hour(moment), self.day[moment.hour])

    def pieces(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, float]]:
        """(start, end, price) of every hour or part of one between the two."""
        while start < end:
            following = min(_hour(start) + HOUR, end)
            yield start, following, self.at(start)
            start = following


def read_prices(path: Path) -> PriceCurve:
    """JSON or CSV by the name of the file. Raises BadPrices, OSError.

    JSON: 24 numbers, or an object of hours `{"2026-01-05T13:00:00Z": 0.12}`. CSV: `hour,price` lines, the hour 0 to 23
    or such a time; a first line without figures is a title.
    """
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix.lower() == ".json":
            return _from_json(json.loads(text))
        return curve(row[:2] for row in csv.reader(text.splitlines()) if row and not _is_title(row))
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        raise BadPrices(f"{path.name}: {error}") from None


def _from_json(document: Any) -> PriceCurve:
    if isinstance(document, list):
        return curve(enumerate(document))
    return curve(document.items())


def curve(rows: Iterable[Any]) -> PriceCurve:
    """Of (hour, price); hours of the day that are not given are those of the example. Raises ValueError."""
    day, hours = list(EXAMPLE_DAY), {}
    for key, price in rows:
        text = str(key).strip()
        if text.isdecimal():
            if int(text) > 23:
                raise ValueError(f"hour {text} of a day")
            day[int(text)] = float(price)
        else:
            hours[_hour(_utc(text))] = float(price)
    return PriceCurve(tuple(day), hours)


def _is_title(row: list[str]) -> bool:
    return not any(character.isdigit() for character in "".join(row))


def _utc(text: str) -> datetime:
    """An ISO 8601 time; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
