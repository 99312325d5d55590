"""A partner that is down gets no storm, and everything by itself when it answers again."""

from datetime import datetime, timedelta

import pytest

from ocpi import deliveries, outbox, pushes
from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import OutboxMessage, PartnerEndpoint, Party
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START, Partner, answered

pytestmark = pytest.mark.django_db
DOWN = answered(503, ocpi=None)
SILENT = DeliveryFailed(FailureKind.TIMEOUT, "no complete answer in time", maybe_sent=True)


class Clock:
    def __init__(self) -> None:
        self.now = lambda: self.at
        self.at: datetime = START

    def pass_(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(outbox, "timezone", clock)
    monkeypatch.setattr(deliveries, "timezone", clock)
    return clock


@pytest.fixture
def party() -> Party:
    return make.party()


def begun(number: int, clock: Clock) -> OutboxMessage:
    session = make.session(f"CP{number}", ocpp_transaction_id=str(number))
    pushes.session_changed(session, now=clock.at)
    return OutboxMessage.objects.get(session=session)


def deliver(message: OutboxMessage, clock: Clock) -> OutboxMessage:
    outbox.deliver(message.pk, now=clock.at)
    message.refresh_from_db()
    return message


def failing_since() -> datetime | None:
    return PartnerEndpoint.objects.values_list("failing_since", flat=True).get(identifier="sessions")


@pytest.mark.usefixtures("enqueued")
@pytest.mark.parametrize("answer", [DOWN, SILENT, answered(429, ocpi=None), answered(408, ocpi=None)])
def test_no_answer_begins_an_outage_of_this_endpoint(partner: Partner, party, clock, answer):
    partner.answers = [answer, answer]
    message = deliver(begun(1, clock), clock)
    assert failing_since() == START
    clock.at = message.due_at
    deliver(message, clock)
    assert failing_since() == START
    assert PartnerEndpoint.objects.filter(failing_since__isnull=False).count() == 1


@pytest.mark.usefixtures("enqueued")
@pytest.mark.parametrize(
    "answer", [answered(400, ocpi=2001), answered(200, ocpi=2001), answered(404, ocpi=2003)], ids=str
)
def test_a_refusal_is_an_answer(partner: Partner, party, clock, answer):
    partner.answers = [answer]
    deliver(begun(1, clock), clock)
    assert failing_since() is None


@pytest.mark.usefixtures("enqueued")
def test_a_result_that_fails_says_nothing_of_the_endpoints(partner: Partner, party, clock):
    request = make.accepted(party, make.session(), now=clock.at)
    make.finish(request.command, now=clock.at)
    partner.answers = [DOWN]
    deliver(make.message(party, OutboxMessage.Kind.RESULT), clock)
    assert not PartnerEndpoint.objects.filter(failing_since__isnull=False).exists()


@pytest.mark.usefixtures("enqueued")
def test_during_an_outage_one_at_a_time_is_tried(partner: Partner, party, clock):
    first, second = begun(1, clock), begun(2, clock)
    partner.answers = [DOWN]
    deliver(first, clock)
    OutboxMessage.objects.filter(pk=first.pk).update(
        status="SENDING", lease_until=clock.at + timedelta(seconds=60), due_at=clock.at
    )
    assert deliver(second, clock).attempt_count == 0
    OutboxMessage.objects.filter(pk=first.pk).update(status="PENDING")
    assert deliver(second, clock).attempt_count == 1


@pytest.mark.usefixtures("enqueued")
def test_no_worker_goes_on_with_the_rest_after_no_answer(partner: Partner, party, clock):
    first = begun(1, clock)
    begun(2, clock)
    partner.answers = [DOWN, DOWN]
    deliver(first, clock)
    assert len(partner.requests) == 1


@pytest.mark.usefixtures("enqueued")
def test_it_is_tried_every_minute_however_long_the_pauses_are(partner: Partner, party, clock):
    message = begun(1, clock)
    OutboxMessage.objects.update(failures=15)
    partner.answers = [DOWN]
    deliver(message, clock)
    outbox.watch(now=clock.pass_(2))
    message.refresh_from_db()
    assert message.due_at == START + timedelta(seconds=62)
    outbox.watch(now=clock.pass_(2))
    message.refresh_from_db()
    assert message.due_at == START + timedelta(seconds=62)


def fail_all(messages: list[OutboxMessage], partner: Partner, clock: Clock) -> None:
    partner.answers = [DOWN] * len(messages)
    for message in messages:
        deliver(message, clock)
    OutboxMessage.objects.update(failures=10)
    for number, message in enumerate(messages):
        OutboxMessage.objects.filter(pk=message.pk).update(due_at=clock.at + timedelta(seconds=500 - number))


def test_the_first_answer_after_an_outage_makes_everything_due_the_oldest_first(
    partner: Partner, party, clock, enqueued
):
    messages = [begun(number, clock) for number in range(4)]
    fail_all(messages, partner, clock)
    clock.pass_(120)
    fresh = begun(9, clock)
    del enqueued[:]
    deliver(fresh, clock)
    sent = [body["id"] for body in partner.bodies[4:]]
    assert sent == [fresh.session.uid, *(message.session.uid for message in messages)]
    assert failing_since() is None
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"DELIVERED"}


@pytest.mark.usefixtures("enqueued")
def test_after_a_short_one_each_keeps_its_pause(partner: Partner, party, clock):
    """What alone fails among much that succeeds would be tried all the time."""
    messages = [begun(number, clock) for number in range(2)]
    fail_all(messages, partner, clock)
    clock.pass_(29)
    deliver(begun(9, clock), clock)
    assert failing_since() is None
    assert [deliver(message, clock).status for message in messages] == ["PENDING", "PENDING"]


@pytest.mark.usefixtures("enqueued")
def test_the_other_endpoint_and_other_parties_keep_theirs(partner: Partner, party, clock):
    other = make.party("OTH")
    session = make.session()
    pushes.session_changed(session, now=clock.at)
    plan = OutboxMessage.objects.create(
        kind="ACTIVE_PROFILE", party=party, session=session, due_at=START + timedelta(seconds=500), created_at=START,
        body={}, failures=3,
    )  # fmt: skip
    theirs = make.message(other, OutboxMessage.Kind.SESSION)
    OutboxMessage.objects.filter(pk=theirs.pk).update(failures=3, due_at=START + timedelta(seconds=500))
    mine = make.message(party, OutboxMessage.Kind.SESSION)
    fail_all([mine], partner, clock)
    OutboxMessage.objects.filter(pk__in=[plan.pk, theirs.pk]).update(due_at=START + timedelta(seconds=500))
    clock.pass_(120)
    OutboxMessage.objects.filter(pk=mine.pk).update(due_at=clock.at)
    assert deliver(mine, clock).status == "DELIVERED"
    assert {deliver(message, clock).status for message in (plan, theirs)} == {"PENDING"}
