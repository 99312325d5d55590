"""Domain events of `chargepoints` become messages to partners, in the same transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from chargepoints import signals
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.values import ChargingSchedule, CommandOutcome
from ocpi import callbacks, location_pushes, pushes


def connect() -> None:
    """Called once, when the app is ready."""
    signals.command_finished.connect(command_finished, dispatch_uid="ocpi")
    signals.session_changed.connect(session_changed, dispatch_uid="ocpi")
    signals.sessions_metered.connect(sessions_metered, dispatch_uid="ocpi")
    signals.active_profile_changed.connect(active_profile_changed, dispatch_uid="ocpi")
    signals.evses_changed.connect(evses_changed, dispatch_uid="ocpi")
    signals.locations_changed.connect(locations_changed, dispatch_uid="ocpi")


def command_finished(
    *, command: ChargePointCommand, outcome: CommandOutcome, late: bool, now: datetime, **_: Any
) -> None:
    callbacks.on_command_finished(command, outcome, late=late, now=now)


def session_changed(*, session: ChargingSession, now: datetime, **_: Any) -> None:
    pushes.session_changed(session, now=now)


def sessions_metered(*, sessions: list[ChargingSession], **_: Any) -> None:
    pushes.sessions_metered(sessions)


def active_profile_changed(
    *, profile: ChargingProfile, schedule: ChargingSchedule | None, correlation_id: str, now: datetime, **_: Any
) -> None:
    pushes.active_profile_changed(profile, schedule, correlation_id=correlation_id, now=now)


def evses_changed(*, evse_ids: Collection[int], went_offline: bool, now: datetime, **_: Any) -> None:
    location_pushes.evses_changed(evse_ids, went_offline=went_offline, now=now)


def locations_changed(*, location_ids: Collection[int], now: datetime, **_: Any) -> None:
    location_pushes.locations_changed(location_ids, now=now)
