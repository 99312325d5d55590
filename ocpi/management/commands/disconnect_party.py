from typing import Any

from ocpi.management.party_command import PartyCommand
from ocpi.models import Party
from ocpi.registration import disconnect


class Command(PartyCommand):
    help = "Ends the registration with a party: there if it can be told, and here in any case."

    def act(self, party: Party, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        ended = disconnect(party)
        side = "on both sides" if ended.told else "here only, it was not told"
        found = {"ok": True, "told": ended.told, "detail": ended.words}
        return found, [f"{party} is disconnected {side}: {ended.words}"]
