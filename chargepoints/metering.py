"""What a charge point measures: every reading is kept, and the open session it belongs to follows the newest.

Runs inside the caller's transaction (the writer's). Lookups are bound to the charge point whose socket spoke.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from chargepoints import inventory, signals, steering
from chargepoints.group_commit import together
from chargepoints.models import ChargingSession, MeterValue
from chargepoints.models.rows import update_each
from chargepoints.values import MeterFacts, Reading

State = ChargingSession.State
PLAUSIBLE_KWH = Decimal(1000)  # no car takes more in one session: a register that jumps further has been reset
MOST_NOTES = 50
MEASURED = [
    "kwh", "power_w", "current_a", "soc_percent", "detected_phases", "offered_a", "offered_w", "measured_at",
    "meter_start_wh",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class MeterReport:
    charge_point_id: int
    facts: MeterFacts
    now: datetime


def meter_all(reports: list[MeterReport]) -> None:
    """A few statements however many reports. Energy never falls."""
    sessions = _sessions_of(reports)
    keep([row for report, session in zip(reports, sessions, strict=True) for row in _reported(report, session)])
    followed: dict[int, ChargingSession] = {}
    before: dict[int, steering.Measured] = {}
    for report, session in zip(reports, sessions, strict=True):
        if session and session.is_open and report.facts.readings:
            before.setdefault(session.pk, steering.Measured.of(session))
            follow(session, report.facts.readings)
            session.last_updated = report.now
            followed[session.pk] = session
    if followed:
        update_each(ChargingSession, list(followed.values()), [*MEASURED, "last_updated"])
        latest = max(report.now for report in reports)
        signals.sessions_metered.send(sender=ChargingSession, sessions=list(followed.values()), now=latest)
        steering.changed(list(followed.values()), before, now=latest)


@together(meter_all, each=MeterReport)
def meter(charge_point_id: int, facts: MeterFacts, *, now: datetime) -> None:
    meter_all([MeterReport(charge_point_id, facts, now)])


def _sessions_of(reports: list[MeterReport]) -> list[ChargingSession | None]:
    """One query for all that name their transaction, as nearly all do; the same object for the same session."""
    named = [report for report in reports if report.facts.transaction_id]
    candidates = ChargingSession.objects.filter(
        charge_point_id__in={report.charge_point_id for report in named},
        ocpp_transaction_id__in={report.facts.transaction_id for report in named},
    )
    known = {(session.charge_point_id, session.ocpp_transaction_id): session for session in candidates.order_by()}
    by_id = {session.pk: session for session in known.values()}
    found = []
    for report in reports:
        if report.facts.transaction_id:
            session = known.get((report.charge_point_id, report.facts.transaction_id))
        else:
            session = _open_session(report.charge_point_id, report.facts.evse_id)
        found.append(by_id.setdefault(session.pk, session) if session else None)
    return found


def _open_session(charge_point_id: int, ocpp_evse_id: int) -> ChargingSession | None:
    sessions = ChargingSession.objects.filter(charge_point_id=charge_point_id, evse__ocpp_evse_id=ocpp_evse_id)
    return sessions.filter(state__in=[State.PENDING, State.ACTIVE]).first()


def _reported(report: MeterReport, session: ChargingSession | None) -> list[MeterValue]:
    evse_id = session.evse_id if session else _evse_id(report.charge_point_id, report.facts.evse_id)
    transaction_id = report.facts.transaction_id or ""
    return rows(report.charge_point_id, evse_id, session, transaction_id, report.facts.readings, now=report.now)


def _evse_id(charge_point_id: int, ocpp_evse_id: int) -> int | None:
    return inventory.evse_of(charge_point_id, ocpp_evse_id).pk if ocpp_evse_id > 0 else None


def rows(
    charge_point_id: int,
    evse_id: int | None,
    session: ChargingSession | None,
    transaction_id: str,
    readings: tuple[Reading, ...],
    *,
    now: datetime,
) -> list[MeterValue]:
    return [
        MeterValue(
            charge_point_id=charge_point_id, evse_id=evse_id, session=session, ocpp_transaction_id=transaction_id,
            measured_at=reading.measured_at, received_at=now, energy_wh=fit(reading.energy_wh, 14, 3),
            power_w=fit(reading.power_w, 12, 1), current_a=fit(reading.current_a, 8, 2),
            offered_a=fit(reading.offered_a, 8, 2), offered_w=fit(reading.offered_w, 12, 1),
            soc_percent=fit(reading.soc_percent, 5, 1), samples=[sample.to_json() for sample in reading.samples],
        )
        for reading in readings
    ]  # fmt: skip


def keep(values: list[MeterValue]) -> None:
    if len(values) == 1:
        values[0].save(force_insert=True)
    else:
        MeterValue.objects.bulk_create(values)


def fit(value: Decimal | None, digits: int, places: int) -> Decimal | None:
    """Rounded to the column; None for what no meter can mean (the text stays in the samples)."""
    if value is None:
        return None
    fitted = value.quantize(Decimal(1).scaleb(-places))
    return fitted if abs(fitted) < Decimal(10) ** (digits - places) else None


def follow(session: ChargingSession, readings: tuple[Reading, ...]) -> None:
    for reading in sorted(readings, key=lambda r: r.measured_at):
        count_energy(session, reading.energy_wh)
        if session.measured_at is None or reading.measured_at >= session.measured_at:
            session.measured_at = reading.measured_at
            _take(session, reading)


def _take(session: ChargingSession, reading: Reading) -> None:
    if reading.power_w is not None:
        session.power_w = fit(reading.power_w, 12, 1)
    if reading.current_a is not None:
        session.current_a = fit(reading.current_a, 8, 2)
    if reading.soc_percent is not None:
        session.soc_percent = fit(reading.soc_percent, 5, 1)
    if reading.phases:
        session.detected_phases = reading.phases
    if reading.offered_a is not None:
        session.offered_a = fit(reading.offered_a, 8, 2)
    if reading.offered_w is not None:
        session.offered_w = fit(reading.offered_w, 12, 1)


def count_energy(session: ChargingSession, register_wh: Decimal | None) -> None:
    """Without a register at the start, the first one is it."""
    if register_wh is None:
        return
    if session.meter_start_wh is None:
        session.meter_start_wh = fit(register_wh, 14, 3)
    kwh = kwh_of(session, register_wh)
    if session.kwh < kwh < PLAUSIBLE_KWH:
        session.kwh = kwh
    elif kwh < 0 or kwh >= PLAUSIBLE_KWH:
        note(session, "the energy register fell below its start or jumped: those readings do not count for kWh")


def count_final_energy(session: ChargingSession, register_wh: Decimal | None) -> None:
    """The register at the end. Below a reading before, it shows that one to have been wrong; kWh never falls."""
    before = session.kwh
    count_energy(session, register_wh)
    if register_wh is not None and kwh_of(session, register_wh) < before:
        note(session, f"the final register, {register_wh} Wh, is below an earlier reading: kWh stays as told before")


def kwh_of(session: ChargingSession, register_wh: Decimal) -> Decimal:
    return ((register_wh - (session.meter_start_wh or 0)) / 1000).quantize(Decimal("0.0001"))


def note(session: ChargingSession, text: str) -> None:
    """At most MOST_NOTES: what is wrong with every message would fill the row, which is written with each of them."""
    if text not in session.notes and len(session.notes) < MOST_NOTES:
        session.notes.append(text)
        ChargingSession.objects.filter(pk=session.pk).update(notes=session.notes)
