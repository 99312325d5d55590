"""Service levels are added up five minutes at a time, from the rows."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, MeterValue
from chargepoints.profiles.history_state import histories
from ocpi import service_slots
from ocpi.models import DeliveryAttempt, OutboxMessage, Party, ProfileRequest, ServiceSlot
from ocpi.service_levels import Figures, total
from ocpi.service_slots import SLOT, slot_of
from tests.support import ocpi_factories as make
from tests.support.factories import NOW, at, schedule
from tests.support.operators import make_request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
MINUTE = 60


@pytest.fixture
def party() -> Party:
    """Known for an hour at NOW."""
    created = make.party()
    Party.objects.filter(pk=created.pk).update(created_at=at(-3600))
    return Party.objects.get(pk=created.pk)


@pytest.fixture
def session() -> ChargingSession:
    return make.session(started_at=at(-3600), last_updated=at(3600))


def command(session: ChargingSession, seconds: float, *, limit: int | None = None, **fields: Any) -> ChargePointCommand:
    """About the party's profile, answered a second after it was sent; without a limit it clears."""
    profile, _ = ChargingProfile.objects.get_or_create(
        session=session, owner="NL*JED", defaults={"ever_accepted": True}
    )
    payload = {} if limit is None else {"schedule": schedule(limit, start_at=at(seconds)).to_json()}
    defaults = {
        "kind": "SET_PROFILE" if payload else "CLEAR_PROFILE", "action": "X", "status": "ACCEPTED", "payload": payload,
        "requested_by": "NL*JED", "created_at": at(seconds), "sent_at": at(seconds), "finished_at": at(seconds + 1),
        "expires_at": at(seconds + 30),
    }  # fmt: skip
    return ChargePointCommand.objects.create(
        charge_point=session.charge_point, session=session, profile=profile, **(defaults | fields)
    )


def asked(
    party: Party, session: ChargingSession, seconds: float, *, delivered: bool = True, **fields: Any
) -> ProfileRequest:
    """Applied after a second, and delivered after two."""
    defaults = {"command": command(session, seconds, limit=16), "result": "ACCEPTED", "result_at": at(seconds + 1)}
    request = make_request(party, session, at=at(seconds), **(defaults | fields))
    status = {"status": "DELIVERED", "delivered_at": at(seconds + 2)} if delivered else {"status": "EXPIRED"}
    message = OutboxMessage.objects.create(
        party=party, session=session, kind="RESULT", profile_request=request, due_at=at(seconds),
        created_at=at(seconds), **status,
    )  # fmt: skip
    DeliveryAttempt.objects.create(
        message=message, party=party, number=1, method="POST", url="https://jed.example", started_at=at(seconds + 1),
        finished_at=at(seconds + 2), duration_ms=1000, error="" if delivered else "HTTP 500",
    )  # fmt: skip
    return request


def measured(session: ChargingSession, *readings: tuple[float, int]) -> None:
    for seconds, current_a in readings:
        MeterValue.objects.create(
            charge_point=session.charge_point, session=session, measured_at=at(seconds), received_at=at(seconds),
            current_a=Decimal(current_a),
        )  # fmt: skip


def settle() -> None:
    """As beat does until nothing is left to count."""
    for _ in range(3):
        service_slots.watch(now=at(3600))


def counted(party: Party, *, since: float = -3600) -> Figures:
    return total(figures for _, figures in service_slots.slots(party, since=at(since)))


def test_what_a_party_asked_and_got_is_in_its_slot(party, session):
    asked(party, session, 0)
    asked(party, session, 10, delivered=False)
    make_request(party, session, at=at(20), response="REJECTED")
    service_slots.watch(now=at(MINUTE))
    assert [start for start, _ in service_slots.slots(party, since=at(-3600))] == [slot_of(NOW)]
    figures = counted(party)
    assert dict(figures.counts) == {
        "response.ACCEPTED": 2, "response.REJECTED": 1, "result.ACCEPTED": 2, "promised": 2, "lost": 1,
        "delivered": 1, "failed": 1,
    }  # fmt: skip
    assert timedelta(seconds=1) <= figures.percentile("apply", 0.95) < timedelta(seconds=1.06)
    assert timedelta(seconds=2) <= figures.percentile("result", 0.95) < timedelta(seconds=2.11)


def test_another_partys_requests_are_not_counted(party, session):
    asked(make.party("OTH"), session, 0)
    service_slots.watch(now=at(MINUTE))
    assert not counted(party)


def test_what_was_accepted_without_being_sent_took_no_time_to_apply(party, session):
    asked(party, session, 0, command=command(session, 0, limit=16, sent_at=None))
    asked(party, session, 1, command=command(session, 1, limit=16, status="REJECTED"), result="REJECTED")
    service_slots.watch(now=at(MINUTE))
    assert "apply" not in counted(party).times


def test_a_slot_that_may_change_is_counted_anew_and_one_that_may_not_is_left(party, session):
    request = asked(party, session, 0, delivered=False)
    service_slots.watch(now=at(20))
    assert counted(party).count("lost") == 0
    service_slots.watch(now=at(40))
    assert counted(party).count("lost") == 1
    settle()
    party.refresh_from_db()
    assert party.figures_until > at(SLOT.total_seconds())
    request.delete()
    service_slots.watch(now=at(3610))
    assert counted(party).count("lost") == 1


def test_a_long_pause_is_made_up_for_little_by_little(party):
    service_slots.watch(now=at(8 * 3600))
    party.refresh_from_db()
    assert party.figures_until == at(-3600) + service_slots.SLOTS_AT_ONCE * SLOT
    assert ServiceSlot.objects.count() == 0  # nothing happened, nothing is kept


def test_nothing_older_than_a_week_is_counted(party):
    service_slots.watch(now=at(30 * 86_400))
    party.refresh_from_db()
    assert party.figures_until == at(23 * 86_400) + service_slots.SLOTS_AT_ONCE * SLOT


def test_what_is_too_old_is_deleted(party):
    for days in (7, 9):
        ServiceSlot.objects.create(party=party, start=at(-days * 86_400), counts={"lost": 1})
    service_slots.watch(now=NOW)
    assert [slot.start for slot in ServiceSlot.objects.all()] == [at(-7 * 86_400)]


def test_of_two_workers_one_counts_a_slot_for_good(party):
    stale = Party.objects.get(pk=party.pk)
    assert service_slots._count_for_good(party, at(-3600), now=NOW)
    assert not service_slots._count_for_good(stale, at(-3600), now=NOW)


def test_what_is_wrong_with_one_party_stops_no_other(party, session, monkeypatch, caplog):
    make.party("AAA")
    Party.objects.update(created_at=at(-3600))
    asked(party, session, 0)
    whole = service_slots.figures_of

    def fails_for_one(of: Party, *args: Any, **kwargs: Any) -> Figures:
        if of.party_id == "AAA":
            raise ValueError("cannot")
        return whole(of, *args, **kwargs)

    monkeypatch.setattr(service_slots, "figures_of", fails_for_one)
    service_slots.watch(now=at(MINUTE))
    assert counted(party).count("promised") == 1
    assert "service levels of party NL*AAA" in caplog.text


# --- compliance -----------------------------------------------------------------------------------------------------


def test_readings_are_judged_by_what_was_in_force_at_their_moment(party, session):
    command(session, -1800, limit=32)
    command(session, 0, limit=16)
    command(session, 120, limit=8, status="REJECTED")
    command(session, 200)
    measured(session, (-60, 32), (20, 32), (60, 16), (90, 20), (180, 16), (250, 32))
    settle()
    found = counted(party)
    assert (found.count("judged"), found.count("within")) == (5, 4)


def test_without_a_profile_that_was_taken_nothing_is_judged(party, session):
    command(session, 0, limit=16)
    ChargingProfile.objects.update(ever_accepted=False)
    measured(session, (60, 32))
    settle()
    assert counted(party).count("judged") == 0


def test_another_partys_profile_is_not_this_partys(party, session):
    command(session, 0, limit=16)
    ChargingProfile.objects.update(owner="NL*OTH")
    measured(session, (60, 32))
    settle()
    assert counted(party).count("judged") == 0


def test_where_many_charge_readings_wait_until_their_slot_is_counted_for_good(party, session, monkeypatch):
    monkeypatch.setattr(service_slots, "SESSIONS_AT_ONCE", 1)
    other = make.session("CP2", started_at=at(-3600), last_updated=at(3600), ocpp_transaction_id="4712")
    for one in (session, other):
        command(one, 0, limit=16)
        measured(one, (60, 16))
    service_slots.watch(now=at(120))
    assert counted(party).count("judged") == 0
    settle()
    assert counted(party).count("judged") == 2


def test_the_history_of_a_profile_takes_two_queries_however_much_it_was_told(session, django_assert_num_queries):
    for second in range(20):
        command(session, -86_400 + second, limit=6 + second)
    profile = ChargingProfile.objects.get()
    with django_assert_num_queries(2):
        (told,) = histories([profile.pk], since=NOW, until=at(300))[profile.pk]
    assert told.schedule.periods[0].limit == 25


def test_sessions_cost_no_query_each(party, session):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            service_slots.figures_of(party, slot_of(NOW), now=at(600))
        return len(captured)

    command(session, 0, limit=16)
    measured(session, (60, 16))
    few = queries()
    for number in range(3):
        other = make.session(f"CP{number + 2}", started_at=NOW, last_updated=at(60), ocpp_transaction_id=str(number))
        command(other, 0, limit=16)
        measured(other, (60, 16))
    assert queries() == few == 7
