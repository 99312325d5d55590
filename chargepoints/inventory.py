"""What a charge point says of itself: who it is, what it can do, how its connectors are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from chargepoints import availability, commands, observation, sites
from chargepoints.models import ChargePoint, Connector, Evse
from chargepoints.profiles import limit_state
from chargepoints.profiles import state as profile_state
from chargepoints.values import BootFacts, ProblemFacts, RateUnit, RawCall, Stage, StatusFacts

MOST_SETTINGS = 5000
# An EVSE is as its connectors together: only one of them can be in use, and one that is free makes it free.
_FOREMOST = ("Occupied", "Reserved", "Available", "Faulted", "Unavailable")

HELD_BACK = {"Charging", "SuspendedEVSE"}  # from one to the other: something limits, or no longer does


def boot(charge_point_id: int, facts: BootFacts, *, questions: Sequence[RawCall], now: datetime) -> int:
    """Records a boot and asks for the capabilities. Returns the heartbeat interval in seconds.

    Profiles and limits that were installed are in doubt from now on: some firmware forgets them.
    """
    changed = ChargePoint.objects.filter(pk=charge_point_id).exclude(firmware_version=facts.firmware_version)
    changed.exclude(refused_units="").update(refused_units="")  # other firmware may take what this one refused
    ChargePoint.objects.filter(pk=charge_point_id).update(
        vendor=facts.vendor, model=facts.model, serial_number=facts.serial_number,
        firmware_version=facts.firmware_version, meter_serial_number=facts.meter_serial_number,
        booted_at=now, last_seen_at=now,
    )  # fmt: skip
    profile_state.doubt_all(charge_point_id)
    limit_state.doubt_all(charge_point_id)
    ask_again(charge_point_id, questions, now=now)
    observation.look_again(charge_point_id, now=now, settling=True)
    return settings.OCPP_HEARTBEAT_INTERVAL_S


def ask_again(charge_point_id: int, questions: Sequence[RawCall], *, now: datetime) -> None:
    """Asks the charge point, in its version's own words, what it can do; the answers are learned by `learn`."""
    charge_point = ChargePoint.objects.get(pk=charge_point_id)
    for question in questions:
        commands.request_call(
            charge_point=charge_point, action=question.action, payload=question.payload,
            requested_by=commands.SYSTEM, now=now,
        )  # fmt: skip


def learn(
    charge_point_id: int,
    *,
    configuration: dict[str, str],
    supported: bool | None,
    units: frozenset[RateUnit],
    max_periods: int | None,
    max_stack_level: int | None,
    max_profiles: int | None,
    now: datetime,
) -> None:
    """Keeps what the charge point told of its smart charging. What it did not tell stays as it was known."""
    charge_point = ChargePoint.objects.select_for_update(no_key=True).get(pk=charge_point_id)
    known: dict[str, Any] = {
        "smart_charging": supported, "rate_units": "".join(sorted(units)) or None, "max_periods": max_periods,
        "max_stack_level": max_stack_level, "max_profiles": max_profiles,
    }  # fmt: skip
    before = shown_capabilities(charge_point)
    for name, value in known.items():
        if value is not None:
            setattr(charge_point, name, value)
    merged = {**charge_point.configuration, **configuration}
    charge_point.configuration = dict(list(merged.items())[:MOST_SETTINGS])
    charge_point.capabilities_at = now
    charge_point.save(update_fields=[*known, "configuration", "capabilities_at"])
    if shown_capabilities(charge_point) != before:
        sites.capabilities_changed(charge_point_id, now=now)


def shown_capabilities(charge_point: ChargePoint) -> tuple[bool | None, bool]:
    return charge_point.smart_charging, charge_point.reads_tokens


def status(charge_point_id: int, facts: StatusFacts, *, now: datetime) -> None:
    """The newest status of an EVSE wins, whatever the order in which the messages arrive.

    A time ahead of ours counts as now: it would hide everything until then, once that clock is set right.
    """
    if facts.evse_id == 0:
        return _status_of_the_whole(charge_point_id, facts, min(facts.reported_at or now, now), now=now)
    evse = evse_of(charge_point_id, facts.evse_id, ocpp_connector_id=facts.connector_id or 1)
    reported_at = min(facts.reported_at or now, now)
    if facts.connector_id:
        _connector_status(evse, facts, reported_at)
    elif evse.status_at and evse.status_at > reported_at:
        return
    before = evse.status
    evse.status = _of_connectors(evse) if facts.connector_id else facts.status[:24]
    if facts.error_code is not None:
        evse.error_code, evse.status_info = facts.error_code[:64], facts.info[:255]
    evse.status_at = max(evse.status_at or reported_at, reported_at)
    evse.save(update_fields=["status", "error_code", "status_info", "status_at", "updated_at"])
    if evse.stage == Stage.IN_SERVICE and _looks_different(evse, before):
        sites.evses_changed([evse.pk], now=now)
    if {before, evse.status} == HELD_BACK:
        observation.look_again(charge_point_id, ocpp_evse_id=facts.evse_id, now=now)


def _looks_different(evse: Evse, before: str) -> bool:
    if availability.reported(before) == availability.reported(evse.status):
        return False
    whole = evse.charge_point.status
    return availability.together(before, of_the_whole=whole) != availability.together(evse.status, of_the_whole=whole)


def _status_of_the_whole(charge_point_id: int, facts: StatusFacts, reported_at: datetime, *, now: datetime) -> None:
    charge_point = ChargePoint.objects.select_for_update(no_key=True).get(pk=charge_point_id)
    if charge_point.status_at and charge_point.status_at > reported_at:
        return
    before, charge_point.status = charge_point.status, facts.status[:24]
    if facts.error_code is not None:
        charge_point.error_code, charge_point.status_info = facts.error_code[:64], facts.info[:255]
    charge_point.status_at = reported_at
    charge_point.save(update_fields=["status", "error_code", "status_info", "status_at"])
    if before != charge_point.status:
        _tell_what_looks_different(charge_point, before, now=now)


def _tell_what_looks_different(charge_point: ChargePoint, before: str, *, now: datetime) -> None:
    in_service = charge_point.evses.filter(stage=Stage.IN_SERVICE, charge_point__enabled=True).order_by("pk")
    changed = [
        pk
        for pk, status in in_service.values_list("pk", "status")
        if availability.together(status, of_the_whole=before)
        != availability.together(status, of_the_whole=charge_point.status)
    ]
    sites.evses_changed(changed, now=now)


def _connector_status(evse: Evse, facts: StatusFacts, reported_at: datetime) -> None:
    connector = connector_of(evse, facts.connector_id)
    if connector.status_at and connector.status_at > reported_at:
        return
    connector.status, connector.status_at = facts.status[:24], reported_at
    connector.save(update_fields=["status", "status_at"])


def _of_connectors(evse: Evse) -> str:
    said = evse.connectors.exclude(status="").order_by("-status_at").values_list("status", flat=True)
    return next((status for status in _FOREMOST if status in said), said[0] if said else "")


def problem(charge_point_id: int, facts: ProblemFacts, *, now: datetime) -> None:
    """A fault that is told beside the status: it stays until it is said to be over."""
    evse = evse_of(charge_point_id, facts.evse_id)
    evse.error_code, evse.status_info = facts.code[:64], facts.info[:255]
    evse.status_at = evse.status_at or min(facts.reported_at or now, now)
    evse.save(update_fields=["error_code", "status_info", "status_at", "updated_at"])


def evse_of(charge_point_id: int, ocpp_evse_id: int, *, ocpp_connector_id: int = 1) -> Evse:
    """The EVSE a charge point speaks of; one that nobody entered is added with defaults, so that nothing is lost."""
    evse, created = Evse.objects.get_or_create(charge_point_id=charge_point_id, ocpp_evse_id=ocpp_evse_id)
    if created:
        Connector.objects.create(evse=evse, ocpp_connector_id=ocpp_connector_id)
    return evse


def connector_of(evse: Evse, ocpp_connector_id: int) -> Connector:
    """The connector of an EVSE a charge point speaks of, added when nobody entered it."""
    return Connector.objects.get_or_create(evse=evse, ocpp_connector_id=ocpp_connector_id)[0]


def started_evse(charge_point_id: int, ocpp_evse_id: int) -> Evse:
    """Where a transaction starts. 0 is the charge point as a whole: its only EVSE, if it has but one."""
    known = list(Evse.objects.filter(charge_point_id=charge_point_id, ocpp_evse_id__gt=0)[:2])
    return known[0] if ocpp_evse_id == 0 and len(known) == 1 else evse_of(charge_point_id, ocpp_evse_id)


def firmware_status(charge_point_id: int, text: str, *, now: datetime) -> None:
    ChargePoint.objects.filter(pk=charge_point_id).update(firmware_status=text[:64], last_seen_at=now)


def diagnostics_status(charge_point_id: int, text: str, *, now: datetime) -> None:
    ChargePoint.objects.filter(pk=charge_point_id).update(diagnostics_status=text[:64], last_seen_at=now)
