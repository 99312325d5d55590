"""What the parts of a simulated charge point share: hardware, profiles, clock, connection, and the ways to speak."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from .charging import Charging, NotAuthorized, NotPossible
from .composite import CompositeSchedule, composite_schedule
from .connection import Connection
from .connector import Connector
from .dialect import Dialect, Setup
from .framing import CallRefused, Link, LinkLost
from .hardware import Hardware, Limit
from .journal import Journal
from .knobs import Knobs
from .profiles import CompositePeriod, Profile, ProfileRefused, ProfileStack
from .transaction_queue import Answered, TransactionQueue, nothing_said
from .wire import whole_second, wire_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MakeDialect = Callable[["Simulation", Setup], Dialect]
EXPECTED_FAILURES = (CallRefused, LinkLost, NotAuthorized, NotPossible, TimeoutError)


class Simulation:
    def __init__(
        self, identity: str, *, url: str, password: str, setup: Setup, make_dialect: MakeDialect, knobs: Knobs,
        time_scale: float, journal: Journal, clock: Callable[[], datetime], call_timeout_s: float,
        backoff_s: Sequence[float],
    ) -> None:  # fmt: skip
        self.identity = identity
        self.hardware = setup.hardware
        self.knobs = knobs
        self.time_scale = time_scale
        self.journal = journal
        self.external_amps: Decimal | None = None
        self.stack = ProfileStack()
        self.queue = TransactionQueue(
            lambda action, taken: journal.emit("message_taken" if taken else "message_given_up", action=action)
        )
        speed = Decimal(str(time_scale))
        self.connectors = {n: Connector(n, setup.hardware, speed) for n in range(1, setup.evses + 1)}
        self.dialect = make_dialect(self, setup)
        self.charging = Charging(self)
        self.connection = Connection(self, url, password=password, backoff_s=backoff_s)
        self._clock = clock
        self._call_timeout_s = call_timeout_s
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held: list[Callable[[], Awaitable[None]]] = []

    # --- time ---------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Its own clock, right or wrong."""
        return self._clock() + timedelta(seconds=self.knobs.clock_skew_s)

    def stamp(self, moment: datetime) -> str:
        return wire_time(EPOCH if self.knobs.epoch_timestamps else moment)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.time_scale)

    # --- profiles -----------------------------------------------------------------------------------------------------

    @property
    def supply(self) -> Hardware:
        """The hardware with no more current than somebody else leaves it."""
        if self.external_amps is None:
            return self.hardware
        return replace(self.hardware, max_amps=min(self.hardware.max_amps, self.external_amps))

    async def impose_external_limit(self, amps: Decimal | None) -> None:
        """None releases it. The messages about it are lost when nobody listens."""
        if amps == self.external_amps:
            return
        self.external_amps = amps
        self.journal.emit("external_limit", amps=amps)
        self.charging.limits_changed()
        await self.attempt(self.dialect.notify_external_limit())

    def limit(self, connector: Connector) -> Limit:
        now = self.now()
        since = connector.charging_since or now
        return self.stack.limit_at(connector.number, now, charging_since=since, hardware=self.supply)

    def composite(self, number: int, *, now: datetime, duration_s: int) -> tuple[CompositePeriod, ...]:
        """`number` 0 is the grid connection."""
        since = self.connectors[number].charging_since if number else None
        return self.stack.composite(number, now=now, duration_s=duration_s, charging_since=since, hardware=self.supply)

    def composite_schedule(self, number: int, duration_s: int, unit: str) -> CompositeSchedule:
        """From the whole second before now, as the knobs have it."""
        now = self.now()
        return composite_schedule(
            self.composite(number, now=now, duration_s=duration_s), begin=whole_second(now), duration_s=duration_s,
            unit=unit, hardware=self.hardware, variant=self.knobs.composite,
        )  # fmt: skip

    def check_unit(self, unit: str) -> None:
        """Raises ProfileRefused for a unit that is not taken, whatever is advertised."""
        units = (self.knobs.accepts_only_unit,) if self.knobs.accepts_only_unit else self.hardware.units
        if unit not in units:
            raise ProfileRefused(f"unit {unit} is not taken here", "UnsupportedRateUnit")

    def install(self, profile: Profile) -> None:
        """Raises ProfileRefused."""
        self.stack = self.dialect.installed(self.stack, profile)
        self.journal.emit("profile_installed", connector=profile.connector, profile=profile.wire)
        self.charging.limits_changed()

    def clear_profiles(self, **criteria: Any) -> int:
        """How many there were; without criteria all go."""
        before, self.stack = self.stack, self.stack.clear(**criteria)
        cleared = len(before.profiles) - len(self.stack.profiles)
        if cleared:
            self.journal.emit("profiles_cleared", count=cleared)
            self.charging.limits_changed()
        return cleared

    # --- speaking -----------------------------------------------------------------------------------------------------

    @property
    def online(self) -> bool:
        return self.connection.ready

    @property
    def link(self) -> Link:
        """Raises LinkLost."""
        if not self.connection.link:
            raise LinkLost("not connected")
        return self.connection.link

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Raises TimeoutError, CallRefused, LinkLost."""
        return await self.link.call(action, payload, timeout_s=self._call_timeout_s)

    def say(
        self, action: str, payload: Callable[[], dict[str, Any]], *,
        on_answer: Callable[[dict[str, Any]], None] = lambda _: None, metering: bool = False,
    ) -> Answered:  # fmt: skip
        """What belongs to a transaction: in order, and kept while offline unless the knobs lose it or mix it up."""
        if self.online or not self.knobs.lose_offline_messages:
            if not self.online:
                self.journal.emit("message_queued", action=action)
            late = metering and not self.online and self.knobs.late_meter_values
            return self.queue.put(action, payload, on_answer=on_answer, late=late)
        self.journal.emit("message_lost", action=action)
        return nothing_said()

    async def patiently(self, answered: Answered) -> None:
        """Waits for the answer, but not while offline. Raises TimeoutError."""
        if self.online:
            await asyncio.wait_for(answered, self._call_timeout_s)

    async def report_status(self, connector: Connector) -> None:
        """StatusNotification when the central system believes something else (OCPP 1.6 section 4.9)."""
        self.dialect.say_charging_changes(connector)
        status = self.dialect.status(connector)
        if not self.connection.link or not self.connection.registered or status == connector.reported_status:
            return
        connector.reported_status = status
        self.journal.emit("status", connector=connector.number, status=status)
        if not await self.attempt(self.dialect.notify_status(connector.number, status)):
            connector.reported_status = None

    async def report_statuses(self, *, all_of_them: bool = False) -> None:
        """With `all_of_them` the charge point itself and the connectors that did not change."""
        if all_of_them:
            await self.attempt(self.dialect.notify_station_status())
        for connector in self.connectors.values():
            if all_of_them:
                connector.reported_status = None
            await self.report_status(connector)

    # --- tasks --------------------------------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def attempt(self, work: Awaitable[Any]) -> bool:
        """Whether it went well; what a charge point lives with becomes an event."""
        try:
            await work
        except EXPECTED_FAILURES as error:
            self.journal.emit("failed", reason=f"{type(error).__name__}: {error}")
            return False
        return True

    async def close(self) -> None:
        self.charging.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def hold(self, send: Callable[[], Awaitable[None]]) -> None:
        self._held.append(send)

    async def release_held(self) -> None:
        """Raises LinkLost when their socket is gone."""
        held, self._held = self._held, []
        for send in held:
            await send()

    # --- what the central system may ask for --------------------------------------------------------------------------

    def settings_changed(self) -> None:
        self.connection.heartbeat_changed.set()
        self.charging.interval_changed()

    def change_availability(self, number: int, *, operative: bool) -> str:
        """Accepted, or Scheduled when one still charges. `number` 0 stands for all."""
        chosen = [c for c in self.connectors.values() if number in (0, c.number)]
        statuses = {c.availability_change(operative) for c in chosen}
        return "Scheduled" if "Scheduled" in statuses else "Accepted"

    async def reboot(self) -> None:
        """Profiles lost and BootNotification, on the same socket."""
        self.clear_profiles()
        await self.connection.boot("ApplicationReset")

    async def reset(self, reason: str) -> None:
        """Transactions end, then the socket; the next one begins with BootNotification (OCPP 1.6 section 5.14)."""
        for connector in self.connectors.values():
            if connector.transaction:
                await self.attempt(self.charging.stop(connector.number, reason=reason))
        self.connection.boot_reason = "RemoteReset"
        await self.link.close()
