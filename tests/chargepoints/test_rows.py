"""Rows without the ORM's compiler hold and find exactly what the ORM does, on both databases."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from chargepoints.models import (
    ChargePoint,
    ChargePointCommand,
    ChargingProfile,
    ChargingSession,
    DriverToken,
    Evse,
    rows,
)
from tests.support import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def columns(instance: models.Model) -> dict:
    return {field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields}


@pytest.fixture
def session() -> ChargingSession:
    return factories.session(
        kwh=Decimal("1.2345"), power_w=Decimal("11040.0"), notes=["ä", "b'\"%s"], measured_at=NOW,
        charging_preferences={"limit": 6.1, "none": None},
    )  # fmt: skip


def command(session: ChargingSession, **fields) -> ChargePointCommand:
    given = {"kind": "CALL", "action": "Reset", "payload": {"type": "Soft", "é": [1, None]}, "requested_by": "test",
             "created_at": NOW, "expires_at": NOW + timedelta(seconds=30), "charge_point": session.charge_point,
             "session": session}  # fmt: skip
    return ChargePointCommand(**given | fields)


def test_a_row_found_is_the_one_the_orm_gets(session):
    for model in (ChargingSession, ChargePoint, Evse):
        expected = model.objects.get()
        found = rows.find(model, pk=expected.pk)
        assert (type(found), columns(found)) == (model, columns(expected))
        assert (found._state.adding, found._state.db) == (False, "default")


def test_every_model_of_the_product_can_be_read():
    for model in (*apps.get_app_config("chargepoints").get_models(), *apps.get_app_config("ocpi").get_models()):
        assert rows.find(model, pk=None) is None


def test_a_row_added_is_the_one_the_orm_adds(session):
    added, saved = rows.add(command(session)), command(session)
    saved.save()
    assert columns(ChargePointCommand.objects.get(pk=added.pk)) | {"id": saved.pk} == columns(
        ChargePointCommand.objects.get(pk=saved.pk)
    )
    assert (added._state.adding, added.pk != saved.pk) == (False, True)


def test_fields_that_fill_themselves_are_filled():
    before = datetime.now(UTC)
    assert before <= rows.add(DriverToken(uid="NEW")).created_at
    assert before <= DriverToken.objects.get().created_at


def test_constraints_hold():
    rows.add(DriverToken(uid="TWICE"))
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.add(DriverToken(uid="TWICE"))
    assert rows.count(DriverToken) == 1


def test_a_change_counts_the_rows_that_matched(session):
    waiting, other = rows.add(command(session)), rows.add(command(session))
    mine = {"pk": waiting.pk, "status": "QUEUED"}
    assert rows.change(ChargePointCommand, mine, status="SENT", sent_at=NOW, answer={"a": [1.5]}) == 1
    assert rows.change(ChargePointCommand, mine, status="FAILED") == 0
    changed = ChargePointCommand.objects.get(pk=waiting.pk)
    assert (changed.status, changed.sent_at, changed.answer) == ("SENT", NOW, {"a": [1.5]})
    assert ChargePointCommand.objects.get(pk=other.pk).status == "QUEUED"
    assert rows.change(ChargePointCommand, {"session_id": session.pk}, detail="all") == 2


def test_none_is_written_as_null(session):
    assert rows.change(ChargingSession, {"pk": session.pk}, power_w=None, charging_preferences=None) == 1
    assert ChargingSession.objects.filter(power_w__isnull=True, charging_preferences__isnull=True).count() == 1


def test_conditions(session):
    first = rows.add(command(session, created_at=NOW))
    second = rows.add(command(session, created_at=NOW + timedelta(seconds=1), status="SENT", sent_at=NOW))

    def found(**conditions) -> list[int]:
        return [each.pk for each in rows.find_all(ChargePointCommand, order_by="id", **conditions)]

    assert found() == [first.pk, second.pk]
    assert found(id__gt=first.pk) == [second.pk]
    assert found(id__gte=first.pk, id__lt=second.pk) == [first.pk]
    assert found(created_at__lte=NOW) == [first.pk]
    assert found(status=("QUEUED", "SENT"), sent_at=None) == [first.pk]
    assert found(status="QUEUED", session_id=session.pk + 1) == []


def test_the_order_says_which_row_is_found(session):
    first, second = rows.add(command(session)), rows.add(command(session))
    assert rows.find(ChargePointCommand, order_by="id").pk == first.pk
    assert rows.find(ChargePointCommand, order_by="-id", session_id=session.pk).pk == second.pk


def test_whether_and_how_many(session):
    assert rows.exists(ChargingSession, uid=session.uid) is True
    assert rows.exists(ChargingSession, uid="other") is False
    assert (rows.count(ChargingSession), rows.count(ChargingSession, state="COMPLETED")) == (1, 0)


def test_each_object_gets_its_own_figures():
    sessions = [factories.session() for _ in range(3)]
    for number, session in enumerate(sessions):
        session.kwh, session.power_w = Decimal(number), None
    rows.update_each(ChargingSession, sessions, ["kwh", "power_w"])
    assert list(ChargingSession.objects.order_by("pk").values_list("kwh", "power_w")) == [
        (Decimal(0), None), (Decimal(1), None), (Decimal(2), None),
    ]  # fmt: skip


def test_a_lock_is_asked_for_where_the_database_has_it(session, django_assert_num_queries):
    with django_assert_num_queries(1) as captured:
        assert rows.find(ChargingSession, lock=True, pk=session.pk).pk == session.pk
    locked = captured.captured_queries[0]["sql"].endswith("FOR NO KEY UPDATE")
    assert locked is connection.features.has_select_for_update


def test_an_unknown_column_is_an_error():
    with pytest.raises(KeyError):
        rows.find(ChargingProfile, no_such_column=1)
