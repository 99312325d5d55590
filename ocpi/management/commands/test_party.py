import json
from typing import Any

from django.core.management.base import CommandError

from ocpi.management.party_command import PartyCommand
from ocpi.models import Party
from ocpi.probe import probe


class Command(PartyCommand):
    help = "Calls a party with the authorisation we hold for it, and says step by step what works."

    def act(self, party: Party, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        report = probe(party)
        steps = [{"step": step.what, "result": step.verdict.value, "detail": step.words} for step in report.steps]
        found = {"ok": report.ok, "steps": steps}
        lines = [f"{step.verdict:7}{step.what}: {step.words}" for step in report.steps]
        if not report.ok:
            self.stdout.write(json.dumps({"party": str(party)} | found) if options["json"] else "\n".join(lines))
            raise CommandError(f"{party} cannot be used as it is")
        return found, lines
