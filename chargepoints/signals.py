"""The way back up: domain events, sent inside the transaction that makes them true.

Receivers only write rows; what leaves the process does so after the commit.
"""

from django.dispatch import Signal

# command: ChargePointCommand in its final state; late: the answer came after the command had expired; now: datetime
command_finished = Signal()
# session: ChargingSession that began, ended or became invalid; now: datetime
session_changed = Signal()
# sessions: list[ChargingSession] whose figures, and nothing else, changed; now: datetime
sessions_metered = Signal()
# profile: ChargingProfile whose observed plan is fresh; schedule: ChargingSchedule or None when nothing limits;
# correlation_id: of the request that caused the look, may be empty; now: datetime
active_profile_changed = Signal()
# evse_ids: collection of ids of EVSEs whose state or capabilities, as others see them, changed; went_offline: bool;
# now: datetime
evses_changed = Signal()
# location_ids: collection of ids of Locations that an operator changed, or whose EVSEs; now: datetime
locations_changed = Signal()
