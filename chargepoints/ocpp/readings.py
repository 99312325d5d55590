"""Samples of one moment -> what they say together. Pure, the same for every OCPP version (measurands and units of OCPP
1.6 section 7.31 and 2.0.1 MeasurandEnumType are the same).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from chargepoints.values import Reading, Sample

ENERGY = "Energy.Active.Import.Register"
SIGNED = "SignedData"
CHARGING_A = 5  # a car that charges draws 6 A at least (IEC 61851-1), less the error of a meter
IN_USE_A = 1  # then a phase carries the car's current from here on; below is standby and noise

_THOUSAND = Decimal(1000)
_WATT_HOURS = {"wh": Decimal(1), "kwh": _THOUSAND}
_WATTS = {"": Decimal(1), "w": Decimal(1), "kw": _THOUSAND}
_AMPERES = {"": Decimal(1), "a": Decimal(1)}
_PERCENT = {"": Decimal(1), "percent": Decimal(1), "%": Decimal(1)}
_SCALES = {
    ENERGY: _WATT_HOURS,
    "Power.Active.Import": _WATTS,
    "Power.Offered": _WATTS,
    "Current.Import": _AMPERES,
    "Current.Offered": _AMPERES,
    "SoC": _PERCENT,
}
_PHASES = {"L1": 1, "L2": 2, "L3": 3, "L1-N": 1, "L2-N": 2, "L3-N": 3}
_LOCATIONS = {"Outlet": 0, "Cable": 1, "Body": 2, "Inlet": 3, "EV": 4}


def reading_of(samples: tuple[Sample, ...], *, measured_at: datetime) -> Reading:
    by_measurand = _by_measurand(samples)
    current = by_measurand["Current.Import"]
    soc_percent = _first(_total, by_measurand["SoC"])
    return Reading(
        measured_at=measured_at,
        samples=samples,
        energy_wh=_first(_total, by_measurand[ENERGY]),
        power_w=_first(_total, by_measurand["Power.Active.Import"]),
        current_a=_first(_per_phase, current),
        offered_a=_first(_per_phase, by_measurand["Current.Offered"]),
        offered_w=_first(_total, by_measurand["Power.Offered"]),
        soc_percent=soc_percent if soc_percent is not None and 0 <= soc_percent <= 100 else None,
        phases=_phases_in_use(current),
    )


def default_unit(measurand: str) -> str:
    """Only energy has one (OCPP 1.6 section 7.43, 2.0.1 UnitOfMeasureType)."""
    return "Wh" if measurand.startswith("Energy.") else ""


@dataclass(frozen=True, slots=True)
class _Quantity:
    """One measurand at one location in its base unit. `by_phase` is empty unless every phase sent can be read."""

    unphased: Decimal | None
    by_phase: tuple[Decimal, ...]


def _by_measurand(samples: Sequence[Sample]) -> dict[str, list[_Quantity]]:
    found: dict[str, dict[str, list[Sample]]] = {measurand: {} for measurand in _SCALES}
    for sample in samples:
        if sample.measurand in found:
            found[sample.measurand].setdefault(sample.location, []).append(sample)
    return {measurand: _quantities(at, _SCALES[measurand]) for measurand, at in found.items()}


def _quantities(at: dict[str, list[Sample]], scale: dict[str, Decimal]) -> list[_Quantity]:
    """By location, the outlet first: the grid side of a charge point may feed another car too."""
    return [_quantity(at[location], scale) for location in sorted(at, key=lambda name: _LOCATIONS.get(name, 9))]


def _quantity(samples: Sequence[Sample], scale: dict[str, Decimal]) -> _Quantity:
    """Of several samples of one phase the last counts: it is the newest of the moment."""
    unphased = None
    by_phase: dict[int, Decimal | None] = {}
    for sample in samples:
        value = _scaled(sample, scale)
        if sample.phase in _PHASES:
            by_phase[_PHASES[sample.phase]] = value
        elif not sample.phase and value is not None:
            unphased = value
    readable = tuple(value for value in by_phase.values() if value is not None)
    return _Quantity(unphased, readable if len(readable) == len(by_phase) else ())


def _scaled(sample: Sample, scale: dict[str, Decimal]) -> Decimal | None:
    factor = scale.get(sample.unit.casefold())
    if sample.value is None or factor is None:
        return None
    return sample.value.scaleb(sample.multiplier) * factor


def _total(quantity: _Quantity) -> Decimal | None:
    if quantity.unphased is not None or not quantity.by_phase:
        return quantity.unphased
    return sum(quantity.by_phase, Decimal(0))


def _per_phase(quantity: _Quantity) -> Decimal | None:
    return max(quantity.by_phase, default=quantity.unphased)


def _first(rule: Callable[[_Quantity], Decimal | None], quantities: Sequence[_Quantity]) -> Decimal | None:
    return next((value for quantity in quantities if (value := rule(quantity)) is not None), None)


def _phases_in_use(quantities: Sequence[_Quantity]) -> int | None:
    """None unless all three phases are reported and a car really charges.

    Too few phases would let a limit in W become too many A on the phases that are not reported; idle and starting
    cars show nothing.
    """
    by_phase = quantities[0].by_phase if quantities else ()
    if len(by_phase) != 3 or max(by_phase) < CHARGING_A:
        return None
    return sum(current >= IN_USE_A for current in by_phase)
