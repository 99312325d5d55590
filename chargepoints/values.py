"""Frozen values that cross borders. No Django, no OCPP: the waist of the hourglass."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class RateUnit(StrEnum):
    """Unit of a limit: A is per phase, W is the total (OCPI 2.2.1 mod_charging_profiles, ChargingRateUnit)."""

    AMPERE = "A"
    WATT = "W"


class CurrentType(StrEnum):
    AC = "AC"
    DC = "DC"


class LowCurrentPolicy(StrEnum):
    """What to do with a limit above 0 and below 6 A, at which most cars stop charging."""

    AS_IS = "as_is"
    FLOOR = "floor"


class Availability(StrEnum):
    """Whether a driver can use an EVSE now."""

    AVAILABLE = "AVAILABLE"
    IN_USE = "IN_USE"
    BLOCKED = "BLOCKED"  # nothing goes on, and no other car can get there
    RESERVED = "RESERVED"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"  # switched off, not broken
    FAULTED = "FAULTED"
    UNKNOWN = "UNKNOWN"
    PLANNED = "PLANNED"
    REMOVED = "REMOVED"


class Stage(StrEnum):
    """Of the life of an EVSE, as an operator states it."""

    PLANNED = "PLANNED"
    IN_SERVICE = "IN_SERVICE"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class SchedulePeriod:
    """`limit` in the schedule's unit, from `start_s` seconds after the schedule's start to the next period."""

    start_s: int
    limit: Decimal
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class ChargingSchedule:
    """A maximum over time.

    `start_at` None: relative to the start of charging. `duration_s` None: the last period never ends.
    `min_rate` in the schedule's unit. Periods ascend and the first starts at 0 wherever a schedule leaves this product.
    """

    unit: RateUnit
    periods: tuple[SchedulePeriod, ...]
    start_at: datetime | None = None
    duration_s: int | None = None
    min_rate: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        """A dict that JSON can carry without loss: Decimals as strings, the start as ISO 8601."""
        return {
            "unit": self.unit.value,
            "start_at": self.start_at.isoformat() if self.start_at else None,
            "duration_s": self.duration_s,
            "min_rate": None if self.min_rate is None else str(self.min_rate),
            "periods": [{"start_s": p.start_s, "limit": str(p.limit), "phases": p.phases} for p in self.periods],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ChargingSchedule":
        return cls(
            unit=RateUnit(data["unit"]),
            periods=tuple(SchedulePeriod(p["start_s"], Decimal(p["limit"]), p["phases"]) for p in data["periods"]),
            start_at=datetime.fromisoformat(data["start_at"]) if data["start_at"] else None,
            duration_s=data["duration_s"],
            min_rate=None if data["min_rate"] is None else Decimal(data["min_rate"]),
        )


@dataclass(frozen=True, slots=True)
class EvseLimits:
    """What the hardware can do. Voltage is line to neutral for AC; `max_current_a` is per phase."""

    current_type: CurrentType
    voltage_v: Decimal
    max_current_a: Decimal
    max_power_w: Decimal | None = None
    phases: int | None = None
    detected_phases: int | None = None

    @property
    def used_phases(self) -> int:
        """Phases for conversion; 3 when nothing is known (OCPI 2.2.1 mod_charging_profiles, ChargingRateUnit)."""
        return self.detected_phases or self.phases or 3


@dataclass(frozen=True, slots=True)
class SmartChargingCapabilities:
    """What the charge point said it takes. `supported` None and empty `units`: it has not said."""

    supported: bool | None = None
    units: frozenset[RateUnit] = frozenset()
    max_periods: int | None = None
    max_stack_level: int | None = None
    low_current_policy: LowCurrentPolicy = LowCurrentPolicy.AS_IS


@dataclass(frozen=True, slots=True)
class PreparedSchedule:
    """What goes to the charge point now, why it differs from what was asked, and when the rest must follow.

    `capped_by`: id of the operator's limit that was heeded, whether or not it lowered anything.
    """

    schedule: ChargingSchedule
    notes: tuple[str, ...] = ()
    follow_up_at: datetime | None = None
    capped_by: int | None = None


class ScheduleRefused(Exception):
    """A schedule that cannot be put on this charge point. `code` is machine-readable, e.g. `unit_unsupported`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


# --- commands: what the CSMS asks a charge point, and what came of it -----------------------------------------------


class ProfilePurpose(StrEnum):
    """What a charging profile limits: one transaction, all that start here, or the charge point as a whole."""

    TX = "TX"
    TX_DEFAULT = "TX_DEFAULT"
    CHARGE_POINT_MAX = "CHARGE_POINT_MAX"


@dataclass(frozen=True, slots=True)
class SetProfile:
    """Install `schedule`. `evse_id` is OCPP's (connectorId in 1.6); 0 is the whole charge point, never for TX.

    `transaction_id` is that of the TX profile's transaction, empty for the other purposes. `valid_to`: the charge
    point itself drops the profile then.
    """

    profile_id: int
    stack_level: int
    evse_id: int
    transaction_id: str
    schedule: ChargingSchedule
    purpose: ProfilePurpose = ProfilePurpose.TX
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClearProfile:
    """Remove exactly this profile: a clear without criteria would wipe everything (OCPP 1.6 errata 3.25)."""

    profile_id: int


@dataclass(frozen=True, slots=True)
class GetComposite:
    evse_id: int
    duration_s: int
    unit: RateUnit | None = None


@dataclass(frozen=True, slots=True)
class RawCall:
    """Any CSMS-initiated OCPP action of the charge point's version, payload in that version's wire form."""

    action: str
    payload: dict[str, Any]


CommandRequest = SetProfile | ClearProfile | GetComposite | RawCall


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A claimed command, ready for the socket. `timeout_s` is what remains of its deadline."""

    command_id: int
    request: CommandRequest
    timeout_s: float


class OutcomeStatus(StrEnum):
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"  # the charge point said no, or answered a CALLERROR or nonsense
    UNKNOWN = "UNKNOWN"  # no such profile on the charge point
    FAILED = "FAILED"  # it could not be asked, or the socket closed before it answered
    EXPIRED = "EXPIRED"  # no answer within the deadline; a late one may still come


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """What the charge point answered. `detail` is for people; `answer` is the raw payload.

    `schedule` is the composite schedule of a GetComposite.
    """

    status: OutcomeStatus
    detail: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    schedule: ChargingSchedule | None = None


# --- inbound facts: what a charge point reports, without its OCPP version -------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled value as the charge point sent it. `value` None: it was not a number; `raw` always has the text.

    The value is in 10^`multiplier` of `unit`.
    """

    measurand: str
    value: Decimal | None
    raw: str
    unit: str
    phase: str = ""
    context: str = ""
    location: str = ""
    format: str = "Raw"
    multiplier: int = 0

    def to_json(self) -> dict[str, str]:
        fields = {"measurand": self.measurand, "value": self.raw, "unit": self.unit, "phase": self.phase,
                  "context": self.context, "location": self.location, "format": self.format,
                  "multiplier": str(self.multiplier or "")}  # fmt: skip
        return {key: value for key, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class Reading:
    """All samples of one moment. `energy_wh` is the import register in Wh; the others are totals over the phases."""

    measured_at: datetime
    samples: tuple[Sample, ...]
    energy_wh: Decimal | None = None
    power_w: Decimal | None = None
    current_a: Decimal | None = None
    offered_a: Decimal | None = None
    offered_w: Decimal | None = None
    soc_percent: Decimal | None = None
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class BootFacts:
    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    firmware_version: str = ""
    meter_serial_number: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """`evse_id` 0 is the charge point itself, `connector_id` 0 the EVSE as a whole.

    `error_code` None: this version tells of faults in messages of their own (ProblemFacts).
    """

    evse_id: int
    status: str
    error_code: str | None = None
    info: str = ""
    reported_at: datetime | None = None
    connector_id: int = 0


@dataclass(frozen=True, slots=True)
class ProblemFacts:
    """A fault at an EVSE; an empty `code` says that there is none any more."""

    evse_id: int
    code: str
    info: str = ""
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StartFacts:
    evse_id: int
    id_token: str
    meter_start_wh: Decimal
    started_at: datetime | None
    reservation_id: int | None = None


@dataclass(frozen=True, slots=True)
class StopFacts:
    transaction_id: str
    meter_stop_wh: Decimal
    stopped_at: datetime | None
    reason: str = ""
    id_token: str = ""
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class MeterFacts:
    evse_id: int
    transaction_id: str | None
    readings: tuple[Reading, ...]


class TransactionStep(StrEnum):
    STARTED = "STARTED"
    UPDATED = "UPDATED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class TransactionFacts:
    """One TransactionEvent (OCPP 2.0.1 section E): the charge point chose `transaction_id`, unique there only.

    `evse_id` 0 and empty texts: not said. `happened_at` None: the charge point's clock is wrong. `charging_state` as
    sent: EVConnected, Charging, SuspendedEV, SuspendedEVSE or Idle. `authorizes`: this event brings a token, that of
    the driver or of whoever stops; `needs_no_token`: it says that nobody has to show one.
    """

    step: TransactionStep
    transaction_id: str
    seq_no: int
    trigger: str = ""
    evse_id: int = 0
    connector_id: int = 0
    id_token: str = ""
    authorizes: bool = False
    needs_no_token: bool = False
    happened_at: datetime | None = None
    offline: bool = False
    charging_state: str = ""
    stop_reason: str = ""
    remote_start_id: int | None = None
    reservation_id: int | None = None
    phases: int | None = None
    readings: tuple[Reading, ...] = ()


class AuthorizationStatus(StrEnum):
    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


@dataclass(frozen=True, slots=True)
class StartAnswer:
    transaction_id: str
    authorization: AuthorizationStatus
