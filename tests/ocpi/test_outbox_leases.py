"""Results leave in time or never, and a process that dies leaves a trace that says what may have happened."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from ocpi import outbox
from ocpi.models import DeliveryAttempt, OutboxMessage
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

Kind = OutboxMessage.Kind


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def result(now: datetime) -> OutboxMessage:
    """The result of an ACCEPTED request, promised for 30 s from now."""
    party, session = make.party(), make.session()
    make.finish(make.accepted(party, session, now=now).command, now=now)
    return make.message(party, Kind.RESULT)


def deliver(message: OutboxMessage, *, now: datetime) -> OutboxMessage:
    outbox.deliver(message.pk, now=now)
    message.refresh_from_db()
    return message


def state(message: OutboxMessage) -> tuple[str, int]:
    return message.status, message.attempts.count()


# --- in time --------------------------------------------------------------------------------------------------------


def test_a_result_is_never_sent_after_its_promised_time(partner: Partner, result):
    """OCPI 2.2.1 mod_charging_profiles, ChargingProfileResponse.timeout."""
    message = deliver(result, now=result.expires_at)
    assert (state(message), partner.requests) == (("EXPIRED", 0), [])
    assert message.last_error == "the promised time was over; last error: none"


def test_an_attempt_gets_no_more_than_what_is_left_of_the_promised_time(partner: Partner, result, now):
    OutboxMessage.objects.update(expires_at=now + timedelta(seconds=2))
    deliver(result, now=now)
    assert partner.requests[0].timeout_s == pytest.approx(2)


def test_one_attempt_does_not_take_the_time_of_the_next(partner: Partner, result, now):
    deliver(result, now=now)
    assert partner.requests[0].timeout_s == outbox.RESULT_ATTEMPT_S < result.expires_at.timestamp() - now.timestamp()


def test_the_last_error_is_kept_when_the_time_is_over(partner: Partner, result, now):
    partner.answers = [answered(500, ocpi=None)]
    message = deliver(result, now=now)
    message = deliver(message, now=message.expires_at)
    assert (message.status, message.last_error) == (
        "EXPIRED", "the promised time was over; last error: HTTP 500, OCPI status None",
    )  # fmt: skip


def test_a_result_whose_time_ran_out_before_the_connection_stood_is_not_sent(partner: Partner, result, now):
    """Waiting for the database or the connection counts: the first byte leaves in time or never."""

    OutboxMessage.objects.update(expires_at=now + timedelta(seconds=0.3))
    partner.before_connecting = lambda: _sleep_until(now + timedelta(seconds=0.3))
    message = deliver(result, now=now)
    assert (partner.requests, message.attempts.get().sent_at) == ([], None)
    assert deliver(message, now=message.due_at).status == "EXPIRED"


def _sleep_until(moment: datetime) -> None:
    while timezone.now() < moment:
        time.sleep(0.01)


# --- leases ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_sent_at_is_committed_before_the_first_byte(partner: Partner, result, now):
    """A crash while sending leaves a trace: another connection sees the mark before anything has left."""
    seen: list[Any] = []

    def look() -> None:
        seen.append(elsewhere(lambda: DeliveryAttempt.objects.values_list("sent_at", flat=True).get()))

    partner.before_connecting = partner.on_the_way = look
    deliver(result, now=now)
    assert (seen[0], seen[1]) == (None, DeliveryAttempt.objects.get().sent_at)
    assert seen[1] is not None


def elsewhere(call: Any) -> Any:
    """In another thread, on a database connection of its own."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(call())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=30)
    return found[0]


def test_nothing_is_sent_once_the_lease_has_run_out(partner: Partner, result, now):
    long_ago = now - timedelta(seconds=outbox.RESULT_ATTEMPT_S + outbox.LEASE_SLACK_S)
    OutboxMessage.objects.update(due_at=long_ago)
    message = deliver(result, now=long_ago)
    assert (partner.requests, message.attempts.get().sent_at) == ([], None)
    assert (message.status, message.delivered_at) == ("PENDING", None)


def test_nothing_is_sent_once_another_has_taken_the_message_back(partner: Partner, result, now):
    """ClaimLost: what the other decided about the message stays as it is."""

    def take_back() -> None:
        outbox.watch(now=now + timedelta(minutes=1))

    partner.before_connecting = take_back
    message = deliver(result, now=now)
    assert (partner.requests, message.attempts.get().sent_at) == ([], None)
    assert (message.status, message.last_error) == ("PENDING", "the process ended before it was sent")


def test_a_record_that_comes_after_the_lease_changes_nothing(partner: Partner, result, now):
    partner.on_the_way = lambda: outbox.watch(now=now + timedelta(minutes=1))
    message = deliver(result, now=now)
    assert (len(partner.requests), message.status) == (1, "IN_DOUBT")
    assert message.attempts.get().http_status == 200


class Killed(BaseException):
    """The process ends here."""


def kill_before_sending(partner: Partner, message: OutboxMessage, now: datetime) -> None:
    def die() -> None:
        raise Killed

    partner.before_connecting = die
    with pytest.raises(Killed):
        outbox.deliver(message.pk, now=now)
    partner.before_connecting = lambda: None


def kill_while_sending(partner: Partner, message: OutboxMessage, now: datetime) -> None:
    partner.answers = [Killed()]
    with pytest.raises(Killed):
        outbox.deliver(message.pk, now=now)


def after_the_lease(now: datetime) -> datetime:
    return now + timedelta(seconds=outbox.RESULT_ATTEMPT_S + outbox.LEASE_SLACK_S + 1)


def test_a_result_whose_process_died_before_sending_is_sent(partner: Partner, result, now):
    kill_before_sending(partner, result, now)
    outbox.watch(now=now + timedelta(seconds=1))
    result.refresh_from_db()
    assert result.status == "SENDING"  # its lease still holds
    outbox.watch(now=after_the_lease(now))
    result.refresh_from_db()
    assert (result.status, result.lease_until) == ("PENDING", None)
    assert state(deliver(result, now=after_the_lease(now))) == ("DELIVERED", 2)
    assert len(partner.requests) == 1


def test_a_result_whose_process_died_while_sending_is_in_doubt_and_never_sent_by_itself(partner: Partner, result, now):
    kill_while_sending(partner, result, now)
    for seconds in (0, 2, 60):
        outbox.watch(now=after_the_lease(now) + timedelta(seconds=seconds))
        deliver(result, now=after_the_lease(now) + timedelta(seconds=seconds))
    assert (state(result), len(partner.requests)) == (("IN_DOUBT", 1), 1)
    assert result.last_error == "the process ended while it was being sent: the partner may have it"


def test_a_person_may_send_a_result_in_doubt_again_in_time(partner: Partner, result, now, enqueued):
    kill_while_sending(partner, result, now)
    outbox.watch(now=after_the_lease(now))
    result.refresh_from_db()
    del enqueued[:]
    assert outbox.retry_now(result, now=after_the_lease(now)) is True
    assert enqueued == [result.pk]
    assert state(deliver(result, now=after_the_lease(now))) == ("DELIVERED", 2)
