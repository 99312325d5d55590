"""OCPI charging profiles to and from neutral values (OCPI 2.2.1 mod_charging_profiles, Object description)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from chargepoints.values import ChargingSchedule, RateUnit, SchedulePeriod
from ocpi.protocol.datetimes import format_datetime, parse_datetime
from ocpi.protocol.errors import InvalidField
from ocpi.protocol.numbers import json_number

MAX_URL_CHARS = 255
MAX_SECONDS = 2**31 - 1
MAX_LIMIT = Decimal(10**9)
_TENTH = Decimal("0.1")
_FLOAT_NOISE = Decimal("0.000001")
_YEARS = range(1970, 2200)


class ResponseType(StrEnum):
    """ChargingProfileResponseType: what we say at once."""

    ACCEPTED = "ACCEPTED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    TOO_OFTEN = "TOO_OFTEN"
    UNKNOWN_SESSION = "UNKNOWN_SESSION"


class ResultType(StrEnum):
    """ChargingProfileResultType: what came of it on the EVSE."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class _Field:
    """A value of the document and the path that names it."""

    path: str
    value: Any

    def wrong(self, problem: str) -> InvalidField:
        return InvalidField(self.path, problem)

    def optional(self, name: str) -> "_Field | None":
        """The member, or None when it is absent or null."""
        if not isinstance(self.value, Mapping):
            raise InvalidField(self.path or "body", "must be an object")
        value = self.value.get(name)
        return None if value is None else _Field(f"{self.path}.{name}" if self.path else name, value)

    def required(self, name: str) -> "_Field":
        found = self.optional(name)
        if found is None:
            raise InvalidField(f"{self.path}.{name}" if self.path else name, "is required")
        return found

    def items(self) -> list["_Field"]:
        if not isinstance(self.value, list | tuple):
            raise self.wrong("must be a list")
        return [_Field(f"{self.path}[{index}]", value) for index, value in enumerate(self.value)]


def parse_set_charging_profile(body: Mapping[str, Any]) -> tuple[ChargingSchedule, str]:
    """The schedule and the response_url of a SetChargingProfile. Raises InvalidField, nothing else; unknown fields are
    ignored. Whether the URL may be called is for `ocpi.client.check_url`.
    """
    return parse_charging_profile(body), response_url(_Field("", body).required("response_url").value)


def parse_charging_profile(body: Mapping[str, Any]) -> ChargingSchedule:
    """The schedule of a SetChargingProfile alone. Raises InvalidField."""
    return _schedule(_Field("", body).required("charging_profile"))


def response_url(value: Any) -> str:
    """An absolute http(s) URL of at most 255 visible ASCII characters (OCPI 2.2.1 types, URL)."""
    field = _Field("response_url", value)
    if not isinstance(value, str):
        raise field.wrong("must be a string")
    if len(value) > MAX_URL_CHARS:
        raise field.wrong(f"longer than {MAX_URL_CHARS} characters")
    if not all("!" <= char <= "~" for char in value) or not _is_absolute(value):
        raise field.wrong("must be an absolute URL")
    return value


def active_charging_profile(schedule: ChargingSchedule) -> dict[str, Any]:
    """The ActiveChargingProfile of a schedule with a start; ValueError without one: it is calculated at a moment."""
    if schedule.start_at is None:
        raise ValueError("an active charging profile needs its start")
    start = format_datetime(schedule.start_at)
    return {"start_date_time": start, "charging_profile": _charging_profile(schedule, start)}


def profile_response(result: str, timeout_s: int) -> dict[str, Any]:
    """ChargingProfileResponse. ValueError for a result the specification does not know."""
    return {"result": ResponseType(result).value, "timeout": timeout_s}


def result_body(result: str, profile: dict[str, Any] | None = None) -> dict[str, Any]:
    """ChargingProfileResult, ClearProfileResult or ActiveChargingProfileResult; `profile` only beside ACCEPTED."""
    body: dict[str, Any] = {"result": ResultType(result).value}
    if profile is not None and result == ResultType.ACCEPTED:
        body["profile"] = profile
    return body


def _schedule(profile: _Field) -> ChargingSchedule:
    start, duration = profile.optional("start_date_time"), profile.optional("duration")
    min_rate = profile.optional("min_charging_rate")
    return ChargingSchedule(
        unit=_unit(profile.required("charging_rate_unit")),
        periods=_periods(profile.required("charging_profile_period")),
        start_at=None if start is None else _moment(start),
        duration_s=None if duration is None else _seconds(duration, least=1),
        min_rate=None if min_rate is None else _rate(min_rate),
    )


def _unit(field: _Field) -> RateUnit:
    if field.value not in ("A", "W"):
        raise field.wrong("must be A or W")
    return RateUnit(field.value)


def _periods(field: _Field) -> tuple[SchedulePeriod, ...]:
    items = field.items()
    if not items:
        raise field.wrong("must not be empty")
    periods: list[SchedulePeriod] = []
    for item in items:
        start = item.required("start_period")
        start_s = _seconds(start, least=0)
        if not periods and start_s != 0:
            raise start.wrong("the first must be 0")
        if periods and start_s <= periods[-1].start_s:
            raise start.wrong("must be greater than the one before")
        periods.append(SchedulePeriod(start_s, _rate(item.required("limit"))))
    return tuple(periods)


def _moment(field: _Field) -> datetime:
    if not isinstance(field.value, str):
        raise field.wrong("must be a DateTime string")
    try:
        moment = parse_datetime(field.value)
    except ValueError as error:
        raise field.wrong(str(error)) from None
    if moment.year not in _YEARS:
        raise field.wrong("out of range")
    return moment


def _seconds(field: _Field, *, least: int) -> int:
    value = _number(field)
    if not least <= value <= MAX_SECONDS:
        raise field.wrong(f"must be between {least} and {MAX_SECONDS}")
    if value != value.to_integral_value():
        raise field.wrong("must be a whole number")
    return int(value)


def _rate(field: _Field) -> Decimal:
    """At most one decimal; what floating point adds to it (6.1000000000000005) is not the sender's meaning."""
    value = _number(field)
    if not -MAX_LIMIT <= value <= MAX_LIMIT:
        raise field.wrong("out of range")
    tenths = value.quantize(_TENTH, ROUND_HALF_EVEN)
    if tenths < 0:
        raise field.wrong("must not be negative")
    if abs(value - tenths) > _FLOAT_NOISE:
        raise field.wrong("at most one decimal")
    return _plain(tenths)


def _number(field: _Field) -> Decimal:
    value = field.value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise field.wrong("must be a number")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise field.wrong("must be a number")
    return number


def _plain(tenths: Decimal) -> Decimal:
    """One way to write each value: 22000, not 22000.0; 0, not -0.0."""
    whole = int(tenths)
    return Decimal(whole) if tenths == whole else tenths


def _charging_profile(schedule: ChargingSchedule, start: str) -> dict[str, Any]:
    profile: dict[str, Any] = {"start_date_time": start, "charging_rate_unit": schedule.unit.value}
    if schedule.duration_s is not None:
        profile["duration"] = schedule.duration_s
    if schedule.min_rate is not None:
        profile["min_charging_rate"] = _wire_rate(schedule.min_rate)
    profile["charging_profile_period"] = [
        {"start_period": period.start_s, "limit": _wire_rate(period.limit)} for period in schedule.periods
    ]
    return profile


def _wire_rate(rate: Decimal) -> int | float:
    """One decimal, rounded down: we never report more than is allowed."""
    return json_number(rate.quantize(_TENTH, ROUND_DOWN))


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
