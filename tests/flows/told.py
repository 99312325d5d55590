"""What a partner has been told of a plan, as minutes and limits: a plan begins some seconds after its profile."""

from typing import Any

from chargepoints.models import ChargingProfile
from tests.support.bay import Bay

Plan = list[tuple[int, float]]


def plan_of(active_profile: dict[str, Any]) -> Plan:
    """(Minute it begins, limit) of each period of an ActiveChargingProfile."""
    periods = active_profile["charging_profile"]["charging_profile_period"]
    return [(round(period["start_period"] / 60), period["limit"]) for period in periods]


def pushed(b: Bay) -> list[Plan]:
    """Every ActiveChargingProfile that was pushed, oldest first."""
    return [plan_of(push.body) for push in b.scsp.pushes]


def standing(b: Bay) -> tuple[str, int, str]:
    """State, corrections and finding of the profile; of the finding what follows its moment."""
    profile: ChargingProfile = b.profile
    return profile.state, profile.corrections, profile.finding.partition("Z ")[2] or profile.finding


def sent_limits(b: Bay) -> list[list[tuple[str, float]]]:
    """Unit and limit of the periods of every SetChargingProfile that it got, of any OCPP version."""
    return [_limits(payload) for payload in b.charger.calls("SetChargingProfile")]


def _limits(payload: dict[str, Any]) -> list[tuple[str, float]]:
    if "csChargingProfiles" in payload:
        schedule = payload["csChargingProfiles"]["chargingSchedule"]
    else:
        (schedule,) = payload["chargingProfile"]["chargingSchedule"]
    return [(schedule["chargingRateUnit"], period["limit"]) for period in schedule["chargingSchedulePeriod"]]
