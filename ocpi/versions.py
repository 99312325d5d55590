"""The versions of OCPI that we speak. They share URLs, views and modules; only what differs between them is here.

Of what we read and write, 2.2 differs from 2.2.1 only in the CdrToken of a Session (OCPI 2.2.1 changelog).
Newest first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chargepoints.models import ChargingSession
from ocpi.v2_2 import session_objects as session_objects_2_2
from ocpi.v2_2_1 import session_objects as session_objects_2_2_1


@dataclass(frozen=True, slots=True)
class Writer:
    """How our objects look in one version."""

    session_object: Callable[[ChargingSession], dict[str, Any]]
    schemas: Mapping[str, str] = field(default_factory=dict)  # where the description has another name for an object


WRITERS = {
    "2.2.1": Writer(session_objects_2_2_1.session_object),
    "2.2": Writer(session_objects_2_2.session_object, schemas={"Session": "Session-2.2"}),
}
