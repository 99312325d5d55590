"""The operators' site: what is wrong, why, and the button that mends it."""

from chargepoints.admin import charge_points, commands, limits, messages, self_tests, sessions, sites

__all__ = ["charge_points", "commands", "limits", "messages", "self_tests", "sessions", "sites"]
