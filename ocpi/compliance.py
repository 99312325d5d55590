"""Whether a car took no more than the limit in force. Pure.

Constraints:
- a reading is judged where the profile said something at its moment and SETTLE before: cars follow within seconds, and
  meters tell of the time before. The higher of the two limits counts;
- in the unit of the limit where it was measured, with TOLERANCE_A per phase. Where only the other unit was measured, by
  the nominal voltage and OTHER_UNIT more, since the grid may have a tenth more (EN 50160);
- on DC nothing is judged in the other unit: between them lies the voltage of the battery.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from chargepoints.profiles.comparison import TOLERANCE_A
from chargepoints.profiles.history import Limit, Told, limit_then
from chargepoints.profiles.rates import convert, phases_for
from chargepoints.values import CurrentType, EvseLimits, RateUnit

SETTLE = timedelta(seconds=30)
OTHER_UNIT = Decimal("1.1")


@dataclass(frozen=True, slots=True)
class Reading:
    """`power_w` of all phases together, `current_a` per phase."""

    at: datetime
    power_w: Decimal | None = None
    current_a: Decimal | None = None

    def measured(self, unit: RateUnit) -> Decimal | None:
        return self.current_a if unit is RateUnit.AMPERE else self.power_w


@dataclass(frozen=True, slots=True)
class Verdicts:
    judged: int = 0
    within: int = 0


def verdicts(
    readings: Iterable[Reading], history: Sequence[Told], *, limits: EvseLimits, started_at: datetime
) -> Verdicts:
    """Of one profile's history. `started_at`: of the transaction."""
    found = [judge(reading, history, limits=limits, started_at=started_at) for reading in readings]
    return Verdicts(judged=sum(one is not None for one in found), within=sum(one is True for one in found))


def judge(reading: Reading, history: Sequence[Told], *, limits: EvseLimits, started_at: datetime) -> bool | None:
    """None: nothing was in force, or nothing was measured that could be compared."""
    now, before = (limit_then(history, at, started_at=started_at) for at in (reading.at, reading.at - SETTLE))
    if now is None or before is None:
        return None
    kept = [keeps(reading, limit, limits=limits) for limit in (now, before)]
    return None if None in kept else any(kept)


def keeps(reading: Reading, limit: Limit, *, limits: EvseLimits) -> bool | None:
    """Whether this is no more than that."""
    other = RateUnit.WATT if limit.unit is RateUnit.AMPERE else RateUnit.AMPERE
    phases = phases_for(limits, limit.phases)
    allowed = limit.value + _convert(TOLERANCE_A, RateUnit.AMPERE, limit.unit, limits, phases)
    if (same := reading.measured(limit.unit)) is not None:
        return same <= allowed
    measured = reading.measured(other)
    if measured is None or limits.current_type is CurrentType.DC:
        return None
    return measured <= _convert(allowed, limit.unit, other, limits, phases) * OTHER_UNIT


def _convert(rate: Decimal, source: RateUnit, target: RateUnit, limits: EvseLimits, phases: int) -> Decimal:
    return convert(rate, source=source, target=target, limits=limits, phases=phases)
