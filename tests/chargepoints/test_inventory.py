"""What a charge point says of itself: boot, capabilities, the state of its connectors."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chargepoints import inventory
from chargepoints.models import ChargePoint, ChargePointCommand, Evse
from chargepoints.values import BootFacts, ProblemFacts, RateUnit, RawCall, StatusFacts
from tests.chargepoints.command_steps import installed, profile_of
from tests.support import factories
from tests.support.factories import NOW, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
BOOT = BootFacts(vendor="ACME", model="Wall", serial_number="S1", firmware_version="1.2")
QUESTIONS = (RawCall("GetConfiguration", {"key": ["SupportedFeatureProfiles"]}), RawCall("GetLocalListVersion", {}))


@pytest.fixture
def evse(db):
    return factories.evse()


@pytest.fixture
def point(evse):
    return evse.charge_point


# --- boot -----------------------------------------------------------------------------------------------------------


def test_a_boot_is_recorded_and_answered_with_the_heartbeat_interval(point, settings):
    settings.OCPP_HEARTBEAT_INTERVAL_S = 123
    assert inventory.boot(point.pk, BOOT, questions=QUESTIONS, now=at(3)) == 123
    point.refresh_from_db()
    assert (point.vendor, point.model, point.serial_number, point.firmware_version) == ("ACME", "Wall", "S1", "1.2")
    assert (point.booted_at, point.last_seen_at) == (at(3), at(3))


def test_the_meter_that_a_boot_names_is_kept(point):
    inventory.boot(point.pk, replace(BOOT, meter_serial_number="M-1"), questions=QUESTIONS, now=NOW)
    point.refresh_from_db()
    assert point.meter_serial_number == "M-1"


def test_a_boot_asks_for_the_capabilities_in_the_words_of_its_version(point, settings):
    inventory.boot(point.pk, BOOT, questions=QUESTIONS, now=NOW)
    asked = ChargePointCommand.objects.order_by("pk")
    assert [RawCall(command.action, command.payload) for command in asked] == list(QUESTIONS)
    assert {command.requested_by for command in asked} == {"system"}
    assert {command.expires_at for command in asked} == {NOW + timedelta(seconds=settings.OCPP_COMMAND_TIMEOUT_S)}


def test_a_boot_puts_installed_profiles_in_doubt(evse):
    session = factories.session(evse)
    installed(session)
    inventory.boot(evse.charge_point_id, BOOT, questions=QUESTIONS, now=NOW)
    assert profile_of(session).state == "UNCERTAIN"


def test_a_boot_ends_no_session(evse):
    session = factories.session(evse)
    inventory.boot(evse.charge_point_id, BOOT, questions=QUESTIONS, now=NOW)
    session.refresh_from_db()
    assert session.state == "ACTIVE"


# --- capabilities ---------------------------------------------------------------------------------------------------


def learn(point, **told):
    silent = {
        "configuration": {}, "supported": None, "units": frozenset(), "max_periods": None, "max_stack_level": None,
        "max_profiles": None, "now": at(9),
    }  # fmt: skip
    inventory.learn(point.pk, **(silent | told))
    point.refresh_from_db()
    return point


def test_what_a_charge_point_tells_of_its_smart_charging_is_kept(point):
    learned = learn(
        point, configuration={"X": "1"}, supported=False, units=frozenset(RateUnit), max_periods=24,
        max_stack_level=0, max_profiles=9,
    )  # fmt: skip
    assert (learned.smart_charging, learned.rate_units, learned.max_periods) == (False, "AW", 24)
    assert (learned.max_stack_level, learned.max_profiles, learned.configuration) == (0, 9, {"X": "1"})
    assert learned.capabilities_at == at(9)


def test_what_a_charge_point_does_not_tell_stays_as_it_was_known(point):
    learn(
        point, configuration={"X": "1", "Y": "1"}, units=frozenset({RateUnit.WATT}), max_periods=24, max_stack_level=3
    )
    learned = learn(point, configuration={"Y": "2"})
    assert (learned.smart_charging, learned.rate_units, learned.max_periods, learned.max_stack_level) == (
        True,
        "W",
        24,
        3,
    )
    assert learned.configuration == {"X": "1", "Y": "2"}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"supported": False}, True), ({"supported": True}, False), ({"max_periods": 24}, False),
        ({"configuration": {"TokenReader.Enabled": "true"}}, True),
        ({"configuration": {"TokenReader.Enabled": "false"}}, False),
    ],
)  # fmt: skip
def test_an_evse_looks_different_only_when_a_capability_that_others_see_is_new(evse, told, shown):
    Evse.objects.update(last_updated=NOW)
    learn(evse.charge_point, **told)
    assert Evse.objects.get().last_updated == (at(9) if shown else NOW)


# --- status ---------------------------------------------------------------------------------------------------------

AVAILABLE = StatusFacts(evse_id=1, status="Available", error_code="NoError", info="", reported_at=NOW)


def status(point, facts, *, now=NOW):
    inventory.status(point.pk, facts, now=now)
    return Evse.objects.filter(charge_point=point, ocpp_evse_id=facts.evse_id).first()


def test_a_status_is_kept_with_its_error_and_time(point):
    evse = status(point, StatusFacts(1, "Faulted", "GroundFailure", "E42", reported_at=at(-1)))
    assert (evse.status, evse.error_code, evse.status_info, evse.status_at) == (
        "Faulted", "GroundFailure", "E42", at(-1),
    )  # fmt: skip


def test_the_newest_status_wins_whatever_the_order_of_arrival(point):
    status(point, replace(AVAILABLE, status="Charging", reported_at=at(60)), now=at(61))
    evse = status(point, AVAILABLE, now=at(62))
    assert (evse.status, evse.status_at) == ("Charging", at(60))


def test_of_two_statuses_of_one_moment_the_later_message_wins(point):
    status(point, AVAILABLE)
    assert status(point, replace(AVAILABLE, status="Preparing")).status == "Preparing"


def test_a_status_without_a_time_is_of_now(point):
    status(point, AVAILABLE)
    evse = status(point, replace(AVAILABLE, status="Preparing", reported_at=None), now=at(5))
    assert (evse.status, evse.status_at) == ("Preparing", at(5))


def test_a_clock_that_was_ahead_does_not_hide_what_comes_after_it_was_set(point):
    status(point, replace(AVAILABLE, status="Charging", reported_at=at(7200)), now=at(0))
    evse = status(point, replace(AVAILABLE, status="Finishing", reported_at=at(30)), now=at(30))
    assert (evse.status, evse.status_at) == ("Finishing", at(30))


def test_a_status_longer_than_its_column_is_cut_and_not_lost(point):
    evse = status(point, StatusFacts(1, "s" * 255, "e" * 255, "i" * 255, reported_at=NOW))
    assert (evse.status, evse.error_code, evse.status_info) == ("s" * 24, "e" * 64, "i" * 255)


def test_the_status_of_the_charge_point_itself_makes_no_evse(point):
    assert status(point, replace(AVAILABLE, evse_id=0)) is None
    assert Evse.objects.filter(charge_point=point).count() == 1


def test_the_status_of_an_unknown_evse_adds_it_with_one_connector(point):
    evse = status(point, replace(AVAILABLE, evse_id=5))
    assert (evse.status, evse.connectors.count(), evse.phases) == ("Available", 1, None)


def test_a_status_touches_no_other_charge_points_evse(point):
    other = factories.evse()
    status(point, AVAILABLE)
    other.refresh_from_db()
    assert (other.status, other.status_at) == ("", None)


# --- connectors that report one by one (OCPP 2.0.1) -----------------------------------------------------------------


def connector(point, word, *, number=1, seconds=0.0):
    return status(point, StatusFacts(1, word, connector_id=number, reported_at=at(seconds)), now=at(100))


def test_an_evse_is_as_its_connector_is(point):
    evse = connector(point, "Occupied")
    assert (evse.status, evse.status_at, evse.connectors.get().status) == ("Occupied", NOW, "Occupied")


@pytest.mark.parametrize(
    ("words", "together"),
    [
        (("Occupied", "Unavailable"), "Occupied"), (("Unavailable", "Available"), "Available"),
        (("Faulted", "Available"), "Available"), (("Faulted", "Unavailable"), "Faulted"),
        (("Reserved", "Available"), "Reserved"), (("Dreaming", "Available"), "Available"),
    ],
)  # fmt: skip
def test_an_evse_is_as_its_connectors_are_together(point, words, together):
    for order in (words, words[::-1]):
        for seconds, word in enumerate(order):
            evse = connector(point, word, number=words.index(word) + 1, seconds=seconds)
        assert evse.status == together
        evse.connectors.update(status_at=None)


def test_the_newest_word_of_each_connector_counts_whatever_the_order_of_arrival(point):
    connector(point, "Available", seconds=60)
    assert connector(point, "Occupied", seconds=30).status == "Available"
    assert connector(point, "Occupied", number=2, seconds=30).status == "Occupied"
    assert connector(point, "Available", number=2, seconds=40).status_at == at(60)


def test_a_connector_that_nobody_entered_is_added_and_an_evse_with_just_that_one(point):
    connector(point, "Available", number=2)
    assert sorted(point.evses.get().connectors.values_list("ocpp_connector_id", flat=True)) == [1, 2]
    evse = status(point, StatusFacts(7, "Available", connector_id=3, reported_at=NOW))
    assert evse.connectors.get().ocpp_connector_id == 3


def test_a_status_without_an_error_code_leaves_a_problem_and_its_end_removes_it(point):
    inventory.problem(point.pk, ProblemFacts(1, "E42", "RCD tripped", NOW), now=NOW)
    evse = connector(point, "Faulted", seconds=5)
    assert (evse.status, evse.error_code, evse.status_info) == ("Faulted", "E42", "RCD tripped")
    inventory.problem(point.pk, ProblemFacts(1, "", "", at(9)), now=at(9))
    evse.refresh_from_db()
    assert (evse.status, evse.error_code, evse.status_info) == ("Faulted", "", "")


def test_settings_are_kept_up_to_a_bound(point, monkeypatch):
    monkeypatch.setattr(inventory, "MOST_SETTINGS", 2)
    assert learn(point, configuration={"A": "1", "B": "2", "C": "3"}).configuration == {"A": "1", "B": "2"}
    assert learn(point, configuration={"D": "4", "A": "5"}).configuration == {"A": "5", "B": "2"}


# --- progress -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["firmware_status", "diagnostics_status"])
def test_the_progress_of_firmware_and_diagnostics_is_kept(point, name):
    getattr(inventory, name)(point.pk, "Downloading" + "x" * 100, now=at(4))
    row = ChargePoint.objects.get(pk=point.pk)
    assert (getattr(row, name), row.last_seen_at) == (("Downloading" + "x" * 100)[:64], at(4))


# --- looking again at the plan --------------------------------------------------------------------------------------


@pytest.fixture
def steered(db):
    """A running session under an accepted profile; no question on its way."""
    session = factories.session()
    installed(session)
    return session


def questions(session) -> int:
    return ChargePointCommand.objects.filter(session=session, kind="GET_COMPOSITE").count()


def report(session, status: str, *, seconds: float = 0) -> None:
    facts = StatusFacts(session.evse.ocpp_evse_id, status, reported_at=at(seconds))
    inventory.status(session.charge_point_id, facts, now=at(seconds))


@pytest.mark.parametrize(("before", "after"), [("Charging", "SuspendedEVSE"), ("SuspendedEVSE", "Charging")])
def test_a_charge_point_that_holds_the_car_back_or_no_longer_is_asked_for_its_plan(steered, before, after):
    report(steered, before)
    assert questions(steered) == 0
    report(steered, after, seconds=1)
    assert questions(steered) == 1


@pytest.mark.parametrize(("before", "after"), [("Charging", "SuspendedEV"), ("Available", "Charging")])
def test_what_the_car_does_asks_nothing(steered, before, after):
    report(steered, before)
    report(steered, after, seconds=1)
    assert questions(steered) == 0


def test_a_boot_asks_for_the_plan_after_the_capabilities(steered):
    inventory.boot(steered.charge_point_id, BOOT, questions=QUESTIONS, now=at(1))
    assert list(ChargePointCommand.objects.open().order_by("pk").values_list("action", flat=True)) == [
        "GetConfiguration", "GetLocalListVersion", "GetCompositeSchedule",
    ]  # fmt: skip


def test_other_firmware_is_asked_again_for_the_unit_that_was_refused(point):
    ChargePoint.objects.update(refused_units="W", firmware_version="1.2")
    inventory.boot(point.pk, BOOT, questions=(), now=NOW)
    assert ChargePoint.objects.get().refused_units == "W"
    inventory.boot(point.pk, replace(BOOT, firmware_version="1.3"), questions=(), now=NOW)
    assert ChargePoint.objects.get().refused_units == ""
