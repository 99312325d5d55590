"""The honest answers of a charge point to the central system's CALLs (OCPP 1.6 section 5)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..composite import CompositeSchedule
from ..connector import RemoteStart
from ..dialect import Reply
from ..knobs import Clear, Composite
from ..profiles import TX, Profile, ProfileRefused
from ..wire import wire_time
from .profiles import parse_profile
from .triggers import triggered

if TYPE_CHECKING:
    from ..simulation import Simulation
    from .dialect import Dialect

SMART_CHARGING = frozenset({"SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule"})


def _status(status: str, then: Callable[[], Awaitable[Any]] | None = None) -> Reply:
    return Reply({"status": status}, then)


def _get_configuration(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    return Reply(dialect.settings.read(payload.get("key", [])))


def _change_configuration(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    status = dialect.settings.change(payload["key"], payload["value"])
    if status == "Accepted":
        dialect.cp.settings_changed()
    return _status(status)


def _set_charging_profile(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    try:
        dialect.cp.install(_acceptable_profile(dialect.cp, payload["connectorId"], payload["csChargingProfiles"]))
    except ProfileRefused as error:
        dialect.cp.journal.emit("profile_refused", reason=str(error))
        return _status("Rejected")
    return _status("Accepted")


def _acceptable_profile(cp: "Simulation", connector: int, wire: dict[str, Any]) -> Profile:
    if connector != 0 and connector not in cp.connectors:
        raise ProfileRefused(f"there is no connector {connector}")
    cp.check_unit(wire["chargingSchedule"]["chargingRateUnit"])
    profile = parse_profile(connector, wire)
    return _bound_to_transaction(cp, profile) if profile.purpose == TX and connector else profile


def _bound_to_transaction(cp: "Simulation", profile: Profile) -> Profile:
    """A TxProfile lives with the running transaction (section 5.16)."""
    transaction = cp.connectors[profile.connector].transaction
    running = transaction.transaction_id if transaction else None
    if running is None or profile.transaction_id not in (None, running):
        raise ProfileRefused(f"transaction {profile.transaction_id} does not run on connector {profile.connector}")
    return replace(profile, transaction_id=running)


def _clear_charging_profile(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    cp = dialect.cp
    if cp.knobs.clear is not Clear.HONEST:
        return _status("Unknown" if cp.knobs.clear is Clear.ALWAYS_UNKNOWN else "Accepted")
    cleared = cp.clear_profiles(
        profile_id=payload.get("id"), connector=payload.get("connectorId"),
        purpose=payload.get("chargingProfilePurpose"), stack_level=payload.get("stackLevel"),
    )  # fmt: skip
    return _status("Accepted" if cleared else "Unknown")


def _get_composite_schedule(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """A unit that the charge point does not take is refused (section 5.7)."""
    cp, connector = dialect.cp, payload["connectorId"]
    unit = payload.get("chargingRateUnit", cp.hardware.units[0])
    known = unit in cp.hardware.units and (connector == 0 or connector in cp.connectors)
    if not known or cp.knobs.composite is Composite.REJECTED:
        return _status("Rejected")
    return Reply(composite_answer(cp.composite_schedule(connector, payload["duration"], unit), connector=connector,
                                  without_schedule=cp.knobs.composite is Composite.NO_SCHEDULE))  # fmt: skip


def composite_answer(schedule: CompositeSchedule, *, connector: int, without_schedule: bool = False) -> dict[str, Any]:
    """GetCompositeSchedule.conf (section 6.22): periods count from scheduleStart."""
    answer = {"status": "Accepted", "connectorId": connector, "scheduleStart": wire_time(schedule.begin)}
    if without_schedule:
        return answer
    return answer | {
        "chargingSchedule": {
            "duration": schedule.duration_s,
            "chargingRateUnit": schedule.unit,
            "chargingSchedulePeriod": schedule.periods,
        }
    }


def _remote_start(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """Waits for the cable when there is none yet."""
    cp, profile = dialect.cp, payload.get("chargingProfile")
    free = cp.charging.free_connectors()
    number = payload.get("connectorId", free[0] if free else 0)
    if number not in free or (profile and profile["chargingProfilePurpose"] != TX):
        return _status("Rejected")
    return _status("Accepted", cp.charging.remote_start(number, RemoteStart(payload["idTag"], profile)))


def _remote_stop(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    number = dialect.cp.charging.running().get(payload["transactionId"])
    if number is None:
        return _status("Rejected")
    return _status("Accepted", lambda: dialect.cp.charging.stop(number, reason="Remote"))


def _trigger_message(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    number = payload.get("connectorId")
    if number is not None and number not in dialect.cp.connectors:
        return _status("Rejected")
    send = triggered(dialect, payload["requestedMessage"], number)
    return _status("Accepted", send) if send else _status("NotImplemented")


def _reset(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    return _status("Accepted", lambda: dialect.cp.reset(f"{payload['type']}Reset"))


def _change_availability(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """Connector 0 stands for all; one that still charges makes the answer Scheduled (section 5.2)."""
    cp, number = dialect.cp, payload["connectorId"]
    if number != 0 and number not in cp.connectors:
        return _status("Rejected")
    status = cp.change_availability(number, operative=payload["type"] == "Operative")
    return _status(status, cp.report_statuses)


def _unlock_connector(dialect: "Dialect", payload: dict[str, Any]) -> Reply:
    """Stops a running transaction first (section 5.18)."""
    cp, number = dialect.cp, payload["connectorId"]
    if number not in cp.connectors:
        return _status("NotSupported")
    running = cp.connectors[number].transaction
    return _status("Unlocked", (lambda: cp.charging.stop(number, reason="UnlockCommand")) if running else None)


HANDLERS: dict[str, Callable[["Dialect", dict[str, Any]], Reply]] = {
    "ChangeAvailability": _change_availability,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": lambda _dialect, _payload: _status("Accepted"),
    "ClearChargingProfile": _clear_charging_profile,
    "DataTransfer": lambda _dialect, _payload: _status("UnknownVendorId"),
    "GetCompositeSchedule": _get_composite_schedule,
    "GetConfiguration": _get_configuration,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "Reset": _reset,
    "SetChargingProfile": _set_charging_profile,
    "TriggerMessage": _trigger_message,
    "UnlockConnector": _unlock_connector,
}
