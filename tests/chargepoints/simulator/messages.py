"""Payloads that the tests send."""

from typing import Any


def set_profile(
    *periods: tuple[int, float], connector: int = 1, profile_id: int = 7, level: int = 0, purpose: str = "TxProfile",
    unit: str = "A", start: str | None = "2024-05-01T12:00:00Z", transaction_id: int | None = None, **schedule: Any,
) -> dict[str, Any]:  # fmt: skip
    """SetChargingProfile: Absolute with a start, else Relative."""
    profile: dict[str, Any] = {
        "chargingProfileId": profile_id, "stackLevel": level, "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute" if start else "Relative",
        "chargingSchedule": {
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": [{"startPeriod": at, "limit": limit} for at, limit in periods],
        } | schedule | ({"startSchedule": start} if start else {}),
    }  # fmt: skip
    if transaction_id is not None:
        profile["transactionId"] = transaction_id
    return {"connectorId": connector, "csChargingProfiles": profile}


def composite(duration: int = 3600, connector: int = 1, **more: Any) -> dict[str, Any]:
    return {"connectorId": connector, "duration": duration} | more
