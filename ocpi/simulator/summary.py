"""What came of a run, in figures. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ocpi.simulator.profile_calls import Tally


@dataclass(frozen=True, slots=True)
class Summary:
    """`seconds` since the start; `sessions` by status."""

    seconds: float
    sessions: dict[str, int]
    locations: int
    evses: int
    pushes: int
    tally: Tally
    violations: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not self.violations and not self.tally.missing

    @property
    def p50_s(self) -> float | None:
        return median(self.tally.latencies_s) if self.tally.latencies_s else None

    @property
    def max_s(self) -> float | None:
        return max(self.tally.latencies_s, default=None)

    def fields(self) -> dict[str, Any]:
        """For machines."""
        tally = self.tally
        return {
            "seconds": round(self.seconds, 1), "sessions": self.sessions, "locations": self.locations,
            "evses": self.evses, "profiles": dict(tally.answers),
            "results": {"in_time": tally.in_time, "late": tally.late, "missing": tally.missing,
                        "waiting": tally.waiting, "p50_s": _rounded(self.p50_s), "max_s": _rounded(self.max_s)},
            "active_profiles": self.pushes, "violations": list(self.violations), "notes": list(self.notes),
        }  # fmt: skip

    def lines(self) -> list[str]:
        """For people."""
        tally = self.tally
        latency = f"; p50 {self.p50_s:.2f} s, max {self.max_s:.2f} s" if self.p50_s is not None else ""
        return [
            f"Summary of {self.seconds:.0f} s",
            f"  sessions         {_counted(self.sessions)}",
            f"  locations        {self.locations} with {self.evses} EVSEs",
            f"  profile requests {_counted(tally.answers)}",
            f"  results          {tally.in_time} in time, {tally.late} late, {tally.missing} missing, "
            f"{tally.waiting} not due yet{latency}",
            f"  active profiles  {self.pushes} pushed",
            *_listed("violations", self.violations),
            *_listed("notes", self.notes),
        ]


def by_status(sessions: Sequence[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(str(session["status"]) for session in sessions))


def _counted(counts: Any) -> str:
    total = sum(counts.values())
    parts = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return f"{total}: {parts}" if parts else "0"


def _listed(title: str, texts: Sequence[str]) -> list[str]:
    return [f"  {title:16} {len(texts)}", *(f"    - {text}" for text in texts)]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
