"""Any interleaving of what can happen to commands leaves each with one claim, one end and one announcement of it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chargepoints import commands, presence, signals
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.profiles import state as profile_state
from chargepoints.values import CommandOutcome, OutcomeStatus
from tests.chargepoints.command_steps import ask, ask_clear, ask_composite
from tests.support import factories
from tests.support.factories import CHANNEL, NOW, SOCKET, schedule

SOCKETS = (SOCKET, "socket-2")
OWNERS = ("NL*JED", "operator")
OPEN = {"QUEUED", "SENT"}


class CommandLife(RuleBasedStateMachine):
    """Each run is one transaction that is rolled back at its end."""

    @initialize()
    def begin(self) -> None:
        self._sandbox = transaction.atomic()
        self._sandbox.__enter__()
        self.session = factories.session()
        self.rows: list[ChargePointCommand] = []  # after the last step
        self.profiles: list[ChargingProfile] = []
        self.now = NOW
        self.claims: Counter[int] = Counter()
        self.ended: Counter[int] = Counter()
        self.late: Counter[int] = Counter()
        self.final: dict[int, tuple[Any, ...]] = {}
        signals.command_finished.connect(self._finished)

    def teardown(self) -> None:
        if hasattr(self, "_sandbox"):
            signals.command_finished.disconnect(self._finished)
            transaction.set_rollback(True)
            self._sandbox.__exit__(None, None, None)

    def _finished(self, *, command: ChargePointCommand, late: bool, **_: Any) -> None:
        (self.late if late else self.ended)[command.pk] += 1

    # --- what happens -------------------------------------------------------------------------------------------

    @rule(owner=st.sampled_from(OWNERS), limit=st.sampled_from([10, 16]), timeout_s=st.sampled_from([2, 30]))
    def request_profile(self, owner: str, limit: int, timeout_s: int) -> None:
        ask(self.session, schedule(limit), owner=owner, now=self.now, timeout_s=timeout_s)

    @rule(owner=st.sampled_from(OWNERS), timeout_s=st.sampled_from([2, 30]))
    def request_clear(self, owner: str, timeout_s: int) -> None:
        ask_clear(self.session, owner=owner, now=self.now, timeout_s=timeout_s)

    @rule()
    def request_composite(self) -> None:
        ask_composite(self.session, now=self.now)

    @rule(socket=st.sampled_from(SOCKETS))
    def claim(self, socket: str) -> None:
        speaks = ChargePoint.objects.get(pk=self.session.charge_point_id).connection_id
        call = commands.claim_next(self.session.charge_point_id, socket, now=self.now)
        if call:
            assert socket == speaks
            assert call.timeout_s > 0
            self.claims[call.command_id] += 1

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), answers=st.lists(st.sampled_from(OutcomeStatus), min_size=1, max_size=4))
    def record(self, data: st.DataObject, answers: list[OutcomeStatus]) -> None:
        command_id = data.draw(st.sampled_from(sorted(self.claims, reverse=True)))
        for status in answers:
            before = self.ended[command_id] + self.late[command_id]
            changed = commands.record_outcome(command_id, CommandOutcome(status), now=self.now)
            assert self.ended[command_id] + self.late[command_id] - before == int(changed)

    @precondition(lambda self: any(row.sent_at is None for row in self.rows))
    @rule(data=st.data(), status=st.sampled_from(OutcomeStatus))
    def record_of_what_was_never_sent(self, data: st.DataObject, status: OutcomeStatus) -> None:
        command_id = data.draw(st.sampled_from([row.pk for row in self.rows if row.sent_at is None]))
        assert commands.record_outcome(command_id, CommandOutcome(status), now=self.now) is False

    @rule(seconds=st.sampled_from([0.5, 3, 31]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def expire(self) -> None:
        overdue = {row.pk for row in self.rows if row.status in OPEN and row.expires_at <= self.now}
        assert commands.expire_overdue(now=self.now) == len(overdue)

    @rule(socket=st.sampled_from(SOCKETS))
    def connect(self, socket: str) -> None:
        presence.connect(
            self.session.charge_point_id, connection_id=socket, channel_name=CHANNEL, ocpp_version="1.6", now=self.now
        )

    @rule(socket=st.sampled_from(SOCKETS))
    def disconnect(self, socket: str) -> None:
        presence.disconnect(self.session.charge_point_id, connection_id=socket, now=self.now)

    @rule()
    def reboot(self) -> None:
        profile_state.doubt_all(self.session.charge_point_id)

    # --- what always holds --------------------------------------------------------------------------------------

    @invariant()
    def everything_that_always_holds(self) -> None:
        """After each step, over rows that are read once."""
        self.rows = list(ChargePointCommand.objects.order_by("pk"))
        self.profiles = list(ChargingProfile.objects.all())
        self.a_command_is_claimed_at_most_once_and_only_then_was_it_sent()
        self.an_end_is_final()
        self.each_end_is_announced_exactly_once()
        self.a_late_answer_is_kept_and_announced_at_most_once_beside_an_end_without_one()
        self.at_most_one_wish_of_an_owner_waits()
        self.an_installed_profile_is_what_the_charge_point_accepted_last()
        self.owners_never_share_a_stack_level()

    def a_command_is_claimed_at_most_once_and_only_then_was_it_sent(self) -> None:
        for row in self.rows:
            assert self.claims[row.pk] == int(row.sent_at is not None) == int(row.connection_id != "")

    def an_end_is_final(self) -> None:
        for row in self.rows:
            end = (row.status, row.detail, row.finished_at, row.sent_at)
            if row.status not in OPEN:
                assert self.final.setdefault(row.pk, end) == end
            else:
                assert row.pk not in self.final
                assert row.finished_at is None

    def each_end_is_announced_exactly_once(self) -> None:
        for row in self.rows:
            assert self.ended[row.pk] == int(row.status not in OPEN)

    def a_late_answer_is_kept_and_announced_at_most_once_beside_an_end_without_one(self) -> None:
        for row in self.rows:
            assert self.late[row.pk] == int(row.late_status != "")
            if row.late_status:
                assert row.status in {"EXPIRED", "FAILED"}
                assert row.sent_at is not None

    def at_most_one_wish_of_an_owner_waits(self) -> None:
        owners = {profile.pk: profile.owner for profile in self.profiles}
        waiting = [row for row in self.rows if (row.kind, row.status) == ("SET_PROFILE", "QUEUED")]
        assert max(Counter(owners[row.profile_id] for row in waiting).values(), default=0) <= 1

    def an_installed_profile_is_what_the_charge_point_accepted_last(self) -> None:
        for profile in self.profiles:
            if profile.state == "INSTALLED":
                told = [row for row in self.rows if row.kind == "SET_PROFILE" and row.profile_id == profile.pk]
                answers = [row for row in told if row.sent_at and "ACCEPTED" in {row.status, row.late_status}]
                assert profile.applied == answers[-1].payload["schedule"]

    def owners_never_share_a_stack_level(self) -> None:
        levels = [profile.stack_level for profile in self.profiles]
        assert len(set(levels)) == len(levels)


@pytest.mark.django_db
def test_any_interleaving_keeps_one_claim_one_end_and_one_announcement_per_command(published, caplog):
    caplog.set_level("WARNING")
    assert not ChargingSession.objects.exists()
    # Not shrunk: that takes minutes with a database, and a failure is 25 steps at most.
    how = settings(max_examples=30, stateful_step_count=25, deadline=None, phases=[Phase.generate])
    run_state_machine_as_test(CommandLife, settings=how)
    assert not ChargingSession.objects.exists()
