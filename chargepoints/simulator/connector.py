"""One connector: the car on it, the transaction on it, the energy through it. Pure; every moment is passed in."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, NamedTuple

from .car import Car
from .hardware import MIN_CHARGING_A, VOLTAGE_V, Hardware, Limit

TransactionId = int | str


@dataclass(frozen=True, slots=True)
class RemoteStart:
    """A start that the central system asked for; it may wait for the cable. The last two are of OCPP 2.0.1."""

    id_tag: str
    profile: dict[str, Any] | None
    token_type: str | None = None
    remote_start_id: int | None = None


@dataclass
class Transaction:
    """`transaction_id` None while the central system has not given it, which takes long when started offline.

    `id_tag` None: nobody is authorized. `refusal` is the AuthorizationStatus that made an end of it; `stopped` why
    charging ended although the transaction goes on.
    """

    started_at: datetime
    meter_start_wh: int
    id_tag: str | None = None
    transaction_id: TransactionId | None = None
    refusal: str | None = None
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class MeterReading:
    """Amps are per phase; `amps` has one entry per phase of the charge point, 0 where the car draws nothing."""

    taken_at: datetime
    energy_wh: int
    amps: tuple[Decimal, ...]
    offered_amps: Decimal
    soc_percent: int

    @property
    def power_w(self) -> Decimal:
        return sum(self.amps, Decimal(0)) * VOLTAGE_V


@dataclass
class Connector:
    """`speed`: how many seconds of energy flow in one second. `limit` is what was last applied, None while idle."""

    number: int
    hardware: Hardware
    speed: Decimal = Decimal(1)
    car: Car | None = None
    operative: bool = True
    transaction: Transaction | None = None
    finishing: bool = False
    limit: Limit | None = None
    reported_status: str | None = None
    previous_reading: MeterReading | None = None
    _energy_wh: Decimal = Decimal(0)
    _settled_at: datetime | None = None
    unavailable_after_transaction: bool = False

    @property
    def charging_since(self) -> datetime | None:
        return self.transaction.started_at if self.transaction else None

    @property
    def offered_amps(self) -> Decimal:
        return self.limit.amps(self.hardware) if self.limit else Decimal(0)

    @property
    def drawn_amps(self) -> Decimal:
        return self.car.draws(self.offered_amps) if self.car and self.transaction else Decimal(0)

    @property
    def drawing_phases(self) -> int:
        """A single-phase car stays on one phase, whatever the limit assumes."""
        car_phases = self.car.phases if self.car else 0
        return min(car_phases, self.limit.phases_on(self.hardware) if self.limit else self.hardware.phases)

    @property
    def authorized(self) -> bool:
        return self.transaction is not None and self.transaction.id_tag is not None

    @property
    def status(self) -> str:
        """In the words of ChargePointStatus (OCPP 1.6 section 7.7), whatever the version."""
        if self.transaction:
            return self._charging_status()
        if not self.operative:
            return "Unavailable"
        if self.finishing:
            return "Finishing"
        return "Preparing" if self.car else "Available"

    def _charging_status(self) -> str:
        if self.limit is None:
            return "Finishing" if self.transaction and self.transaction.stopped else "Preparing"
        if self.offered_amps < MIN_CHARGING_A:
            return "SuspendedEVSE"
        return "Charging" if self.drawn_amps else "SuspendedEV"

    def settle(self, now: datetime) -> None:
        """Books the energy since the last time at the current drawn since then. A clock set back books nothing."""
        if self._settled_at and self.car and now > self._settled_at:
            hours = Decimal(str((now - self._settled_at).total_seconds())) * self.speed / 3600
            energy_wh = self.drawn_amps * self.drawing_phases * VOLTAGE_V * hours
            self._energy_wh += energy_wh
            self.car = self.car.charged(energy_wh)
        self._settled_at = now

    def apply(self, limit: Limit | None, now: datetime) -> bool:
        """Whether this changed what is offered."""
        self.settle(now)
        before, self.limit = self.offered_amps, limit
        return before != self.offered_amps

    @property
    def energy_wh(self) -> int:
        """The import register, which never falls."""
        return int(self._energy_wh.to_integral_value(ROUND_DOWN))

    def read_meter(self, now: datetime) -> MeterReading:
        self.settle(now)
        phases = range(self.hardware.phases)
        amps = tuple(self.drawn_amps if phase < self.drawing_phases else Decimal(0) for phase in phases)
        soc = self.car.soc_percent if self.car else 0
        return MeterReading(now, self.energy_wh, amps, self.offered_amps, soc)

    def availability_change(self, operative: bool) -> str:
        """The status of ChangeAvailability.conf: a transaction is finished first (section 5.2)."""
        if self.transaction and not operative:
            self.unavailable_after_transaction = True
            return "Scheduled"
        self.operative, self.unavailable_after_transaction = operative, False
        return "Accepted"

    def end_transaction(self, now: datetime) -> None:
        self.settle(now)
        self.transaction, self.limit, self.previous_reading = None, None, None
        self.finishing = self.car is not None
        if self.unavailable_after_transaction:
            self.availability_change(operative=False)


class Sample(NamedTuple):
    measurand: str
    phase: str | None
    value: str
    unit: str


def samples(reading: MeterReading, *, kwh: bool = False) -> list[Sample]:
    """What a meter says, as text."""
    energy = (f"{Decimal(reading.energy_wh) / 1000:.3f}", "kWh") if kwh else (str(reading.energy_wh), "Wh")
    return [
        Sample("Energy.Active.Import.Register", None, *energy),
        Sample("Power.Active.Import", None, f"{reading.power_w:.1f}", "W"),
        *(Sample("Current.Import", f"L{n}", f"{amps:.1f}", "A") for n, amps in enumerate(reading.amps, 1)),
        Sample("Current.Offered", None, f"{reading.offered_amps:.1f}", "A"),
        *(Sample("Voltage", f"L{n}-N", f"{VOLTAGE_V:.1f}", "V") for n in range(1, len(reading.amps) + 1)),
        Sample("SoC", None, str(reading.soc_percent), "Percent"),
    ]
