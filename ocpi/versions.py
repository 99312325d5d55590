"""The versions of OCPI that we speak. They share URLs, views and modules; only what differs between them is here.

Of what we read and write, 2.2 differs from 2.2.1 in the CdrToken of a Session and in some values of enums of Locations
(OCPI 2.2.1 changelog). Newest first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ocpi.v2_2 import location_objects as locations_2_2
from ocpi.v2_2 import session_objects as sessions_2_2
from ocpi.v2_2_1 import location_objects as locations_2_2_1
from ocpi.v2_2_1 import session_objects as sessions_2_2_1

Write = Callable[..., dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Writer:
    """How our objects look in one version. `schemas`: where the description has another name for one."""

    session_object: Write
    location_object: Write
    evse_object: Write
    connector_object: Write
    schemas: Mapping[str, str] = field(default_factory=dict)


WRITERS = {
    "2.2.1": Writer(
        sessions_2_2_1.session_object,
        locations_2_2_1.location_object,
        locations_2_2_1.evse_object,
        locations_2_2_1.connector_object,
    ),
    "2.2": Writer(
        sessions_2_2.session_object,
        locations_2_2.location_object,
        locations_2_2.evse_object,
        locations_2_2.connector_object,
        schemas={"Session": "Session-2.2"},
    ),
}
