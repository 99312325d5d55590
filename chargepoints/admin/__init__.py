"""The operators' site: what is wrong, why, and the button that mends it."""

from chargepoints.admin import (
    audit_log,
    charge_points,
    commands,
    dashboard_charging,
    dashboard_power,
    limits,
    messages,
    self_tests,
    session_timeline,
    sessions,
    sites,
)

__all__ = [
    "audit_log", "charge_points", "commands", "dashboard_charging", "dashboard_power", "limits", "messages",
    "self_tests", "session_timeline", "sessions", "sites",
]  # fmt: skip
