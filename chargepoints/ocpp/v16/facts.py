"""OCPP 1.6 messages of a charge point -> facts without a version. Pure.

ValueError names the field without which a message means nothing; everything else that cannot be read is left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from chargepoints.ocpp.wire import (
    SIGNED_DATA_LENGTH,
    TEXT_LENGTH,
    clean_text,
    id_token_text,
    number_in,
    number_or_text,
    plausible_time,
    whole,
)
from chargepoints.values import BootFacts, MeterFacts, Reading, Sample, StartFacts, StatusFacts, StopFacts

ENERGY = "Energy.Active.Import.Register"
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
_BOOT_FIELDS = {"chargePointVendor", "chargePointModel", "chargePointSerialNumber", "firmwareVersion"}
_MOST_BOOT_DETAILS = 20


def boot_facts(payload: dict[str, Any]) -> BootFacts:
    serial_number = clean_text(payload.get("chargePointSerialNumber"))
    return BootFacts(
        vendor=clean_text(payload.get("chargePointVendor")),
        model=clean_text(payload.get("chargePointModel")),
        serial_number=serial_number or clean_text(payload.get("chargeBoxSerialNumber")),
        firmware_version=clean_text(payload.get("firmwareVersion")),
        details=_boot_details(payload),
    )


def _boot_details(payload: dict[str, Any]) -> dict[str, str]:
    others = [(key, clean_text(value)) for key, value in payload.items() if key not in _BOOT_FIELDS]
    return {clean_text(key): text for key, text in others[:_MOST_BOOT_DETAILS] if text}


def status_facts(payload: dict[str, Any], received_at: datetime) -> StatusFacts:
    """`info` also carries the vendor's error code, which is what a technician looks up."""
    notes = [clean_text(payload.get(key)) for key in ("info", "vendorErrorCode")]
    return StatusFacts(
        evse_id=_evse_id(payload),
        status=clean_text(payload.get("status")),
        error_code=clean_text(payload.get("errorCode")),
        info=", ".join(note for note in notes if note)[:TEXT_LENGTH],
        reported_at=plausible_time(payload.get("timestamp"), received_at),
    )


def start_facts(payload: dict[str, Any], received_at: datetime) -> StartFacts:
    """`started_at` None: the charge point's clock is wrong. A reservation of 0 or -1 is none."""
    return StartFacts(
        evse_id=_evse_id(payload),
        id_token=id_token_text(payload.get("idTag")),
        meter_start_wh=_watt_hours(payload, "meterStart"),
        started_at=plausible_time(payload.get("timestamp"), received_at),
        reservation_id=_positive(payload.get("reservationId")),
    )


def stop_facts(payload: dict[str, Any], received_at: datetime) -> StopFacts:
    """No reason means Local (OCPP 1.6 section 6.49). An unreadable transaction id is empty: the energy still counts."""
    transaction_id = whole(payload.get("transactionId"))
    return StopFacts(
        transaction_id="" if transaction_id is None else str(transaction_id),
        meter_stop_wh=_watt_hours(payload, "meterStop"),
        stopped_at=plausible_time(payload.get("timestamp"), received_at),
        reason=clean_text(payload.get("reason")) or "Local",
        id_token=id_token_text(payload.get("idTag")),
        readings=readings(payload.get("transactionData"), received_at),
    )


def meter_facts(payload: dict[str, Any], received_at: datetime) -> MeterFacts:
    """A transaction id of 0 or -1 is how firmware says that there is none."""
    transaction_id = _positive(payload.get("transactionId"))
    return MeterFacts(
        evse_id=_evse_id(payload),
        transaction_id=None if transaction_id is None else str(transaction_id),
        readings=readings(payload.get("meterValue"), received_at),
    )


def _evse_id(payload: dict[str, Any]) -> int:
    evse_id = whole(payload.get("connectorId"))
    if evse_id is None or evse_id < 0:
        raise ValueError("connectorId is not an integer of 0 or more")
    return evse_id


def _watt_hours(payload: dict[str, Any], key: str) -> Decimal:
    energy = number_or_text(payload.get(key))
    if energy is None:
        raise ValueError(f"{key} is not a number")
    return energy


def _positive(value: object) -> int | None:
    exact = whole(value)
    return exact if exact is not None and exact > 0 else None


# --- meter values (OCPP 1.6 sections 7.33 and 7.43) ------------------------------------------------------------------


def readings(meter_values: object, received_at: datetime) -> tuple[Reading, ...]:
    """One reading for each element that has samples, as ordered by the charge point; what is not one is left out."""
    elements = meter_values if isinstance(meter_values, list) else []
    found = (_reading(element, received_at) for element in elements if isinstance(element, dict))
    return tuple(reading for reading in found if reading.samples)


def _reading(element: dict[str, Any], received_at: datetime) -> Reading:
    sampled = element.get("sampledValue")
    samples = tuple(_sample(item) for item in sampled if isinstance(item, dict)) if isinstance(sampled, list) else ()
    by_measurand = _by_measurand(samples)
    current = by_measurand["Current.Import"]
    soc_percent = _first(_total, by_measurand["SoC"])
    return Reading(
        measured_at=plausible_time(element.get("timestamp"), received_at) or received_at,
        samples=samples,
        energy_wh=_first(_total, by_measurand[ENERGY]),
        power_w=_first(_total, by_measurand["Power.Active.Import"]),
        current_a=_first(_per_phase, current),
        offered_a=_first(_per_phase, by_measurand["Current.Offered"]),
        offered_w=_first(_total, by_measurand["Power.Offered"]),
        soc_percent=soc_percent if soc_percent is not None and 0 <= soc_percent <= 100 else None,
        phases=_phases_in_use(current),
    )


def _sample(item: dict[str, Any]) -> Sample:
    """Defaults of OCPP 1.6 section 7.43. The unit has one only for energy."""
    measurand = clean_text(item.get("measurand")) or ENERGY
    signed = item.get("format") == "SignedData"
    raw = clean_text(item.get("value"), SIGNED_DATA_LENGTH, keep="\t\r\n") if signed else clean_text(item.get("value"))
    return Sample(
        measurand=measurand,
        value=None if signed else number_in(raw),
        raw=raw,
        unit=clean_text(item.get("unit")) or ("Wh" if measurand.startswith("Energy.") else ""),
        phase=clean_text(item.get("phase")),
        context=clean_text(item.get("context")) or "Sample.Periodic",
        location=clean_text(item.get("location")) or "Outlet",
        format=clean_text(item.get("format")) or "Raw",
    )


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
    return None if sample.value is None or factor is None else sample.value * factor


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
