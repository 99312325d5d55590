"""What tests of the pushes of Locations do again and again."""

from datetime import datetime, timedelta

from chargepoints import inventory
from chargepoints.models import Evse
from chargepoints.values import StatusFacts
from ocpi import location_pushes, outbox
from ocpi.models import OutboxMessage, PartnerEndpoint, Party
from tests.support import factories
from tests.support import ocpi_factories as make

KIND = OutboxMessage.Kind


def listener(party_id: str = "JED") -> Party:
    """A party with a `locations` RECEIVER, and no other endpoint."""
    party = make.party(party_id, endpoints=False)
    url = f"https://{party_id.lower()}.example/ocpi/locations"
    PartnerEndpoint.objects.create(party=party, identifier="locations", role="RECEIVER", url=url)
    return party


def evses(count: int = 1, **fields: object) -> list[Evse]:
    """Of one charge point that is online; all are free."""
    point = factories.charge_point(ocpp_version="ocpp1.6", **fields)
    return [factories.evse(point, number=n + 1, status="Available", last_updated=factories.NOW) for n in range(count)]


def say(evse: Evse, status: str, *, now: datetime) -> None:
    """As its charge point reports it."""
    inventory.status(evse.charge_point_id, StatusFacts(evse.ocpp_evse_id, status, "NoError"), now=now)


def drain(*, now: datetime) -> int:
    """What beat and the workers do until nothing is due, or all that is waits. Returns how many messages were tried."""
    count, waiting = 0, set[int]()
    due = OutboxMessage.objects.filter(status="PENDING", due_at__lte=now).order_by("due_at", "pk")
    while message := due.exclude(pk__in=waiting).first():
        outbox.deliver(message.pk, now=now)
        untouched = due.filter(pk=message.pk, attempt_count=message.attempt_count, revision=message.revision).exists()
        waiting = waiting | {message.pk} if untouched else set()
        count += 1
        assert count < 1000
    return count


def told(*, now: datetime) -> None:
    """Everybody has what there is."""
    location_pushes.catch_up(now=now)
    drain(now=now)


def soon(now: datetime, seconds: float = 2) -> datetime:
    return now + timedelta(seconds=seconds)
