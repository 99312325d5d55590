"""What a simulated charge point is made of, and a limit in either unit measured against it."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

VOLTAGE_V = Decimal(230)
MIN_CHARGING_A = Decimal(6)  # IEC 61851-1: a control pilot cannot offer less
TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Hardware:
    """`max_amps` per phase. `units` in the order of preference."""

    phases: int
    max_amps: Decimal
    units: tuple[str, ...] = ("A",)

    @property
    def maximum(self) -> "Limit":
        return Limit("A", self.max_amps)


@dataclass(frozen=True, slots=True)
class Limit:
    """A is per phase, W is the total. `phases` None: three, as OCPP 1.6 section 7.14 (numberPhases) says."""

    unit: str
    value: Decimal
    phases: int | None = None

    def phases_on(self, hardware: Hardware) -> int:
        return min(self.phases or 3, hardware.phases)

    def amps(self, hardware: Hardware) -> Decimal:
        return self.value if self.unit == "A" else self.value / (VOLTAGE_V * self.phases_on(hardware))

    def in_unit(self, unit: str, hardware: Hardware) -> Decimal:
        """Rounded down to the one decimal that OCPP allows; untouched in its own unit."""
        if unit == self.unit:
            return self.value
        value = self.amps(hardware)
        if unit == "W":
            value *= VOLTAGE_V * self.phases_on(hardware)
        return value.quantize(TENTH, ROUND_DOWN)
