import json
import secrets
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chargepoints.ocpp.redaction import printable
from cpo_backoffice.event_lines import OnEvent, to_json_lines, to_lines
from cpo_backoffice.sandbox_options import add_strategy_arguments, fault_orders, refuse_half_given, strategy_of
from ocpi.simulator.client import CpoUnreachable, HandshakeFailed
from ocpi.simulator.pulling import PullFailed
from ocpi.simulator.scsp import SimulatedScsp
from ocpi.simulator.summary import Summary, by_status
from ocpi.simulator.wire import OCPI_VERSIONS

LOOK_EVERY_S = 0.25
RETRY_S = 30.0
FAREWELL_S = 30.0
PLAN_S = 900
LONGEST_LINE = 400


class Command(BaseCommand):
    help = (
        "Runs a smart charging service provider against any CPO: registers, pulls, receives, sends profiles, and says"
        " what it sees and what breaks OCPI. Ctrl-C ends it with a summary. docs/sandbox.md"
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--versions-url", metavar="URL", help="of the CPO: register there with --token-a")
        parser.add_argument("--token-a", help="the CPO's CREDENTIALS_TOKEN_A")
        parser.add_argument("--cpo-url", metavar="URL", help="without a handshake: root of the CPO, without /ocpi")
        parser.add_argument("--cpo-token", help="with --cpo-url: what it calls the CPO with")
        parser.add_argument("--token", help="what the CPO calls it with; made if not given")
        parser.add_argument("--unregister", action="store_true", help="DELETE its credentials at the end")
        parser.add_argument("--ocpi-version", choices=OCPI_VERSIONS, default=OCPI_VERSIONS[0])
        parser.add_argument("--host", default="127.0.0.1", help="to listen on")
        parser.add_argument("--port", type=int, default=8080)
        parser.add_argument("--public-url", metavar="URL", help="its root as the CPO can reach it, without /ocpi")
        parser.add_argument("--country-code", default="NL")
        parser.add_argument("--party-id", default="JED")
        parser.add_argument("--fault", action="append", default=[], metavar="MODE[:ENDPOINT][:HOW]",
                            help="500, 401, ocpi_2000, hang, drop, bad_json or slow=SECONDS; at sessions, locations,"
                                 " result or push; HOW 3: the next three, HOW 0.1: one in ten; repeatable")  # fmt: skip
        parser.add_argument("--ask", action="store_true", help="GET the plan after every profile that was taken")
        parser.add_argument("--clear", action="store_true", help="DELETE its profiles of active sessions at the end")
        parser.add_argument("--for", type=float, dest="for_s", metavar="SECONDS", help="end by itself")
        parser.add_argument("--strict", action="store_true", help="end non-zero after a violation or a missing result")
        parser.add_argument("--json", action="store_true", help="a JSON object a line")
        add_strategy_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        refuse_half_given(options)
        write = to_json_lines if options["json"] else to_lines
        on_event = write(f"{options['country_code']}*{options['party_id']}", self._say)
        token = options["token"] or secrets.token_urlsafe(32)
        scsp = _scsp(options, token, on_event)
        try:
            scsp.start()
        except OSError as error:
            raise CommandError(f"cannot listen on {options['host']}:{options['port']}: {error.strerror}") from None
        try:
            self._tell_token(scsp, options, token)
            summary = Sandbox(scsp, on_event, options).run(told_to_stop())
        finally:
            scsp.stop()
        self._sum_up(summary, options)

    def _tell_token(self, scsp: SimulatedScsp, options: dict[str, Any], token: str) -> None:
        """Only a CPO that is to begin the handshake must be told a token that was made here."""
        if not (options["token"] or options["versions_url"] or options["json"]):
            self._say(f"Give the CPO this token A, made now, and {scsp.versions_url}: {token}")

    def _sum_up(self, summary: Summary, options: dict[str, Any]) -> None:
        if options["json"]:
            self._say(json.dumps({"event": "summary", **summary.fields()}))
        else:
            for line in summary.lines():
                self._say(printable(line, LONGEST_LINE))
        if options["strict"] and not summary.sound:
            found = f"{len(summary.violations)} violations, {summary.tally.missing} missing results"
            raise CommandError(f"--strict: {found}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


class Sandbox:
    """One run: the handshake, then everything that is noticed, until told to stop."""

    def __init__(self, scsp: SimulatedScsp, on_event: OnEvent, options: dict[str, Any]) -> None:
        self._scsp = scsp
        self._say = on_event
        self._options = options
        self._began_s = time.monotonic()
        self._told_violations = self._told_notes = 0
        self._told_missing: set[str] = set()
        self._asked: set[str] = set()
        self._pulled_with: object = None

    def run(self, stopping: threading.Event) -> Summary:
        self._say("listening", {"versions_url": self._scsp.versions_url})
        try:
            self._register()
            self._watch(stopping)
            self._clear()
            self._unregister()
        finally:
            self._look()
        return self._summary()

    def _register(self) -> None:
        url = self._options["versions_url"]
        if not url:
            return
        try:
            self._scsp.register(url, self._options["token_a"])
        except (CpoUnreachable, HandshakeFailed) as error:
            raise CommandError(f"the handshake failed: {error}") from None

    def _watch(self, stopping: threading.Event) -> None:
        for_s = self._options["for_s"]
        end_s = None if for_s is None else self._began_s + for_s
        while not stopping.is_set() and (end_s is None or time.monotonic() < end_s):
            self._pull_once()
            self._ask()
            self._look()
            stopping.wait(LOOK_EVERY_S)

    def _pull_once(self) -> None:
        """After every registration, whoever began it."""
        cpo = self._scsp.cpo
        if cpo is None or cpo is self._pulled_with:
            return
        self._pulled_with = cpo
        modules = sorted(f"{identifier} {role}" for identifier, role in cpo.endpoints)
        roles = [f"{role.get('role')} {role.get('country_code')}*{role.get('party_id')}" for role in cpo.roles]
        self._say("connected", {"modules": modules, "roles": roles})
        try:
            self._say("pulled", self._scsp.pull())
        except (CpoUnreachable, PullFailed) as error:
            self._say("not_pulled", {"reason": str(error)})

    def _ask(self) -> None:
        if not self._options["ask"]:
            return
        for request_id, session_id in self._scsp.profiles_taken.items():
            if request_id not in self._asked:
                self._asked.add(request_id)
                self._try(session_id, lambda uid: self._scsp.get_active_profile(uid, PLAN_S))

    def _clear(self) -> None:
        """And wait for the results, which count like all others."""
        if self._options["clear"]:
            for session_id in self._scsp.steered_sessions:
                self._try(session_id, self._scsp.delete_profile)
            self._scsp.wait_for(lambda: not self._scsp.tally.waiting, FAREWELL_S)

    def _try(self, session_id: str, ask: Callable[[str], object]) -> None:
        try:
            ask(session_id)
        except CpoUnreachable as error:
            self._say("not_asked", {"session_id": session_id, "reason": str(error)})

    def _look(self) -> None:
        """Say what was noticed since the last look."""
        violations, notes = self._scsp.violations, self._scsp.notes
        for violation in violations[self._told_violations :]:
            self._say("violation", {"what": violation.what, "where": violation.where, "passage": violation.passage})
        for note in notes[self._told_notes :]:
            self._say("note", {"text": note})
        self._told_violations, self._told_notes = len(violations), len(notes)
        for request_id in self._scsp.overdue_requests:
            if request_id not in self._told_missing:
                self._told_missing.add(request_id)
                self._say("result_missing", {"request_id": request_id})

    def _unregister(self) -> None:
        if not self._options["unregister"] or not self._scsp.registered:
            return
        try:
            self._scsp.unregister()
        except (CpoUnreachable, HandshakeFailed) as error:
            self._say("not_unregistered", {"reason": str(error)})
        else:
            self._say("unregistered", {})

    def _summary(self) -> Summary:
        scsp = self._scsp
        return Summary(
            seconds=time.monotonic() - self._began_s,
            sessions=by_status(list(scsp.sessions.values())),
            locations=len(scsp.locations),
            evses=sum(len(location.get("evses") or ()) for location in scsp.locations),
            pushes=len(scsp.pushes),
            tally=scsp.tally,
            violations=tuple(str(violation) for violation in scsp.violations),
            notes=tuple(scsp.notes),
        )


def _scsp(options: dict[str, Any], token: str, on_event: OnEvent) -> SimulatedScsp:
    scsp = SimulatedScsp(
        token=token, host=options["host"], port=options["port"], country_code=options["country_code"],
        party_id=options["party_id"], cpo_token=options["cpo_token"], cpo_url=options["cpo_url"],
        strategy=strategy_of(options), retry_s=RETRY_S, public_url=options["public_url"],
        version=options["ocpi_version"], on_event=on_event,
    )  # fmt: skip
    for order in fault_orders(options["fault"]):
        scsp.faults.order(order)
    return scsp


def told_to_stop() -> threading.Event:
    """Set by Ctrl-C and by SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
