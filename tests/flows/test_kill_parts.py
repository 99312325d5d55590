"""kill -9 of one part after the other: what the others still do, and what waits until it is back."""

from collections.abc import Iterator

import psycopg
import pytest
import redis

from chargepoints.models import ChargePoint
from chargepoints.simulator import Answer
from tests.flows.test_kill import AFTERMATH_S, MESSAGE, message_of, request_of
from tests.flows.test_set_profile import ACCEPTED, REJECTED
from tests.support import stack
from tests.support.bay import Bay
from tests.support.charger import PATIENCE_S, LoopThread
from tests.support.processes import until
from tests.support.redis_server import Redis
from tests.support.server import Server

pytestmark = pytest.mark.stack
SPLIT = pytest.mark.skipif(stack.STACK == "embedded", reason="one process: there are no parts")


@pytest.fixture
def bay(mortal: Server, loop: LoopThread) -> Iterator[Bay]:
    with Bay(mortal, loop) as bay:
        yield bay.plug_in()
        assert bay.scsp.violations == []


@pytest.fixture
def split_bay(mortal: Server, loop: LoopThread) -> Iterator[Bay]:
    """The charge point is connected to one web process, the partner calls another."""
    mortal.start("second")
    with Bay(mortal, loop, cpo_url=mortal.second_url) as bay:
        yield bay.plug_in()


@SPLIT
def test_a_request_that_another_web_process_took_reaches_the_charge_point(mortal: Server, split_bay: Bay):
    call = split_bay.put(11000)
    assert split_bay.result(call) == ACCEPTED
    assert len(split_bay.charger.calls("SetChargingProfile")) == 1


@SPLIT
def test_beat_finds_what_no_worker_was_there_to_hear(mortal: Server, bay: Bay, split_bay: Bay):
    """A command that nobody rang for, and a result that nobody posted."""
    bay.charger.set_knobs(answer=Answer.HELD)
    unposted = bay.put(7400)
    bay.charger.wait_call("SetChargingProfile")
    mortal.kill("worker", "beat")
    bay.charger.release_answers()
    unsent = split_bay.put(11000)
    until(lambda: request_of(unposted).result == "ACCEPTED", what="the outcome")
    forget_doorbells(mortal)
    assert (split_bay.charger.calls("SetChargingProfile"), bay.results(unposted)) == ([], [])
    mortal.start("worker", "beat")
    assert (split_bay.result(unsent), bay.result(unposted)) == (ACCEPTED, ACCEPTED)
    until(lambda: message_of(unposted).status == MESSAGE.DELIVERED)
    assert [len(b.charger.calls("SetChargingProfile")) for b in (bay, split_bay)] == [1, 1]
    assert (split_bay.results(unsent), bay.results(unposted)) == ([ACCEPTED], [ACCEPTED])
    mortal.kill("second")


@SPLIT
def test_a_web_process_that_died_is_noticed_by_the_others(mortal: Server, bay: Bay):
    bay.charger.set_knobs(answer=Answer.HELD)
    call = bay.put(11000)
    bay.charger.wait_call("SetChargingProfile")
    mortal.freeze("web")
    bay.charger.drop(stay_away=True)
    mortal.kill("web")
    assert bay.result(call) == REJECTED
    assert not bay.charge_point.is_online
    mortal.start("web")
    bay.charger.come_back()
    bay.charger.wait_booted(PATIENCE_S)
    assert len(bay.charger.calls("SetChargingProfile")) == 1


@SPLIT
def test_a_broker_that_is_away_costs_time_and_no_work(mortal: Server, bay: Bay, broker: Redis):
    broker.stop()
    call = bay.put(11000)
    assert call.result == "ACCEPTED"
    broker.start()
    assert bay.result(call, timeout_s=AFTERMATH_S) == ACCEPTED
    assert len(bay.charger.calls("SetChargingProfile")) == 1


@SPLIT
def test_a_database_that_closed_every_connection_loses_no_answer(mortal: Server, bay: Bay):
    bay.charger.set_knobs(answer=Answer.HELD)
    call = bay.put(11000)
    bay.charger.wait_call("SetChargingProfile")
    with psycopg.connect(mortal.database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    bay.charger.release_answers()
    assert bay.scsp.wait_result(call.request_id, PATIENCE_S) == ACCEPTED


def forget_doorbells(server: Server) -> None:
    with redis.Redis.from_url(server.redis_url) as client:
        client.flushdb()


# --- and well -------------------------------------------------------------------------------------------------------


def test_stopped_well_every_part_ends_without_an_error_and_its_charge_points_are_offline(mortal: Server, bay: Bay):
    assert bay.charge_point.is_online
    assert set(mortal.stop().values()) == {0}
    assert ChargePoint.objects.online().count() == 0
