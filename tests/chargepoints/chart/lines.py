"""Values for the tests of the picture."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from chargepoints.chart.series import Rate, Stretch, rate_of
from chargepoints.values import CurrentType, EvseLimits, RateUnit

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
THREE_PHASES = EvseLimits(CurrentType.AC, Decimal(230), Decimal(32), phases=3)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def watts(value: str | int) -> Rate:
    return rate_of(Decimal(value), RateUnit.WATT, limits=THREE_PHASES)


def amperes(value: str | float) -> Rate:
    return rate_of(Decimal(str(value)), RateUnit.AMPERE, limits=THREE_PHASES)


def stretch(begin: float, end: float, rate: Rate, *notes: str) -> Stretch:
    return Stretch(at(begin), at(end), rate, notes)


def told(stretches: Any) -> list[tuple[float, float, str, str]]:
    """Minutes since NOON, W and A of each stretch."""
    return [
        ((s.begins_at - NOON).total_seconds() / 60, (s.ends_at - NOON).total_seconds() / 60, str(s.rate.watts),
         str(s.rate.amperes))
        for s in stretches
    ]  # fmt: skip
