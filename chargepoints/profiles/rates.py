"""Arithmetic between A per phase and W in total (OCPI 2.2.1 mod_charging_profiles, ChargingRateUnit).

A limit is a maximum: everything is rounded down. `EvseLimits.voltage_v` must be above 0. On DC only the nominal voltage
is known, so a DC conversion may serve a display or a bridge, never a requested limit.
"""

from decimal import ROUND_DOWN, Context, Decimal

from chargepoints.values import CurrentType, EvseLimits, RateUnit

LARGEST = Decimal(10) ** 12
"""Above any hardware; keeps an absurd rate within the precision of Decimal."""

_ZERO = Decimal("0.0")
_DOWN = Context(prec=40, rounding=ROUND_DOWN)


def round_down(rate: Decimal) -> Decimal:
    """At most one decimal (OCPI 2.2.1 ChargingProfilePeriod.limit, OCPP 1.6 section 7.14)."""
    return min(rate, LARGEST).quantize(Decimal("0.1"), context=_DOWN) or _ZERO


def phases_for(limits: EvseLimits, asked: int | None = None) -> int:
    """Phases that W is spread over: 1 on DC; what is asked or used on AC, never more than are installed."""
    if limits.current_type is CurrentType.DC:
        return 1
    wanted = asked if asked and asked > 0 else limits.used_phases
    return min(wanted, limits.phases or 3)


def convert(rate: Decimal, *, source: RateUnit, target: RateUnit, limits: EvseLimits, phases: int) -> Decimal:
    """The same rate in `target`, not rounded to one decimal."""
    if source is target:
        return rate
    rate = min(rate, LARGEST)
    watt_per_ampere = limits.voltage_v * phases
    return _DOWN.divide(rate, watt_per_ampere) if target is RateUnit.AMPERE else _DOWN.multiply(rate, watt_per_ampere)


def ceiling(limits: EvseLimits, *, unit: RateUnit, phases: int) -> Decimal | None:
    """The most the connector gives. None: not known, which is W on DC without a stated power.

    A stated power lowers the current per phase only where the phases are known: an assumed 3 would stop a single-phase
    car for nothing.
    """
    own = limits.max_current_a if unit is RateUnit.AMPERE else limits.max_power_w or None
    other = _other_ceiling(limits, unit=unit, phases=phases)
    known = [rate for rate in (own, other) if rate is not None]
    return round_down(min(known)) if known else None


def _other_ceiling(limits: EvseLimits, *, unit: RateUnit, phases: int) -> Decimal | None:
    """The limit stated in the other unit, in `unit`."""
    if limits.current_type is CurrentType.DC:
        return None
    if unit is RateUnit.WATT:
        return convert(limits.max_current_a, source=RateUnit.AMPERE, target=unit, limits=limits, phases=phases)
    if limits.max_power_w and (limits.detected_phases or limits.phases):
        return convert(limits.max_power_w, source=RateUnit.WATT, target=unit, limits=limits, phases=phases)
    return None


def maximum(limits: EvseLimits, unit: RateUnit) -> Decimal:
    """What the EVSE gives when nothing limits it; on DC without a stated power at the nominal voltage."""
    phases = phases_for(limits)
    known = ceiling(limits, unit=unit, phases=phases)
    if known is not None:
        return known
    return round_down(convert(limits.max_current_a, source=RateUnit.AMPERE, target=unit, limits=limits, phases=phases))


def rate_text(rate: Decimal, unit: RateUnit) -> str:
    """For people: 22000 W, 31.8 A."""
    if rate and not -12 < rate.adjusted() < 13:
        return f"{rate:.3E} {unit.value}"
    return f"{rate.normalize():f} {unit.value}"
