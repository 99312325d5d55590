"""ChargingProfile as OCPP 2.0.1 writes it, and the rules of K01 that a station holds it to. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from .. import profiles
from ..profiles import DEFAULT, MAX, TX, Profile, ProfileRefused

PURPOSES = {"ChargingStationMaxProfile": MAX, "TxDefaultProfile": DEFAULT, "TxProfile": TX}
EXTERNAL = "ChargingStationExternalConstraints"
EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def parse_profile(evse: int, wire: dict[str, Any]) -> Profile:
    """A ChargingProfileType that satisfies the schema. Raises ProfileRefused for what the schema cannot say."""
    if wire["chargingProfilePurpose"] == EXTERNAL:
        raise ProfileRefused("external constraints are not for the CSMS to set (K01.FR.22)", "InvalidValue")
    if len(wire["chargingSchedule"]) > 1:
        raise ProfileRefused("one schedule, as the EV has told no needs (K01.FR.34)", "InvalidSchedule")
    (schedule,) = wire["chargingSchedule"]
    _check_start(wire["chargingProfileKind"], schedule)
    _check_phases(schedule["chargingSchedulePeriod"])
    purpose = PURPOSES[wire["chargingProfilePurpose"]]
    if purpose == MAX and wire["chargingProfileKind"] == "Relative":
        raise ProfileRefused("ChargingStationMaxProfile is not Relative (K01.FR.38)", "InvalidValue")
    return profiles.parse_profile(evse, wire, profile_id=wire["id"], purpose=purpose, schedule=schedule)


def check_transaction(profile: Profile, running: object) -> None:
    """`running` is the transaction id on that EVSE, None without one. Raises ProfileRefused."""
    if profile.purpose != TX:
        return
    if profile.transaction_id is None:
        raise ProfileRefused("TxProfile without transactionId (K01.FR.03)", "MissingParam")
    if running is None or profile.transaction_id != running:
        raise ProfileRefused(
            f"transaction {profile.transaction_id} does not run on EVSE {profile.connector} (K01.FR.09, .33)",
            "TxNotFound",
        )


def check_conflicts(profile: Profile, others: Iterable[Profile]) -> None:
    """With profiles of other ids (K01.FR.06, .39, .52, .53). Raises ProfileRefused."""
    for other in others:
        if other.profile_id != profile.profile_id and _conflict(profile, other):
            raise ProfileRefused(
                f"profile {other.profile_id} has purpose and stack level already (K01.FR.06, .39, .52, .53)",
                "DuplicateProfile",
            )


def _conflict(one: Profile, other: Profile) -> bool:
    """EVSE 0 of a TxDefaultProfile means every EVSE."""
    if (one.purpose, one.stack_level) != (other.purpose, other.stack_level):
        return False
    if one.connector != other.connector and 0 not in (one.connector, other.connector):
        return False
    begins, ends = EVER
    first_ends, second_ends = one.valid_to or ends, other.valid_to or ends
    return (one.valid_from or begins) < second_ends and (other.valid_from or begins) < first_ends


def _check_start(kind: str, schedule: dict[str, Any]) -> None:
    if kind == "Relative" and "startSchedule" in schedule:
        raise ProfileRefused("Relative has no startSchedule (K01.FR.41)", "InvalidSchedule")
    if kind != "Relative" and "startSchedule" not in schedule:
        raise ProfileRefused(f"{kind} needs startSchedule (K01.FR.40)", "InvalidSchedule")


def _check_phases(periods: Iterable[dict[str, Any]]) -> None:
    """No phase switching here: SmartChargingCtrlr.ACPhaseSwitchingSupported is false."""
    if any("phaseToUse" in period for period in periods):
        raise ProfileRefused("phaseToUse is not supported (K01.FR.20)", "InvalidSchedule")
