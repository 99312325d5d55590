"""OCPP 2.0.1 messages of a charge point -> facts without a version. Pure.

ValueError names the field without which a message means nothing; everything else that cannot be read is left out.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chargepoints.ocpp.readings import ENERGY, SIGNED, default_unit, reading_of
from chargepoints.ocpp.wire import (
    SIGNED_DATA_LENGTH,
    clean_text,
    id_token_text,
    number_or_text,
    plausible_time,
    storable,
    whole,
)
from chargepoints.values import (
    BootFacts,
    MeterFacts,
    ProblemFacts,
    Reading,
    Sample,
    StatusFacts,
    TransactionFacts,
    TransactionStep,
)

Payload = dict[str, Any]
_STEPS = {"Started": TransactionStep.STARTED, "Updated": TransactionStep.UPDATED, "Ended": TransactionStep.ENDED}
_TRANSACTION_ID_LENGTH = 36
_LARGEST_MULTIPLIER = 12


def boot_facts(payload: Payload) -> BootFacts:
    station, modem = _part(payload, "chargingStation"), _part(_part(payload, "chargingStation"), "modem")
    details = {"reason": payload.get("reason"), "iccid": modem.get("iccid"), "imsi": modem.get("imsi")}
    return BootFacts(
        vendor=clean_text(station.get("vendorName")),
        model=clean_text(station.get("model")),
        serial_number=clean_text(station.get("serialNumber")),
        firmware_version=clean_text(station.get("firmwareVersion")),
        details={key: text for key, value in details.items() if (text := clean_text(value))},
    )


def status_facts(payload: Payload, received_at: datetime) -> StatusFacts:
    return StatusFacts(
        evse_id=_evse_id(payload),
        connector_id=_count(payload.get("connectorId")),
        status=clean_text(payload.get("connectorStatus")),
        reported_at=plausible_time(payload.get("timestamp"), received_at),
    )


def meter_facts(payload: Payload, received_at: datetime) -> MeterFacts:
    """Of an EVSE, or of the main meter (evseId 0); a transaction is never named (use case J01)."""
    return MeterFacts(
        evse_id=_evse_id(payload),
        transaction_id=None,
        readings=readings(payload.get("meterValue"), received_at),
    )


def transaction_facts(payload: Payload, received_at: datetime) -> TransactionFacts:
    """TransactionEventRequest (use cases E01 to E15)."""
    info, evse, token = _part(payload, "transactionInfo"), _part(payload, "evse"), payload.get("idToken")
    step = _STEPS.get(clean_text(payload.get("eventType")))
    if step is None:
        raise ValueError("eventType is not Started, Updated or Ended")
    phases = whole(payload.get("numberOfPhasesUsed"))
    return TransactionFacts(
        step=step,
        transaction_id=transaction_id_text(info.get("transactionId")),
        seq_no=_count(payload.get("seqNo")),
        trigger=clean_text(payload.get("triggerReason")),
        evse_id=_count(evse.get("id")),
        connector_id=_count(evse.get("connectorId")),
        id_token=id_token(token),
        authorizes=isinstance(token, dict),
        needs_no_token=needs_no_token(token),
        happened_at=plausible_time(payload.get("timestamp"), received_at),
        offline=payload.get("offline") is True,
        charging_state=clean_text(info.get("chargingState")),
        stop_reason=clean_text(info.get("stoppedReason")),
        remote_start_id=whole(info.get("remoteStartId")),
        reservation_id=whole(payload.get("reservationId")),
        phases=phases if phases in {1, 2, 3} else None,
        readings=readings(payload.get("meterValue"), received_at),
    )


def transaction_id_text(value: object) -> str:
    """Exactly as the charge point wrote it, since our commands must name it so; empty when it cannot be kept so."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not text.isprintable() or len(text) > _TRANSACTION_ID_LENGTH:
        return ""
    return text


def id_token(value: object) -> str:
    """Of an IdTokenType; empty when there is none, or none that can be read."""
    return id_token_text(value.get("idToken")) if isinstance(value, dict) else ""


def needs_no_token(value: object) -> bool:
    """The charge point asks nobody who charges: a start button, for example (use case C02)."""
    return isinstance(value, dict) and value.get("type") == "NoAuthorization"


def _part(payload: Payload, key: str) -> Payload:
    part = payload.get(key)
    return part if isinstance(part, dict) else {}


def _evse_id(payload: Payload) -> int:
    evse_id = whole(payload.get("evseId"))
    if evse_id is None or evse_id < 0:
        raise ValueError("evseId is not an integer of 0 or more")
    return evse_id


def _count(value: object) -> int:
    """0 also for what is no number, or negative."""
    return max(0, whole(value) or 0)


# --- meter values (OCPP 2.0.1 MeterValueType) ------------------------------------------------------------------------


def readings(meter_values: object, received_at: datetime) -> tuple[Reading, ...]:
    """One reading for each element that has samples, as ordered by the charge point; what is not one is left out."""
    elements = meter_values if isinstance(meter_values, list) else []
    found = (_reading(element, received_at) for element in elements if isinstance(element, dict))
    return tuple(reading for reading in found if reading.samples)


def _reading(element: Payload, received_at: datetime) -> Reading:
    sampled = element.get("sampledValue")
    items = [item for item in sampled if isinstance(item, dict)] if isinstance(sampled, list) else []
    samples = tuple(sample for item in items for sample in _samples(item))
    return reading_of(samples, measured_at=plausible_time(element.get("timestamp"), received_at) or received_at)


def _samples(item: Payload) -> Iterable[Sample]:
    """The value, and after it the signed one with all that is needed to verify it, if there is one."""
    measurand = clean_text(item.get("measurand")) or ENERGY
    context = clean_text(item.get("context")) or "Sample.Periodic"
    location = clean_text(item.get("location")) or "Outlet"
    unit = _part(item, "unitOfMeasure")
    multiplier = _multiplier(unit.get("multiplier"))
    yield Sample(
        measurand=measurand,
        value=None if multiplier is None else number_or_text(item.get("value")),
        raw=clean_text(item.get("value")),
        unit=clean_text(unit.get("unit")) or default_unit(measurand),
        phase=clean_text(item.get("phase")),
        context=context,
        location=location,
        multiplier=multiplier or 0,
    )
    signed = _part(item, "signedMeterValue")
    if signed:
        raw = clean_text(json.dumps(storable(signed)), SIGNED_DATA_LENGTH)
        yield Sample(measurand, None, raw, unit="", context=context, location=location, format=SIGNED)


def _multiplier(value: object) -> int | None:
    """None: it is none, and the value means nothing."""
    exponent = 0 if value is None else whole(value)
    return exponent if exponent is not None and abs(exponent) <= _LARGEST_MULTIPLIER else None


# --- events (use case N07) -------------------------------------------------------------------------------------------


def event_facts(payload: Payload, received_at: datetime) -> tuple[StatusFacts | ProblemFacts, ...]:
    """What a NotifyEvent says of the state of EVSEs and connectors; other events are the caller's to log."""
    events = payload.get("eventData")
    items = [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    found = (_event(event, received_at) for event in items)
    return tuple(facts for facts in found if facts)


def _event(event: Payload, received_at: datetime) -> StatusFacts | ProblemFacts | None:
    component, variable = _part(event, "component"), clean_text(_part(event, "variable").get("name"))
    evse = _part(component, "evse")
    evse_id, connector_id = _count(evse.get("id")), _count(evse.get("connectorId"))
    value, reported_at = clean_text(event.get("actualValue")), plausible_time(event.get("timestamp"), received_at)
    name = clean_text(component.get("name"))
    if variable == "AvailabilityState" and (
        name in {"EVSE", "Connector"} or (name == "ChargingStation" and not evse_id)
    ):
        return StatusFacts(evse_id, value, connector_id=connector_id, reported_at=reported_at) if value else None
    if variable == "Problem" and evse_id:
        return _problem(event, evse_id, value, reported_at)
    return None


def _problem(event: Payload, evse_id: int, value: str, reported_at: datetime | None) -> ProblemFacts:
    """`Problem` is a boolean of nearly every component; techCode is what a technician looks up."""
    exists = value.casefold() == "true" and event.get("cleared") is not True
    component = clean_text(_part(event, "component").get("name"), 50)
    return ProblemFacts(
        evse_id=evse_id,
        code=(clean_text(event.get("techCode"), 50) or component or "Problem") if exists else "",
        info=clean_text(event.get("techInfo")) if exists else "",
        reported_at=reported_at,
    )
