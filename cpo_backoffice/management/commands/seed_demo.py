from typing import Any

from django.core.management.base import CommandParser

from chargepoints.management.json_command import JsonCommand, refusals_as_errors
from cpo_backoffice.demo_data import ADMIN, DemoData, seed

CHARGE_POINT_NAMES = ("charge_point", "charge_point_2_0_1")


class Command(JsonCommand):
    help = "Adds demo data: an administrator, charge points, a driver's token and a simulated SCSP. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--scsp-base-url", default="http://127.0.0.1:8080", help="of the simulated SCSP")
        parser.add_argument("--scsp-token", help="what we send to it; generated once if never given")
        parser.add_argument("--cpo-token", help="what it sends to us; generated once if never given")
        parser.add_argument("--charge-point-password", help="of both; generated once if never given")

    def handle(self, *_args: Any, **options: Any) -> None:
        arguments = ("scsp_base_url", "scsp_token", "cpo_token", "charge_point_password")
        with refusals_as_errors():
            demo = seed(**{name: options[name] for name in arguments})
        summary = _summary(demo)
        text = "\n".join(f"{name}: {'unchanged' if value is None else value}" for name, value in summary.items())
        self.emit(summary, text=text, as_json=options["json"])


def _summary(demo: DemoData) -> dict[str, str | None]:
    return {
        "admin": ADMIN,
        "admin_password": demo.admin_password,
        **_charge_points(demo),
        "driver_token": demo.driver_token.uid,
        "party": str(demo.party),
        "cpo_token": demo.cpo_token,
        "scsp_token": demo.scsp_token,
    }


def _charge_points(demo: DemoData) -> dict[str, str | None]:
    summary: dict[str, str | None] = {}
    for name, point in zip(CHARGE_POINT_NAMES, demo.charge_points, strict=True):
        summary |= {name: point.row.identity, f"{name}_password": point.password}
    return summary
