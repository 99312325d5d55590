"""How a simulated charge point misbehaves. Every default is the honest charge point."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Answer(StrEnum):
    """How a CALL of one of `Knobs.actions` is answered."""

    HONEST = "honest"
    REJECTED = "rejected"  # {"status": "Rejected"}, no effect
    NOT_SUPPORTED = "not_supported"  # {"status": "NotSupported"}, no effect
    PRETEND = "pretend"  # {"status": "Accepted"}, no effect
    CALL_ERROR = "call_error"  # Knobs.error_code, error_description, error_details; no effect
    NOT_IMPLEMENTED = "not_implemented"  # CALLERROR NotImplemented, whatever GetConfiguration advertises
    MALFORMED = "malformed"  # a CALLRESULT with a status that OCPP does not know
    RUBBISH = "rubbish"  # text that is not JSON
    NEVER = "never"  # takes effect, no answer
    TAKEN_AND_CLOSED = "taken_and_closed"  # takes effect, then closes the socket without an answer
    HELD = "held"  # takes effect, the answer waits for release_answers(): late exactly when a test wants it
    CLOSE = "close"  # closes the socket instead, no effect
    REBOOT = "reboot"  # takes effect, then profiles lost and BootNotification on the same socket, then the answer


class Composite(StrEnum):
    """What GetCompositeSchedule is answered with (all seen in the field)."""

    HONEST = "honest"
    REJECTED = "rejected"
    NO_SCHEDULE = "no_schedule"  # Accepted, chargingSchedule missing
    EMPTY_PERIODS = "empty_periods"
    MINUS_ONE = "minus_one"  # -1 where no profile limits
    FILLER_48A = "filler_48a"  # 48 A where no profile limits, whatever the hardware can do
    OTHER_UNIT = "other_unit"  # W when A was asked and the reverse
    FLOAT_START = "float_start"  # startPeriod 1800.0
    FLOAT_NOISE = "float_noise"  # limit 6.1000000000000005
    ONE_SECOND_EARLY = "one_second_early"  # scheduleStart a second in the past


class Clear(StrEnum):
    """What ClearChargingProfile does."""

    HONEST = "honest"
    ALWAYS_UNKNOWN = "always_unknown"  # no effect
    PRETEND = "pretend"  # always Accepted, no effect


@dataclass(frozen=True)
class Knobs:
    """`actions` are the CALLs that `answer` and `answer_delay_s` concern. Delays are real seconds, never scaled.

    A delay longer than the server's deadline is a late answer; the effect takes place when the CALL arrives.
    """

    answer: Answer = Answer.HONEST
    actions: frozenset[str] = frozenset({"SetChargingProfile"})
    answer_delay_s: float = 0
    answer_times: int | None = None  # how many more CALLs are answered so, then honestly; None: all of them
    error_code: str = "InternalError"
    error_description: str = ""
    error_details: Any = field(default_factory=dict)  # a string instead of an object is what some firmware sends

    smart_charging: bool = True  # False: honestly without the SmartCharging feature profile
    accepts_only_unit: str | None = None  # "A" or "W", whatever GetConfiguration advertises
    composite: Composite = Composite.HONEST
    clear: Clear = Clear.HONEST

    tx_start_point: str = "EVConnected"  # of OCPP 2.0.1: what starts a transaction; or "Authorized"
    tx_stop_point: str = "EVConnected,Authorized"  # or "EVConnected": a stop ends charging, the cable the rest
    count_transaction_ids: bool = False  # of OCPP 2.0.1: "1", "2", ... instead of UUIDs, unique on this one only

    boot_on_reconnect: bool = True  # the first connection and a Reset always boot
    drop_profiles_on_reconnect: bool = False
    restart_message_ids: bool = False  # "1", "2", ... on every connection instead of UUIDs
    lose_offline_messages: bool = False  # forget what a transaction had to say while disconnected
    late_meter_values: bool = False  # meter values of that time come last, newest first, even after the end

    clock_skew_s: float = 0  # moves the clock that timestamps and Absolute profiles use
    epoch_timestamps: bool = False  # every timestamp sent is 1970-01-01T00:00:00Z
    energy_in_kwh: bool = False
    unit_multiplier: int = 0  # of OCPP 2.0.1: 3 says 22.08 with multiplier 3 for 22080
    omit_meter_units: bool = False
    repeat_old_meter_values: bool = False  # each MeterValues is followed by the previous one: out of order, twice
