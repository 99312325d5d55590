"""Numbers are JSON numbers, never strings (OCPI 2.2.1 types, number)."""

from decimal import Decimal

_MAX_EXPONENT = 300


def json_number(value: Decimal) -> int | float:
    """The JSON number that reads as this decimal, exact up to 15 digits. ValueError: NaN, infinite or out of range."""
    if not value.is_finite() or value.adjusted() > _MAX_EXPONENT:
        raise ValueError("not a finite number that JSON can carry")
    return int(value) if value == value.to_integral_value() else float(value)
