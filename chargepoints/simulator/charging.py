"""The transactions of a simulated charge point: cable, start, metering, following the limit, stop."""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .car import Car
from .connector import Connector, MeterReading, Transaction, sampled_values
from .journal import set_within
from .profiles import TX, ProfileRefused, ProfileStack, parse_profile

if TYPE_CHECKING:
    from .simulation import Simulation

DEFAULT_ID_TAG = "SIM-TAG"
LOOK_AHEAD_S = 86_400


class NotAuthorized(Exception):
    """The central system does not accept the id tag; the message is the AuthorizationStatus."""


class NotPossible(Exception):
    """The connector is in no state for that."""


@dataclass(frozen=True, slots=True)
class RemoteStart:
    """A start that waits for the cable."""

    id_tag: str
    profile: dict[str, Any] | None


class Charging:
    def __init__(self, charge_point: "Simulation") -> None:
        self._cp = charge_point
        self._id_tags: dict[int, str] = {}
        self._loops: dict[int, tuple[asyncio.Task[None], ...]] = {}
        self._limits_changed = {number: asyncio.Event() for number in charge_point.connectors}
        self._interval_changed = {number: asyncio.Event() for number in charge_point.connectors}
        self.remote_starts: dict[int, RemoteStart] = {}

    async def plug_in(self, number: int, id_tag: str, car: Car | None) -> None:
        connector = self._cp.connectors[number]
        if connector.car:
            raise NotPossible(f"connector {number} has a car already")
        self._id_tags[number] = id_tag
        connector.car = car or Car(phases=self._cp.hardware.phases)
        self._cp.journal.emit("plugged_in", connector=number)
        await self._cp.report_status(connector)
        if number in self.remote_starts:
            await self.start_remotely(number)

    async def start_remotely(self, number: int) -> None:
        """Without asking to authorize: AuthorizeRemoteTxRequests is false (OCPP 1.6 section 5.11)."""
        wanted = self.remote_starts.pop(number)
        await self.start(number, id_tag=wanted.id_tag, authorize=False, profile=wanted.profile)

    async def start(
        self, number: int, *, id_tag: str | None = None, authorize: bool = True,
        profile: dict[str, Any] | None = None,
    ) -> int | None:  # fmt: skip
        """The transaction id, None while offline. Raises NotAuthorized, TimeoutError, NotPossible."""
        connector, tag = self._cp.connectors[number], id_tag or self._id_tags.get(number, DEFAULT_ID_TAG)
        if not connector.car or connector.transaction or not connector.operative:
            raise NotPossible(f"connector {number} cannot start: it is {connector.status}")
        if authorize and self._cp.online:
            await self._authorize(tag)
        connector.settle(now := self._cp.now())
        transaction = connector.transaction = Transaction(tag, now, connector.energy_wh)
        answered = self._cp.say("StartTransaction", lambda: {
            "connectorId": number, "idTag": tag, "meterStart": transaction.meter_start_wh,
            "timestamp": self._cp.stamp(transaction.started_at),
        }, on_answer=lambda answer: self._started(connector, transaction, answer, profile))  # fmt: skip
        if not self._cp.online:
            self._begin(connector)
            return None
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
        connector.end_transaction(now)
        self._forget_tx_profiles(number)
        self._cp.journal.emit("transaction_stopped", connector=number, transaction_id=transaction.transaction_id,
                              reason=reason, energy_wh=reading.energy_wh)  # fmt: skip
        answered = self._cp.say("StopTransaction", lambda: self._stop_payload(transaction, reading, reason))
        await self._cp.report_status(connector)
        await self._cp.patiently(answered)

    async def unplug(self, number: int) -> None:
        connector = self._cp.connectors[number]
        try:
            if connector.transaction:
                await self.stop(number, reason="EVDisconnected")
        finally:
            connector.car, connector.finishing = None, False
        self._cp.journal.emit("unplugged", connector=number)
        await self._cp.report_status(connector)

    async def send_meter_values(self, number: int, *, context: str = "Sample.Periodic") -> None:
        connector = self._cp.connectors[number]
        self._apply_limit(connector)
        reading, transaction = connector.read_meter(self._cp.now()), connector.transaction
        self._cp.journal.emit("meter_values", connector=number, energy_wh=reading.energy_wh, amps=max(reading.amps),
                              power_w=reading.power_w, soc_percent=reading.soc_percent)  # fmt: skip
        readings = [reading]
        if self._cp.knobs.repeat_old_meter_values and connector.previous_reading:
            readings.append(connector.previous_reading)
        connector.previous_reading = reading
        said = [self._say_meter_values(number, transaction, one, context) for one in readings]
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
        answer = await self._cp.call("Authorize", {"idTag": id_tag})
        status = answer.get("idTagInfo", {}).get("status")
        if status != "Accepted":
            self._cp.journal.emit("not_authorized", status=status)
            raise NotAuthorized(status)

    def _started(
        self, connector: Connector, transaction: Transaction, answer: dict[str, Any], profile: dict[str, Any] | None
    ) -> None:
        """StartTransaction.conf; StopTransactionOnInvalidId is true (OCPP 1.6 section 4.8)."""
        transaction.transaction_id = answer.get("transactionId")
        status = answer.get("idTagInfo", {}).get("status")
        self._cp.journal.emit("transaction_started", connector=connector.number,
                              transaction_id=transaction.transaction_id, status=status)  # fmt: skip
        if connector.transaction is not transaction:
            return
        if status != "Accepted":
            transaction.refusal = str(status)
            self._cp.spawn(self._cp.attempt(self.stop(connector.number, reason="DeAuthorized")))
            return
        if profile:
            self._install_with_start(connector.number, transaction, profile)
        self._begin(connector)

    def _install_with_start(self, number: int, transaction: Transaction, wire: dict[str, Any]) -> None:
        """The TxProfile that came with RemoteStartTransaction (section 5.11)."""
        try:
            profile = replace(parse_profile(number, wire), transaction_id=transaction.transaction_id)
            self._cp.install(profile)
        except ProfileRefused as error:
            self._cp.journal.emit("profile_refused", reason=str(error))

    def _begin(self, connector: Connector) -> None:
        if connector.number in self._loops:
            self.limits_changed()
            return
        self._apply_limit(connector)
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
        if connector.transaction and connector.apply(self._cp.limit(connector), self._cp.now()):
            self._cp.journal.emit("limit_changed", connector=connector.number, amps=connector.offered_amps)

    def _next_change_s(self, connector: Connector) -> float | None:
        now = self._cp.now()
        periods = self._cp.composite(connector.number, now=now, duration_s=LOOK_AHEAD_S)
        return periods[1].start_s - now.microsecond / 1_000_000 if len(periods) > 1 else None

    async def _meter(self, number: int) -> None:
        """MeterValueSampleInterval, 0 for never (OCPP 1.6 section 9.1)."""
        while True:
            interval_s = self._cp.configuration.seconds("MeterValueSampleInterval")
            wait_s = interval_s / self._cp.time_scale if interval_s else None
            if await set_within(self._interval_changed[number], wait_s):
                self._interval_changed[number].clear()
            else:
                await self._cp.attempt(self.send_meter_values(number))

    def _say_meter_values(
        self, number: int, transaction: Transaction | None, reading: MeterReading, context: str
    ) -> "asyncio.Future[dict[str, Any] | None]":
        def payload() -> dict[str, Any]:
            known = transaction and transaction.transaction_id is not None
            return {"connectorId": number, "meterValue": [self._meter_value(reading, context)]} | (
                {"transactionId": transaction.transaction_id} if transaction and known else {}
            )

        return self._cp.say("MeterValues", payload)

    def _meter_value(self, reading: MeterReading, context: str) -> dict[str, Any]:
        knobs = self._cp.knobs
        values = sampled_values(
            reading, context=context, kwh=knobs.energy_in_kwh, units=not knobs.omit_meter_units
        )  # fmt: skip
        return {"timestamp": self._cp.stamp(reading.taken_at), "sampledValue": values}

    def _stop_payload(self, transaction: Transaction, reading: MeterReading, reason: str) -> dict[str, Any]:
        """-1 when StartTransaction was never answered, as firmware in that need does."""
        known = transaction.transaction_id
        payload: dict[str, Any] = {
            "transactionId": -1 if known is None else known, "idTag": transaction.id_tag, "reason": reason,
            "meterStop": reading.energy_wh, "timestamp": self._cp.stamp(reading.taken_at),
        }  # fmt: skip
        if self._cp.configuration["StopTxnSampledData"]:
            payload["transactionData"] = [self._meter_value(reading, "Transaction.End")]
        return payload

    def _forget_tx_profiles(self, number: int) -> None:
        kept = (p for p in self._cp.stack.profiles if not (p.purpose == TX and p.connector == number))
        self._cp.stack = ProfileStack(tuple(kept))
