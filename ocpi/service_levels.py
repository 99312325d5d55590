"""The figures of what a party gets from us, as sums that can be added up. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

GROWTH = 1.05
"""Each class of a histogram ends so much later than the one before: a percentile is at most 5 % too high."""

Histogram = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What became of a profile request. `applied_at`: the charge point's ACCEPTED to a PUT that was sent to it."""

    kind: str
    response: str
    result: str
    received_at: datetime
    deadline_at: datetime
    applied_at: datetime | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Names of `counts`: response.X, result.X, promised, lost, late, delivered, failed, judged, within. Of `times`, in
    milliseconds: apply, result, delivery.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, Histogram] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.counts or self.times)

    def count(self, *names: str) -> int:
        return sum(self.counts.get(name, 0) for name in names)

    def all_of(self, prefix: str) -> int:
        return sum(count for name, count in self.counts.items() if name.startswith(f"{prefix}."))

    def percentile(self, name: str, share: float) -> timedelta | None:
        """Nearest rank, rounded up to the end of its class; None where nothing was measured."""
        histogram = sorted((int(step), count) for step, count in self.times.get(name, {}).items())
        rank, seen = math.ceil(share * sum(count for _, count in histogram)), 0
        for step, count in histogram:
            seen += count
            if seen >= rank:
                return timedelta(milliseconds=GROWTH**step)
        return None


def total(figures: Iterable[Figures]) -> Figures:
    counts, times = Counter[str](), dict[str, Counter[str]]()
    for one in figures:
        counts.update(one.counts)
        for name, histogram in one.times.items():
            times.setdefault(name, Counter()).update(histogram)
    return Figures(dict(counts), {name: dict(histogram) for name, histogram in times.items()})


def share(part: int, whole: int) -> float | None:
    """Per cent, rounded down to a tenth: 100 only if it is all of them."""
    return math.floor(1000 * part / whole) / 10 if whole else None


def step_of(span: timedelta) -> str:
    """The class of a duration: what takes no more than a millisecond is in the first."""
    milliseconds = span / timedelta(milliseconds=1)
    return "0" if milliseconds <= 1 else str(math.ceil(round(math.log(milliseconds, GROWTH), 9)))


# --- counting -------------------------------------------------------------------------------------------------------


def of_requests(requests: Iterable[RequestFacts], *, now: datetime) -> Figures:
    counts, times = Counter[str](), {"apply": Counter[str](), "result": Counter[str]()}
    for request in requests:
        counts[f"response.{request.response}"] += 1
        if request.result:
            counts[f"result.{request.result}"] += 1
        if request.response == "ACCEPTED":
            counts.update(_promise(request, now=now))
        for name, at in (("apply", request.applied_at), ("result", request.delivered_at)):
            if at:
                times[name][step_of(at - request.received_at)] += 1
    return _figures(counts, times)


def _promise(request: RequestFacts, *, now: datetime) -> list[str]:
    """What is not delivered may still be, until its promised time is over."""
    if request.delivered_at:
        return ["promised", "late"] if request.delivered_at > request.deadline_at else ["promised"]
    return ["promised", "lost"] if request.deadline_at <= now else []


def of_deliveries(attempts: Iterable[tuple[bool, timedelta | None]]) -> Figures:
    """Of each attempt whether it brought its message there, and how long it took; None: not known."""
    counts, times = Counter[str](), Counter[str]()
    for good, took in attempts:
        counts["delivered" if good else "failed"] += 1
        if took is not None:
            times[step_of(took)] += 1
    return _figures(counts, {"delivery": times})


def _figures(counts: Mapping[str, int], times: Mapping[str, Mapping[str, int]]) -> Figures:
    return Figures(dict(counts), {name: dict(histogram) for name, histogram in times.items() if histogram})
