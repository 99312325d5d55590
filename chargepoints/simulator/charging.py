"""The transactions of a simulated charge point: cable, start, metering, following the limit, stop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .car import Car
from .connector import Connector, MeterReading, RemoteStart, Transaction, TransactionId
from .journal import set_within
from .profiles import TX, ProfileRefused, ProfileStack

if TYPE_CHECKING:
    from .simulation import Simulation

DEFAULT_ID_TAG = "SIM-TAG"
LOOK_AHEAD_S = 86_400


class NotAuthorized(Exception):
    """The central system does not accept the id tag; the message is the AuthorizationStatus."""


class NotPossible(Exception):
    """The connector is in no state for that."""


class Charging:
    def __init__(self, charge_point: "Simulation") -> None:
        self._cp = charge_point
        self._id_tags: dict[int, str] = {}
        self._loops: dict[int, tuple[asyncio.Task[None], ...]] = {}
        self._limits_changed = {number: asyncio.Event() for number in charge_point.connectors}
        self._interval_changed = {number: asyncio.Event() for number in charge_point.connectors}
        self._remote_starts: dict[int, RemoteStart] = {}

    # --- the cable ----------------------------------------------------------------------------------------------------

    async def plug_in(self, number: int, id_tag: str, car: Car | None) -> None:
        connector = self._cp.connectors[number]
        if connector.car:
            raise NotPossible(f"connector {number} has a car already")
        self._id_tags[number] = id_tag
        connector.car = car or Car(phases=self._cp.hardware.phases)
        self._cp.journal.emit("plugged_in", connector=number)
        await self._cp.report_status(connector)
        await self._cp.dialect.plugged_in(connector, self._remote_starts.get(number))
        if number in self._remote_starts:
            await self._start_remotely(number)

    async def unplug(self, number: int) -> None:
        connector = self._cp.connectors[number]
        try:
            if connector.transaction:
                await self.stop(number, reason="EVDisconnected")
        finally:
            connector.car, connector.finishing = None, False
        self._cp.journal.emit("unplugged", connector=number)
        await self._cp.report_status(connector)

    # --- a transaction ------------------------------------------------------------------------------------------------

    def running(self) -> dict[TransactionId | None, int]:
        """The connector of each transaction id."""
        return {c.transaction.transaction_id: c.number for c in self._cp.connectors.values() if c.transaction}

    def free_connectors(self) -> list[int]:
        return [c.number for c in self._cp.connectors.values() if c.operative and not c.authorized]

    def open_transaction(self, connector: Connector) -> Transaction:
        """Nobody is authorized yet, nothing is said yet."""
        connector.settle(now := self._cp.now())
        connector.transaction = Transaction(
            now, connector.energy_wh, transaction_id=self._cp.dialect.new_transaction_id()
        )
        return connector.transaction

    def remote_start(self, number: int, wanted: RemoteStart) -> Callable[[], Awaitable[Any]] | None:
        """What there is to do at once; None while there is no cable."""
        self._remote_starts[number] = wanted
        return partial(self._start_remotely, number) if self._cp.connectors[number].car else None

    async def _start_remotely(self, number: int) -> None:
        """Without asking to authorize: AuthorizeRemoteTxRequests is false (OCPP 1.6 section 5.11)."""
        wanted = self._remote_starts.pop(number)
        await self.start(number, id_tag=wanted.id_tag, authorize=False, remote=wanted)

    async def start(
        self, number: int, *, id_tag: str | None = None, authorize: bool = True, remote: RemoteStart | None = None
    ) -> TransactionId | None:
        """The transaction id; None while only the central system knows it. Raises NotAuthorized, TimeoutError,
        NotPossible."""
        connector, tag = self._cp.connectors[number], id_tag or self._id_tags.get(number, DEFAULT_ID_TAG)
        if not connector.car or connector.authorized or not connector.operative:
            raise NotPossible(f"connector {number} cannot start: it is {connector.status}")
        if authorize and self._cp.online:
            await self._authorize(tag)
        transaction = connector.transaction or self.open_transaction(connector)
        transaction.id_tag = tag
        profile = remote.profile if remote and self._cp.knobs.smart_charging else None
        answered = self._cp.dialect.say_start(
            connector, transaction, remote, lambda status: self._started(connector, transaction, status, profile)
        )
        if not self._cp.online:
            self._begin(connector)
            return transaction.transaction_id
        await self._cp.patiently(answered)
        if transaction.refusal:
            raise NotAuthorized(transaction.refusal)
        return transaction.transaction_id

    async def stop(self, number: int, *, reason: str = "Local") -> None:
        """Raises NotPossible when nothing runs, TimeoutError when the central system stays silent."""
        connector = self._cp.connectors[number]
        if not (transaction := connector.transaction):
            raise NotPossible(f"connector {number} has no transaction")
        self._end_loops(number)
        now = self._cp.now()
        reading = connector.read_meter(now)
        if not self._cp.dialect.ends_with(reason):
            await self._stop_charging(connector, transaction, reading, reason)
            return
        connector.end_transaction(now)
        self._forget_tx_profiles(number)
        self._cp.journal.emit("transaction_stopped", connector=number, transaction_id=transaction.transaction_id,
                              reason=reason, energy_wh=reading.energy_wh)  # fmt: skip
        answered = self._cp.dialect.say_stop(connector, transaction, reading, reason)
        await self._cp.report_status(connector)
        await self._cp.patiently(answered)

    async def _stop_charging(
        self, connector: Connector, transaction: Transaction, reading: MeterReading, reason: str
    ) -> None:
        """The transaction goes on until the cable is out."""
        connector.apply(None, reading.taken_at)
        transaction.stopped = reason
        answered = self._cp.dialect.say_no_longer_authorized(connector, transaction, reading, reason)
        transaction.id_tag = None
        await self._cp.report_status(connector)
        await self._cp.patiently(answered)

    async def send_meter_values(self, number: int, *, trigger: bool = False) -> None:
        connector = self._cp.connectors[number]
        self._apply_limit(connector)
        reading, transaction = connector.read_meter(self._cp.now()), connector.transaction
        self._cp.journal.emit("meter_values", connector=number, energy_wh=reading.energy_wh, amps=max(reading.amps),
                              power_w=reading.power_w, soc_percent=reading.soc_percent)  # fmt: skip
        readings = [reading]
        if self._cp.knobs.repeat_old_meter_values and connector.previous_reading:
            readings.append(connector.previous_reading)
        connector.previous_reading = reading
        say = self._cp.dialect.say_meter_values
        said = [say(connector, transaction, one, trigger=trigger) for one in readings]
        await self._cp.report_status(connector)
        for answered in said:
            await self._cp.patiently(answered)

    def limits_changed(self) -> None:
        for event in self._limits_changed.values():
            event.set()

    def interval_changed(self) -> None:
        for event in self._interval_changed.values():
            event.set()

    def close(self) -> None:
        for number in tuple(self._loops):
            self._end_loops(number)

    async def _authorize(self, id_tag: str) -> None:
        status = await self._cp.dialect.authorize(id_tag)
        if status != "Accepted":
            self._cp.journal.emit("not_authorized", status=status)
            raise NotAuthorized(status)

    def _started(
        self, connector: Connector, transaction: Transaction, status: str, profile: dict[str, Any] | None
    ) -> None:
        """The central system has heard of it; StopTransactionOnInvalidId is true (OCPP 1.6 section 4.8)."""
        self._cp.journal.emit("transaction_started", connector=connector.number,
                              transaction_id=transaction.transaction_id, status=status)  # fmt: skip
        if connector.transaction is not transaction:
            return
        if status != "Accepted":
            transaction.refusal = status
            self._cp.spawn(self._cp.attempt(self.stop(connector.number, reason="DeAuthorized")))
            return
        if profile:
            self._install_with_start(connector.number, transaction, profile)
        self._begin(connector)

    def _install_with_start(self, number: int, transaction: Transaction, wire: dict[str, Any]) -> None:
        """The TxProfile that came with the remote start (OCPP 1.6 section 5.11)."""
        try:
            profile = self._cp.dialect.parse_profile(number, wire)
            self._cp.install(replace(profile, transaction_id=transaction.transaction_id))
        except ProfileRefused as error:
            self._cp.journal.emit("profile_refused", reason=str(error))

    # --- while it runs ------------------------------------------------------------------------------------------------

    def _begin(self, connector: Connector) -> None:
        if connector.number in self._loops:
            self.limits_changed()
            return
        self._apply_limit(connector)
        self._cp.dialect.say_charging_changes(connector)
        loops = self._follow_limit(connector), self._meter(connector.number)
        self._loops[connector.number] = tuple(self._cp.spawn(loop) for loop in loops)

    def _end_loops(self, number: int) -> None:
        for task in self._loops.pop(number, ()):
            task.cancel()

    async def _follow_limit(self, connector: Connector) -> None:
        """Looks again when a profile changes and when the schedule says so."""
        while connector.transaction:
            self._limits_changed[connector.number].clear()
            self._apply_limit(connector)
            await self._cp.report_status(connector)
            await set_within(self._limits_changed[connector.number], self._next_change_s(connector))

    def _apply_limit(self, connector: Connector) -> None:
        if connector.authorized and connector.apply(self._cp.limit(connector), self._cp.now()):
            self._cp.journal.emit("limit_changed", connector=connector.number, amps=connector.offered_amps)

    def _next_change_s(self, connector: Connector) -> float | None:
        now = self._cp.now()
        periods = self._cp.composite(connector.number, now=now, duration_s=LOOK_AHEAD_S)
        return periods[1].start_s - now.microsecond / 1_000_000 if len(periods) > 1 else None

    async def _meter(self, number: int) -> None:
        """Without an interval: never (OCPP 1.6 section 9.1)."""
        while True:
            interval_s = self._cp.dialect.settings.meter_interval_s
            wait_s = interval_s / self._cp.time_scale if interval_s else None
            if await set_within(self._interval_changed[number], wait_s):
                self._interval_changed[number].clear()
            else:
                await self._cp.attempt(self.send_meter_values(number))

    def _forget_tx_profiles(self, number: int) -> None:
        kept = (p for p in self._cp.stack.profiles if not (p.purpose == TX and p.connector == number))
        self._cp.stack = ProfileStack(tuple(kept))
