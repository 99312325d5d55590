from typing import Any

from ocpi.management.party_command import PartyCommand, told
from ocpi.models import Party
from ocpi.registration import rotate


class Command(PartyCommand):
    help = "Renews our registration with a party: new tokens in both directions, endpoints fetched again."

    def act(self, party: Party, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        return told(rotate(party), "renewed")
