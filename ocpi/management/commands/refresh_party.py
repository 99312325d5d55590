from typing import Any

from ocpi.management.party_command import PartyCommand, told
from ocpi.models import Party
from ocpi.registration import refresh


class Command(PartyCommand):
    help = "Fetches the endpoints of a party again; tokens stay as they are."

    def act(self, party: Party, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        return told(refresh(party), "refreshed")
