"""What may be told of a place beside its address, in the shapes of OCPI 2.2.1 mod_locations. Pure checks.

Each `validate_...` takes what JSON gives and raises ValidationError that names the field.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

Check = Callable[[Any, str], None]

CONNECTOR_STANDARDS = (
    "CHADEMO", "CHAOJI", *(f"DOMESTIC_{letter}" for letter in "ABCDEFGHIJKLMNO"), "GBT_AC", "GBT_DC",
    "IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64", "IEC_62196_T1",
    "IEC_62196_T1_COMBO", "IEC_62196_T2", "IEC_62196_T2_COMBO", "IEC_62196_T3A", "IEC_62196_T3C", "NEMA_5_20",
    "NEMA_6_30", "NEMA_6_50", "NEMA_10_30", "NEMA_10_50", "NEMA_14_30", "NEMA_14_50", "PANTOGRAPH_BOTTOM_UP",
    "PANTOGRAPH_TOP_DOWN", "TESLA_R", "TESLA_S",
)  # fmt: skip
FACILITIES = (
    "HOTEL", "RESTAURANT", "CAFE", "MALL", "SUPERMARKET", "SPORT", "RECREATION_AREA", "NATURE", "MUSEUM",
    "BIKE_SHARING", "BUS_STOP", "TAXI_STAND", "TRAM_STOP", "METRO_STATION", "TRAIN_STATION", "AIRPORT", "PARKING_LOT",
    "CARPOOL_PARKING", "FUEL_STATION", "WIFI",
)  # fmt: skip
PARKING_TYPES = (
    "ALONG_MOTORWAY", "PARKING_GARAGE", "PARKING_LOT", "ON_DRIVEWAY", "ON_STREET", "UNDERGROUND_GARAGE",
)  # fmt: skip
PARKING_RESTRICTIONS = ("EV_ONLY", "PLUGGED", "DISABLED", "CUSTOMERS", "MOTORCYCLES")
DECLARABLE = (
    "RFID_READER", "CHIP_CARD_SUPPORT", "CONTACTLESS_CARD_SUPPORT", "CREDIT_CARD_PAYABLE", "DEBIT_CARD_PAYABLE",
    "PED_TERMINAL",
)  # fmt: skip
"""Capabilities that an operator states; all others are learned from the charge point."""

_CLOCK = re.compile(r"([0-1][0-9]|2[0-3]):[0-5][0-9]")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_LANGUAGE = re.compile(r"[a-z]{2}")
_IMAGE_TYPE = re.compile(r"gif|jpeg|png|svg")


# --- the parts ------------------------------------------------------------------------------------------------------


def _fail(path: str, words: str) -> None:
    raise ValidationError(f"{path}: {words}" if path else words)


def _text(most: int) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or not 1 <= len(value) <= most or not value.isprintable():
            _fail(path, f"must be 1 to {most} printable characters")

    return check


def _matching(pattern: re.Pattern[str], words: str) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            _fail(path, words)

    return check


def _one_of(values: tuple[str, ...]) -> Check:
    def check(value: Any, path: str) -> None:
        if value not in values:
            _fail(path, f"must be one of {', '.join(values)}")

    return check


def _whole(least: int, most: int) -> Check:
    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            _fail(path, f"must be a whole number from {least} to {most}")

    return check


def _flag(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        _fail(path, "must be true or false")


def _moment(value: Any, path: str) -> None:
    try:
        if _MOMENT.fullmatch(value):
            datetime.fromisoformat(value)
            return
    except (TypeError, ValueError):
        pass
    _fail(path, "must be a time in UTC such as 2026-12-25T03:00:00Z")


def _url(value: Any, path: str) -> None:
    try:
        parts = urlsplit(value) if isinstance(value, str) and len(value) <= 255 and value.isprintable() else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or " " in value:
        _fail(path, "must be an http or https URL of at most 255 characters")


def _list(of: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            _fail(path, "must be a list")
        for index, item in enumerate(value):
            of(item, f"{path}[{index}]")

    return check


def _object(required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    """A name that is not known is a slip of the pen, which nobody would ever see."""
    known = {**required, **optional}

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            _fail(path, "must be an object")
        for name in required:
            if name not in value:
                _fail(_joined(path, name), "is required")
        for name, item in value.items():
            if name not in known:
                _fail(_joined(path, name), f"is unknown; known are {', '.join(known)}")
            known[name](item, _joined(path, name))

    return check


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else str(name)


def _in_order(inner: Check) -> Check:
    """`period_end` after `period_begin`; both are written so that text sorts as time does."""

    def check(value: Any, path: str) -> None:
        inner(value, path)
        if value["period_end"] <= value["period_begin"]:
            _fail(_joined(path, "period_end"), "must be later than period_begin")

    return check


# --- the classes of OCPI --------------------------------------------------------------------------------------------

_clock = _matching(_CLOCK, "must be a time of day such as 08:15")
_regular = _in_order(_object({"weekday": _whole(1, 7), "period_begin": _clock, "period_end": _clock}, {}))
_exceptional = _in_order(_object({"period_begin": _moment, "period_end": _moment}, {}))
_hours = _object(
    {"twentyfourseven": _flag},
    {
        "regular_hours": _list(_regular),
        "exceptional_openings": _list(_exceptional),
        "exceptional_closings": _list(_exceptional),
    },
)
_image = _object(
    {
        "url": _url,
        "category": _one_of(("CHARGER", "ENTRANCE", "LOCATION", "NETWORK", "OPERATOR", "OTHER", "OWNER")),
        "type": _matching(_IMAGE_TYPE, "must be gif, jpeg, png or svg"),
    },
    {"thumbnail": _url, "width": _whole(1, 99_999), "height": _whole(1, 99_999)},
)
_business = _object({"name": _text(100)}, {"website": _url, "logo": _image})
_display_text = _object({"language": _matching(_LANGUAGE, "must be two letters (ISO 639-1)"), "text": _text(512)}, {})


def validate_opening_times(value: Any) -> None:
    """Hours. Regular hours stand where it is not open all the time, and only there."""
    _hours(value, "")
    if value["twentyfourseven"] and value.get("regular_hours"):
        _fail("regular_hours", "are only for a place that is not open 24 hours, 7 days")
    if not value["twentyfourseven"] and not value.get("regular_hours"):
        _fail("regular_hours", "must name at least one period where twentyfourseven is false")


def validate_images(value: Any) -> None:
    _list(_image)(value, "")


def validate_business(value: Any) -> None:
    """BusinessDetails."""
    _business(value, "")


def validate_directions(value: Any) -> None:
    """DisplayText, one for each language."""
    _list(_display_text)(value, "")


def validate_facilities(value: Any) -> None:
    _list(_one_of(FACILITIES))(value, "")


def validate_parking_restrictions(value: Any) -> None:
    _list(_one_of(PARKING_RESTRICTIONS))(value, "")


def validate_declared(value: Any) -> None:
    _list(_one_of(DECLARABLE))(value, "")
