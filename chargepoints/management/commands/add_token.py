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

    def handle(self, *_args: Any, **options: Any) -> None:
        with refusals_as_errors():
            token = add_token(uid=options["uid"], status=options["status"], contract_id=options["contract_id"])
        summary = {"uid": token.uid, "status": str(token.status), "contract_id": token.contract_id}
        self.emit(summary, text=f"token {token.uid} is {token.status}", as_json=options["json"])
