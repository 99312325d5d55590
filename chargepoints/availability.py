"""Whether a driver can use an EVSE now, from what its charge point said and whether it is there at all. Pure.

One table for both versions: OCPP 1.6 section 7.7 (ChargePointStatus) and OCPP 2.0.1 part 2 (ConnectorStatusEnumType).
"""

from chargepoints.values import Availability, Stage

_BY_STATUS = {
    "Available": Availability.AVAILABLE,
    "Preparing": Availability.IN_USE,  # no new driver can use it, though nothing flows yet
    "Charging": Availability.IN_USE,
    "SuspendedEV": Availability.IN_USE,
    "SuspendedEVSE": Availability.IN_USE,
    "Occupied": Availability.IN_USE,
    "Finishing": Availability.BLOCKED,  # the transaction is over and the car still there
    "Reserved": Availability.RESERVED,
    "Unavailable": Availability.OUT_OF_SERVICE,
    "Faulted": Availability.FAULTED,
}


def reported(status: str) -> Availability:
    """What this status of OCPP means while its charge point is connected."""
    return _BY_STATUS.get(status, Availability.UNKNOWN)


OUT_OF_ORDER = ("Unavailable", "Faulted")
_OCCUPIED = {Availability.IN_USE, Availability.BLOCKED}


def together(status: str, *, of_the_whole: str) -> Availability:
    """An EVSE, and the charge point as a whole: out of order, it takes no new car; a car that is there is seen.

    OCPP 1.6 section 4.9: connector 0 is Available, Unavailable or Faulted, whatever its connectors are. Available says
    nothing of them.
    """
    own = reported(status)
    overruled = of_the_whole in OUT_OF_ORDER and own not in _OCCUPIED | {Availability.FAULTED}
    return reported(of_the_whole) if overruled else own


def availability(*, stage: str, enabled: bool, online: bool, status: str, of_the_whole: str = "") -> Availability:
    """What an operator decided comes first; a status that was told before the connection was lost is not known now."""
    if stage == Stage.REMOVED:
        return Availability.REMOVED
    if stage == Stage.PLANNED:
        return Availability.PLANNED
    if not enabled:
        return Availability.OUT_OF_SERVICE
    return together(status, of_the_whole=of_the_whole) if online else Availability.UNKNOWN
