from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandParser

from chargepoints.management.json_command import JsonCommand, refusals_as_errors
from chargepoints.models import ChargePoint
from chargepoints.provisioning import DEFAULT_LOCATION, RATE_UNITS, Place, add_charge_point


class Command(JsonCommand):
    help = "Adds a charge point with its EVSEs, or with --update changes what is given."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("identity", help="last segment of its websocket URL")
        parser.add_argument("--password", help="for HTTP Basic; without one none is asked for")
        parser.add_argument("--evses", type=int, help="default 1; one connector each")
        parser.add_argument("--phases", type=int, help="installed, default 3")
        parser.add_argument("--max-amps", type=_amps, help="per phase, default 32")
        parser.add_argument("--unit", choices=RATE_UNITS, help="limits it takes, until it says so itself")
        parser.add_argument("--location", help=f"name of its location, default {DEFAULT_LOCATION}; added if new")
        parser.add_argument("--address", help="of its location: street and number")
        parser.add_argument("--city")
        parser.add_argument("--postal-code")
        parser.add_argument("--country", help="ISO 3166-1 alpha-3, default NLD")
        parser.add_argument("--coordinates", type=_coordinates, metavar="LAT,LON", help="e.g. 52.0865,5.1064")
        parser.add_argument("--update", action="store_true", help="change it if it exists")

    def handle(self, *_args: Any, **options: Any) -> None:
        arguments = ("identity", "password", "evses", "phases", "max_amps", "unit", "location", "update")
        with refusals_as_errors():
            charge_point = add_charge_point(**{name: options[name] for name in arguments}, place=_place(options))
        if charge_point.location.missing:
            lacking = ", ".join(charge_point.location.missing)
            self.stderr.write(
                self.style.WARNING(f"hint: partners are not told of {charge_point.location}: it lacks {lacking}")
            )
        summary = _summary(charge_point)
        lines = [f"charge point {charge_point.identity} at {charge_point.location}"]
        lines += [
            f"  EVSE {e['ocpp_evse_id']}: {e['uid']}, {e['phases']} x {e['max_amps']} A" for e in summary["evses"]
        ]
        self.emit(summary, text="\n".join(lines), as_json=options["json"])


def _place(options: dict[str, Any]) -> Place:
    latitude, longitude = options["coordinates"] or (None, None)
    names = ("address", "city", "postal_code", "country")
    return Place(**{name: options[name] for name in names}, latitude=latitude, longitude=longitude)


def _coordinates(text: str) -> tuple[Decimal, Decimal]:
    try:
        latitude, longitude = (Decimal(part.strip()) for part in text.split(","))
    except (InvalidOperation, ValueError):
        raise ArgumentTypeError(f"{text!r} is not a latitude and a longitude such as 52.0865,5.1064") from None
    return latitude, longitude


def _amps(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text!r} is not a number") from None


def _summary(charge_point: ChargePoint) -> dict[str, Any]:
    return {
        "identity": charge_point.identity,
        "location": charge_point.location.name,
        "location_uid": charge_point.location.uid,
        "password": bool(charge_point.password_hash),
        "rate_units": charge_point.rate_units,
        "smart_charging": charge_point.smart_charging,
        "evses": [
            {"uid": e.uid, "ocpp_evse_id": e.ocpp_evse_id, "phases": e.phases, "max_amps": e.max_current_a}
            for e in charge_point.evses.all()
        ],
    }
