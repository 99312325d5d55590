"""Who is connected: one socket speaks for a charge point; an old one's end and a killed process's sockets."""

import pytest

from chargepoints import presence
from chargepoints.models import ChargePoint, ChargePointCommand, ServerProcess
from chargepoints.presence import PROCESS_DEAD
from tests.chargepoints.command_steps import ask, claim, installed, send, status_of
from tests.support import factories
from tests.support.factories import CHANNEL, NOW, SOCKET, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def offline(db):
    return factories.charge_point(online=False)


def connect(point, socket=SOCKET, *, channel=CHANNEL, now=NOW):
    return presence.connect(point.pk, connection_id=socket, channel_name=channel, ocpp_version="1.6", now=now)


def fresh(point) -> ChargePoint:
    return ChargePoint.objects.get(pk=point.pk)


# --- sockets --------------------------------------------------------------------------------------------------------


def test_a_socket_makes_its_charge_point_online_and_is_named_in_the_row(offline):
    assert presence.is_connected(offline.pk) is False
    assert connect(offline, now=at(1)) is None
    row = fresh(offline)
    assert (row.connection_id, row.channel_name, row.ocpp_version) == (SOCKET, CHANNEL, "1.6")
    assert (row.connected_at, row.last_seen_at) == (at(1), at(1))
    assert presence.is_connected(offline.pk) is True


def test_a_second_socket_replaces_the_first_and_says_which(offline):
    connect(offline, "old", channel="process-1")
    assert connect(offline, "new", channel="process-2") == ("process-1", "old")
    assert (fresh(offline).connection_id, fresh(offline).channel_name) == ("new", "process-2")


def test_what_was_sent_on_the_replaced_socket_fails_and_what_waits_goes_out_on_the_new_one(db):
    session = factories.session()
    sent, waiting = ask(session), ask(session, owner="operator")
    send(sent)
    connect(session.charge_point, "new")
    assert (status_of(sent), status_of(waiting)) == ("FAILED", "QUEUED")
    assert claim(session, socket="new").command_id == waiting.pk


def test_the_end_of_its_socket_makes_a_charge_point_offline(offline):
    connect(offline)
    assert presence.disconnect(offline.pk, connection_id=SOCKET, now=at(9)) is True
    row = fresh(offline)
    assert (row.connection_id, row.channel_name, row.disconnected_at) == ("", "", at(9))


def test_the_end_of_an_old_socket_does_not_make_its_successor_offline(offline):
    connect(offline, "old")
    connect(offline, "new")
    assert presence.disconnect(offline.pk, connection_id="old", now=at(9)) is False
    row = fresh(offline)
    assert (row.connection_id, row.channel_name, row.disconnected_at) == ("new", CHANNEL, None)


def test_the_end_of_an_old_socket_fails_nothing_that_its_successor_sent(db):
    session = factories.session()
    connect(session.charge_point, "new")
    command = ask(session)
    send(command, socket="new")
    presence.disconnect(session.charge_point_id, connection_id=SOCKET, now=at(9))
    assert status_of(command) == "SENT"


def test_the_end_of_a_socket_fails_what_was_sent_on_it(db):
    command = ask(factories.session())
    send(command)
    presence.disconnect(command.charge_point_id, connection_id=SOCKET, now=at(9))
    assert status_of(command) == "FAILED"


def test_the_end_of_a_socket_is_recorded_once(offline):
    connect(offline)
    presence.disconnect(offline.pk, connection_id=SOCKET, now=at(9))
    assert presence.disconnect(offline.pk, connection_id=SOCKET, now=at(10)) is False
    assert fresh(offline).disconnected_at == at(9)


def test_seen_keeps_the_clock_skew_that_was_known_unless_there_is_a_new_one(offline):
    presence.seen(offline.pk, now=at(1), clock_skew_s=-7)
    presence.seen(offline.pk, now=at(2))
    assert (fresh(offline).last_seen_at, fresh(offline).clock_skew_s) == (at(2), -7)


# --- processes ------------------------------------------------------------------------------------------------------


@pytest.fixture
def two_processes(db):
    """Each with one charge point."""
    presence.process_started("process-1", alone=False, now=NOW)
    presence.process_started("process-2", alone=False, now=NOW)
    points = (
        factories.charge_point(connection_id="a", channel_name="process-1"),
        factories.charge_point(connection_id="b", channel_name="process-2"),
    )
    for point in points:
        factories.evse(point)
    return points


def online() -> set[str]:
    return set(ChargePoint.objects.online().values_list("connection_id", flat=True))


def test_a_process_whose_heart_stopped_is_reaped_with_its_sockets_and_what_they_had_sent(two_processes):
    dead, alive = two_processes
    lost, kept = (ask(factories.session(point.evses.get())) for point in (dead, alive))
    send(lost, socket="a")
    send(kept, socket="b")
    late = NOW + PROCESS_DEAD
    presence.process_alive("process-2", now=late)
    assert presence.reap_dead_processes(now=late + (at(1) - NOW)) == 1
    assert online() == {"b"}
    assert fresh(dead).disconnected_at == late + (at(1) - NOW)
    assert (status_of(lost), status_of(kept)) == ("FAILED", "SENT")
    assert [process.pk for process in ServerProcess.objects.all()] == ["process-2"]


def test_a_process_that_is_silent_for_a_while_lives(two_processes):
    assert presence.reap_dead_processes(now=NOW + PROCESS_DEAD) == 0
    assert online() == {"a", "b"}


def test_a_dead_process_is_reaped_once(two_processes):
    late = NOW + PROCESS_DEAD + (at(1) - NOW)
    assert [presence.reap_dead_processes(now=late), presence.reap_dead_processes(now=late)] == [2, 0]


def test_a_charge_point_that_moved_on_survives_the_process_it_left(two_processes):
    moved, _ = two_processes
    connect(moved, "c", channel="process-2")
    presence.process_stopped("process-1", now=at(5))
    assert online() == {"b", "c"}


def test_a_process_that_stops_takes_its_own_charge_points_offline_and_no_others(two_processes):
    presence.process_stopped("process-1", now=at(5))
    assert online() == {"b"}
    assert not ServerProcess.objects.filter(pk="process-1").exists()


def test_a_process_hears_that_it_was_taken_for_dead(two_processes):
    assert presence.process_alive("process-1", now=at(5)) is True
    presence.process_stopped("process-1", now=at(6))
    assert presence.process_alive("process-1", now=at(7)) is False
    assert not ServerProcess.objects.filter(pk="process-1").exists()


def test_a_process_that_starts_again_is_alive_since_then(two_processes):
    presence.process_started("process-1", alone=False, now=at(100))
    process = ServerProcess.objects.get(pk="process-1")
    assert (process.started_at, process.alive_at) == (NOW, at(100))


def test_one_of_many_processes_leaves_the_others_as_they_are(two_processes):
    presence.process_started("process-3", alone=False, now=at(1))
    assert ServerProcess.objects.count() == 3
    assert online() == {"a", "b"}


def test_the_only_process_buries_whatever_a_killed_one_left(two_processes):
    unregistered = factories.charge_point(connection_id="c", channel_name="process-of-old")
    command = ask(factories.session(factories.evse(unregistered)))
    send(command, socket="c")
    presence.process_started("process-3", alone=True, now=at(1))
    assert [process.pk for process in ServerProcess.objects.all()] == ["process-3"]
    assert online() == set()
    assert status_of(command) == "FAILED"


def test_burying_a_process_without_sockets_touches_nobody_who_is_offline(two_processes):
    presence.process_started("process-3", alone=False, now=NOW)
    idle = factories.charge_point(online=False)
    presence.process_stopped("process-3", now=at(5))
    assert fresh(idle).disconnected_at is None
    assert online() == {"a", "b"}
    assert not ChargePointCommand.objects.exists()


def test_a_new_connection_asks_for_the_plan_of_a_steered_session():
    session = factories.session()
    installed(session)
    connect(session.charge_point, "socket-2", now=at(1))
    assert list(ChargePointCommand.objects.open().values_list("action", "session")) == [
        ("GetCompositeSchedule", session.pk)
    ]
