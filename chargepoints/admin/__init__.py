"""The operators' site: what is wrong, why, and the button that mends it."""

from chargepoints.admin import audit_log, charge_points, commands, limits, sessions, sites

__all__ = ["audit_log", "charge_points", "commands", "limits", "sessions", "sites"]
