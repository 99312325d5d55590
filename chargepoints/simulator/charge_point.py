"""A charge point over a real websocket, for demonstrations, tests and development. No models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .car import Car
from .charging import DEFAULT_ID_TAG
from .connector import TransactionId
from .dialect import Setup
from .dialects import dialect_of
from .hardware import Hardware
from .journal import Journal, OnEvent, ReceivedCall
from .knobs import Knobs
from .profiles import Profile
from .simulation import Simulation

HONEST = Knobs()


def utc_now() -> datetime:
    return datetime.now(UTC)


class SimulatedChargePoint:
    """`version` is "1.6" or "2.0.1". `url` ends before the identity: ws://host:port/ocpp. `unit` is what it takes: "A",
    "W" or both, "AW".

    `time_scale` 60: intervals pass and energy flows sixty times as fast; timestamps, schedules and the delays of the
    knobs stay in real time. `backoff_s` are the pauses between attempts to connect, the last one repeated.
    `configuration` overrides configuration keys, e.g. {"ChargingScheduleMaxPeriods": "3"}, or in OCPP 2.0.1 variables,
    e.g. {"SmartChargingCtrlr.PeriodsPerSchedule": "3"}. A connector of 1.6 is here what an EVSE is in 2.0.1.
    `on_event` gets a name and its fields, e.g. "limit_changed", {"connector": 1, "amps": Decimal("16")}.
    """

    def __init__(
        self, url: str, identity: str, *, version: str = "1.6", password: str = "", evses: int = 1, phases: int = 3,
        max_amps: float = 32, unit: str = "A", knobs: Knobs = HONEST, time_scale: float = 1.0,
        on_event: OnEvent | None = None, clock: Callable[[], datetime] = utc_now, meter_interval_s: int = 60,
        call_timeout_s: float = 30, backoff_s: Sequence[float] = (1, 2, 5, 10, 30),
        configuration: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        hardware = Hardware(phases, Decimal(str(max_amps)), tuple(unit))
        setup = Setup(evses, hardware, knobs.smart_charging, meter_interval_s, configuration or {})
        self.identity = identity
        self._journal = Journal(on_event, clock)
        self._simulation = Simulation(
            identity, url=url, password=password, setup=setup, make_dialect=dialect_of(version), knobs=knobs,
            time_scale=time_scale, journal=self._journal, clock=clock, call_timeout_s=call_timeout_s,
            backoff_s=backoff_s,
        )  # fmt: skip

    # --- its life -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until stop(): connects, and connects again whenever the connection ends."""
        try:
            await self._simulation.connection.run()
        finally:
            await self._simulation.close()

    async def stop(self) -> None:
        await self._simulation.connection.stop()

    async def wait_booted(self, timeout_s: float = 10) -> None:
        """Connected, accepted, every status told. Raises TimeoutError."""
        await self.until(lambda: self.online, timeout_s=timeout_s)

    async def until(self, predicate: Callable[[], bool], *, timeout_s: float = 10) -> None:
        """Looks again after every event and every frame sent. Raises TimeoutError."""
        await self._journal.until(predicate, timeout_s)

    def drop(self, *, stay_away: bool = False) -> None:
        """Ends the connection without a word; `stay_away` until come_back()."""
        self._simulation.connection.drop(stay_away=stay_away)

    def come_back(self) -> None:
        self._simulation.connection.come_back()

    async def reboot(self) -> None:
        """Profiles lost and BootNotification, on the same socket."""
        await self._simulation.reboot()

    # --- the driver and the car ---------------------------------------------------------------------------------------

    async def plug_in(self, connector: int = 1, *, id_tag: str = DEFAULT_ID_TAG, car: Car | None = None) -> None:
        """A car on the cable, `id_tag` at hand; starts what was asked for remotely before. In OCPP 2.0.1 this begins a
        transaction that waits for its authorization, unless Knobs.tx_start_point is Authorized."""
        await self._simulation.charging.plug_in(connector, id_tag, car)

    async def start(
        self, connector: int = 1, *, id_tag: str | None = None, authorize: bool = True
    ) -> TransactionId | None:
        """The transaction id; in OCPP 1.6 None while offline. Raises NotAuthorized, NotPossible, TimeoutError."""
        return await self._simulation.charging.start(connector, id_tag=id_tag, authorize=authorize)

    async def stop_transaction(self, connector: int = 1, *, reason: str = "Local") -> None:
        await self._simulation.charging.stop(connector, reason=reason)

    async def unplug(self, connector: int = 1) -> None:
        """Stops the transaction if there is one."""
        await self._simulation.charging.unplug(connector)

    async def impose_external_limit(self, amps: float | None) -> None:
        """Amps per phase that something else than the central system leaves the whole charge point; None: no more.

        OCPP 2.0.1 tells of it (K11 to K13), OCPP 1.6 cannot.
        """
        await self._simulation.impose_external_limit(None if amps is None else Decimal(str(amps)))

    def lose_profiles(self) -> None:
        """Without a word, as some firmware does."""
        self._simulation.clear_profiles()

    async def send_meter_values(self, connector: int = 1) -> None:
        await self._simulation.charging.send_meter_values(connector)

    # --- misbehaving --------------------------------------------------------------------------------------------------

    @property
    def knobs(self) -> Knobs:
        return self._simulation.knobs

    def set_knobs(self, **changes: Any) -> None:
        self._simulation.knobs = replace(self.knobs, **changes)

    async def release_answers(self) -> None:
        """Sends what Answer.HELD kept back, oldest first. Raises LinkLost when its socket is gone."""
        await self._simulation.release_held()

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Any CALL. Raises TimeoutError, CallRefused, LinkLost."""
        return await self._simulation.call(action, payload)

    async def send_text(self, text: str) -> None:
        """Any text as a frame, rubbish too. Raises LinkLost."""
        await self._simulation.link.send_text(text)

    # --- looking at it ------------------------------------------------------------------------------------------------

    @property
    def online(self) -> bool:
        return self._simulation.online

    @property
    def connected(self) -> bool:
        return self._simulation.connection.link is not None

    @property
    def received(self) -> list[ReceivedCall]:
        """The CALLs it got, oldest first."""
        return self._journal.received

    @property
    def sent(self) -> list[Any]:
        """The frames it sent, as lists; text where it was no frame."""
        return self._journal.sent

    def sent_calls(self, action: str) -> list[Any]:
        return self._journal.sent_calls(action)

    @property
    def profiles(self) -> tuple[Profile, ...]:
        return self._simulation.stack.profiles

    @property
    def queued(self) -> tuple[str, ...]:
        """The actions that wait for the connection or for their answer."""
        return self._simulation.queue.actions

    def status(self, connector: int = 1) -> str:
        """In the words of OCPP 1.6 (section 7.7), whatever the version."""
        return self._simulation.connectors[connector].status

    def current_limit(self, connector: int = 1) -> Decimal:
        """Amps per phase in force now, by profiles, external limit and hardware."""
        return self._simulation.limit(self._simulation.connectors[connector]).amps(self._simulation.hardware)

    def drawn_amps(self, connector: int = 1) -> Decimal:
        """Amps per used phase."""
        return self._simulation.connectors[connector].drawn_amps

    def energy_wh(self, connector: int = 1) -> int:
        """The import register."""
        return self._simulation.connectors[connector].energy_wh

    def transaction_id(self, connector: int = 1) -> TransactionId | None:
        transaction = self._simulation.connectors[connector].transaction
        return transaction.transaction_id if transaction else None
