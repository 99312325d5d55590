"""Charging periods reach a partner once each, whatever fails (OCPI 2.2.1 mod_sessions, PUT and PATCH Method)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from chargepoints.models import ChargingSession, MeterValue
from ocpi import charging_periods, outbox, pushes
from ocpi.models import DeliveryAttempt, OutboxMessage
from ocpi.simulator.session_rules import SessionKey, patch_session, put_session
from ocpi.v2_2_1.session_objects import session_object
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START, Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
INTERVAL = timedelta(seconds=31)


class Receiver:
    """What a partner that follows the specification has after each answer of 2xx."""

    def __init__(self, partner: Partner, session: ChargingSession) -> None:
        self.partner, self.key = partner, SessionKey("NL", "CPO", session.uid)

    @property
    def has(self) -> dict[str, Any]:
        stored = None
        for request in self.partner.requests:
            stored = (put_session if request.method == "PUT" else patch_session)(stored, request.body, self.key)
        return {name: value for name, value in stored.items() if value != []}


@pytest.fixture
def session() -> ChargingSession:
    make.party()
    return make.session()


@pytest.fixture
def receiver(partner: Partner, session: ChargingSession) -> Receiver:
    return Receiver(partner, session)


def measure(session: ChargingSession, minute: float, wh: int) -> None:
    at = START + timedelta(minutes=minute)
    MeterValue.objects.create(
        charge_point=session.charge_point, session=session, measured_at=at, received_at=at, energy_wh=wh, power_w=7000
    )
    session.measured_at, session.kwh, session.last_updated = at, Decimal(wh) / 1000, at
    session.save()
    pushes.sessions_metered([session])


def push(session: ChargingSession) -> OutboxMessage:
    pushes.session_changed(session, now=timezone.now())
    message = OutboxMessage.objects.get()
    outbox.deliver(message.pk, now=message.due_at)
    message.refresh_from_db()
    return message


def whole(session: ChargingSession) -> dict[str, Any]:
    read = ChargingSession.objects.select_related("evse__charge_point__location", "connector").get(pk=session.pk)
    return session_object(read, charging_periods.of([read])[read.pk])


def sent_periods(partner: Partner) -> list[tuple[str, int]]:
    return [(request.method, len(request.body.get("charging_periods", []))) for request in partner.requests]


def test_a_patch_brings_only_periods_that_are_new_and_over(partner: Partner, receiver, session):
    push(session)
    for minute in (3, 5, 8, 10, 16):
        measure(session, minute, minute * 100)
        push(session)
        assert receiver.has == whole(session)
    assert sent_periods(partner) == [("PUT", 0), ("PATCH", 0), ("PATCH", 1), ("PATCH", 0), ("PATCH", 1), ("PATCH", 1)]
    assert "charging_periods" not in partner.bodies[1]


def test_the_end_of_the_session_brings_the_last_one(partner: Partner, receiver, session):
    push(session)
    measure(session, 5, 500)
    session.state, session.ended_at = "COMPLETED", START + timedelta(minutes=7)
    session.save()
    push(session)
    assert sent_periods(partner) == [("PUT", 0), ("PATCH", 2)]
    assert receiver.has == whole(session)


def test_after_doubt_all_of_them_go_by_put_and_none_twice(partner: Partner, session):
    push(session)
    measure(session, 5, 500)
    partner.answers = [answered(500, ocpi=None)]
    push(session)
    measure(session, 10, 900)
    push(session)
    measure(session, 15, 1200)
    push(session)
    assert sent_periods(partner) == [("PUT", 0), ("PATCH", 1), ("PUT", 2), ("PATCH", 1)]
    assert len(partner.bodies[2]["charging_periods"]) == 2
    last = partner.bodies[2]["charging_periods"] + partner.bodies[3]["charging_periods"]
    assert last == whole(session)["charging_periods"]


def test_a_period_that_turned_out_otherwise_makes_a_put(partner: Partner, receiver, session):
    push(session)
    measure(session, 5, 500)
    push(session)
    late = START + timedelta(minutes=2)
    MeterValue.objects.create(
        charge_point=session.charge_point, session=session, measured_at=late, received_at=late, power_w=0
    )
    session.state, session.ended_at = "COMPLETED", START + timedelta(minutes=7)
    session.save()
    push(session)
    assert sent_periods(partner) == [("PUT", 0), ("PATCH", 1), ("PUT", 2)]
    assert receiver.has == whole(session)


def test_what_the_partner_has_is_remembered_in_a_few_bytes(partner: Partner, session):
    push(session)
    for minute in range(5, 500, 5):
        measure(session, minute, minute * 100)
    message = push(session)
    count = len(whole(session)["charging_periods"])
    assert count > 40
    assert message.delivered_body["charging_periods"]["count"] == count
    assert len(str(message.delivered_body)) < 900


# --- silence --------------------------------------------------------------------------------------------------------


def test_a_change_that_the_partner_does_not_see_is_not_sent(partner: Partner, session):
    """Every update makes a smart charging provider recompute its profile."""
    message = push(session)
    session.power_w, session.last_updated = Decimal(7000), START + timedelta(minutes=1)
    session.save()
    pushes.sessions_metered([session])
    outbox.deliver(message.pk, now=message.due_at)
    message.refresh_from_db()
    assert (len(partner.requests), DeliveryAttempt.objects.count()) == (1, 1)
    assert (message.status, message.attempt_count) == ("DELIVERED", 1)
    assert message.delivered_revision == message.revision


def test_silence_does_not_keep_others_waiting_nor_itself_from_the_next_change(partner: Partner, session):
    message = push(session)
    pushes.sessions_metered([session])
    other = make.session("CP2", ocpp_transaction_id="4712")
    pushes.session_changed(other, now=timezone.now())
    outbox.deliver(message.pk, now=message.due_at)
    assert [request.body["id"] for request in partner.requests] == [session.uid, other.uid]
    message.refresh_from_db()
    measure(session, 2, 100)
    outbox.deliver(message.pk, now=message.due_at + INTERVAL)
    assert partner.bodies[-1]["kwh"] == 0.1


def test_a_change_that_comes_while_it_is_found_silent_is_sent(partner: Partner, session, monkeypatch):
    message = push(session)
    pushes.sessions_metered([session])
    attempt = outbox.make_attempt

    def meanwhile(delivery: Any) -> Any:
        monkeypatch.setattr(outbox, "make_attempt", attempt)
        measure(session, 2, 100)
        return attempt(delivery)

    monkeypatch.setattr(outbox, "make_attempt", meanwhile)
    outbox.deliver(message.pk, now=message.due_at)
    message.refresh_from_db()
    assert message.status == "PENDING"
    outbox.deliver(message.pk, now=message.due_at)
    assert partner.bodies[-1]["kwh"] == 0.1


def test_what_an_operator_sends_again_goes_whole_though_nothing_changed(partner: Partner, session):
    message = push(session)
    assert outbox.retry_now(message, now=message.due_at)
    outbox.deliver(message.pk, now=message.due_at)
    assert [request.method for request in partner.requests] == ["PUT", "PUT"]
