"""Charge points that forget, come back as if nothing had been, count anew, or live in another hour."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chargepoints.simulator import Answer, Car, Knobs
from tests.flows.test_set_profile import ACCEPTED, REJECTED, both_versions, settled
from tests.flows.told import Plan, pushed, sent_limits, standing
from tests.support.bay import FULL_W, Bay, MakeBay
from tests.support.charger import PATIENCE_S
from tests.support.processes import until

pytestmark = pytest.mark.once  # what charge points do to the rules, not to the database

FULL: Plan = [(0, FULL_W)]
ASKED: Plan = [(0, 11000)]
INSTALLED = ("INSTALLED", 0, "")
ONCE, TWICE = [[("W", 11000)]], [[("W", 11000)]] * 2


def steered(b: Bay) -> Bay:
    """11000 W, and the partner knows."""
    assert b.result(b.put(11000)) == ACCEPTED
    until(lambda: pushed(b) == [ASKED], timeout_s=PATIENCE_S, what="the first plan")
    settled(b)
    return b


def until_asked(b: Bay, *, count: int) -> None:
    """What it plans has been asked for so often, and all that came of it has come."""
    b.charger.wait_call("GetCompositeSchedule", count=count)
    settled(b)


def boots(b: Bay) -> int:
    return len(b.charger.sent_calls("BootNotification"))


# --- no answer, but a boot or a closed socket -----------------------------------------------------------------------


@both_versions
def test_a_socket_closed_without_answer_and_nothing_done_is_rejected_at_once_and_not_sent_again(
    bay: MakeBay, version: str
):
    b = bay(version=version).plug_in()
    b.charger.set_knobs(answer=Answer.CLOSE, answer_times=1)
    call = b.put(11000)
    assert b.result(call, timeout_s=5) == REJECTED
    until_asked(b, count=1)
    assert (b.request(call).command.status, b.request(call).command.late_status) == ("FAILED", "REJECTED")
    assert standing(b) == ("REJECTED", 0, "")
    assert (sent_limits(b), pushed(b), b.results(call)) == (ONCE, [], [REJECTED])


@both_versions
def test_a_socket_closed_without_answer_and_all_done_is_rejected_and_corrected_by_a_push(bay: MakeBay, version: str):
    b = bay(version=version).plug_in()
    b.charger.set_knobs(answer=Answer.TAKEN_AND_CLOSED)
    call = b.put(11000)
    assert b.result(call, timeout_s=5) == REJECTED
    until_asked(b, count=1)
    assert (b.request(call).command.status, b.request(call).command.late_status) == ("FAILED", "ACCEPTED")
    assert standing(b) == INSTALLED
    assert (sent_limits(b), pushed(b), b.results(call)) == (ONCE, [ASKED], [REJECTED])


@both_versions
def test_a_boot_on_the_same_socket_before_the_answer_loses_the_profile_which_is_sent_again_once(
    bay: MakeBay, version: str
):
    b = bay(version=version).plug_in()
    connection = b.charge_point.connection_id
    b.charger.set_knobs(answer=Answer.REBOOT, answer_times=1)
    call = b.put(11000)
    assert b.result(call) == ACCEPTED
    b.charger.wait_call("SetChargingProfile", count=2)
    settled(b)
    assert (boots(b), b.charge_point.connection_id) == (2, connection)
    assert standing(b) == INSTALLED
    assert (sent_limits(b), pushed(b)[-1], b.results(call)) == (TWICE, ASKED, [ACCEPTED])


# --- profiles forgotten, or not -------------------------------------------------------------------------------------

FORGETTING: dict[str, Callable[[Bay], Any]] = {
    "with a boot": lambda b: b.charger.reboot(),
    "with the connection, without a boot": lambda b: b.charger.drop(),
    "without a word": lambda b: (b.charger.lose_profiles(), b.charger.send_meter_values()),
}


@both_versions
@pytest.mark.parametrize("how", FORGETTING)
def test_a_profile_that_was_forgotten_is_sent_again_once(bay: MakeBay, version: str, how: str):
    knobs = Knobs(boot_on_reconnect=False, drop_profiles_on_reconnect=True)
    b = steered(bay(version=version, knobs=knobs).plug_in())
    b.charger.send_meter_values()
    FORGETTING[how](b)
    b.charger.wait_call("SetChargingProfile", count=2)
    settled(b)
    assert standing(b) == INSTALLED
    assert sent_limits(b) == TWICE
    assert pushed(b) in ([ASKED, FULL, ASKED], [ASKED, ASKED])  # the second may be overtaken before it leaves


@both_versions
def test_a_profile_that_was_kept_without_a_boot_is_not_sent_again(bay: MakeBay, version: str):
    b = steered(bay(version=version, knobs=Knobs(boot_on_reconnect=False)).plug_in())
    b.charger.drop()
    until_asked(b, count=2)
    assert standing(b) == INSTALLED
    assert (sent_limits(b), pushed(b), boots(b)) == (ONCE, [ASKED], 1)


# --- messages late, twice, out of order, under ids that were used before ----------------------------------------------


@both_versions
def test_meter_values_that_come_late_and_backwards_neither_lower_the_energy_nor_change_a_session_that_is_over(
    bay: MakeBay, version: str
):
    b = bay(version=version, time_scale=600, knobs=Knobs(late_meter_values=True)).plug_in()
    b.charger.drop(stay_away=True)
    until(lambda: not b.charge_point.is_online)
    before = b.session.meter_values.count()
    for _ in range(3):
        b.charger.send_meter_values()
        next_millisecond()
    b.charger.stop_transaction()
    b.charger.come_back()
    until(lambda: b.charger.queued == (), timeout_s=PATIENCE_S, what="all that was said offline")
    until(lambda: b.scsp.sessions[b.session_id]["status"] == "COMPLETED", timeout_s=PATIENCE_S, what="the end")
    settled(b)
    session, told = b.session, b.scsp.sessions[b.session_id]
    assert session.state == "COMPLETED"
    assert session.kwh == (Decimal(b.charger.energy_wh()) - session.meter_start_wh) / 1000 > 0
    assert session.meter_values.count() == before + 4  # of the end, and three after it
    assert Decimal(str(told["kwh"])) == session.kwh


def next_millisecond() -> None:
    """As fine as a charge point counts: two equal readings of one moment are one."""
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 0.002, pause_s=0.001)


@both_versions
def test_a_reading_that_is_repeated_after_a_newer_one_changes_no_figure(bay: MakeBay, version: str):
    b = bay(version=version, time_scale=600, knobs=Knobs(repeat_old_meter_values=True)).plug_in()
    for _ in range(2):
        b.charger.send_meter_values()
    newest = b.session.meter_values.order_by("-measured_at").first()
    assert b.session.measured_at == newest.measured_at
    assert b.session.kwh == (newest.energy_wh - b.session.meter_start_wh) / 1000 > 0


@both_versions
def test_message_ids_that_begin_again_on_a_new_connection_are_new_messages(bay: MakeBay, version: str):
    b = bay(version=version, knobs=Knobs(restart_message_ids=True)).plug_in()
    b.charger.send_meter_values()
    connection, kept = b.charge_point.connection_id, b.session.meter_values.count()
    b.charger.drop()
    until(lambda: b.charge_point.connection_id not in ("", connection))
    b.charger.wait_booted(PATIENCE_S)
    b.charger.send_meter_values()
    ids = [frame[1] for frame in b.charger.sent if frame[0] == 2]
    assert ids.count("1") == ids.count("2") == 2
    assert b.session.meter_values.count() == kept + 1
    steered(b)
    assert (standing(b), sent_limits(b)) == (INSTALLED, ONCE)


# --- another hour ---------------------------------------------------------------------------------------------------

HOURS_S = 3 * 3600


@both_versions
@pytest.mark.parametrize("skew_s", [HOURS_S, -HOURS_S])
def test_a_profile_without_a_start_holds_by_any_clock(bay: MakeBay, version: str, skew_s: int):
    b = bay(version=version, knobs=Knobs(clock_skew_s=skew_s)).plug_in()
    call = b.put(11000, 7000)
    assert b.result(call) == ACCEPTED
    settled(b)
    assert standing(b) == INSTALLED
    assert pushed(b) == [[(0, 11000), (30, 7000)]]
    assert (len(sent_limits(b)), b.results(call)) == (1, [ACCEPTED])


@both_versions
def test_a_profile_with_a_start_runs_by_a_clock_that_is_ahead_and_the_partner_is_told_what_that_makes(
    bay: MakeBay, version: str
):
    b = bay(version=version, knobs=Knobs(clock_skew_s=HOURS_S)).plug_in()
    call = b.put(11000, 7000, start=datetime.now(UTC))
    assert b.result(call) == ACCEPTED
    settled(b)
    assert standing(b) == INSTALLED  # less than asked has other reasons
    assert (pushed(b), len(sent_limits(b)), b.results(call)) == ([[(0, 7000)]], 1, [ACCEPTED])


@both_versions
def test_a_profile_with_a_start_that_a_late_clock_has_before_it_drifts_and_the_partner_is_told(
    bay: MakeBay, version: str
):
    b = bay(version=version, knobs=Knobs(clock_skew_s=-HOURS_S)).plug_in()
    call = b.put(11000, start=datetime.now(UTC))
    assert b.result(call) == ACCEPTED
    until(lambda: b.profile.state == "DRIFTED", timeout_s=PATIENCE_S, what="the drift")
    settled(b)
    assert standing(b) == ("DRIFTED", 2, "it plans 22080 W instead of 11000 W")
    assert (pushed(b), b.results(call)) == ([FULL], [ACCEPTED])
    assert abs(b.session.started_at - datetime.now(UTC) + timedelta(seconds=HOURS_S)) < timedelta(minutes=1)


# --- another unit, other phases -------------------------------------------------------------------------------------


@both_versions
@pytest.mark.parametrize(
    ("takes", "asked", "sent", "plans"),
    [
        ("A", ("W", 11000, 7000), [("W", 11000), ("A", 15.9), ("A", 10.1)], [10971, 6969]),
        ("W", ("A", 16, 10), [("A", 16), ("W", 11040), ("W", 6900)], [16, 10]),
    ],
)
def test_a_unit_that_is_advertised_and_refused_is_learned_within_the_same_request(
    bay: MakeBay, version: str, takes: str, asked: tuple[str, float, float], sent: list, plans: list[float]
):
    b = bay(version=version, knobs=Knobs(accepts_only_unit=takes)).plug_in()
    unit, first, second = asked
    calls = []
    for limit in (first, second):
        calls.append(b.scsp.put_profile(b.session_id, [(0, limit)], unit=unit))
        assert b.result(calls[-1]) == ACCEPTED
        settled(b)
    assert sent_limits(b) == [[one] for one in sent]
    assert b.charge_point.refused_units == unit
    assert pushed(b) == [[(0, limit)] for limit in plans]
    assert (standing(b), [b.results(call) for call in calls]) == (INSTALLED, [[ACCEPTED], [ACCEPTED]])


@pytest.mark.parametrize(
    ("unit", "sent", "plans"),
    [
        ("W", [("W", 11000), ("W", 7360)], [11000, 7360]),
        ("A", [("A", 15.9), ("A", 32)], [10971, 7360]),
    ],
)
def test_a_car_on_one_phase_gets_its_profile_again_for_that_phase_and_the_partner_is_told_what_it_can(
    bay: MakeBay, unit: str, sent: list, plans: list[float]
):
    """The three phases of 1.6 are an assumption until something is measured; 2.0.1 says them at once."""
    b = bay(unit=unit).plug_in(car=Car(phases=1))
    call = b.put(11000)
    assert b.result(call) == ACCEPTED
    settled(b)
    b.charger.send_meter_values()
    b.charger.wait_call("SetChargingProfile", count=2)
    settled(b)
    assert (sent_limits(b), b.session.detected_phases) == ([[one] for one in sent], 1)
    assert pushed(b) == [[(0, limit)] for limit in plans]
    assert (standing(b), b.results(call)) == (INSTALLED, [ACCEPTED])


def test_a_car_whose_phases_are_said_gets_its_profile_for_them_at_once(bay: MakeBay):
    b = bay(unit="A", version="2.0.1").plug_in(car=Car(phases=1))
    assert b.result(b.put(11000)) == ACCEPTED
    settled(b)
    b.charger.send_meter_values()
    settled(b)
    assert (sent_limits(b), pushed(b), standing(b)) == ([[("A", 32)]], [[(0, 7360)]], INSTALLED)
