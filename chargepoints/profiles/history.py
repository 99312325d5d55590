"""What a charge point had of a profile at a moment that is past: the commands it accepted, and nothing else. Pure.

A profile itself only knows what is applied now; whoever asks about the past asks here.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from chargepoints.profiles.timeline import elapsed_s, period_at
from chargepoints.values import ChargingSchedule, RateUnit


@dataclass(frozen=True, slots=True)
class Told:
    """From `at` on this was in force; None: nothing any more."""

    at: datetime
    schedule: ChargingSchedule | None


@dataclass(frozen=True, slots=True)
class Limit:
    """`value` in `unit`: A per phase, or W in total. `phases` as the schedule names them."""

    value: Decimal
    unit: RateUnit
    phases: int | None = None


def told(
    *,
    setting: bool,
    payload: dict[str, Any],
    status: str,
    finished_at: datetime | None,
    late_status: str = "",
    late_at: datetime | None = None,
) -> Told | None:
    """What a command that sets a profile, or clears it, changed; None for one that changed nothing. A late answer
    counts from when it came. Clearing what the charge point does not know leaves nothing as well.
    """
    changing = {"ACCEPTED"} if setting else {"ACCEPTED", "UNKNOWN"}
    at = finished_at if status in changing else late_at if late_status in changing else None
    if at is None:
        return None
    return Told(at, ChargingSchedule.from_json(payload["schedule"]) if setting else None)


def in_force(history: Sequence[Told], moment: datetime) -> ChargingSchedule | None:
    """`history` in the order of time."""
    count = bisect_right(history, moment, key=lambda entry: entry.at)
    return history[count - 1].schedule if count else None


def limit_then(history: Sequence[Told], moment: datetime, *, started_at: datetime | None = None) -> Limit | None:
    """The limit of this profile at that moment, None where it said nothing. `started_at`: of the transaction."""
    schedule = in_force(history, moment)
    elapsed = elapsed_s(schedule, moment, started_at=started_at) if schedule else None
    period = period_at(schedule, elapsed) if schedule and elapsed is not None else None
    return Limit(period.limit, schedule.unit, period.phases) if schedule and period else None
