"""Locations and the status of EVSEs are pushed as they are now (OCPI 2.2.1 mod_locations, Receiver interface)."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from chargepoints import metering, presence, sites
from chargepoints.models import ChargePoint, Connector, Evse, Location
from chargepoints.values import MeterFacts, Reading
from ocpi import handshake, location_pushes, outbox, turns
from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import DeliveryAttempt, OutboxMessage, PartnerEndpoint, Party
from ocpi.protocol.datetimes import format_datetime
from ocpi.v2_2_1.location_objects import evse_object
from tests.support import factories
from tests.support import ocpi_factories as make
from tests.support.location_steps import KIND, drain, evses, listener, say, soon, told
from tests.support.ocpi_factories import Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

ROOT = "https://jed.example/ocpi/locations/NL/CPO"
GRACE = timedelta(seconds=60)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def party() -> Party:
    return listener()


def uid_of_location() -> str:
    return Location.objects.get().uid


def url(evse: Evse | None = None) -> str:
    return f"{ROOT}/{uid_of_location()}" + (f"/{evse.uid}" if evse else "")


def standing(kind: OutboxMessage.Kind, **fields: Any) -> OutboxMessage:
    return OutboxMessage.objects.get(kind=kind, **fields)


# --- a Location that is new to a partner ----------------------------------------------------------------------------


def test_a_partner_that_listens_gets_every_location_that_it_sees_whole(partner: Partner, party, now):
    first, second = evses(2)
    told(now=now)
    assert partner.calls == [("PUT", url())]
    assert [evse["uid"] for evse in partner.bodies[0]["evses"]] == [first.uid, second.uid]
    assert partner.bodies[0]["country_code"] == "NL"
    location_pushes.catch_up(now=soon(now, 20))
    assert drain(now=soon(now, 20)) == 0


def _disabled(party: Party) -> None:
    Party.objects.update(enabled=False)


def _unshared(party: Party) -> None:
    Party.objects.update(shares_all_evses=False)


def _sender_only(party: Party) -> None:
    PartnerEndpoint.objects.update(role="SENDER")


def _without_coordinates(party: Party) -> None:
    Location.objects.update(latitude=None)


@pytest.mark.parametrize("exclude", [_disabled, _unshared, _sender_only, _without_coordinates])
def test_nothing_goes_to_a_party_that_may_not_or_cannot_hear_it(party, now, exclude):
    evses()
    exclude(party)
    assert location_pushes.catch_up(now=now) == 0
    assert OutboxMessage.objects.count() == 0


def test_each_partner_gets_only_the_evses_shared_with_it(partner: Partner, now):
    first, second = evses(2)
    for party_id, evse in (("AAA", first), ("BBB", second)):
        make.share_only(of=listener(party_id), evses=[evse])
    told(now=now)
    assert [[evse["uid"] for evse in body["evses"]] for body in partner.bodies] == [[first.uid], [second.uid]]


def test_an_evse_that_is_added_or_shared_later_comes_with_its_location(partner: Partner, party, now):
    (first,) = evses()
    other = factories.evse(first.charge_point, number=2)
    make.share_only(of=party, evses=[first])
    told(now=now)
    make.share_only(of=party, evses=[first, other])
    told(now=soon(now))
    assert [len(body["evses"]) for body in partner.bodies] == [1, 2]
    assert [request.method for request in partner.requests] == ["PUT", "PUT"]


def test_an_evse_that_is_not_shared_any_more_is_removed(partner: Partner, party, now):
    """OCPI 2.2.1 mod_locations, Flow and Lifecycle: nothing is deleted, its status becomes REMOVED."""
    first, second = evses(2)
    make.share_only(of=party, evses=[first, second])
    told(now=now)
    make.share_only(of=party, evses=[first])
    told(now=soon(now))
    assert partner.calls[1:] == [("PATCH", url(second))]
    assert partner.bodies[1] == {"status": "REMOVED", "last_updated": partner.bodies[1]["last_updated"]}
    say(second, "Charging", now=soon(now))
    told(now=soon(now, 60))
    assert len(partner.requests) == 2
    make.share_only(of=party, evses=[first, second])
    told(now=soon(now, 90))
    assert partner.calls[2:] == [("PUT", url())]


# --- status ---------------------------------------------------------------------------------------------------------


def test_a_status_is_a_patch_of_the_evse_with_what_differs(partner: Partner, party, now):
    """OCPI 2.2.1 examples/location_patch_example_status.json."""
    (evse,) = evses()
    told(now=now)
    at = soon(now)
    say(evse, "Charging", now=at)
    drain(now=soon(at))
    assert partner.calls == [("PUT", url()), ("PATCH", url(evse))]
    assert partner.bodies[1] == {"status": "CHARGING", "last_updated": format_datetime(at)}


def test_what_a_charge_point_says_in_one_breath_is_one_patch_of_the_newest(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    at = soon(now)
    for n, status in enumerate(("Preparing", "Finishing", "Available", "Preparing", "Charging", "Faulted")):
        say(evse, status, now=at + timedelta(milliseconds=n))
    assert drain(now=at) == 0
    drain(now=soon(at))
    assert partner.bodies[1:] == [{"status": "OUTOFORDER", "last_updated": partner.bodies[1]["last_updated"]}]


def test_a_status_that_looks_the_same_from_outside_changes_nothing(partner: Partner, party, now):
    (evse,) = evses()
    say(evse, "Charging", now=now)
    told(now=now)
    before = Evse.objects.get().last_updated
    for n, status in enumerate(("SuspendedEV", "Charging", "SuspendedEVSE", "Preparing", "Charging")):
        say(evse, status, now=soon(now, n))
    assert Evse.objects.get().last_updated == before
    assert standing(KIND.EVSE).status == "DELIVERED"


def test_a_status_that_went_back_is_not_told(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    say(evse, "Charging", now=soon(now))
    say(evse, "Available", now=soon(now))
    drain(now=soon(now, 9))
    message = standing(KIND.EVSE)
    assert (len(partner.requests), message.status, message.attempts.count()) == (1, "DELIVERED", 0)


def test_nothing_is_rung_for_a_status(partner: Partner, party, now, enqueued):
    (evse,) = evses()
    told(now=now)
    del enqueued[:]
    say(evse, "Charging", now=soon(now))
    assert enqueued == []
    outbox.watch(now=soon(now, 9))
    assert enqueued == [standing(KIND.EVSE).pk]


def test_a_removed_evse_is_told_whatever_it_says(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    Evse.objects.update(stage="REMOVED")
    sites.described_anew([Location.objects.get().pk], evses=[evse], now=soon(now))
    drain(now=soon(now))
    assert partner.bodies[-1]["evses"][0]["status"] == "REMOVED"
    say(evse, "Charging", now=soon(now, 9))
    told(now=soon(now, 60))
    assert len(partner.requests) == 2


def test_a_capability_that_is_learned_is_told(partner: Partner, party, now):
    evses(smart_charging=None)
    told(now=now)
    ChargePoint.objects.update(smart_charging=True)
    sites.capabilities_changed(ChargePoint.objects.get().pk, now=soon(now))
    drain(now=soon(now, 9))
    assert sorted(partner.bodies[1]) == ["capabilities", "last_updated"]
    assert "CHARGING_PROFILE_CAPABLE" in partner.bodies[1]["capabilities"]


def test_meter_values_touch_nothing_of_a_place(party, partner: Partner, now):
    (evse,) = evses()
    told(now=now)
    before = make.snapshot(OutboxMessage, Evse, Location)
    metering.meter(evse.charge_point_id, MeterFacts(1, None, (Reading(now, ()),)), now=soon(now))
    assert make.snapshot(OutboxMessage, Evse, Location) == before


# --- connections that come and go -----------------------------------------------------------------------------------


def connect(point: ChargePoint, *, now: datetime, connection_id: str = "again") -> None:
    presence.connect(point.pk, connection_id=connection_id, channel_name="c", ocpp_version="ocpp1.6", now=now)


def test_a_charge_point_that_stays_away_is_unknown_to_partners_after_a_while(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    presence.disconnect(evse.charge_point_id, connection_id=factories.SOCKET, now=now)
    assert drain(now=now + GRACE - timedelta(seconds=1)) == 0
    drain(now=now + GRACE)
    assert partner.bodies[1] == {"status": "UNKNOWN", "last_updated": format_datetime(now)}
    connect(evse.charge_point, now=now + GRACE)
    drain(now=soon(now + GRACE))
    assert partner.bodies[2]["status"] == "AVAILABLE"


def test_a_storm_of_reconnects_and_statuses_that_changes_nothing_sends_nothing(partner: Partner, party, now):
    points = [evses(2)[0].charge_point for _ in range(10)]
    told(now=now)
    for point in points:
        presence.disconnect(point.pk, connection_id=factories.SOCKET, now=now)
        connect(point, now=soon(now, 5))
        for evse in point.evses.all():
            say(evse, "Available", now=soon(now, 6))
    for seconds in (7, 61, 200):
        told(now=soon(now, seconds))
    assert partner.calls == [("PUT", url())]
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"DELIVERED"}


def test_a_newer_socket_of_the_same_charge_point_changes_nothing(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    connect(evse.charge_point, now=soon(now))
    assert Evse.objects.get().last_updated == factories.NOW
    assert standing(KIND.EVSE).status == "DELIVERED"


def test_a_status_does_not_wait_as_long_as_a_lost_connection(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    presence.disconnect(evse.charge_point_id, connection_id=factories.SOCKET, now=now)
    connect(evse.charge_point, now=soon(now))
    say(evse, "Faulted", now=soon(now))
    drain(now=soon(now, 4))
    assert partner.bodies[1]["status"] == "OUTOFORDER"


def test_charge_points_of_a_dead_process_are_unknown(partner: Partner, party, now):
    evses(2)
    told(now=now)
    presence.process_stopped(factories.CHANNEL, now=now)
    drain(now=now + GRACE)
    assert [body["status"] for body in partner.bodies[1:]] == ["UNKNOWN", "UNKNOWN"]


# --- what an operator changes ---------------------------------------------------------------------------------------


def test_a_place_that_an_operator_changed_is_put_whole_at_once(partner: Partner, party, now, enqueued):
    evses(2)
    told(now=now)
    del enqueued[:]
    Location.objects.update(name="Another")
    sites.described_anew([Location.objects.get().pk], now=soon(now))
    assert enqueued == [standing(KIND.LOCATION).pk]
    drain(now=soon(now))
    assert partner.calls == [("PUT", url())] * 2
    assert (partner.bodies[1]["name"], partner.bodies[1]["last_updated"]) == ("Another", format_datetime(soon(now)))


def test_a_place_that_is_run_for_another_cpo_goes_under_its_name(partner: Partner, party, now):
    (evse,) = evses()
    Location.objects.update(country_code="BE", party_id="BEC")
    told(now=now)
    say(evse, "Charging", now=now)
    drain(now=soon(now))
    root = f"https://jed.example/ocpi/locations/BE/BEC/{uid_of_location()}"
    assert partner.calls == [("PUT", root), ("PATCH", f"{root}/{evse.uid}")]
    senders = [(r.routing["OCPI-from-country-code"], r.routing["OCPI-from-party-id"]) for r in partner.requests]
    assert senders == [("BE", "BEC")] * 2


# --- the order between a Location and its EVSEs ---------------------------------------------------------------------


def test_a_status_while_the_location_is_on_its_way_comes_right_after_it(partner: Partner, party, now):
    (evse,) = evses()

    def meanwhile() -> None:
        partner.on_the_way = lambda: None
        say(evse, "Charging", now=soon(now))

    partner.on_the_way = meanwhile
    told(now=now)
    drain(now=timezone.now() + timedelta(seconds=9))
    assert [request.method for request in partner.requests] == ["PUT", "PATCH"]
    assert (partner.bodies[0]["evses"][0]["status"], partner.bodies[1]["status"]) == ("AVAILABLE", "CHARGING")


def test_no_status_overtakes_a_location_that_waits(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    sites.described_anew([Location.objects.get().pk], now=soon(now))
    say(evse, "Charging", now=soon(now))
    assert standing(KIND.EVSE).status == "COVERED"
    drain(now=soon(now, 9))
    assert partner.calls == [("PUT", url())] * 2
    assert partner.bodies[1]["evses"][0]["status"] == "CHARGING"


def test_a_change_of_the_location_while_a_status_is_on_its_way_puts_it_after(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    say(evse, "Charging", now=soon(now))

    def meanwhile() -> None:
        partner.on_the_way = lambda: None
        sites.described_anew([Location.objects.get().pk], now=soon(now))

    partner.on_the_way = meanwhile
    drain(now=timezone.now() + timedelta(seconds=9))
    assert [request.method for request in partner.requests] == ["PUT", "PATCH", "PUT"]
    assert standing(KIND.EVSE).delivered_body["status"] == "CHARGING"


# --- doubt ----------------------------------------------------------------------------------------------------------

FAILURES = [
    DeliveryFailed(FailureKind.TIMEOUT, "no complete answer in time", maybe_sent=True),
    answered(404, ocpi=2003), answered(500, ocpi=None), answered(200, ocpi=2001),
]  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_after_any_doubt_the_whole_location_is_put(partner: Partner, party, now, failure):
    (evse, other) = evses(2)
    told(now=now)
    partner.answers = [failure]
    say(evse, "Charging", now=now)
    drain(now=soon(now))
    assert set(OutboxMessage.objects.filter(kind=KIND.EVSE).values_list("status", flat=True)) == {"COVERED"}
    say(other, "Faulted", now=soon(now, 3))
    drain(now=timezone.now() + timedelta(seconds=9))
    assert [request.method for request in partner.requests] == ["PUT", "PATCH", "PUT"]
    assert [evse["status"] for evse in partner.bodies[2]["evses"]] == ["CHARGING", "OUTOFORDER"]
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"DELIVERED"}


@pytest.mark.once
def test_a_partner_that_was_down_for_an_hour_gets_each_place_once_oldest_first(
    partner: Partner, party, now, monkeypatch
):
    there = [evses(3, location=factories.location(name=f"P{n}")) for n in range(4)]
    told(now=now)
    del partner.requests[:]
    clock = SimpleNamespace(now=lambda: at)
    monkeypatch.setattr("ocpi.outbox.timezone", clock)
    monkeypatch.setattr("ocpi.deliveries.timezone", clock)
    for minute in range(60):
        at = now + timedelta(minutes=minute)
        partner.answers = [DeliveryFailed(FailureKind.CONNECT, "no connection")] * 99
        for evse in there[minute % 4]:
            say(evse, ("Charging", "Faulted")[minute // 4 % 2], now=at)
        at += timedelta(seconds=9)
        drain(now=at)
    assert len(partner.requests) < 80  # of 180 changes; each place is tried ever more seldom
    del partner.requests[:], partner.answers[:]
    waiting = OutboxMessage.objects.filter(kind=KIND.LOCATION, status="PENDING").order_by("due_at")
    expected = [message.location.uid for message in waiting if message.location]
    at += timedelta(minutes=10)
    drain(now=at)
    assert partner.calls == [("PUT", f"{ROOT}/{uid}") for uid in expected]
    assert len(expected) == 4
    states = {evse["uid"]: evse["status"] for body in partner.bodies for evse in body["evses"]}
    assert states == {evse.uid: evse_object(evse)["status"] for evse in Evse.objects.all()}
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"DELIVERED"}


def test_an_interrupted_status_is_put_whole(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    OutboxMessage.objects.filter(kind=KIND.EVSE).update(status="SENDING", lease_until=now)
    DeliveryAttempt.objects.create(message=standing(KIND.EVSE), number=1, started_at=now, sent_at=now)
    outbox.watch(now=soon(now))
    drain(now=soon(now))
    assert partner.calls == [("PUT", url()), ("PUT", url(evse))]
    assert sorted(partner.bodies[1]) == sorted(partner.bodies[0]["evses"][0])


def test_a_location_that_cannot_be_delivered_for_good_is_tried_again_later(partner: Partner, party, now):
    evses()
    party.credentials.delete()
    told(now=now)
    assert standing(KIND.LOCATION).status == "FAILED"
    assert location_pushes.catch_up(now=soon(timezone.now(), 60)) == 0
    assert location_pushes.catch_up(now=soon(timezone.now(), 700)) == 1


def test_after_a_new_registration_everything_is_put_again(partner: Partner, party, now):
    evses()
    told(now=now)
    party.outbox.update(delivered_body=None)  # as the handshake does
    told(now=soon(now))
    assert partner.calls == [("PUT", url())] * 2


def test_nothing_is_sent_to_a_party_that_has_unregistered(partner: Partner, party, now):
    (evse,) = evses()
    told(now=now)
    handshake.unregister(party)
    say(evse, "Charging", now=soon(now))
    told(now=soon(now, 60))
    assert len(partner.requests) == 1


# --- beside the main job --------------------------------------------------------------------------------------------


def test_sessions_go_before_places(partner: Partner, party, now):
    evses()
    location_pushes.catch_up(now=now)
    PartnerEndpoint.objects.create(party=party, identifier="sessions", role="RECEIVER", url="https://jed.example/s")
    session = make.session()
    OutboxMessage.objects.create(kind="SESSION", party=party, session=session, due_at=soon(now), created_at=now)
    (first, *_) = turns.by_urgency(party.outbox.all())
    assert first.kind == "SESSION"


def test_places_take_half_of_what_may_be_under_way_to_a_party(partner: Partner, party, now, settings):
    settings.OCPI_PARTY_CONCURRENCY = 4
    evses(3)
    told(now=now)
    for evse in Evse.objects.all()[:2]:
        OutboxMessage.objects.filter(evse=evse).update(status="SENDING", lease_until=soon(now, 99))
    last = Evse.objects.all()[2]
    say(last, "Charging", now=now)
    outbox.deliver(standing(KIND.EVSE, evse=last).pk, now=soon(now))
    assert (len(partner.requests), standing(KIND.EVSE, evse=last).status) == (1, "PENDING")


def test_an_evse_that_lost_its_connector_is_no_object_and_goes_from_its_place(partner: Partner, party, now):
    evses()
    told(now=now)
    Connector.objects.all().delete()
    sites.described_anew([Location.objects.get().pk], now=soon(now))
    drain(now=soon(now))
    assert [[evse["status"] for evse in body["evses"]] for body in partner.bodies] == [["AVAILABLE"], ["REMOVED"]]
