"""The honest answers of a charge point to the central system's CALLs (OCPP 1.6 section 5)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .charging import RemoteStart
from .composite import composite_answer
from .framing import CallRefused
from .knobs import Clear
from .profiles import TX, Profile, ProfileRefused, parse_profile
from .triggers import triggered
from .wire import schema_violation, whole_second

if TYPE_CHECKING:
    from .simulation import Simulation

SMART_CHARGING = frozenset({"SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule"})


@dataclass(frozen=True, slots=True)
class Reply:
    """`then` runs after the answer is on its way."""

    payload: dict[str, Any]
    then: Callable[[], Awaitable[Any]] | None = None


def answer(cp: "Simulation", action: str, payload: Any) -> Reply:
    """Takes effect and says so. Raises CallRefused for what belongs into a CALLERROR."""
    handler = HANDLERS.get(action)
    if handler is None:
        raise CallRefused("NotImplemented", f"{action} is not implemented")
    if violation := schema_violation(action, payload):
        raise CallRefused("FormationViolation", violation)
    if action in SMART_CHARGING and not cp.knobs.smart_charging:
        raise CallRefused("NotSupported", "no smart charging here")
    return handler(cp, payload)


def _status(status: str, then: Callable[[], Awaitable[Any]] | None = None) -> Reply:
    return Reply({"status": status}, then)


def _get_configuration(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    return Reply(cp.configuration.read(payload.get("key", [])))


def _change_configuration(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    status = cp.configuration.change(payload["key"], payload["value"])
    if status == "Accepted":
        cp.configuration_changed()
    return _status(status)


def _set_charging_profile(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    try:
        cp.install(_acceptable_profile(cp, payload["connectorId"], payload["csChargingProfiles"]))
    except ProfileRefused as error:
        cp.journal.emit("profile_refused", reason=str(error))
        return _status("Rejected")
    return _status("Accepted")


def _acceptable_profile(cp: "Simulation", connector: int, wire: dict[str, Any]) -> Profile:
    units = (cp.knobs.accepts_only_unit,) if cp.knobs.accepts_only_unit else cp.hardware.units
    unit = wire["chargingSchedule"]["chargingRateUnit"]
    if unit not in units:
        raise ProfileRefused(f"unit {unit} is not taken here")
    if connector != 0 and connector not in cp.connectors:
        raise ProfileRefused(f"there is no connector {connector}")
    profile = parse_profile(connector, wire)
    return _bound_to_transaction(cp, profile) if profile.purpose == TX and connector else profile


def _bound_to_transaction(cp: "Simulation", profile: Profile) -> Profile:
    """A TxProfile lives with the running transaction (section 5.16)."""
    transaction = cp.connectors[profile.connector].transaction
    running = transaction.transaction_id if transaction else None
    if running is None or profile.transaction_id not in (None, running):
        raise ProfileRefused(f"transaction {profile.transaction_id} does not run on connector {profile.connector}")
    return replace(profile, transaction_id=running)


def _clear_charging_profile(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    if cp.knobs.clear is not Clear.HONEST:
        return _status("Unknown" if cp.knobs.clear is Clear.ALWAYS_UNKNOWN else "Accepted")
    cleared = cp.clear_profiles(
        profile_id=payload.get("id"), connector=payload.get("connectorId"),
        purpose=payload.get("chargingProfilePurpose"), stack_level=payload.get("stackLevel"),
    )  # fmt: skip
    return _status("Accepted" if cleared else "Unknown")


def _get_composite_schedule(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    """A unit that the charge point does not take is refused (section 5.7)."""
    connector, duration_s = payload["connectorId"], payload["duration"]
    unit = payload.get("chargingRateUnit", cp.hardware.units[0])
    if unit not in cp.hardware.units or (connector != 0 and connector not in cp.connectors):
        return _status("Rejected")
    now = cp.now()
    return Reply(composite_answer(
        cp.composite(connector, now=now, duration_s=duration_s), connector=connector, begin=whole_second(now),
        duration_s=duration_s, unit=unit, hardware=cp.hardware, variant=cp.knobs.composite,
    ))  # fmt: skip


def _remote_start(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    """Waits for the cable when there is none yet."""
    profile = payload.get("chargingProfile")
    free = [c.number for c in cp.connectors.values() if c.operative and not c.transaction]
    number = payload.get("connectorId", free[0] if free else 0)
    if number not in free or (profile and profile["chargingProfilePurpose"] != TX):
        return _status("Rejected")
    cp.charging.remote_starts[number] = RemoteStart(payload["idTag"], profile)
    plugged = cp.connectors[number].car is not None
    return _status("Accepted", (lambda: cp.charging.start_remotely(number)) if plugged else None)


def _remote_stop(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    running = {c.transaction.transaction_id: c.number for c in cp.connectors.values() if c.transaction}
    number = running.get(payload["transactionId"])
    if number is None:
        return _status("Rejected")
    return _status("Accepted", lambda: cp.charging.stop(number, reason="Remote"))


def _trigger_message(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    number = payload.get("connectorId")
    if number is not None and number not in cp.connectors:
        return _status("Rejected")
    send = triggered(cp, payload["requestedMessage"], number)
    return _status("Accepted", send) if send else _status("NotImplemented")


def _reset(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    return _status("Accepted", lambda: cp.reset(f"{payload['type']}Reset"))


def _change_availability(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    """Connector 0 stands for all; one that still charges makes the answer Scheduled (section 5.2)."""
    number = payload["connectorId"]
    if number != 0 and number not in cp.connectors:
        return _status("Rejected")
    chosen = [c for c in cp.connectors.values() if number in (0, c.number)]
    statuses = {c.availability_change(payload["type"] == "Operative") for c in chosen}
    return _status("Scheduled" if "Scheduled" in statuses else "Accepted", cp.report_statuses)


def _unlock_connector(cp: "Simulation", payload: dict[str, Any]) -> Reply:
    """Stops a running transaction first (section 5.18)."""
    number = payload["connectorId"]
    if number not in cp.connectors:
        return _status("NotSupported")
    running = cp.connectors[number].transaction
    return _status("Unlocked", (lambda: cp.charging.stop(number, reason="UnlockCommand")) if running else None)


HANDLERS: dict[str, Callable[["Simulation", dict[str, Any]], Reply]] = {
    "ChangeAvailability": _change_availability,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": lambda _cp, _payload: _status("Accepted"),
    "ClearChargingProfile": _clear_charging_profile,
    "DataTransfer": lambda _cp, _payload: _status("UnknownVendorId"),
    "GetCompositeSchedule": _get_composite_schedule,
    "GetConfiguration": _get_configuration,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "Reset": _reset,
    "SetChargingProfile": _set_charging_profile,
    "TriggerMessage": _trigger_message,
    "UnlockConnector": _unlock_connector,
}
