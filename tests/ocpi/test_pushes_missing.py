"""Partners that come while sessions run (OCPI 2.2.1 mod_sessions, Receiver interface)."""

import pytest
from django.utils import timezone

from chargepoints.models import ChargingSession
from ocpi import pushes
from ocpi.models import OutboxMessage, Party
from ocpi.tasks import watch_outbox
from tests.support import ocpi_factories as make

pytestmark = pytest.mark.django_db


def session_messages(party: Party) -> list[ChargingSession | None]:
    return [
        m.session for m in OutboxMessage.objects.filter(kind=OutboxMessage.Kind.SESSION, party=party).order_by("pk")
    ]


def test_a_party_connected_while_a_session_runs_gets_it_once(enqueued):
    session = make.session()
    party = make.party()
    now = timezone.now()
    assert pushes.open_missing(now=now) == 1
    assert pushes.open_missing(now=now) == 0
    assert session_messages(party) == [session]


def test_the_whole_session_is_due_at_once(enqueued):
    make.session()
    make.party()
    watch_outbox()
    message = OutboxMessage.objects.get()
    assert message.status == OutboxMessage.Status.PENDING
    assert (message.revision, message.delivered_revision, message.delivered_body) == (1, 0, None)
    watch_outbox()
    assert enqueued == [message.pk]


@pytest.mark.parametrize("state", [ChargingSession.State.COMPLETED, ChargingSession.State.INVALID])
def test_a_session_that_is_over_is_not_told_to_a_party_that_comes_later(state):
    session = make.session()
    ChargingSession.objects.filter(pk=session.pk).update(state=state)
    make.party()
    assert pushes.open_missing(now=timezone.now()) == 0


def test_what_a_party_may_not_see_or_cannot_hear_is_not_opened():
    make.session()
    party = make.party()
    Party.objects.filter(pk=party.pk).update(shares_all_evses=False)
    assert pushes.open_missing(now=timezone.now()) == 0
    Party.objects.filter(pk=party.pk).update(shares_all_evses=True, enabled=False)
    assert pushes.open_missing(now=timezone.now()) == 0
    Party.objects.filter(pk=party.pk).update(enabled=True)
    party.endpoints.filter(identifier="sessions").delete()
    assert pushes.open_missing(now=timezone.now()) == 0
