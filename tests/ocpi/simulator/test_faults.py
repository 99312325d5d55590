"""What a CPO meets when its partner fails, and what the partner then holds against it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from ocpi.simulator.faults import EndpointKind, Fault, FaultMode, FaultOrder, FaultPlan
from tests.ocpi.simulator.fake_cpo import SESSION_ID, found, send, session, session_url

pytestmark = pytest.mark.once
RESULT = {"result": "ACCEPTED"}


def put_session(scsp, **options):
    return send("PUT", session_url(scsp), body=session(), **options)


def post_result(scsp):
    return send("POST", f"{scsp.chargingprofiles_url}/response/r", body=RESULT)


@pytest.mark.pure
@pytest.mark.parametrize("text", ["slow", "slow=", "slow=-1", "500=1", "nonsense", ""])
def test_an_unknown_fault_is_refused(text):
    with pytest.raises(ValueError):
        Fault.parse(text)


@pytest.mark.pure
def test_a_counted_fault_goes_before_a_standing_one_and_runs_out():
    plan = FaultPlan()
    plan.set("push", "500")
    plan.fail_next(1, kind="push", fault="slow=2.5")
    plan.fail_next(1, fault="drop")
    taken = [plan.take(EndpointKind.PUSH) for _ in range(3)]
    assert taken == [Fault(FaultMode.SLOW, 2.5), Fault(FaultMode.DROP), Fault(FaultMode.ERROR_500)]
    plan.set("push", None)
    assert plan.take(EndpointKind.PUSH) is None


@pytest.mark.pure
@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("500", FaultOrder("500")),
        ("slow=2.5:result", FaultOrder("slow=2.5", EndpointKind.RESULT)),
        ("drop:sessions:3", FaultOrder("drop", EndpointKind.SESSIONS, count=3)),
        ("hang:0.1", FaultOrder("hang", probability=0.1)),
        ("bad_json:push:1.0", FaultOrder("bad_json", EndpointKind.PUSH)),
    ],
)
def test_an_order_names_a_fault_where_and_how_often(text, order):
    assert FaultOrder.parse(text) == order


@pytest.mark.pure
@pytest.mark.parametrize(
    "text", ["", "fire", "500:nowhere", "500:sessions:0", "500:1.5", "500:-1", "500:sessions:1:2", "500:nan"]
)
def test_an_order_that_is_none_is_refused(text):
    with pytest.raises(ValueError):
        FaultOrder.parse(text)


@pytest.mark.pure
def test_a_likely_fault_meets_as_many_as_the_dice_say():
    dice = iter([0.09, 0.1, 0.5])
    plan = FaultPlan(lambda: next(dice))
    plan.order(FaultOrder.parse("500:0.1"))
    taken = [plan.take(kind) for kind in (EndpointKind.PUSH, EndpointKind.LOCATIONS, EndpointKind.SESSIONS)]
    assert taken == [Fault(FaultMode.ERROR_500), None, None]


@pytest.mark.pure
def test_a_counted_order_meets_the_next_ones_of_its_kind():
    plan = FaultPlan()
    plan.order(FaultOrder.parse("drop:result:1"))
    assert [plan.take(EndpointKind.PUSH), plan.take(EndpointKind.RESULT), plan.take(EndpointKind.RESULT)] == [
        None,
        Fault(FaultMode.DROP),
        None,
    ]


@pytest.mark.parametrize(
    ("fault", "expected"), [("500", (500, 3000)), ("401", (401, 2000)), ("ocpi_2000", (200, 2000))]
)
def test_a_refusing_fault_has_no_effect(scsp, fault, expected):
    scsp.faults.set("sessions", fault)
    answer = put_session(scsp)
    assert (answer.status_code, answer.json()["status_code"]) == expected
    assert (scsp.sessions, scsp.violations) == ({}, [])
    assert len(scsp.requests_received) == 1


def test_a_fault_stays_with_its_kind_of_endpoint(scsp):
    scsp.faults.set("result", "500")
    assert put_session(scsp).status_code == 201


def test_fail_next_fails_that_many_requests(scsp):
    scsp.faults.fail_next(2, kind="sessions")
    assert [put_session(scsp).status_code for _ in range(3)] == [500, 500, 201]


def test_clear_ends_all_faults(scsp):
    scsp.faults.set("sessions", "401")
    scsp.faults.fail_next(5)
    scsp.faults.clear()
    assert put_session(scsp).status_code == 201


def test_bad_json_has_its_effect_and_an_unreadable_answer(scsp):
    scsp.faults.set("sessions", "bad_json")
    answer = put_session(scsp)
    assert answer.status_code == 201
    with pytest.raises(ValueError):
        answer.json()
    assert list(scsp.sessions) == [SESSION_ID]


def test_drop_has_its_effect_and_no_answer(scsp):
    scsp.faults.set("sessions", "drop")
    with pytest.raises(requests.ConnectionError):
        put_session(scsp)
    assert list(scsp.sessions) == [SESSION_ID]


def test_slow_has_its_effect_at_once_and_answers_late(scsp):
    scsp.faults.set("sessions", "slow=0.2")
    assert put_session(scsp).elapsed.total_seconds() >= 0.2
    scsp.faults.set("sessions", "slow=60")
    with pytest.raises(requests.Timeout):
        put_session(scsp, timeout=0.2)
    assert list(scsp.sessions) == [SESSION_ID]


def test_hang_never_answers_and_has_no_effect(scsp):
    scsp.faults.set("sessions", "hang")
    with pytest.raises(requests.Timeout):
        put_session(scsp, timeout=0.2)
    assert scsp.sessions == {}


def test_a_hanging_request_does_not_keep_the_simulator_from_stopping(scsp):
    scsp.faults.set("sessions", "hang")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(put_session, scsp, timeout=30)
        assert scsp.wait_for(lambda: scsp.requests_received)
        scsp.stop()
        assert isinstance(waiting.exception(5), requests.ConnectionError)


@pytest.mark.parametrize("fault", ["drop", "bad_json"])
def test_a_result_repeated_after_a_lost_answer_is_no_violation(scsp, fault):
    scsp.put_profile(SESSION_ID, [(0, 11000)], request_id="r")
    scsp.faults.fail_next(1, kind="result", fault=fault)
    try:
        post_result(scsp)
    except requests.ConnectionError:
        assert fault == "drop"
    assert post_result(scsp).json()["status_code"] == 1000
    assert [result.confirmed for result in scsp.results] == [False, True]
    assert scsp.violations == []
    post_result(scsp)
    assert found(scsp) == ["result of r: the second one"]


def test_a_refused_result_was_not_received(scsp):
    scsp.put_profile(SESSION_ID, [(0, 11000)], request_id="r")
    scsp.faults.fail_next(1, kind="result", fault="500")
    assert post_result(scsp).status_code == 500
    assert scsp.results == []
    post_result(scsp)
    assert scsp.wait_result("r", 1) == RESULT
    assert scsp.violations == []
