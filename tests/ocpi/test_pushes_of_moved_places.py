"""Nothing is deleted at a partner: an EVSE that is not where it was told to be is told REMOVED there.

OCPI 2.2.1 mod_locations, Flow and Lifecycle. Its uid stays (mod_locations, EVSE object), so the order matters.
"""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from chargepoints import sites
from chargepoints.models import ChargePoint, Evse, Location
from ocpi import outbox
from ocpi.models import OutboxMessage, Party
from tests.support import factories
from tests.support import ocpi_factories as make
from tests.support.location_steps import KIND, drain, evses, listener, say, soon, told
from tests.support.ocpi_factories import Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

ROOT = "https://jed.example/ocpi/locations/NL/CPO"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def party() -> Party:
    return listener()


def move(evse: Evse, place: Location, *, now: datetime) -> None:
    """As the operators' site does."""
    before = Location.objects.get(charge_points__evses=evse).pk
    ChargePoint.objects.filter(evses=evse).update(location=place)
    sites.described_anew([before, place.pk], evses=[evse], now=now)


def place_of(evse: Evse) -> Location:
    return Location.objects.get(charge_points__evses=evse)


def elsewhere() -> Evse:
    """At a place of its own."""
    point = factories.charge_point(
        identity="CP9", location=factories.location(name="Elsewhere"), ocpp_version="ocpp1.6"
    )
    return factories.evse(point, status="Available", last_updated=factories.NOW)


def said(partner: Partner, since: int) -> list[tuple[str, list[tuple[str, str]]]]:
    """Of each request: the place, and the EVSEs with their status."""
    sent = zip(partner.calls[since:], partner.bodies[since:], strict=True)
    return [(url.removeprefix(f"{ROOT}/"), [(e["uid"], e["status"]) for e in body["evses"]]) for (_, url), body in sent]


def test_an_evse_that_moved_is_removed_from_the_old_place_and_then_there_at_the_new(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    old, new = place_of(evse), factories.location(name="New")
    move(evse, new, now=soon(now))
    told(now=soon(now))
    told(now=soon(now, 20))
    assert said(partner, 1) == [(old.uid, [(evse.uid, "REMOVED")]), (new.uid, [(evse.uid, "AVAILABLE")])]
    say(evse, "Charging", now=soon(now, 30))
    told(now=soon(now, 40))
    assert partner.calls[3:] == [("PATCH", f"{ROOT}/{new.uid}/{evse.uid}")]


def test_what_stays_at_the_old_place_stays_told(partner: Partner, party, now):
    first, second = evses()[0], factories.evse(factories.charge_point(identity="CP2", location=Location.objects.get()))
    told(now=now)
    move(first, factories.location(name="New"), now=soon(now))
    told(now=soon(now))
    statuses = dict(said(partner, 1)[0][1])
    assert statuses == {second.uid: "UNKNOWN", first.uid: "REMOVED"}


@pytest.mark.parametrize("first_known", ["old", "new"])
def test_it_is_gone_at_the_old_place_before_it_is_at_the_new_whichever_was_told_first(
    partner: Partner, party, now, first_known
):
    known = [evses()[0], elsewhere()]
    told(now=now)
    evse, other = known if first_known == "old" else reversed(known)
    old, new = place_of(evse), place_of(other)
    move(evse, new, now=soon(now))
    for message in OutboxMessage.objects.filter(status="PENDING").order_by("pk" if new.pk < old.pk else "-pk"):
        outbox.deliver(message.pk, now=soon(now))
    drain(now=soon(now))
    assert [place for place, _ in said(partner, 2)] == [old.uid, new.uid]


def test_two_places_that_change_their_evses_do_not_wait_for_each_other_for_ever(partner: Partner, party, now):
    mine, other = evses()[0], elsewhere()
    told(now=now)
    here, there = place_of(mine), place_of(other)
    move(mine, there, now=soon(now))
    move(other, here, now=soon(now))
    for pk in OutboxMessage.objects.filter(status="PENDING").values_list("pk", flat=True):
        outbox.deliver(pk, now=soon(now))
    assert len(partner.calls) == 2
    drain(now=soon(now, 60))
    last = {place: dict(statuses) for place, statuses in said(partner, 2)}
    assert last == {
        here.uid: {mine.uid: "REMOVED", other.uid: "AVAILABLE"},
        there.uid: {other.uid: "REMOVED", mine.uid: "AVAILABLE"},
    }  # fmt: skip


def test_a_failure_does_not_forget_what_is_gone(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    old = place_of(evse)
    partner.answers = [answered(500, ocpi=None)]
    move(evse, factories.location(name="New"), now=soon(now))
    told(now=soon(now))
    told(now=soon(now, 30))
    assert said(partner, 1)[:2] == [(old.uid, [(evse.uid, "REMOVED")])] * 2


def test_an_operator_who_has_a_place_told_again_does_not_forget_what_is_gone(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    ChargePoint.objects.update(location=factories.location(name="New"))
    message = OutboxMessage.objects.get(kind=KIND.LOCATION)
    assert outbox.retry_now(message, now=soon(now)) is True
    drain(now=soon(now))
    assert said(partner, 1) == [(message.location.uid, [(evse.uid, "REMOVED")])]


def test_it_is_told_removed_once(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    old = place_of(evse)
    move(evse, factories.location(name="New"), now=soon(now))
    told(now=soon(now))
    for seconds in (20, 40, 60):
        sites.described_anew([old.pk], now=soon(now, seconds))
        told(now=soon(now, seconds))
    assert [statuses for place, statuses in said(partner, 2) if place == old.uid] == [[]] * 3


def test_an_evse_that_comes_back_is_there_again(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    old, new = place_of(evse), factories.location(name="New")
    move(evse, new, now=soon(now))
    told(now=soon(now))
    move(evse, old, now=soon(now, 20))
    told(now=soon(now, 20))
    told(now=soon(now, 40))
    assert said(partner, 3) == [(new.uid, [(evse.uid, "REMOVED")]), (old.uid, [(evse.uid, "AVAILABLE")])]


def test_an_evse_that_was_deleted_is_removed(partner: Partner, party, now):
    first, second = evses(2)
    told(now=now)
    second.delete()
    sites.described_anew([place_of(first).pk], now=soon(now))
    told(now=soon(now))
    assert said(partner, 1) == [(place_of(first).uid, [(first.uid, "AVAILABLE"), (second.uid, "REMOVED")])]


def _all_hidden(party: Party, first: Evse, second: Evse) -> None:
    Party.objects.update(shares_all_evses=False)


def _one_hidden(party: Party, first: Evse, second: Evse) -> None:
    make.share_only(of=party, evses=[first])


@pytest.mark.parametrize(("hide", "left"), [(_all_hidden, []), (_one_hidden, ["AVAILABLE"])])
def test_what_a_partner_may_not_see_any_more_is_removed_with_nothing_new_of_it(
    partner: Partner, party, now, hide: Any, left: list[str]
):
    """One that is left with nothing does not hear of the new name either."""
    first, second = evses(2)
    told(now=now)
    name = Location.objects.get().name
    hide(party, first, second)
    Location.objects.update(name="Renamed")
    Evse.objects.filter(pk=second.pk).update(physical_reference="Secret")
    sites.described_anew([place_of(first).pk], now=soon(now))
    drain(now=soon(now))
    told(now=soon(now, 20))
    ((_, statuses),) = said(partner, 1)
    assert [status for _, status in statuses] == left + ["REMOVED"] * (2 - len(left))
    assert partner.bodies[1]["name"] == ("Renamed" if left else name)
    assert "Secret" not in str(partner.bodies)
