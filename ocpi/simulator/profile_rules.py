"""What an ActiveChargingProfile must be, and how it agrees with what was asked. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ocpi.simulator.objects import ACTIVE_CHARGING_PROFILE
from ocpi.simulator.tables import findings
from ocpi.simulator.violations import Violation, all_of
from ocpi.simulator.wire import format_datetime, parse_datetime

Profile = dict[str, Any]
ROUNDING = 0.05
WHOLE_S = timedelta(seconds=1)  # times on the way are whole seconds


def active_profile(where: str, body: Any) -> list[Violation]:
    found = all_of(where, findings(ACTIVE_CHARGING_PROFILE, body), ACTIVE_CHARGING_PROFILE.passage)
    if found:
        return found
    starts = [period["start_period"] for period in body["charging_profile"]["charging_profile_period"]]
    if starts == sorted(set(starts)):
        return []
    what = f"start_period does not rise: {starts[:20]}; each one ends the period before"
    return [Violation(where, what, "mod_charging_profiles, ChargingProfilePeriod")]


def above_asked(asked: Profile, active: Profile) -> str:
    """Where the plan allows more than was asked, in words; empty: nowhere, or units or a start that cannot be compared.

    A limit is a maximum, so a charge point that follows it plans no more; that it does not is no fault of the message.
    """
    planned = active["charging_profile"]
    if planned["charging_rate_unit"] != asked["charging_rate_unit"] or "start_date_time" not in asked:
        return ""
    ours = _Steps(asked["start_date_time"], asked)
    theirs = _Steps(active["start_date_time"], planned)
    for moment in sorted({*(start + WHOLE_S for start in ours.moments), *theirs.moments}):
        wanted, told = ours.about(moment), theirs.at(moment)
        if wanted is not None and told is not None and told > wanted + ROUNDING:
            unit = asked["charging_rate_unit"]
            return f"plans {told:g} {unit} at {format_datetime(moment)}, where {wanted:g} {unit} were asked"
    return ""


class _Steps:
    """A profile as limits at moments; before its start, after its end and without periods there is none."""

    def __init__(self, start: str, profile: Profile) -> None:
        self._start = parse_datetime(start)
        periods: Sequence[Profile] = profile["charging_profile_period"]
        self._periods = [(self._start + timedelta(seconds=p["start_period"]), float(p["limit"])) for p in periods]
        duration_s = profile.get("duration")
        self._end = self._start + timedelta(seconds=duration_s) if duration_s is not None else None

    @property
    def moments(self) -> list[datetime]:
        return [start for start, _ in self._periods]

    def about(self, moment: datetime) -> float | None:
        """The most that is allowed within a second of the moment; None as soon as there is no limit."""
        limits = [self.at(moment + shift) for shift in (-WHOLE_S, timedelta(), WHOLE_S)]
        return None if None in limits else max(limit for limit in limits if limit is not None)

    def at(self, moment: datetime) -> float | None:
        if self._end is not None and moment >= self._end:
            return None
        return next((limit for start, limit in reversed(self._periods) if start <= moment), None)
