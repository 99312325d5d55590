"""A partner that we register with: what it answers, and a party as a handshake leaves it."""

from typing import Any

from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import PartnerEndpoint, Party
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import answered

VERSIONS = "https://new.example/ocpi/versions"
DETAILS = "https://new.example/ocpi/2.2.1"
CREDENTIALS = {"identifier": "credentials", "role": "SENDER", "url": f"{DETAILS}/credentials"}
SESSIONS = {"identifier": "sessions", "role": "RECEIVER", "url": f"{DETAILS}/sessions"}
PROFILES = {"identifier": "chargingprofiles", "role": "SENDER", "url": f"{DETAILS}/profiles"}
ROLE = {"role": "SCSP", "country_code": "NL", "party_id": "NEW", "business_details": {"name": "New B.V."}}
TIMEOUT = DeliveryFailed(FailureKind.TIMEOUT, "no complete answer in time", maybe_sent=True)


def versions(*names: str) -> Any:
    return answered(data=[{"version": name, "url": f"https://new.example/ocpi/{name}"} for name in names])


def details(*endpoints: Any) -> Any:
    return answered(data={"version": "2.2.1", "endpoints": list(endpoints)})


def theirs(**changes: Any) -> Any:
    return answered(data={"token": "token-c", "url": VERSIONS, "roles": [ROLE], **changes})


def found() -> list[Any]:
    return [versions("2.2.1"), details(CREDENTIALS, SESSIONS, PROFILES)]


def new(**changes: Any) -> Party:
    return Party.objects.create(**({"country_code": "NL", "party_id": "NEW", "role": "SCSP"} | changes))


def connected() -> Party:
    """As a handshake leaves it, with a credentials endpoint."""
    party = make.party("NEW")
    PartnerEndpoint.objects.create(party=party, **CREDENTIALS)
    return party
