"""More than this product carries is refused at once: an ACCEPTED that cannot be kept helps nobody."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from chargepoints.models import ChargePointCommand
from ocpi import backlog, profile_requests
from ocpi.backlog import is_late
from ocpi.models import OutboxMessage
from tests.support import ocpi_factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
LONG = backlog.LATE + timedelta(seconds=1)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch) -> None:
    monkeypatch.setattr(backlog, "_known", {})


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def asked(now):
    """An ACCEPTED request of a party whose charge point is connected; its command waits."""
    return make.accepted(make.party(), make.session(), now=now)


def test_a_command_that_waits_is_one_charge_points_trouble_and_does_not_make_us_late(asked, now):
    """Its web process may have died: that must not shut out every partner."""
    assert ChargePointCommand.objects.get().status == "QUEUED"
    assert is_late(asked.party, now=now + LONG) is False


def test_a_result_that_nobody_tried_to_deliver_makes_us_late_for_its_party_only(asked, now):
    make.finish(asked.command, now=now)
    ChargePointCommand.objects.filter(status="QUEUED").delete()
    other = make.party("OTH")
    assert (is_late(asked.party, now=now + LONG), is_late(other, now=now + LONG)) == (True, False)
    backlog._known.clear()
    OutboxMessage.objects.update(attempt_count=1)  # it was tried: the partner is late, not we
    assert is_late(asked.party, now=now + LONG) is False


def test_it_is_looked_up_once_a_second_however_often_it_is_asked(asked, now, django_assert_num_queries):
    is_late(asked.party, now=now)
    with django_assert_num_queries(0):
        assert is_late(asked.party, now=now) is False


@pytest.mark.parametrize(("kind", "response"), [("SET", "TOO_OFTEN"), ("GET", "TOO_OFTEN"), ("CLEAR", "ACCEPTED")])
def test_while_we_are_late_only_what_frees_a_charge_point_is_accepted(monkeypatch, kind, response):
    """OCPI 2.2.1 mod_charging_profiles, Flow: TOO_OFTEN is the receiver's right; DELETE is never counted."""
    party, session = make.party(), make.session()
    monkeypatch.setattr("ocpi.backlog.is_late", lambda _party, *, now: True)
    wish = make.wish(session, profile_requests.Kind(kind))
    request = profile_requests.receive(party, wish, now=timezone.now())
    assert (request.response, request.reason) == (response, "overloaded" if response == "TOO_OFTEN" else "")
    assert ChargePointCommand.objects.count() == (1 if response == "ACCEPTED" else 0)
