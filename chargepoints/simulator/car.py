"""A car on the cable: it draws what it may and can until it is full. Pure."""

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from .hardware import MIN_CHARGING_A


@dataclass(frozen=True, slots=True)
class Car:
    """Currents are per phase."""

    capacity_wh: Decimal = Decimal(60_000)
    charge_wh: Decimal = Decimal(18_000)
    phases: int = 3
    max_amps: Decimal = Decimal(32)

    @property
    def full(self) -> bool:
        return self.charge_wh >= self.capacity_wh

    @property
    def soc_percent(self) -> int:
        return int((100 * self.charge_wh / self.capacity_wh).to_integral_value(ROUND_DOWN))

    def draws(self, offered_amps: Decimal) -> Decimal:
        """Amps per used phase; nothing below 6 A, the least that IEC 61851-1 can signal."""
        if self.full or offered_amps < MIN_CHARGING_A:
            return Decimal(0)
        return min(offered_amps, self.max_amps)

    def charged(self, energy_wh: Decimal) -> "Car":
        return replace(self, charge_wh=min(self.capacity_wh, self.charge_wh + energy_wh))
