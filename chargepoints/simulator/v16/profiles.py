"""ChargingProfile as OCPP 1.6 writes it (section 7.8)."""

from typing import Any

from .. import profiles
from ..profiles import Profile


def parse_profile(connector: int, wire: dict[str, Any]) -> Profile:
    """A csChargingProfiles object that satisfies the schema. Raises ProfileRefused for what the schema cannot say."""
    return profiles.parse_profile(
        connector, wire, profile_id=wire["chargingProfileId"], purpose=wire["chargingProfilePurpose"],
        schedule=wire["chargingSchedule"],
    )  # fmt: skip
