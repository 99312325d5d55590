"""Charging profiles: what is asked, what a charge point can take, what it plans."""

from chargepoints.profiles.composites import active_profile, planned_by, same_plan, to_unit
from chargepoints.profiles.preparation import outgoing_unit, prepare
from chargepoints.profiles.rates import maximum
from chargepoints.profiles.timeline import limit_at

__all__ = ["active_profile", "limit_at", "maximum", "outgoing_unit", "planned_by", "prepare", "same_plan", "to_unit"]
