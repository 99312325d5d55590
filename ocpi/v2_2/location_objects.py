"""Location objects as OCPI 2.2 has them (OCPI 2.2.1 changelog, Changes between OCPI 2.2 and 2.2.1).

Connectors of a kind that 2.2 does not know (NEMA, GB/T, ChaoJi, DOMESTIC_M to _O) keep the name that 2.2.1 gives them:
another would be wrong, and without them there would be no EVSE.
"""

from collections.abc import Sequence
from typing import Any

from chargepoints.models import Connector, Evse, Location
from chargepoints.values import EvseLimits
from ocpi.v2_2_1 import location_objects

# The figures of the connector say what it can do; of two phases 2.2 knows nothing.
POWER_TYPES = {"AC_2_PHASE": "AC_1_PHASE", "AC_2_PHASE_SPLIT": "AC_1_PHASE"}


def location_object(location: Location, evses: Sequence[Evse]) -> dict[str, Any]:
    body = location_objects.location_object(location, evses)
    return {**body, "evses": [_evse(evse) for evse in body["evses"]]}


def evse_object(evse: Evse) -> dict[str, Any]:
    return _evse(location_objects.evse_object(evse))


def connector_object(connector: Connector, limits: EvseLimits) -> dict[str, Any]:
    return _connector(location_objects.connector_object(connector, limits))


def _evse(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "connectors": [_connector(each) for each in body["connectors"]]}


def _connector(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "power_type": POWER_TYPES.get(body["power_type"], body["power_type"])}
