"""The timeline by what belongs together: a request, its command, the CALL, its answer, the result, later corrections.

The newest thread stands first, since whoever calls asks about what happened last; inside a thread causes stand before
effects, since it is read to find out why. A thread has the place of its first step, so that it does not jump while it
is read. Routine that went well is folded away. Pure, but for the row a remedy names.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from chargepoints.admin.rendering import BAD, INFO, OK, WARN
from chargepoints.admin.timeline import TimelineEntry

FEW, MANY = 8, 40
"""Threads on an open page, which is asked for every few seconds, and on one that was asked to show older ones."""

MOST_ROUTINE = 20
_SEVERITY = {BAD: 3, WARN: 2, OK: 1, INFO: 0}


@dataclass(frozen=True, slots=True)
class Step:
    """`waited`: since the step before, in words. `button`: of its remedy, for who may use it."""

    entry: TimelineEntry
    time: str
    waited: str = ""
    button: object = None


@dataclass(frozen=True, slots=True)
class Thread:
    """`status` and `tone` are those of what went worst; of what went equally well, the first. `title` is empty where
    one step says it all.
    """

    key: str
    day: str
    title: str
    status: str
    tone: str
    steps: tuple[Step, ...]
    routine: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """`routine` is what stands alone and went well; `hidden` threads are left out."""

    threads: tuple[Thread, ...]
    routine: tuple[Step, ...]
    routine_count: int
    hidden: int

    def map_steps(self, change: Callable[[Step], Step]) -> "Timeline":
        """Of the threads; what is folded away needs no button."""
        threads = tuple(replace(thread, steps=tuple(map(change, thread.steps))) for thread in self.threads)
        return replace(self, threads=threads)


def timeline_of(entries: Iterable[TimelineEntry], *, most: int = FEW) -> Timeline:
    grouped: dict[str, list[TimelineEntry]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.at, entry.order)):
        grouped.setdefault(entry.thread, []).append(entry)
    alone = {key for key, group in grouped.items() if all(map(_is_folded, group))}
    threads = [(key, group) for key, group in grouped.items() if key not in alone][::-1]
    routine = sorted((entry for key in alone for entry in grouped[key]), key=lambda entry: entry.at, reverse=True)
    shown = tuple(Step(entry, _clock(entry.at, day=True)) for entry in routine[:MOST_ROUTINE])
    told = tuple(_thread(key, group) for key, group in threads[:most])
    return Timeline(told, shown, len(routine), max(0, len(threads) - most))


def _is_folded(entry: TimelineEntry) -> bool:
    return entry.routine and entry.tone not in {BAD, WARN}


def _thread(key: str, entries: Sequence[TimelineEntry]) -> Thread:
    main = [entry for entry in entries if not _is_folded(entry)]
    worst = max((e for e in main if e.status), key=lambda e: _SEVERITY.get(e.tone, 0), default=None)
    if len(entries) == 1:
        return Thread(key, "", "", "", main[0].tone, (Step(main[0], _clock(main[0].at, day=True)),), ())
    return Thread(
        key, f"{main[0].at.astimezone(UTC):%Y-%m-%d}", main[0].headline or main[0].title, worst.status if worst else "",
        worst.tone if worst else INFO, _steps(main), _steps([entry for entry in entries if _is_folded(entry)]),
    )  # fmt: skip


def _steps(entries: Sequence[TimelineEntry]) -> tuple[Step, ...]:
    if not entries:
        return ()
    later = (Step(now, _clock(now.at), waited(now.at - before.at)) for before, now in pairwise(entries))
    return (Step(entries[0], _clock(entries[0].at)), *later)


def _clock(at: datetime, *, day: bool = False) -> str:
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}" if day else f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def waited(span: timedelta) -> str:
    """+12 ms, +3.4 s, +12 min, +3 h 5 min, +2 d 3 h."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 1:
        return f"+{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"+{seconds:.1f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"+{minutes} min"
    if minutes < 24 * 60:
        return f"+{minutes // 60} h {minutes % 60} min"
    return f"+{minutes // 1440} d {minutes % 1440 // 60} h"
