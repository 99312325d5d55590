"""Bringing messages: one claim, one attempt, one record; results once and in time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from ocpi import outbox, turns
from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import OutboxMessage, ProfileRequest
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

Kind = OutboxMessage.Kind
RESULT = {"result": "ACCEPTED"}


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


def test_a_message_that_was_tried_and_put_off_meanwhile_is_not_claimed_early(
    partner: Partner, result, now, monkeypatch
):
    """Between the reading and the claim another worker tried it, and failed."""
    must_wait = turns.must_wait

    def meanwhile(message: OutboxMessage, **moment: Any) -> bool:
        OutboxMessage.objects.update(attempt_count=1, due_at=now + timedelta(seconds=1))
        return must_wait(message, **moment)

    monkeypatch.setattr(turns, "must_wait", meanwhile)
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
    answered(401, ocpi=None),
    answered(403, ocpi=2001),
]
NOT_RETRIED: list[Any] = [
    answered(400, ocpi=2000),
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


@pytest.mark.parametrize("http_status", [401, 403])
def test_a_result_on_its_way_while_tokens_change_goes_again_with_the_new_one(
    partner: Partner, result, now, http_status
):
    """What was refused for its token has not been read: sent again, it is still sent once."""
    partner.answers = [answered(http_status, ocpi=None)]
    credentials = result.party.credentials
    credentials.outbound_token = "renewed"
    partner.on_the_way = credentials.save
    message = deliver(result, now=now)
    assert state(deliver(message, now=message.due_at)) == ("DELIVERED", 2)
    assert partner.authorizations == ["Token b3V0Ym91bmQtSkVE", "Token cmVuZXdlZA=="]


@pytest.mark.parametrize("answer", NOT_RETRIED, ids=words)
def test_a_result_that_was_understood_and_refused_is_not_sent_again(partner: Partner, result, now, answer):
    """OCPI 2.2.1 status_codes: 2xx with an OCPI status of 2xxx or 3xxx is a failure too."""
    partner.answers = [answer]
    message = deliver(result, now=now)
    assert (message.status, bool(message.last_error)) == ("FAILED", True)
    outbox.watch(now=now + timedelta(seconds=5))
    assert (len(deliver(message, now=now + timedelta(seconds=5)).attempts.all()), len(partner.requests)) == (1, 1)


def test_a_result_that_was_answered_in_plain_text_is_delivered(partner: Partner, result, now):
    """A response_url may be anything; posted again, the result could arrive twice."""
    partner.answers = [answered(200, ocpi=None, text="OK")]
    assert state(deliver(result, now=now)) == ("DELIVERED", 1)


def test_a_failed_attempt_says_what_came(partner: Partner, result, now):
    partner.answers = [answered(503, ocpi=3000)]
    attempt = deliver(result, now=now).attempts.get()
    assert (attempt.http_status, attempt.ocpi_status) == (503, 3000)
    assert attempt.error == "HTTP 503, OCPI status 3000" == result.last_error


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
    defaults = {"due_at": timezone.now(), "created_at": timezone.now(), "url": "https://jed.example/r", "body": RESULT}
    return OutboxMessage.objects.create(kind=Kind.RESULT, party=party, session=session, **{**defaults, **fields})


def test_a_partner_with_a_long_queue_does_not_keep_others_waiting(enqueued, settings, now):
    """Beat rings for each no more often than it may take at once: the rest follows by itself."""
    settings.OCPI_PARTY_CONCURRENCY = 1
    slow, other, session = make.party("SLO"), make.party("OTH"), make.session()
    for number in range(5):
        _result(slow, session, number, due_at=now - timedelta(hours=1))
    mine = _result(other, session, 9, due_at=now)
    outbox.watch(now=now)
    assert mine.pk in enqueued
    assert len(enqueued) == 3


# --- a slow partner -------------------------------------------------------------------------------------------------


def _state(party: Any, number: int, **fields: Any) -> OutboxMessage:
    session = make.session(f"CP{number}")
    given = {"kind": Kind.SESSION, "party": party, "session": session, "due_at": make.START, "created_at": make.START}
    return OutboxMessage.objects.create(**given | fields)


@pytest.fixture
def busy(settings, now):
    """A party that has its share of deliveries under way, and one of them for us to finish."""
    settings.OCPI_PARTY_CONCURRENCY = 3
    party = make.party()
    for number in (7, 8):
        _state(party, number, status="SENDING", lease_until=now + timedelta(seconds=9))
    return party


def test_a_partner_with_its_share_under_way_gets_results_only(partner: Partner, busy, now):
    _state(busy, 9, status="SENDING", lease_until=now + timedelta(seconds=9))
    state_to_push, promised = _state(busy, 1), _result(busy, make.session("CP2"), 2, due_at=now)
    assert deliver(state_to_push, now=now).status == "PENDING"
    assert deliver(promised, now=now).status == "DELIVERED"


def test_whoever_delivers_goes_on_with_results_before_older_states(partner: Partner, busy, now, enqueued):
    state_to_push = _state(busy, 2)
    sent = _result(busy, make.session("CP1"), 1, due_at=now)
    promised = _result(busy, make.session("CP3"), 3, due_at=now, url="https://jed.example/promised")
    deliver(sent, now=now)
    assert [request.url for request in partner.requests][:2] == ["https://jed.example/r", promised.url]
    for message in (sent, promised, state_to_push):
        message.refresh_from_db()
        assert message.attempt_count == message.attempts.count() == 1
    assert enqueued == []


def test_whoever_delivers_does_not_go_on_for_ever(partner: Partner, now):
    """A worker that shall end waits for what it has begun."""
    party = make.party()
    first, second = (_result(party, make.session(f"CP{number}"), number, due_at=now) for number in (1, 2))
    begun_long_ago = now - timedelta(seconds=outbox.DRAIN_S)
    OutboxMessage.objects.update(due_at=begun_long_ago)
    assert deliver(first, now=begun_long_ago).status == "DELIVERED"
    second.refresh_from_db()
    assert (second.status, len(partner.requests)) == ("PENDING", 1)


def test_what_is_wrong_with_the_next_message_does_not_undo_the_record_of_this_one(partner: Partner, now, monkeypatch):
    party = make.party()
    first, second = (_result(party, make.session(f"CP{number}"), number, due_at=now) for number in (1, 2))
    content = outbox.content_of

    def fail_for_second(message: OutboxMessage) -> Any:
        if message.pk == second.pk:
            raise RuntimeError("cannot be written")
        return content(message)

    monkeypatch.setattr(outbox, "content_of", fail_for_second)
    assert state(deliver(first, now=now)) == ("DELIVERED", 1)
    second.refresh_from_db()
    assert state(second) == ("PENDING", 0)


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
