"""The commands that speak with one party at once."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocpi.models import Party
from ocpi.registration import Registered, RegistrationFailed


class PartyCommand(BaseCommand):
    """`act` does it. A failure is told on stderr, with --json on stdout as well, and ends non-zero."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("country_code", metavar="COUNTRY")
        parser.add_argument("party_id", metavar="PARTY")
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def act(self, party: Party, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """What came of it, for programs and for people. Raises RegistrationFailed."""
        raise NotImplementedError

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            party = _party(options["country_code"], options["party_id"])
            found, lines = self.act(party, options)
        except RegistrationFailed as failed:
            if options["json"]:
                summary = {"ok": False, "error": str(failed), "in_doubt": failed.in_doubt}
                self.stdout.write(json.dumps(summary | {"other_method": failed.other_method}))
            raise CommandError(str(failed)) from None
        self.stdout.write(json.dumps({"party": str(party)} | found) if options["json"] else "\n".join(lines))


def _party(country_code: str, party_id: str) -> Party:
    party = Party.objects.filter(country_code=country_code.upper(), party_id=party_id.upper()).first()
    if party is None:
        raise RegistrationFailed(f"there is no party {country_code}*{party_id}: add_party adds it")
    return party


def told(registered: Registered, done: str) -> tuple[dict[str, Any], list[str]]:
    offer = registered.offer
    endpoints = {f"{each.identifier} {each.role}": each.url for each in offer.endpoints}
    found = {"ok": True, "version": offer.version, "endpoints": endpoints, "notes": list(registered.notes)}
    lines = [f"{registered.party} is {done}: OCPI {offer.version}"]
    lines += [f"  {name}: {url}" for name, url in endpoints.items()]
    return found, lines + [f"  note: {note}" for note in registered.notes]
