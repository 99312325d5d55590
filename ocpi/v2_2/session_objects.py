"""Session objects as OCPI 2.2 has them (OCPI 2.2.1 changelog, Changes between OCPI 2.2 and 2.2.1)."""

from collections.abc import Sequence
from typing import Any

from chargepoints.models import ChargingSession
from ocpi.models import ChargingPeriod
from ocpi.v2_2_1 import session_objects

ADDED_TO_CDR_TOKEN = ("country_code", "party_id")


def session_object(session: ChargingSession, periods: Sequence[ChargingPeriod] = ()) -> dict[str, Any]:
    """A CdrToken did not yet say whose it is."""
    body = session_objects.session_object(session, periods)
    token = {name: value for name, value in body["cdr_token"].items() if name not in ADDED_TO_CDR_TOKEN}
    return {**body, "cdr_token": token}
