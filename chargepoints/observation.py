"""Looking again at what a charge point plans, whenever something may have changed it.

OCPI 2.2.1 mod_charging_profiles: the CPO SHALL keep the Sender of a charging profile updated of changes. One question
for many reasons at once: while one waits to be sent, no second is asked (`commands.observe`).
"""

from datetime import datetime

from chargepoints import commands
from chargepoints.models import ChargingSession


def look_again(charge_point_id: int, *, ocpp_evse_id: int = 0, now: datetime) -> None:
    """For the running sessions of the charge point, or of one EVSE, that were ever under a profile of somebody."""
    sessions = ChargingSession.objects.for_steering().filter(
        charge_point_id=charge_point_id, state=ChargingSession.State.ACTIVE, profiles__ever_accepted=True
    )
    if ocpp_evse_id:
        sessions = sessions.filter(evse__ocpp_evse_id=ocpp_evse_id)
    for session in sessions.distinct().order_by("pk"):
        commands.observe(session, now=now)
