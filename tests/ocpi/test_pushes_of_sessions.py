"""Sessions are pushed as they are now, coalesced and throttled (OCPI 2.2.1 mod_sessions, Push model)."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from chargepoints import metering, sessions
from chargepoints.models import ChargingSession, DriverToken, Evse
from chargepoints.provisioning import add_charge_point
from chargepoints.values import MeterFacts, Reading, StartFacts, StopFacts
from ocpi import outbox, pushes
from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import DeliveryAttempt, OutboxMessage, PartnerEndpoint, Party
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

SESSION = OutboxMessage.Kind.SESSION
INTERVAL = timedelta(seconds=30)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def party() -> Party:
    return make.party()


@pytest.fixture
def session() -> ChargingSession:
    return make.session()


def changed(session: ChargingSession, *, now: datetime, urgent: bool = False, **fields: Any) -> None:
    """What `chargepoints.sessions` does: the row, then the event."""
    for name, value in {**fields, "last_updated": now}.items():
        setattr(session, name, value)
    session.save()
    if urgent:
        pushes.session_changed(session, now=now)
    else:
        pushes.sessions_metered([session])


def opened(session: ChargingSession, *, now: datetime) -> OutboxMessage:
    changed(session, now=now, urgent=True)
    return OutboxMessage.objects.get(kind=SESSION, session=session)


def deliver(message: OutboxMessage, *, now: datetime) -> OutboxMessage:
    outbox.deliver(message.pk, now=now)
    message.refresh_from_db()
    return message


def delivered(session: ChargingSession, *, now: datetime) -> OutboxMessage:
    message = deliver(opened(session, now=now), now=now)
    assert message.status == "DELIVERED"
    return message


# --- to whom --------------------------------------------------------------------------------------------------------


def test_a_new_session_is_pushed_at_once_to_every_party_that_sees_it(party, session, now, enqueued):
    other = make.party("OTH")
    changed(session, now=now, urgent=True)
    messages = OutboxMessage.objects.order_by("party")
    assert [(m.kind, m.party_id, m.status, m.due_at) for m in messages] == [
        ("SESSION", party.pk, "PENDING", now), ("SESSION", other.pk, "PENDING", now),
    ]  # fmt: skip
    assert sorted(enqueued) == sorted(m.pk for m in messages)


def _disabled(party: Party, session: ChargingSession) -> None:
    Party.objects.update(enabled=False)


def _unshared(party: Party, session: ChargingSession) -> None:
    Party.objects.update(shares_all_evses=False)


def _without_endpoint(party: Party, session: ChargingSession) -> None:
    PartnerEndpoint.objects.filter(identifier="sessions").delete()


def _sender_only(party: Party, session: ChargingSession) -> None:
    PartnerEndpoint.objects.filter(identifier="sessions").update(role="SENDER")


EXCLUDED = [_disabled, _unshared, _without_endpoint, _sender_only]


@pytest.mark.parametrize("exclude", EXCLUDED)
def test_nothing_is_pushed_to_a_party_that_may_not_or_cannot_hear_it(party, session, now, enqueued, exclude):
    exclude(party, session)
    changed(session, now=now, urgent=True)
    assert (OutboxMessage.objects.count(), enqueued) == (0, [])


@pytest.mark.parametrize("exclude", EXCLUDED)
@pytest.mark.parametrize("urgent", [True, False])
def test_a_party_that_may_not_or_cannot_hear_it_any_more_is_not_even_tried(
    partner: Partner, party, session, now, exclude, urgent
):
    message = delivered(session, now=now)
    exclude(party, session)
    changed(session, now=now + INTERVAL, urgent=urgent, kwh=Decimal(1))
    for seconds in (31, 62):
        outbox.watch(now=now + timedelta(seconds=seconds))
        deliver(message, now=now + timedelta(seconds=seconds))
    assert (len(partner.requests), DeliveryAttempt.objects.count()) == (1, 1)


def test_a_party_switched_on_again_gets_the_present_state_by_itself(partner: Partner, party, session, now, enqueued):
    message = delivered(session, now=now)
    _disabled(party, session)
    changed(session, now=now + INTERVAL, urgent=True, state="COMPLETED", kwh=Decimal(7))
    deliver(message, now=now + INTERVAL)
    Party.objects.update(enabled=True)
    del enqueued[:]
    outbox.watch(now=now + INTERVAL)
    assert enqueued == [message.pk]
    assert deliver(message, now=now + INTERVAL).status == "DELIVERED"
    assert partner.bodies[-1] == {"kwh": 7, "status": "COMPLETED", "last_updated": partner.bodies[-1]["last_updated"]}


def test_only_parties_with_this_evse_hear_of_it(session, now):
    other_session = make.session("CP2", ocpp_transaction_id="4712")
    sees, sees_not = make.party("AAA"), make.party("BBB")
    make.share_only(of=sees, evses=[session.evse])
    make.share_only(of=sees_not, evses=[other_session.evse])
    changed(session, now=now, urgent=True)
    assert [m.party for m in OutboxMessage.objects.all()] == [sees]


@pytest.mark.parametrize("state", ["COMPLETED", "INVALID"])
def test_a_session_that_is_over_is_not_opened_for_anybody(party, session, now, state):
    changed(session, now=now, urgent=True, state=state)
    assert OutboxMessage.objects.count() == 0


# --- coalescing and throttle ----------------------------------------------------------------------------------------


def test_figures_alone_open_nothing(party, session, now):
    changed(session, now=now, kwh=Decimal(1))
    assert OutboxMessage.objects.count() == 0


def test_many_changes_are_one_push_of_the_newest_state(partner: Partner, party, session, now, enqueued):
    message = delivered(session, now=now)
    del enqueued[:]
    for number in range(1, 21):
        changed(session, now=now + timedelta(seconds=number), kwh=Decimal(number))
    message.refresh_from_db()
    assert (enqueued, message.status) == ([], "PENDING")
    early = message.due_at - timedelta(seconds=1)
    assert deliver(message, now=early).status == "PENDING"
    outbox.watch(now=early)
    assert enqueued == []
    outbox.watch(now=message.due_at)
    assert enqueued == [message.pk]
    assert deliver(message, now=message.due_at).status == "DELIVERED"
    assert [request.method for request in partner.requests] == ["PUT", "PATCH"]
    assert partner.bodies[-1]["kwh"] == 20


def test_the_next_push_of_figures_is_due_an_interval_after_the_last_delivery(partner, party, session, now):
    message = delivered(session, now=now)
    assert message.due_at == message.delivered_at + INTERVAL


def test_a_change_of_state_goes_at_once(partner: Partner, party, session, now, enqueued):
    message = delivered(session, now=now)
    del enqueued[:]
    at = now + timedelta(seconds=2)
    changed(session, now=at, urgent=True, state="COMPLETED")
    assert enqueued == [message.pk]
    assert deliver(message, now=at).status == "DELIVERED"
    assert partner.bodies[-1]["status"] == "COMPLETED"


def test_a_change_of_state_does_not_wait_for_a_pause_after_failures(partner: Partner, party, session, now):
    partner.answers = [answered(500, ocpi=None)] * 3
    message = opened(session, now=now)
    for _ in range(3):
        message = deliver(message, now=message.due_at)
    at = timezone.now() + timedelta(seconds=1)
    assert message.due_at > at
    changed(session, now=at, urgent=True, state="COMPLETED")
    assert deliver(message, now=at).status == "DELIVERED"


def test_a_change_while_it_is_on_its_way_leads_to_another_push(partner: Partner, party, session, now):
    message = opened(session, now=now)
    partner.on_the_way = lambda: changed(session, now=timezone.now(), kwh=Decimal(3))
    deliver(message, now=now)
    partner.on_the_way = lambda: None
    assert message.status == "PENDING"
    assert message.due_at == message.delivered_at + INTERVAL
    assert deliver(message, now=message.due_at).status == "DELIVERED"
    assert (partner.bodies[0]["kwh"], partner.bodies[1]["kwh"]) == (0, 3)


def test_a_new_state_while_it_is_on_its_way_goes_right_after(partner: Partner, party, session, now):
    message = opened(session, now=now)

    def complete() -> None:
        partner.on_the_way = lambda: None
        changed(session, now=timezone.now(), urgent=True, state="COMPLETED")

    partner.on_the_way = complete
    deliver(message, now=now)
    assert message.status == "DELIVERED"
    assert [body["status"] for body in partner.bodies] == ["ACTIVE", "COMPLETED"]


def test_a_push_with_nothing_new_leaves_nothing_pending(partner: Partner, party, session, now):
    message = delivered(session, now=now)
    outbox.watch(now=now + timedelta(hours=1))
    deliver(message, now=now + timedelta(hours=1))
    assert len(partner.requests) == 1


# --- PUT, then PATCH, and PUT after any doubt -----------------------------------------------------------------------


def test_put_first_then_patch_with_last_updated_and_only_what_differs(partner: Partner, party, session, now):
    """OCPI 2.2.1 mod_sessions, PATCH Method."""
    message = delivered(session, now=now)
    changed(session, now=now + INTERVAL, kwh=Decimal("1.5"))
    deliver(message, now=message.due_at + INTERVAL)
    url = f"https://jed.example/ocpi/sessions/NL/CPO/{session.uid}"
    assert partner.calls == [("PUT", url), ("PATCH", url)]
    assert sorted(partner.bodies[1]) == ["kwh", "last_updated"]
    assert partner.bodies[1]["kwh"] == Decimal("1.5")


def test_no_patch_before_a_confirmed_put(partner: Partner, party, session, now):
    partner.answers = [answered(500, ocpi=None)]
    message = deliver(opened(session, now=now), now=now)
    changed(session, now=now, kwh=Decimal(2))
    deliver(message, now=message.due_at)
    assert [request.method for request in partner.requests] == ["PUT", "PUT"]
    assert partner.bodies[1]["kwh"] == 2


FAILURES = [
    DeliveryFailed(FailureKind.TIMEOUT, "no complete answer in time", maybe_sent=True),
    DeliveryFailed(FailureKind.CONNECT, "no connection"),
    answered(404, ocpi=2003),
    answered(400, ocpi=2000),
    answered(500, ocpi=None),
    answered(200, ocpi=2001),
    answered(200, ocpi=3000),
    answered(200, ocpi=None, text='{"status_code":1000,"times'),
    answered(200, ocpi=None, text="<!doctype html>"),
]


def words(answer: Any) -> str:
    if isinstance(answer, Exception):
        return str(answer)
    return f"{answer.http_status} {answer.ocpi_status_code} {answer.text}".strip()


@pytest.mark.parametrize("failure", FAILURES, ids=words)
def test_after_any_failure_the_whole_present_state_is_put(partner: Partner, party, session, now, failure):
    """Nothing stale is replayed, and a repeated PATCH would duplicate charging periods."""
    message = delivered(session, now=now)
    changed(session, now=now + INTERVAL, kwh=Decimal(1))
    partner.answers = [failure]
    deliver(message, now=message.due_at + INTERVAL)
    changed(session, now=now + 2 * INTERVAL, kwh=Decimal(2))
    assert deliver(message, now=message.due_at + INTERVAL).status == "DELIVERED"
    assert [request.method for request in partner.requests] == ["PUT", "PATCH", "PUT"]
    assert (partner.bodies[2]["kwh"], partner.bodies[2]["id"]) == (2, session.uid)
    assert sorted(partner.bodies[2]) == sorted(partner.bodies[0])


def test_an_empty_answer_with_success_is_one(partner: Partner, party, session, now):
    partner.answers = [answered(204, ocpi=None), answered(200, ocpi=None, text="\n")]
    message = delivered(session, now=now)
    changed(session, now=now + INTERVAL, kwh=Decimal(1))
    assert deliver(message, now=message.due_at + INTERVAL).status == "DELIVERED"
    assert [request.method for request in partner.requests] == ["PUT", "PATCH"]


def test_pauses_grow_to_ten_minutes_and_a_success_ends_them(partner: Partner, party, session, now):
    message = opened(session, now=now)
    OutboxMessage.objects.update(failures=20)
    partner.answers = [answered(500, ocpi=None)]
    message = deliver(message, now=now)
    assert message.failures == 21
    assert timedelta(seconds=595) < message.due_at - now < timedelta(seconds=605)
    assert deliver(message, now=message.due_at).failures == 0


@pytest.mark.parametrize("sent", [True, False])
def test_after_a_crash_the_whole_session_is_put(partner: Partner, party, session, now, sent):
    """A session may arrive twice: it carries a whole state."""
    message = delivered(session, now=now)
    changed(session, now=now + INTERVAL, kwh=Decimal(1))
    at = message.due_at + INTERVAL
    OutboxMessage.objects.update(status="SENDING", lease_until=at)
    DeliveryAttempt.objects.create(message=message, number=2, started_at=at, sent_at=at if sent else None)
    outbox.watch(now=at + timedelta(seconds=1))
    message.refresh_from_db()
    assert message.status == "PENDING"
    assert deliver(message, now=at + timedelta(seconds=1)).status == "DELIVERED"
    assert [request.method for request in partner.requests] == ["PUT", "PUT"]


def test_a_push_is_given_up_a_day_after_the_session_ended(partner: Partner, party, session, now):
    message = opened(session, now=now)
    partner.answers = [answered(500, ocpi=None)] * 2
    changed(session, now=now, urgent=True, state="COMPLETED", ended_at=now - timedelta(hours=23))
    assert deliver(message, now=now).status == "PENDING"
    changed(session, now=now, ended_at=now - timedelta(hours=25))
    assert deliver(message, now=message.due_at).status == "FAILED"


# --- again, by hand -------------------------------------------------------------------------------------------------


def test_pushing_again_puts_the_whole_session_whatever_the_partner_has(partner: Partner, party, session, now):
    message = delivered(session, now=now)
    assert len(pushes.push_again(session, now=now + timedelta(seconds=1))) == 1
    deliver(message, now=now + timedelta(seconds=1))
    assert [request.method for request in partner.requests] == ["PUT", "PUT"]


def test_pushing_again_while_a_patch_is_on_its_way_still_puts_the_whole_session(partner: Partner, party, session, now):
    message = delivered(session, now=now)
    changed(session, now=now + INTERVAL, kwh=Decimal(1))

    def push() -> None:
        partner.on_the_way = lambda: None
        pushes.push_again(session, now=timezone.now() + INTERVAL)

    partner.on_the_way = push
    deliver(message, now=message.due_at + INTERVAL)
    deliver(message, now=message.due_at + INTERVAL)
    assert [request.method for request in partner.requests] == ["PUT", "PATCH", "PUT"]


def test_pushing_again_reaches_a_party_that_came_later_and_none_that_may_not_see_it(session, now, enqueued):
    make.party("OLD", shares_all_evses=False)
    came_later = make.party()
    assert len(pushes.push_again(session, now=now)) == 1
    message = OutboxMessage.objects.get()
    assert (message.party, message.status, enqueued) == (came_later, "PENDING", [message.pk])


# --- the charge point's side ----------------------------------------------------------------------------------------


def test_from_start_to_stop_a_partner_sees_put_patch_patch(partner: Partner, party, now, enqueued):
    """The domain's own events, in its own transaction."""
    evse = _evse()
    DriverToken.objects.create(uid="CARD1")
    start = StartFacts(evse_id=1, id_token="CARD1", meter_start_wh=Decimal(0), started_at=now)
    transaction_id = sessions.start(evse.charge_point_id, start, now=now).transaction_id
    message = OutboxMessage.objects.get()
    deliver(message, now=now)
    reading = Reading(measured_at=now + INTERVAL, samples=(), energy_wh=Decimal(2500))
    metering.meter(evse.charge_point_id, MeterFacts(1, transaction_id, (reading,)), now=now + INTERVAL)
    deliver(message, now=message.due_at + INTERVAL)
    at = now + 2 * INTERVAL
    sessions.stop(evse.charge_point_id, StopFacts(transaction_id, Decimal(4000), at), now=at)
    deliver(message, now=at)
    assert [request.method for request in partner.requests] == ["PUT", "PATCH", "PATCH"]
    assert [body["kwh"] for body in partner.bodies] == [0, Decimal("2.5"), 4]
    assert (partner.bodies[0]["status"], partner.bodies[2]["status"]) == ("ACTIVE", "COMPLETED")
    assert "end_date_time" in partner.bodies[2]


def test_a_rolled_back_change_leaves_no_message(party, now):
    """Receivers run in the same transaction."""
    evse = _evse()
    start = StartFacts(evse_id=1, id_token="CARD1", meter_start_wh=Decimal(0), started_at=now)
    DriverToken.objects.create(uid="CARD1")
    with make.no_new(OutboxMessage, ChargingSession), transaction.atomic():
        sessions.start(evse.charge_point_id, start, now=now)
        assert OutboxMessage.objects.count() == 1
        transaction.set_rollback(True)


def _evse() -> Evse:
    return add_charge_point(identity="CP9", unit="AW").evses.get()
