from typing import Any

from django.core.management.base import CommandParser

from chargepoints.management.json_command import JsonCommand, refusals_as_errors
from chargepoints.models import DriverToken
from chargepoints.provisioning import add_token


class Command(JsonCommand):
    help = "Adds a driver's token, or changes what is given of an existing one."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("uid", help="as the card or app sends it; case does not matter")
        parser.add_argument("--status", choices=DriverToken.Status.values, help="a new token is accepted")
        parser.add_argument("--contract-id", help="eMI3 contract of the driver")
        parser.add_argument("--type", choices=DriverToken.Type.values, help="a new token is RFID")
        parser.add_argument(
            "--issuer", nargs=2, metavar=("COUNTRY", "PARTY"), help="the party it comes from; a new token is ours"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with refusals_as_errors():
            token = add_token(
                uid=options["uid"], status=options["status"], contract_id=options["contract_id"], type=options["type"],
                issuer=tuple(options["issuer"]) if options["issuer"] else None,
            )  # fmt: skip
        names = ("uid", "status", "contract_id", "type", "country_code", "party_id")
        summary = {name: str(getattr(token, name)) for name in names}
        self.emit(summary, text=f"token {token.uid} is {token.status}", as_json=options["json"])
