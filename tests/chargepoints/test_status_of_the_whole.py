"""The status of a charge point as a whole, beside those of its EVSEs (OCPP 1.6 section 4.9: connector 0)."""

import pytest

from chargepoints import availability, inventory, presence, signals
from chargepoints.admin.charge_points import charge_point_problems
from chargepoints.models import ChargePoint, Evse
from chargepoints.values import Availability, StatusFacts
from tests.support import factories
from tests.support.factories import NOW, at
from tests.support.operators import client_of_all, page

pytestmark = pytest.mark.django_db
FREE, OUT, FAULTED = Availability.AVAILABLE, Availability.OUT_OF_SERVICE, Availability.FAULTED


@pytest.fixture
def evses():
    """One is free, one has a car, one is faulted."""
    point = factories.charge_point(ocpp_version="ocpp1.6")
    return [
        factories.evse(point, number=n, status=status, status_at=NOW)
        for n, status in enumerate(("Available", "Charging", "Faulted"), start=1)
    ]


@pytest.fixture
def point(evses):
    return evses[0].charge_point


@pytest.fixture
def heard():
    """The EVSEs that others are told of, each time."""
    told = []

    def hear(*, evse_ids, **_):
        told.append(list(evse_ids))

    signals.evses_changed.connect(hear)
    yield told
    signals.evses_changed.disconnect(hear)


def say(point, status, *, code="NoError", info="", seconds=0.0):
    facts = StatusFacts(0, status, code, info, reported_at=at(seconds))
    inventory.status(point.pk, facts, now=at(100))


def shown(evses):
    return [Evse.objects.get(pk=evse.pk).availability for evse in evses]


@pytest.mark.pure
@pytest.mark.parametrize(
    ("own", "whole", "together"),
    [
        ("Available", "Available", FREE), ("Available", "", FREE), ("Available", "Unavailable", OUT),
        ("Available", "Faulted", FAULTED), ("Reserved", "Faulted", FAULTED), ("", "Unavailable", OUT),
        ("Unavailable", "Faulted", FAULTED), ("Faulted", "Unavailable", FAULTED),
        ("Charging", "Faulted", Availability.IN_USE), ("Occupied", "Unavailable", Availability.IN_USE),
        ("Finishing", "Unavailable", Availability.BLOCKED), ("Unavailable", "Available", OUT),
        ("", "Available", Availability.UNKNOWN), ("Available", "Occupied", FREE), ("Available", "Charging", FREE),
    ],
)  # fmt: skip
def test_the_whole_overrules_what_has_no_car_and_only_when_it_is_out_of_order(own, whole, together):
    assert availability.together(own, of_the_whole=whole) == together


@pytest.mark.pure
def test_what_an_operator_decided_and_a_lost_connection_come_first():
    known = {"stage": "IN_SERVICE", "enabled": True, "status": "Available", "of_the_whole": "Faulted"}
    assert availability.availability(**known, online=False) == Availability.UNKNOWN
    assert availability.availability(**known | {"enabled": False}, online=True) == OUT
    assert availability.availability(**known | {"stage": "REMOVED"}, online=True) == Availability.REMOVED


def test_it_is_kept_with_its_error_and_time_and_makes_no_evse(point, evses):
    say(point, "Faulted", code="PowerMeterFailure", info="E42", seconds=5)
    point.refresh_from_db()
    assert (point.status, point.error_code, point.status_info, point.status_at) == (
        "Faulted", "PowerMeterFailure", "E42", at(5),
    )  # fmt: skip
    assert [evse.status for evse in Evse.objects.order_by("pk")] == ["Available", "Charging", "Faulted"]


def test_free_evses_of_a_faulted_charge_point_are_out_of_order_until_it_is_available_again(point, evses, heard):
    say(point, "Faulted", seconds=1)
    assert shown(evses) == [FAULTED, Availability.IN_USE, FAULTED]
    say(point, "Unavailable", seconds=2)
    assert shown(evses) == [OUT, Availability.IN_USE, FAULTED]
    say(point, "Available", seconds=3)
    assert shown(evses) == [FREE, Availability.IN_USE, FAULTED]
    assert heard == [[evses[0].pk]] * 3
    assert Evse.objects.get(pk=evses[0].pk).last_updated == at(100)


@pytest.mark.parametrize("status", ["Available", "Charging", "Occupied"])
def test_what_says_nothing_of_the_evses_is_told_to_nobody(point, heard, status):
    say(point, status)
    say(point, status, seconds=1)
    assert heard == []


def test_an_evse_that_changes_beneath_a_faulted_charge_point_is_told_when_it_looks_different(point, evses, heard):
    say(point, "Faulted", seconds=1)
    del heard[:]
    for status, seconds in (("Reserved", 2), ("Preparing", 3), ("Charging", 4), ("Available", 5)):
        inventory.status(point.pk, StatusFacts(1, status, "NoError", reported_at=at(seconds)), now=at(100))
    assert heard == [[evses[0].pk]] * 2
    assert shown(evses)[0] == FAULTED


def test_the_newest_wins_whatever_the_order_of_arrival(point, evses, heard):
    say(point, "Available", seconds=9)
    say(point, "Faulted", seconds=5)
    assert (shown(evses)[0], heard) == (FREE, [])


def test_other_charge_points_are_not_touched(point, evses, heard):
    other = factories.evse(status="Available")
    say(point, "Faulted")
    assert (Evse.objects.get(pk=other.pk).availability, other.pk in heard[0]) == (FREE, False)
    assert ChargePoint.objects.get(pk=other.charge_point_id).status == ""


@pytest.mark.parametrize(("status", "told"), [("Faulted", True), ("Available", False)])
def test_a_silent_evse_of_a_faulted_charge_point_is_told_with_the_connection(point, heard, status, told):
    silent = factories.evse(point, number=7)
    say(point, status)
    del heard[:]
    presence.disconnect(point.pk, connection_id=factories.SOCKET, now=at(101))
    assert [silent.pk in ids for ids in heard] == [told]


def test_operators_see_it_on_the_page_of_the_charge_point(point):
    say(point, "Faulted", code="OtherError", info="<b>E42</b>")
    html = client_of_all().get(page(point)).content.decode()
    assert "The charge point as a whole reports OtherError" in html
    assert "&lt;b&gt;E42&lt;/b&gt;" in html
    assert "<b>E42" not in html
    say(point, "Available", seconds=1)
    point.refresh_from_db()
    assert not [problem for problem in charge_point_problems(point) if "as a whole" in str(problem)]
