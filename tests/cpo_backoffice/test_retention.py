"""Records are deleted when they are old enough and nobody needs them, and not before."""

from datetime import timedelta
from itertools import count
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.utils import timezone

from chargepoints.models import AuditEntry, ChargePointCommand, ChargingSession, MeterValue, OcppMessage
from cpo_backoffice import retention
from ocpi.models import DeliveryAttempt, OutboxMessage, ProfileRequest
from tests.support import factories
from tests.support import ocpi_factories as make

pytestmark = pytest.mark.django_db
NOW = timezone.now()
OLD, YOUNG = NOW - timedelta(days=31), NOW - timedelta(days=29)


@pytest.fixture(autouse=True)
def thirty_days(settings):
    for name in {kept.setting for kept in retention.KEPT}:
        setattr(settings, name, 30)
    cache.clear()


def measured(at, *, count=1):
    point = factories.charge_point() if not MeterValue.objects.exists() else MeterValue.objects.first().charge_point
    MeterValue.objects.bulk_create(MeterValue(charge_point=point, measured_at=at, received_at=at) for _ in range(count))


def command(session, at, status="ACCEPTED"):
    return ChargePointCommand.objects.create(
        charge_point=session.charge_point, session=session, kind="CALL", action="Reset", payload={}, status=status,
        created_at=at, expires_at=at,
    )  # fmt: skip


def message(session, at, **fields):
    return OutboxMessage.objects.create(
        **{"kind": "SESSION", "status": "DELIVERED", **fields}, party=make.Party.objects.get(), session=session,
        due_at=at, created_at=at,
    )  # fmt: skip


def over(identity="CP1"):
    return make.session(identity, state=ChargingSession.State.COMPLETED, ended_at=OLD)


def test_what_is_older_goes_and_what_is_younger_stays():
    measured(OLD, count=2)
    measured(YOUNG)
    assert retention.sweep(now=NOW) == {"chargepoints.MeterValue": 2}
    assert [value.received_at for value in MeterValue.objects.all()] == [YOUNG]


def test_zero_days_is_for_ever(settings):
    settings.KEEP_METER_VALUES_DAYS = 0
    measured(OLD)
    assert retention.sweep(now=NOW) == {}


def test_many_go_in_small_batches(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(retention, "BATCH", 2)
    measured(OLD, count=5)
    measured(YOUNG, count=2)
    assert retention.sweep(now=NOW) == {"chargepoints.MeterValue": 5}
    assert MeterValue.objects.count() == 2


def test_a_run_ends_when_its_time_is_over():
    measured(OLD)
    assert retention.sweep(now=NOW, run_s=0) == {}
    assert MeterValue.objects.count() == 1


@pytest.fixture
def slow_clock(monkeypatch):
    """A tenth of a second passes whenever the sweep looks; the clock of drivers and pools stays what it is."""
    seconds = count()
    monkeypatch.setattr(retention, "time", SimpleNamespace(monotonic=lambda: next(seconds) / 10))
    monkeypatch.setattr(retention, "BATCH", 1)


def test_rows_that_must_stay_keep_neither_others_nor_other_tables_from_being_swept(slow_clock):
    make.party()
    kept = [message(make.session(f"CP{n}"), OLD) for n in range(12)]
    gone = message(over("CP99"), OLD)
    measured(OLD)
    rules = [kept for kept in retention.KEPT if kept.model in {"ocpi.OutboxMessage", "chargepoints.MeterValue"}]
    rules.sort(key=lambda rule: rule.model, reverse=True)
    assert retention.sweep(now=NOW, kept=rules, run_s=2) == {"chargepoints.MeterValue": 1}
    assert retention.sweep(now=NOW, kept=rules, run_s=2) == {"ocpi.OutboxMessage": 1}
    assert not OutboxMessage.objects.filter(pk=gone.pk).exists()
    assert OutboxMessage.objects.count() == len(kept)


def test_after_the_youngest_it_begins_again_at_the_oldest(slow_clock):
    """What had to stay may go by then."""
    make.party()
    session = make.session("CP1")
    message(session, OLD)
    assert retention.sweep(now=NOW) == {}
    ChargingSession.objects.update(state=ChargingSession.State.COMPLETED)
    assert retention.sweep(now=NOW) == {"ocpi.OutboxMessage": 1}


def test_no_table_is_read_beyond_the_first_row_that_is_young_enough(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(retention, "BATCH", 2)
    measured(YOUNG, count=9)
    (kept,) = [kept for kept in retention.KEPT if kept.model == "chargepoints.MeterValue"]
    with django_assert_num_queries(1):
        assert retention.sweep(now=NOW, kept=[kept]) == {}


def test_commands_of_sessions_that_go_on_and_open_ones_stay():
    running, ended = make.session("CP1"), over("CP2")
    kept = [command(running, OLD), command(ended, OLD, "QUEUED"), command(ended, YOUNG)]
    command(ended, OLD)
    assert retention.sweep(now=NOW) == {"chargepoints.ChargePointCommand": 1}
    assert set(ChargePointCommand.objects.all()) == set(kept)


def test_a_kept_row_does_not_keep_younger_ones(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 1)
    ended = over()
    command(ended, OLD, "QUEUED")
    command(ended, OLD)
    assert retention.sweep(now=NOW) == {"chargepoints.ChargePointCommand": 1}


def test_messages_that_have_not_arrived_and_those_of_sessions_that_go_on_stay():
    make.party()
    ended, waits = over("CP1"), over("CP2")
    kept = [message(make.session("CP3"), OLD), message(waits, OLD, status="PENDING")]
    gone = message(ended, OLD)
    DeliveryAttempt.objects.create(message=gone, number=1, method="PUT", url="u", started_at=YOUNG, finished_at=YOUNG)
    assert retention.sweep(now=NOW) == {"ocpi.OutboxMessage": 1}
    assert set(OutboxMessage.objects.all()) == set(kept)


def test_attempts_go_before_their_message():
    make.party()
    sent = message(make.session(), OLD)
    for number, at in enumerate((OLD, YOUNG)):
        DeliveryAttempt.objects.create(
            message=sent, number=number, method="PUT", url="u", started_at=at, finished_at=at
        )
    assert retention.sweep(now=NOW) == {"ocpi.DeliveryAttempt": 1}
    assert [attempt.number for attempt in sent.attempts.all()] == [1]


def test_a_request_without_its_result_stays():
    party, session = make.party(), over()
    rows = [
        ProfileRequest.objects.create(
            party=party, session=session, session_uid=session.uid, kind="SET", response=response, result=result,
            received_at=OLD, timeout_s=30, deadline_at=OLD,
        )
        for response, result in (("ACCEPTED", ""), ("ACCEPTED", "REJECTED"), ("TOO_OFTEN", ""))
    ]  # fmt: skip
    assert retention.sweep(now=NOW) == {"ocpi.ProfileRequest": 2}
    assert list(ProfileRequest.objects.all()) == rows[:1]


def test_what_operators_did_goes_with_its_own_setting_once_its_outcome_is_known(settings):
    settings.KEEP_LOGS_DAYS = 0
    for at, outcome in ((OLD, "DONE"), (OLD, "OPEN"), (YOUNG, "DONE")):
        AuditEntry.objects.create(at=at, username="noor", action="Reset", outcome=outcome)
    assert retention.sweep(now=NOW) == {"chargepoints.AuditEntry": 1}
    settings.KEEP_AUDIT_DAYS = 0
    AuditEntry.objects.update(at=OLD, outcome="DONE")
    assert retention.sweep(now=NOW) == {}


def test_ocpp_messages_go_with_the_other_logs():
    point = factories.charge_point()
    for at in (OLD, YOUNG):
        OcppMessage.objects.create(charge_point=point, at=at, direction="IN", message_id="1", result="answered")
    retention.sweep(now=NOW)
    assert [message.at for message in OcppMessage.objects.all()] == [YOUNG]
