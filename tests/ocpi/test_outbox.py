"""Bringing messages: one claim, one attempt, one record; results once and in time."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from ocpi import outbox
from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import DeliveryAttempt, OutboxMessage, ProfileRequest
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


# --- a delivery -----------------------------------------------------------------------------------------------------


def test_a_result_is_posted_bare_to_its_response_url(partner: Partner, result, now):
    """OCPI 2.2.1 mod_charging_profiles, POST Method: the body is not wrapped in the envelope."""
    deliver(result, now=now)
    (request,) = partner.requests
    assert (request.method, request.url) == ("POST", "https://jed.example/result?id=1")
    assert request.body == {"result": "ACCEPTED"}
    assert partner.authorizations == ["Token b3V0Ym91bmQtSkVE"]


def test_our_requests_carry_the_correlation_id_of_what_caused_them_and_routing(partner: Partner, result, now):
    """OCPI 2.2.1 transport_and_format, Unique message IDs and Message Routing Headers."""
    deliver(result, now=now)
    (request,) = partner.requests
    assert (request.correlation_id, request.request_id) == ("correlation-1", "")
    assert dict(request.routing) == {
        "OCPI-from-country-code": "NL", "OCPI-from-party-id": "CPO",
        "OCPI-to-country-code": "NL", "OCPI-to-party-id": "JED",
    }  # fmt: skip


def test_a_delivery_is_recorded_with_its_attempt(partner: Partner, result, now):
    message = deliver(result, now=now)
    assert (message.status, message.failures, message.lease_until) == ("DELIVERED", 0, None)
    assert now <= message.delivered_at <= timezone.now()
    attempt = message.attempts.get()
    assert (attempt.number, attempt.method, attempt.url) == (1, "POST", "https://jed.example/result?id=1")
    assert (attempt.body, attempt.http_status, attempt.ocpi_status, attempt.error) == (
        {"result": "ACCEPTED"}, 200, 1000, "",
    )  # fmt: skip
    assert attempt.started_at <= attempt.sent_at <= attempt.finished_at


def test_delivering_twice_sends_once(partner: Partner, result, now):
    """A second worker, or a redelivered task, finds nothing to claim."""
    deliver(result, now=now)
    deliver(result, now=now)
    assert (len(partner.requests), state(result)) == (1, ("DELIVERED", 1))


def test_a_second_worker_finds_nothing_while_the_first_is_sending(partner: Partner, result, now):
    partner.on_the_way = lambda: outbox.deliver(result.pk, now=timezone.now())
    deliver(result, now=now)
    assert (len(partner.requests), state(result)) == (1, ("DELIVERED", 1))


def test_a_message_that_is_not_due_is_left(partner: Partner, result, now):
    OutboxMessage.objects.update(due_at=now + timedelta(seconds=1))
    deliver(result, now=now)
    assert (partner.requests, state(result)) == ([], ("PENDING", 0))


def test_a_message_that_is_gone_is_nothing(partner: Partner, result, now):
    outbox.deliver(result.pk + 1, now=now)
    assert partner.requests == []


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_partner_is_waited_for(partner: Partner, result, now):
    open_ones: list[bool] = []
    partner.before_connecting = partner.on_the_way = lambda: open_ones.append(connection.in_atomic_block)
    deliver(result, now=now)
    assert (open_ones, result.status) == ([False, False], "DELIVERED")


# --- retries --------------------------------------------------------------------------------------------------------

RETRIED: list[Any] = [
    DeliveryFailed(FailureKind.CONNECT, "no connection"),
    DeliveryFailed(FailureKind.TIMEOUT, "no complete answer in time", maybe_sent=True),
    DeliveryFailed(FailureKind.DNS, "did not resolve"),
    DeliveryFailed(FailureKind.TLS, "handshake broke off"),
    answered(408, ocpi=None),
    answered(429, ocpi=None),
    answered(500, ocpi=None),
    answered(503, ocpi=3000),
]
NOT_RETRIED: list[Any] = [
    answered(400, ocpi=2000),
    answered(401, ocpi=None),
    answered(404, ocpi=None),
    answered(200, ocpi=2001),
    answered(200, ocpi=3000),
    DeliveryFailed(FailureKind.ADDRESS_REFUSED, "forbidden address"),
    DeliveryFailed(FailureKind.URL, "must be https"),
    DeliveryFailed(FailureKind.REDIRECT, "HTTP 302 is not followed", maybe_sent=True),
    DeliveryFailed(FailureKind.TOO_LARGE, "answer larger than 65536 bytes", maybe_sent=True),
]


def words(answer: Any) -> str:
    return str(answer) if isinstance(answer, Exception) else f"{answer.http_status} {answer.ocpi_status_code}"


@pytest.mark.parametrize("answer", RETRIED, ids=words)
def test_a_result_is_tried_again_where_that_may_help(partner: Partner, result, now, answer):
    partner.answers = [answer]
    message = deliver(result, now=now)
    assert (message.status, message.failures) == ("PENDING", 1)
    assert timezone.now() < message.due_at <= timezone.now() + timedelta(seconds=1)
    later = message.due_at
    assert state(deliver(message, now=later)) == ("DELIVERED", 2)
    assert [request.body for request in partner.requests] == [{"result": "ACCEPTED"}] * 2


@pytest.mark.parametrize("answer", NOT_RETRIED, ids=words)
def test_a_result_that_was_understood_and_refused_is_not_sent_again(partner: Partner, result, now, answer):
    """OCPI 2.2.1 status_codes: 2xx with an OCPI status of 2xxx or 3xxx is a failure too."""
    partner.answers = [answer]
    message = deliver(result, now=now)
    assert (message.status, bool(message.last_error)) == ("FAILED", True)
    outbox.watch(now=now + timedelta(seconds=5))
    assert (len(deliver(message, now=now + timedelta(seconds=5)).attempts.all()), len(partner.requests)) == (1, 1)


def test_a_failed_attempt_says_what_came(partner: Partner, result, now):
    partner.answers = [answered(503, ocpi=3000)]
    attempt = deliver(result, now=now).attempts.get()
    assert (attempt.http_status, attempt.ocpi_status) == (503, 3000)
    assert attempt.error == "HTTP 503, OCPI status 3000" == result.last_error


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


# --- beat and operators ---------------------------------------------------------------------------------------------


def test_beat_enqueues_what_is_due_oldest_first_and_nothing_else(enqueued, now):
    party, session = make.party(), make.session()
    due = [_result(party, session, number, due_at=now - timedelta(seconds=number)) for number in range(3)]
    _result(party, session, 3, due_at=now + timedelta(seconds=1))
    for number, status in enumerate(["SENDING", "DELIVERED", "FAILED", "EXPIRED", "IN_DOUBT"], start=4):
        _result(party, session, number, due_at=now, status=status, lease_until=now + timedelta(seconds=9))
    outbox.watch(now=now)
    assert enqueued == [due[2].pk, due[1].pk, due[0].pk]


def _result(party: Any, session: Any, number: int, **fields: Any) -> OutboxMessage:
    defaults = {"due_at": timezone.now(), "created_at": timezone.now(), "url": "https://jed.example/r", "body": {}}
    return OutboxMessage.objects.create(kind=Kind.RESULT, party=party, session=session, **{**defaults, **fields})


def test_a_partner_with_a_long_queue_does_not_keep_others_waiting(enqueued, now):
    slow, other, session = make.party("SLO"), make.party("OTH"), make.session()
    for number in range(5):
        _result(slow, session, number, due_at=now - timedelta(hours=1))
    mine = _result(other, session, 9, due_at=now)
    outbox.watch(now=now, limit=3)
    assert mine.pk in enqueued
    assert len(enqueued) == 4


def test_retrying_by_hand_is_refused_where_it_would_break_a_promise(result, now, enqueued):
    del enqueued[:]
    for status in ("DELIVERED", "SENDING", "EXPIRED"):
        OutboxMessage.objects.update(status=status)
        assert outbox.retry_now(result, now=now) is False
    OutboxMessage.objects.update(status="FAILED")
    assert outbox.retry_now(result, now=result.expires_at) is False
    result.party.enabled = False
    assert outbox.retry_now(result, now=now) is False
    assert (enqueued, OutboxMessage.objects.get().status) == ([], "FAILED")


def test_retrying_by_hand_gives_a_failed_result_another_attempt(partner: Partner, result, now):
    partner.answers = [answered(400, ocpi=2000)]
    deliver(result, now=now)
    assert outbox.retry_now(result, now=now) is True
    assert state(deliver(result, now=now)) == ("DELIVERED", 2)


# --- to whom --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda party: type(party).objects.update(enabled=False), "it is disabled"),
        (lambda party: party.credentials.delete(), "no outbound token"),
        (lambda party: type(party.credentials).objects.update(outbound_encrypted=""), "no outbound token"),
        (
            lambda party: type(party.credentials).objects.update(outbound_encrypted="gAAAAA"),
            "a partner token was encrypted with another SECRET_KEY",
        ),
    ],
    ids=["disabled", "no credentials", "no token", "other key"],
)
def test_nothing_is_sent_to_a_party_that_is_not_connected(partner: Partner, result, now, spoil, words):
    spoil(result.party)
    message = deliver(result, now=now)
    assert (partner.requests, message.status) == ([], "FAILED")
    assert message.last_error == f"the party is not connected: {words}"


def test_a_raw_token_is_sent_raw(partner: Partner, result, now):
    """OCPI 2.2.1 transport_and_format, Authorization header, note: some peers never learnt to decode."""
    type(result.party.credentials).objects.update(outbound_encoding="raw")
    deliver(result, now=now)
    assert partner.authorizations == ["Token outbound-JED"]


@pytest.mark.parametrize(
    ("debug", "marked", "insecure"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_loopback_needs_debug_and_a_party_marked_so(partner: Partner, result, now, settings, debug, marked, insecure):
    settings.DEBUG = debug
    type(result.party).objects.update(allow_insecure_urls=marked)
    deliver(result, now=now)
    assert partner.insecure == [insecure]


def test_the_answer_of_a_partner_is_kept_within_bounds(partner: Partner, result, now):
    partner.answers = [make.replace_text(answered(500, ocpi=99999), "x" * 9000)]
    attempt = deliver(result, now=now).attempts.get()
    assert (len(attempt.response_body), attempt.ocpi_status) == (4000, None)


def test_a_clock_that_steps_back_does_not_lose_the_record(partner: Partner, result, now):
    future = now + timedelta(seconds=3)
    OutboxMessage.objects.update(due_at=future)
    message = deliver(result, now=future)
    assert (message.status, message.attempts.get().duration_ms) == ("DELIVERED", 0)


def test_a_result_keeps_its_request(result):
    assert ProfileRequest.objects.get().message == result
