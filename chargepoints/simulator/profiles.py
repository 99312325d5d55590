"""The stack of charging profiles of one charge point (OCPP 1.6 section 3.13, OCPP 2.0.1 section K). Pure: a change
makes a new stack. Purposes and connectors have the names of 1.6; an EVSE of 2.0.1 is a connector here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .connector import TransactionId
from .hardware import Hardware, Limit
from .wire import parse_time, whole_second

MAX, DEFAULT, TX = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"
RECURRENCE = {"Daily": timedelta(days=1), "Weekly": timedelta(weeks=1)}


class ProfileRefused(Exception):
    """A profile that an honest charge point answers with Rejected; the message says why.

    `code` is the reasonCode of OCPP 2.0.1 (part 2, appendix 5).
    """

    def __init__(self, reason: str, code: str = "InvalidProfile") -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class StackLimits:
    """ChargeProfileMaxStackLevel, ChargingScheduleMaxPeriods, MaxChargingProfilesInstalled (section 9.4)."""

    max_stack_level: int
    max_periods: int
    max_profiles: int


@dataclass(frozen=True, slots=True)
class CompositePeriod:
    """`limited`: some profile applies; otherwise `limit` is only what the hardware can do."""

    start_s: int
    limit: Limit
    limited: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """`periods` are seconds after the origin and the limit from there on. `every` set: the schedule recurs."""

    profile_id: int
    connector: int
    stack_level: int
    purpose: str
    periods: tuple[tuple[int, Limit], ...]
    transaction_id: TransactionId | None = None
    start_at: datetime | None = None
    every: timedelta | None = None
    duration_s: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    wire: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def slot(self) -> tuple[str, int, int]:
        return self.purpose, self.stack_level, self.connector

    def limit_at(self, moment: datetime, charging_since: datetime) -> Limit | None:
        """None where this profile says nothing: not valid, not begun, or over."""
        if (self.valid_from and moment < self.valid_from) or (self.valid_to and moment >= self.valid_to):
            return None
        elapsed = (moment - self._origin(moment, charging_since)).total_seconds()
        if elapsed < 0 or (self.duration_s is not None and elapsed >= self.duration_s):
            return None
        return next(limit for start, limit in reversed(self.periods) if start <= elapsed)

    def boundaries(self, begin: datetime, end: datetime, charging_since: datetime) -> Iterator[datetime]:
        """The moments at which `limit_at` may change between `begin` and `end`."""
        yield from (moment for moment in (self.valid_from, self.valid_to) if moment)
        offsets = [start for start, _ in self.periods] + ([] if self.duration_s is None else [self.duration_s])
        origin = self._origin(begin, charging_since)
        while origin < end:
            yield from (origin + timedelta(seconds=offset) for offset in offsets)
            if self.every is None:
                return
            origin += self.every

    def _origin(self, moment: datetime, charging_since: datetime) -> datetime:
        """Without startSchedule: relative to the start of charging (section 7.13)."""
        if self.start_at is None:
            return charging_since
        if self.every is None or moment < self.start_at:
            return self.start_at
        return self.start_at + (moment - self.start_at) // self.every * self.every


def parse_profile(
    connector: int, wire: dict[str, Any], *, profile_id: int, purpose: str, schedule: dict[str, Any]
) -> Profile:
    """From a ChargingProfile object that satisfies the schema. Raises ProfileRefused for what the schema cannot say."""
    kind, recurrence = wire["chargingProfileKind"], wire.get("recurrencyKind")
    if (kind == "Recurring") != (recurrence is not None):
        raise ProfileRefused("recurrencyKind belongs to Recurring and to nothing else")
    try:
        start_at, valid_from, valid_to = (
            parse_time(text) if text else None
            for text in (schedule.get("startSchedule"), wire.get("validFrom"), wire.get("validTo"))
        )
    except ValueError as error:
        raise ProfileRefused(str(error)) from error
    return Profile(
        profile_id=profile_id, connector=connector, stack_level=wire["stackLevel"], purpose=purpose,
        periods=_parse_periods(schedule), transaction_id=wire.get("transactionId"),
        start_at=None if kind == "Relative" else start_at, every=RECURRENCE.get(recurrence or ""),
        duration_s=schedule.get("duration"), valid_from=valid_from, valid_to=valid_to, wire=wire,
    )  # fmt: skip


def _parse_periods(schedule: dict[str, Any]) -> tuple[tuple[int, Limit], ...]:
    unit = schedule["chargingRateUnit"]
    periods = tuple(
        (period["startPeriod"], Limit(unit, Decimal(str(period["limit"])), period.get("numberPhases")))
        for period in schedule["chargingSchedulePeriod"]
    )
    starts = [start for start, _ in periods]
    if not starts or starts[0] != 0:
        raise ProfileRefused("the first startPeriod must be 0", "InvalidSchedule")
    if starts != sorted(set(starts)):
        raise ProfileRefused("startPeriod must ascend", "InvalidSchedule")
    if any(limit.value < 0 for _, limit in periods):
        raise ProfileRefused("a limit must not be negative", "InvalidSchedule")
    return periods


@dataclass(frozen=True, slots=True)
class ProfileStack:
    profiles: tuple[Profile, ...] = ()

    def install(self, profile: Profile, limits: StackLimits) -> "ProfileStack":
        """Replaces the same id and the same purpose and level on that connector (section 5.16)."""
        return ProfileStack(tuple(p for p in self.profiles if p.slot != profile.slot)).add(profile, limits)

    def add(self, profile: Profile, limits: StackLimits) -> "ProfileStack":
        """Replaces the same id only (OCPP 2.0.1 K01.FR.05)."""
        self._check(profile, limits)
        kept = tuple(other for other in self.profiles if other.profile_id != profile.profile_id)
        if len(kept) >= limits.max_profiles:
            raise ProfileRefused(f"{limits.max_profiles} profiles are installed, there is no room for another")
        return ProfileStack((*kept, profile))

    def clear(
        self, *, profile_id: int | None = None, connector: int | None = None, purpose: str | None = None,
        stack_level: int | None = None,
    ) -> "ProfileStack":  # fmt: skip
        """Removes what meets all criteria given; without criteria everything (section 5.5, errata 3.25)."""
        wanted = (profile_id, connector, purpose, stack_level)

        def matches(p: Profile) -> bool:
            has = (p.profile_id, p.connector, p.purpose, p.stack_level)
            return all(want is None or want == value for want, value in zip(wanted, has, strict=True))

        return ProfileStack(tuple(p for p in self.profiles if not matches(p)))

    def limit_at(self, connector: int, moment: datetime, *, charging_since: datetime, hardware: Hardware) -> Limit:
        """The least of all purposes and the hardware."""
        limits = self._limits_at(connector, moment, charging_since)
        return min((*limits, hardware.maximum), key=lambda limit: limit.amps(hardware))

    def composite(
        self, connector: int, *, now: datetime, duration_s: int, charging_since: datetime | None, hardware: Hardware
    ) -> tuple[CompositePeriod, ...]:
        """`limit_at` over time, equal neighbours merged (section 5.7). Counts from the
        whole second before `now`; connector 0 is the grid connection."""
        begin, since = whole_second(now), charging_since or now
        end = begin + timedelta(seconds=duration_s)
        moments = (m for p in self.profiles for m in p.boundaries(begin, end, since))
        starts = {0, *(math.ceil((m - begin).total_seconds()) for m in moments if begin < m < end)}
        periods: list[CompositePeriod] = []
        for start in sorted(starts):
            moment = max(now, begin + timedelta(seconds=start))
            limit = self.limit_at(connector, moment, charging_since=since, hardware=hardware)
            limited = bool(self._limits_at(connector, moment, since))
            if not periods or (periods[-1].limit, periods[-1].limited) != (limit, limited):
                periods.append(CompositePeriod(start, limit, limited))
        return tuple(periods)

    def _limits_at(self, connector: int, moment: datetime, since: datetime) -> tuple[Limit, ...]:
        """TxProfile overrules TxDefaultProfile, ChargePointMaxProfile applies besides (section 3.13.1)."""
        session = self._leading(TX, connector, moment, since) or self._leading(DEFAULT, connector, moment, since)
        ceiling = self._leading(MAX, connector, moment, since)
        return tuple(limit for limit in (session, ceiling) if limit)

    def _leading(self, purpose: str, connector: int, moment: datetime, since: datetime) -> Limit | None:
        """Highest level that says something; on one level the connector's own before that of connector 0."""
        mine = (0, connector) if connector or purpose == MAX else ()
        candidates = [p for p in self.profiles if p.purpose == purpose and p.connector in mine]
        for profile in sorted(candidates, key=lambda p: (p.stack_level, p.connector), reverse=True):
            if limit := profile.limit_at(moment, since):
                return limit
        return None

    @staticmethod
    def _check(profile: Profile, limits: StackLimits) -> None:
        if not 0 <= profile.stack_level <= limits.max_stack_level:
            raise ProfileRefused(f"stackLevel must be 0 to {limits.max_stack_level}", "InvalidStackLevel")
        if len(profile.periods) > limits.max_periods:
            raise ProfileRefused(f"at most {limits.max_periods} periods", "InvalidSchedule")
        if profile.purpose == MAX and profile.connector != 0:
            raise ProfileRefused("ChargePointMaxProfile belongs to connector 0")
        if profile.purpose == TX and profile.connector == 0:
            raise ProfileRefused("TxProfile belongs to a connector above 0")
