"""The same thing asked for by several at the same moment happens once."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from chargepoints.models import ChargePointCommand
from chargepoints.values import OutcomeStatus
from ocpi import callbacks, outbox, profile_requests
from ocpi.models import DeliveryAttempt, OutboxMessage, ProfileRequest
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("enqueued")]

MANY = 6


def started(call: Callable[[], Any], found: list[Any]) -> threading.Thread:
    def run() -> None:
        try:
            found.append(call())
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def at_once(call: Callable[[], Any]) -> list[Any]:
    """What each of MANY threads got, each on its own database connection."""
    together, found = threading.Barrier(MANY), list[Any]()

    def one() -> Any:
        together.wait(timeout=10)
        return call()

    for thread in [started(one, found) for _ in range(MANY)]:
        thread.join(timeout=60)
    return found


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def test_the_same_put_at_the_same_moment_is_one_request_and_one_command(now):
    party, session = make.party(), make.session()
    requests = at_once(lambda: profile_requests.receive(party, make.wish(session), now=now))
    assert {request.pk for request in requests} == {ProfileRequest.objects.get().pk}
    assert (len(requests), ChargePointCommand.objects.count()) == (MANY, 1)


def test_different_puts_at_the_same_moment_leave_one_command_open_and_tell_the_others(now):
    party, session = make.party(), make.session()
    limits: Iterator[int] = iter(range(6000, 6000 + MANY))
    found = at_once(lambda: profile_requests.receive(party, make.wish(session, limit=next(limits)), now=now))
    assert {request.response for request in found} == {"ACCEPTED"}
    statuses = list(ChargePointCommand.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == ["REJECTED"] * (MANY - 1) + ["QUEUED"]
    assert OutboxMessage.objects.filter(kind="RESULT", body={"result": "REJECTED"}).count() == MANY - 1


def test_a_request_concluded_by_several_has_one_result_and_one_message(now):
    request = make.accepted(make.party(), make.session(), now=now)
    found = at_once(lambda: callbacks.conclude(request, OutcomeStatus.ACCEPTED, None, now=now))
    assert sorted(found) == [False] * (MANY - 1) + [True]
    assert OutboxMessage.objects.count() == 1


def test_a_message_delivered_by_several_workers_is_sent_once(partner: Partner, now):
    request = make.accepted(make.party(), make.session(), now=now)
    make.finish(request.command, now=now)
    message = OutboxMessage.objects.get()
    assert at_once(lambda: outbox.deliver(message.pk, now=now)) == [None] * MANY
    assert (len(partner.requests), DeliveryAttempt.objects.count()) == (1, 1)


def test_what_is_being_marked_as_sent_is_not_taken_back_as_unsent(partner: Partner, now, monkeypatch):
    """The one who takes back waits for the mark, and then finds the message in doubt."""
    request = make.accepted(make.party(), make.session(), now=now)
    make.finish(request.command, now=now)
    message = OutboxMessage.objects.get()
    marking, found = threading.Event(), list[Any]()
    later = now + timedelta(minutes=1)
    real = timezone.now

    def slowly() -> datetime:
        """Called inside the mark, with the row held: the beat starts now."""
        if threading.current_thread() is threading.main_thread() and not marking.is_set():
            marking.set()
            found.append(started(lambda: outbox.watch(now=later), []))
            found[0].join(timeout=0.3)
        return real()

    partner.before_connecting = lambda: monkeypatch.setattr(outbox.timezone, "now", slowly)
    outbox.deliver(message.pk, now=now)
    found[0].join(timeout=30)
    message.refresh_from_db()
    assert DeliveryAttempt.objects.get().sent_at is not None
    assert (len(partner.requests), message.status in {"IN_DOUBT", "DELIVERED"}) == (1, True)
