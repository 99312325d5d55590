"""Profiles that the simulated SCSP sends on its own."""

import threading

import pytest

from ocpi.simulator.scsp import SimulatedScsp
from ocpi.simulator.steering import StrategyRunner
from ocpi.simulator.strategies import DemoStrategy, PlannedProfile
from tests.ocpi.simulator.fake_cpo import TOKEN_FOR_CPO, TOKEN_FOR_SCSP, FakeCpo, send, session, session_url

pytestmark = pytest.mark.once


@pytest.fixture
def automatic(cpo):
    started = []

    def start(strategy, cpo_url=cpo.root):
        scsp = SimulatedScsp(token=TOKEN_FOR_CPO, cpo_token=TOKEN_FOR_SCSP, cpo_url=cpo_url, strategy=strategy)
        scsp.start()
        started.append(scsp)
        return scsp

    yield start
    for scsp in started:
        scsp.stop()


@pytest.mark.pure
def test_the_demo_starts_at_once_and_repeats_with_another_shape():
    strategy = DemoStrategy(pulse_s=20, period_s=5)
    first, second, third = (strategy(session(), tried) for tried in range(3))
    assert first == PlannedProfile(((0, 11000), (5, 0), (10, 7400)), unit="W", delay_s=0)
    assert second.periods != first.periods
    assert third.periods == first.periods
    assert [second.delay_s, third.delay_s] == [20, 20]


def test_an_active_session_gets_a_profile_that_starts_now(automatic, cpo):
    scsp = automatic(lambda session, tried: PlannedProfile(((0, 11000),), duration_s=60) if not tried else None)
    asked = threading.Event()
    cpo.before_answering = lambda request: asked.set()
    send("PUT", session_url(scsp), body=session())
    assert asked.wait(5)
    profile = cpo.asked[0]["body"]["charging_profile"]
    assert profile.pop("start_date_time").endswith("Z")
    assert profile == {
        "charging_rate_unit": "W",
        "duration": 60,
        "charging_profile_period": [{"start_period": 0, "limit": 11000}],
    }


def test_only_an_active_session_is_planned_for(automatic):
    seen = []
    scsp = automatic(lambda session, tried: seen.append((session["status"], tried)))
    send("PUT", session_url(scsp), body=session(status="PENDING"))
    send("PATCH", session_url(scsp), body={"status": "ACTIVE", "last_updated": "2024-05-01T10:01:00Z"})
    scsp.stop()
    assert seen == [("ACTIVE", 0)]


def test_updates_while_a_profile_is_planned_plan_no_other(automatic):
    seen = []

    def strategy(session, tried):
        seen.append(tried)
        return PlannedProfile(((0, 11000),), delay_s=60)

    scsp = automatic(strategy)
    for kwh in range(3):
        send("PUT", session_url(scsp), body=session(kwh=kwh))
    scsp.stop()
    assert seen == [0]


def test_a_profile_follows_another_until_the_strategy_ends(automatic, cpo):
    scsp = automatic(lambda session, tried: PlannedProfile(((0, 1000 * tried),)) if tried < 3 else None)
    done = threading.Event()
    cpo.before_answering = lambda request: len(cpo.asked) == 3 and done.set()
    send("PUT", session_url(scsp), body=session())
    assert done.wait(5)
    scsp.stop()
    limits = [asked["body"]["charging_profile"]["charging_profile_period"][0]["limit"] for asked in cpo.asked]
    assert limits == [0, 1000, 2000]


def test_a_completed_session_gets_no_more_profiles():
    busy, release, last = threading.Event(), threading.Event(), threading.Event()
    sent = []

    def send_profile(session_id, profile):
        sent.append(session_id)
        {"S-0": busy, "S-2": last}[session_id].set()
        assert release.wait(5)

    runner = StrategyRunner(lambda session, tried: None if tried else PlannedProfile(((0, 11000),)), send_profile)
    runner.start()
    runner.session_received(session(id="S-0"))
    assert busy.wait(5)
    runner.session_received(session(id="S-1"))
    runner.session_received(session(id="S-1", status="COMPLETED"))
    runner.session_received(session(id="S-2"))
    release.set()
    assert last.wait(5)
    runner.stop()
    assert sent == ["S-0", "S-2"]


def test_a_cpo_that_is_gone_does_not_end_the_strategy(automatic):
    tries, third = [], threading.Event()

    def strategy(session, tried):
        tries.append(tried)
        if tried < 2:
            return PlannedProfile(((0, 11000),))
        third.set()
        return None

    with FakeCpo() as gone:
        pass
    send("PUT", session_url(automatic(strategy, cpo_url=gone.root)), body=session())
    assert third.wait(5)
    assert tries == [0, 1, 2]


def test_a_failing_strategy_harms_no_push(automatic):
    def fail(session, tried):
        raise RuntimeError

    assert send("PUT", session_url(automatic(fail)), body=session()).status_code == 201
