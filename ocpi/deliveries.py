"""One attempt to bring a message: what it says, sending it, and what came of it. `ocpi.outbox` decides the rest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from chargepoints.models import ChargingSession, Evse, Location
from chargepoints.transactions import committed
from ocpi import client, parties, renderings
from ocpi.authorizers import Authorizer
from ocpi.models import DeliveryAttempt, OutboxMessage, PartnerEndpoint

Kind = OutboxMessage.Kind
Status = OutboxMessage.Status
UNAUTHORISED = {401, 403}  # the second, too, is what some say to a token they do not know


@dataclass(frozen=True, slots=True)
class Outcome:
    """`retry`: trying again may help; `later`: not soon, but once something was set right. `error` empty: delivered.
    `silence`: the partner did not or could not answer.
    """

    error: str = ""
    retry: bool = True
    later: bool = False
    response: client.OutboundResponse | None = None
    silence: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    method: str
    url: str
    body: Any
    authorization: Authorizer
    routing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """`content`, or what came of it without any. `attempt` None: the partner has it all, nothing leaves."""

    message: OutboxMessage
    content: Content | Outcome
    attempt: DeliveryAttempt | None
    timeout_s: float
    lease_until: datetime

    def still_mine(self) -> QuerySet[OutboxMessage]:
        """The message, unless its lease ran out and somebody else decided about it."""
        return OutboxMessage.objects.filter(pk=self.message.pk, status=Status.SENDING, lease_until=self.lease_until)


def make_attempt(delivery: Delivery) -> Outcome:
    """Everything that can go wrong outside becomes an Outcome; nothing is sent without its `sent_at`."""
    if isinstance(delivery.content, Outcome):
        return delivery.content
    return _sent(delivery, delivery.content)


def _sent(delivery: Delivery, content: Content) -> Outcome:
    try:
        response = client.send(
            _request(delivery, content),
            authorization=content.authorization,
            policy=parties.address_policy(delivery.message.party),
            before_send=lambda: mark_sent(delivery),
        )
    except ClaimLost:
        return Outcome("not sent: the lease or the promised time had run out")
    except client.DeliveryFailed as failure:
        unauthorised = failure.kind is client.FailureKind.AUTHORISATION
        again = failure.retryable
        return Outcome(str(failure)[:500], retry=again, later=unauthorised, silence=again)
    problem = _problem(delivery.message, response)
    again = response.retryable or response.http_status in UNAUTHORISED
    return Outcome(problem, retry=again, response=response, silence=not response.ok and response.retryable)


def _problem(message: OutboxMessage, response: client.OutboundResponse) -> str:
    """A state that was answered with no JSON is in doubt. A result is not: it goes to any URL, and arrives once."""
    if not response.ok:
        return f"HTTP {response.http_status}, OCPI status {response.ocpi_status_code}"
    in_doubt = response.unreadable and message.kind != Kind.RESULT
    return f"HTTP {response.http_status}, but the answer is no JSON" if in_doubt else ""


def _request(delivery: Delivery, content: Content) -> client.OutboundRequest:
    return client.OutboundRequest(
        method=content.method, url=content.url, body=content.body, timeout_s=delivery.timeout_s,
        correlation_id=delivery.attempt.correlation_id if delivery.attempt else "",
        routing=content.routing,
    )  # fmt: skip


def content_of(message: OutboxMessage) -> Content | Outcome | None:
    """None: the partner has it all."""
    try:
        request = _rendered(message)
        return Content(*request, parties.authorizer(message.party), renderings.routing(message)) if request else None
    except ChargingSession.DoesNotExist:
        return Outcome("the session is over or no longer shared with this party", retry=False)
    except (Location.DoesNotExist, Evse.DoesNotExist):
        return Outcome("it is no longer shared with this party, or lacks what partners must be told", retry=False)
    except (PartnerEndpoint.DoesNotExist, parties.NotConnected) as error:
        return Outcome(f"the party is not connected: {error}"[:500], retry=False)


def _rendered(message: OutboxMessage) -> tuple[str, str, Any] | None:
    match message.kind:
        case Kind.RESULT:
            return "POST", message.url, message.body
        case Kind.SESSION:
            return renderings.session_request(message)
        case Kind.LOCATION:
            return renderings.location_request(message)
        case Kind.EVSE:
            return renderings.evse_request(message)
        case _:
            return renderings.active_profile_request(message)


class ClaimLost(Exception):
    """The lease, or the promised time, ran out before the connection stood."""


@committed
def mark_sent(delivery: Delivery) -> None:
    """Raises ClaimLost, and nothing is sent, unless the message is still this worker's and in time.

    Holds the message's row: whoever takes it back waits for this mark, or this waits and finds it lost.
    """
    mine = delivery.still_mine().update(lease_until=delivery.lease_until)
    now = timezone.now()
    if not mine or now >= min(delivery.lease_until, delivery.message.expires_at or delivery.lease_until):
        raise ClaimLost
    if delivery.attempt:
        DeliveryAttempt.objects.filter(pk=delivery.attempt.pk).update(sent_at=now)
