"""kill -9 at each step of the river: nothing that could be known is lost, and nothing is done or told twice."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from chargepoints.simulator import Answer
from ocpi.models import OutboxMessage, ProfileRequest
from ocpi.simulator.profile_calls import ProfileCall
from tests.flows.conftest import used
from tests.flows.test_set_profile import ACCEPTED, REJECTED
from tests.support.bay import Bay
from tests.support.charger import PATIENCE_S, LoopThread
from tests.support.processes import until
from tests.support.server import Server
from tests.support.tarpit import Tarpit

pytestmark = pytest.mark.stack
AFTERMATH_S = 30.0  # the promised time
MESSAGE = OutboxMessage.Status
STEPS = ("queued", "on_the_wire", "answered", "away", "unsent", "in_doubt", "retried", "done")


def request_of(call: ProfileCall) -> ProfileRequest:
    return ProfileRequest.objects.select_related("command").get(request_id=call.request_id)


def message_of(call: ProfileCall) -> OutboxMessage | None:
    return OutboxMessage.objects.filter(profile_request__request_id=call.request_id).first()


# --- everything at once ---------------------------------------------------------------------------------------------


@dataclass
class Crash:
    """One request at each step of the river when everything is killed at the same moment."""

    bays: dict[str, Bay]
    calls: dict[str, ProfileCall] = field(default_factory=dict)
    heard_before: dict[str, int] = field(default_factory=dict)

    def put(self, step: str, **knobs: Any) -> None:
        if knobs:
            self.bays[step].charger.set_knobs(**knobs)
        self.calls[step] = self.bays[step].put(11000)
        assert self.calls[step].result == "ACCEPTED"

    def results(self, step: str) -> list[dict[str, Any]]:
        return self.bays[step].results(self.calls[step])

    def in_time(self, step: str) -> bool:
        request = request_of(self.calls[step])
        received = [r for r in self.bays[step].scsp.results if r.request_id == request.request_id]
        return all(result.received_at < request.deadline_at for result in received)

    def profiles_set(self, step: str) -> int:
        return len(self.bays[step].charger.calls("SetChargingProfile"))


@pytest.fixture(scope="module")
def crash(mortal_server: Server, loop: LoopThread, django_db_blocker: Any) -> Iterator[Crash]:
    with contextlib.ExitStack() as open_bays:
        with used(mortal_server, django_db_blocker):
            crash = Crash({step: open_bays.enter_context(Bay(mortal_server, loop)).plug_in() for step in STEPS})
            with to_their_steps(crash):
                kill(crash, mortal_server)
            recover(crash, mortal_server)
        yield crash


@contextlib.contextmanager
def to_their_steps(crash: Crash) -> Iterator[None]:
    bays, held = crash.bays, {"answer": Answer.HELD}
    crash.put("done")
    assert bays["done"].result(crash.calls["done"]) == ACCEPTED
    until(lambda: message_of(crash.calls["done"]).status == MESSAGE.DELIVERED)

    bays["queued"].charger.set_knobs(actions=frozenset({"GetCompositeSchedule"}))
    crash.calls["before queued"] = (bays["queued"].charger.set_knobs(**held), bays["queued"].get())[1]
    bays["queued"].charger.wait_call("GetCompositeSchedule")
    crash.put("queued")

    for step in ("on_the_wire", "answered", "away"):
        crash.put(step, **held)
        bays[step].charger.wait_call("SetChargingProfile")

    bays["retried"].scsp.faults.set("result", "500")
    crash.put("retried")
    bays["in_doubt"].scsp.faults.set("result", "slow=20")
    crash.put("in_doubt")
    bays["unsent"].scsp.stop()
    with Tarpit(urlsplit(bays["unsent"].scsp.base_url).port or 0):
        crash.put("unsent")
        until(lambda: failed_once(crash.calls["retried"]), timeout_s=PATIENCE_S, what="a failed attempt")
        until(lambda: crash.results("in_doubt"), timeout_s=PATIENCE_S, what="a result on its way")
        until(lambda: is_sending(crash.calls["unsent"]), timeout_s=PATIENCE_S, what="a connection that is made")
        yield


def failed_once(call: ProfileCall) -> bool:
    message = message_of(call)
    return message is not None and message.failures > 0


def is_sending(call: ProfileCall) -> bool:
    message = message_of(call)
    return message is not None and message.status == MESSAGE.SENDING


def kill(crash: Crash, server: Server) -> None:
    server.freeze(server.web)
    crash.bays["answered"].charger.release_answers()
    crash.bays["away"].charger.drop(stay_away=True)
    server.kill()
    assert request_of(crash.calls["queued"]).command.status == "QUEUED"
    assert {request_of(crash.calls[step]).command.status for step in ("on_the_wire", "answered", "away")} == {"SENT"}
    assert crash.bays["unsent"].results(crash.calls["unsent"]) == []


def recover(crash: Crash, server: Server) -> None:
    for bay in crash.bays.values():
        bay.scsp.faults.clear()
        bay.charger.set_knobs(answer=Answer.HONEST)
    crash.bays["unsent"].scsp.start()
    server.start()
    unsettled = OutboxMessage.objects.filter(kind="RESULT", status__in=[MESSAGE.PENDING, MESSAGE.SENDING])
    unanswered = ProfileRequest.objects.filter(response="ACCEPTED", result="")
    until(
        lambda: not (unanswered.exists() or unsettled.exists()), timeout_s=AFTERMATH_S, what="the end of every request"
    )


def test_a_request_that_was_accepted_and_not_sent_is_sent_once_and_told_once(mortal: Server, crash: Crash):
    assert crash.results("queued") == [ACCEPTED]
    assert crash.in_time("queued")
    assert crash.profiles_set("queued") == 1


@pytest.mark.parametrize("step", ["on_the_wire", "answered"])
def test_a_call_whose_answer_was_lost_is_told_as_rejected_and_not_sent_again(mortal: Server, crash: Crash, step: str):
    """What came of it is seen in the plan when the charge point is back."""
    assert crash.results(step) == [REJECTED]
    assert crash.in_time(step)
    assert crash.profiles_set(step) == 1
    bay = crash.bays[step]
    until(lambda: bay.profile.state == "INSTALLED", timeout_s=AFTERMATH_S, what="what its plan shows")
    assert bay.profile.desired["periods"][0]["limit"] == "11000"


def test_a_charge_point_that_does_not_come_back_is_offline_and_its_request_is_told_as_rejected(
    mortal: Server, crash: Crash
):
    assert crash.results("away") == [REJECTED]
    assert crash.in_time("away")
    assert not crash.bays["away"].charge_point.is_online


def test_a_result_whose_connection_did_not_stand_yet_is_posted_once_in_time(mortal: Server, crash: Crash):
    assert crash.results("unsent") == [ACCEPTED]
    assert crash.in_time("unsent")
    attempts = message_of(crash.calls["unsent"]).attempts.order_by("number")
    assert [attempt.sent_at is not None for attempt in attempts] == [False, True]


def test_a_result_that_was_on_its_way_is_in_doubt_and_not_posted_again(mortal: Server, crash: Crash):
    assert crash.results("in_doubt") == [ACCEPTED]
    message = message_of(crash.calls["in_doubt"])
    assert message.status == MESSAGE.IN_DOUBT
    assert message.attempts.count() == 1


def test_a_result_between_two_attempts_is_posted_once_in_time(mortal: Server, crash: Crash):
    assert crash.results("retried") == [ACCEPTED]
    assert crash.in_time("retried")


def test_a_result_that_was_delivered_is_not_posted_again(mortal: Server, crash: Crash):
    assert crash.results("done") == [ACCEPTED]
    assert message_of(crash.calls["done"]).attempts.count() == 1


def test_the_question_before_it_is_told_as_rejected(mortal: Server, crash: Crash):
    assert crash.bays["queued"].results(crash.calls["before queued"]) == [REJECTED]


def test_no_partner_has_reason_to_complain(mortal: Server, crash: Crash):
    assert [text for bay in crash.bays.values() for text in bay.scsp.violations] == []
    assert [late for bay in crash.bays.values() for late in bay.scsp.overdue_requests] == []


def test_sessions_go_on_and_take_new_profiles(mortal: Server, crash: Crash):
    bays = [crash.bays[step] for step in STEPS if step != "away"]
    for bay in bays:
        bay.charger.wait_booted(PATIENCE_S)
        until(lambda: bay.charge_point.is_online, timeout_s=PATIENCE_S)  # noqa: B023
    calls = [(bay, bay.put(7400)) for bay in bays]
    assert [bay.result(call) for bay, call in calls] == [ACCEPTED] * len(bays)
    assert {bay.session.state for bay in bays} == {"ACTIVE"}
