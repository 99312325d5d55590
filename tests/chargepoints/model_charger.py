"""A charge point reduced to what it has installed: takes mail from the rows, answers as told, loses what it must."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from chargepoints import commands, inventory, presence, reconciliation
from chargepoints.models import ChargingSession
from chargepoints.values import (
    BootFacts,
    ChargingSchedule,
    ClearProfile,
    CommandCall,
    CommandOutcome,
    GetComposite,
    OutcomeStatus,
    SetProfile,
)
from tests.support.factories import NOW

SILENCE = CommandOutcome(OutcomeStatus.EXPIRED, "no answer in time")
LOST = CommandOutcome(OutcomeStatus.FAILED, "the connection closed before the charge point answered")
YES = CommandOutcome(OutcomeStatus.ACCEPTED, answer={"status": "Accepted"})
NO = CommandOutcome(OutcomeStatus.REJECTED, "charge point answered Rejected", {"status": "Rejected"})
NONE_SUCH = CommandOutcome(OutcomeStatus.UNKNOWN, answer={"status": "Unknown"})


@dataclass
class ModelCharger:
    """`tells`: whether GetCompositeSchedule brings a schedule; `ignores`: Accepted, and nothing done; `keeps`: that is
    the answer to a clear, and nothing is done.
    """

    session: ChargingSession
    tells: bool = True
    ignores: bool = False
    keeps: CommandOutcome | None = None
    now: datetime = NOW
    socket: str = "socket-1"
    profiles: dict[int, tuple[int, ChargingSchedule]] = field(default_factory=dict)
    handed_over: list[int] = field(default_factory=list)
    sets: list[ChargingSchedule] = field(default_factory=list)
    clears: int = 0
    late: tuple[int, CommandOutcome] | None = None

    def become_honest(self) -> None:
        self.ignores, self.keeps = False, None

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def take(self) -> CommandCall | None:
        call = commands.claim_next(self.session.charge_point_id, self.socket, now=self.now)
        if call:
            self.handed_over.append(call.command_id)
        return call

    def serve(self) -> None:
        """Answers all mail truly."""
        while call := self.take():
            commands.record_outcome(call.command_id, self.do(call), now=self.now)

    def serve_one(self, outcome: CommandOutcome | None = None, *, applied: bool = True) -> None:
        """The next mail; with an outcome of silence it may have been done all the same, and the truth may come late."""
        call = self.take()
        if call is None:
            return
        truth = self.do(call) if applied else NO
        commands.record_outcome(call.command_id, outcome or truth, now=self.now)
        if outcome is SILENCE:
            self.late = (call.command_id, truth)

    def answer_late(self) -> None:
        if self.late:
            commands.record_outcome(*self.late, now=self.now)
        self.late = None

    def reboot(self, *, forgets: bool) -> None:
        if forgets:
            self.profiles.clear()
        inventory.boot(self.session.charge_point_id, BootFacts(), questions=(), now=self.now)
        self.wait(settings.OCPP_SETTLE_S)

    def reconnect(self, *, forgets: bool) -> None:
        """The old socket dies with what was outstanding; a late answer can no longer come."""
        self.late = None
        if forgets:
            self.profiles.clear()
        presence.disconnect(self.session.charge_point_id, connection_id=self.socket, now=self.now)
        self.socket += "'"
        presence.connect(
            self.session.charge_point_id, connection_id=self.socket, channel_name="c", ocpp_version="1.6", now=self.now
        )
        self.wait(settings.OCPP_SETTLE_S)

    def beat(self) -> None:
        self.wait(31)
        commands.expire_overdue(now=self.now)
        reconciliation.watch(now=self.now)

    def do(self, call: CommandCall) -> CommandOutcome:
        match call.request:
            case SetProfile(profile_id=number, stack_level=level, schedule=schedule):
                self.sets.append(schedule)
                if not self.ignores:
                    self.profiles[number] = (level, schedule)
                return YES
            case ClearProfile(profile_id=number):
                self.clears += 1
                if self.keeps:
                    return self.keeps
                return YES if self.profiles.pop(number, None) else NONE_SUCH
            case GetComposite():
                return CommandOutcome(OutcomeStatus.ACCEPTED, schedule=self.composite() if self.tells else None)
            case _:
                return YES

    def composite(self) -> ChargingSchedule | None:
        highest = sorted(self.profiles.values(), key=lambda entry: -entry[0])
        return highest[0][1] if highest else None
