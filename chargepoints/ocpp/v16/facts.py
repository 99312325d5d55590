"""OCPP 1.6 messages of a charge point -> facts without a version. Pure.

ValueError names the field without which a message means nothing; everything else that cannot be read is left out.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from chargepoints.ocpp.readings import ENERGY, SIGNED, default_unit, reading_of
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

_BOOT_FIELDS = {
    "chargePointVendor", "chargePointModel", "chargePointSerialNumber", "firmwareVersion", "meterSerialNumber",
}  # fmt: skip
_MOST_BOOT_DETAILS = 20


def boot_facts(payload: dict[str, Any]) -> BootFacts:
    serial_number = clean_text(payload.get("chargePointSerialNumber"))
    return BootFacts(
        vendor=clean_text(payload.get("chargePointVendor")),
        model=clean_text(payload.get("chargePointModel")),
        serial_number=serial_number or clean_text(payload.get("chargeBoxSerialNumber")),
        firmware_version=clean_text(payload.get("firmwareVersion")),
        meter_serial_number=clean_text(payload.get("meterSerialNumber")),
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
    return reading_of(samples, measured_at=plausible_time(element.get("timestamp"), received_at) or received_at)


def _sample(item: dict[str, Any]) -> Sample:
    """Defaults of OCPP 1.6 section 7.43. The unit has one only for energy."""
    measurand = clean_text(item.get("measurand")) or ENERGY
    signed = item.get("format") == SIGNED
    raw = clean_text(item.get("value"), SIGNED_DATA_LENGTH, keep="\t\r\n") if signed else clean_text(item.get("value"))
    return Sample(
        measurand=measurand,
        value=None if signed else number_in(raw),
        raw=raw,
        unit=clean_text(item.get("unit")) or default_unit(measurand),
        phase=clean_text(item.get("phase")),
        context=clean_text(item.get("context")) or "Sample.Periodic",
        location=clean_text(item.get("location")) or "Outlet",
        format=clean_text(item.get("format")) or "Raw",
    )
