"""What the simulated SCSP is told on the command line, as its values. Pure, but for a file of prices."""

from collections.abc import Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ocpi.simulator.faults import FaultOrder
from ocpi.simulator.prices import BadPrices, PriceCurve, read_prices
from ocpi.simulator.strategies import CheapestStrategy, DemoStrategy, FlatStrategy, PulseStrategy, Strategy

STRATEGIES = ("cheapest", "flat", "pulse", "demo", "none")
DEFAULT_W = 11000.0


def add_strategy_arguments(parser: CommandParser) -> None:
    group = parser.add_argument_group("the profiles it sends to every active session")
    group.add_argument("--strategy", choices=STRATEGIES, default="none", help="default none: it only looks")
    limit = group.add_mutually_exclusive_group()
    limit.add_argument("--limit-w", type=float, metavar="W", help=f"flat, pulse, cheapest; default {DEFAULT_W:g}")
    limit.add_argument("--limit-a", type=float, metavar="A", help="flat, pulse: per phase")
    group.add_argument("--pulse-s", type=int, default=30, metavar="S", help="pulse: on for so long, off for so long")
    group.add_argument("--energy-kwh", type=float, default=20.0, metavar="KWH", help="cheapest: what the driver needs")
    group.add_argument("--window-h", type=float, default=8.0, metavar="H", help="cheapest: from the start of a session")
    group.add_argument(
        "--departure", metavar="HH:MM", help="cheapest: the car leaves then (UTC), instead of --window-h"
    )
    group.add_argument("--prices", type=Path, metavar="FILE", help="cheapest: .json or .csv; default: an example day")


def strategy_of(options: dict[str, Any]) -> Strategy | None:
    """Raises CommandError."""
    limit, unit = _limit(options)
    match options["strategy"]:
        case "flat":
            return FlatStrategy(limit, unit)
        case "pulse":
            return PulseStrategy(limit, options["pulse_s"], unit)
        case "cheapest":
            return CheapestStrategy(
                _prices(options["prices"]), options["energy_kwh"], limit,
                window=timedelta(hours=options["window_h"]), departure=_departure(options["departure"]),
            )  # fmt: skip
        case "demo":
            return DemoStrategy()
    return None


def fault_orders(texts: Sequence[str]) -> list[FaultOrder]:
    """Raises CommandError."""
    try:
        return [FaultOrder.parse(text) for text in texts]
    except ValueError as error:
        raise CommandError(f"--fault: {error}") from None


def refuse_half_given(options: dict[str, Any]) -> None:
    """Raises CommandError."""
    for one, other in (("cpo_token", "cpo_url"), ("versions_url", "token_a")):
        if bool(options[one]) != bool(options[other]):
            raise CommandError(f"--{one.replace('_', '-')} and --{other.replace('_', '-')} go together")
    if options["versions_url"] and options["cpo_url"]:
        raise CommandError("either a handshake (--versions-url) or fixed tokens (--cpo-url)")
    if options["limit_a"] is not None and options["strategy"] == "cheapest":
        raise CommandError("cheapest counts energy, so its limit is --limit-w")
    positive = ("pulse_s", "energy_kwh", "window_h", "for_s")
    for name in positive:
        if options[name] is not None and options[name] <= 0:
            raise CommandError(f"--{name.removesuffix('_s') if name == 'for_s' else name.replace('_', '-')} is above 0")
    if min(options["limit_w"] or 0, options["limit_a"] or 0) < 0 or (
        options["strategy"] == "cheapest" and options["limit_w"] == 0
    ):
        raise CommandError("--limit-w and --limit-a are not negative, and cheapest needs one above 0")


def _limit(options: dict[str, Any]) -> tuple[float, str]:
    """At most one decimal (OCPI 2.2.1 mod_charging_profiles, ChargingProfilePeriod)."""
    if options["limit_a"] is not None:
        return round(options["limit_a"], 1), "A"
    return round(DEFAULT_W if options["limit_w"] is None else options["limit_w"], 1), "W"


def _prices(path: Path | None) -> PriceCurve:
    if path is None:
        return PriceCurve()
    try:
        return read_prices(path)
    except (BadPrices, OSError) as error:
        raise CommandError(f"--prices: {error}") from None


def _departure(text: str | None) -> time | None:
    try:
        return time.fromisoformat(text) if text else None
    except ValueError:
        raise CommandError(f"--departure is HH:MM, not {text}") from None
