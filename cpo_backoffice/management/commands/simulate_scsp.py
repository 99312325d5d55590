import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cpo_backoffice.event_lines import to_lines
from ocpi.simulator.client import CpoUnreachable, HandshakeFailed
from ocpi.simulator.scsp import SimulatedScsp

VIOLATIONS_EVERY_S = 1.0


class Command(BaseCommand):
    help = "Runs a simulated smart charging service provider until Ctrl-C, one line per event."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="to listen on, and in the URLs it gives")
        parser.add_argument("--port", type=int, default=8080)
        parser.add_argument("--country-code", default="NL")
        parser.add_argument("--party-id", default="JED")
        parser.add_argument("--token", required=True, help="what the CPO calls it with")
        parser.add_argument("--cpo-token", help="what it calls the CPO with; with --cpo-url")
        parser.add_argument("--cpo-url", help="root of the CPO, without /ocpi")
        parser.add_argument("--register", metavar="URL", help="the CPO's versions URL: handshake with --token-a")
        parser.add_argument("--token-a", help="the CPO's CREDENTIALS_TOKEN_A")
        parser.add_argument("--auto", action="store_true", help="sends a profile to every active session")

    def handle(self, *_args: Any, **options: Any) -> None:
        _refuse_half_given(options)
        who = f"{options['country_code']}*{options['party_id']}"
        scsp = SimulatedScsp(
            token=options["token"], host=options["host"], port=options["port"], country_code=options["country_code"],
            party_id=options["party_id"], cpo_token=options["cpo_token"], cpo_url=options["cpo_url"],
            auto=options["auto"], on_event=to_lines(who, self._say),
        )  # fmt: skip
        try:
            scsp.start()
        except OSError as error:
            raise CommandError(f"cannot listen on {options['host']}:{options['port']}: {error.strerror}") from None
        try:
            stopping = told_to_stop()
            self._say(f"{who} listens at {scsp.versions_url}")
            self._register(scsp, options)
            self._watch(scsp, stopping)
        finally:
            scsp.stop()
        self._say("Stopped.")

    def _register(self, scsp: SimulatedScsp, options: dict[str, Any]) -> None:
        if not options["register"]:
            return
        try:
            scsp.register(options["register"], options["token_a"])
        except (CpoUnreachable, HandshakeFailed) as error:
            raise CommandError(f"the handshake failed: {error}") from None
        self._say("registered")

    def _watch(self, scsp: SimulatedScsp, stopping: threading.Event) -> None:
        """Until stopped; says what the CPO did against the specification as soon as it is noticed."""
        told = 0
        while not stopping.wait(VIOLATIONS_EVERY_S):
            violations = scsp.violations
            for violation in violations[told:]:
                self._say(f"violation: {violation}")
            told = len(violations)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def told_to_stop() -> threading.Event:
    """Set by Ctrl-C and by SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _refuse_half_given(options: dict[str, Any]) -> None:
    if not options["token"]:
        raise CommandError("--token is empty")
    for one, other in (("cpo_token", "cpo_url"), ("register", "token_a")):
        if bool(options[one]) != bool(options[other]):
            raise CommandError(f"--{one.replace('_', '-')} and --{other.replace('_', '-')} go together")
