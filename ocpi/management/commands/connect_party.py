from typing import Any

from django.core.management.base import CommandParser

from ocpi.management.party_command import PartyCommand, told
from ocpi.models import Party
from ocpi.registration import register


class Command(PartyCommand):
    help = "Registers us with a party: with the token A and the versions URL it gave us."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--token-a", required=True, metavar="T", help="the token it gave us to register with")
        parser.add_argument("--versions-url", required=True, metavar="U")
        parser.add_argument(
            "--renew", action="store_true", help="PUT: it holds a registration of ours, to which the token belongs"
        )

    def act(self, party: Party, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        registered = register(
            party, token=options["token_a"], versions_url=options["versions_url"], renew=options["renew"]
        )
        return told(registered, "connected")
