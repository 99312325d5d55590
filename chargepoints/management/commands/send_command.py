import json
import math
import re
import time
from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from chargepoints import commands
from chargepoints.management.json_command import JsonCommand
from chargepoints.models import ChargePoint, ChargePointCommand

POLL_S = 0.1
# How long after the deadline a running server gets to end the command; without one it is ended here.
SERVER_GRACE_S = 3.0
REQUESTED_BY = "operator manage.py"
INTERRUPTED = 130


class Command(JsonCommand):
    help = "Sends any CSMS-initiated OCPP call to a charge point, waits, and prints its answer."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("identity")
        parser.add_argument("action", type=_action, help="OCPP action, e.g. GetConfiguration")
        parser.add_argument("payload", type=_payload, nargs="?", default="{}", help="a JSON object in the wire form")
        parser.add_argument("--timeout", type=_seconds, metavar="S", help="seconds, also for it to come online")

    def handle(self, *_args: Any, **options: Any) -> None:
        charge_point = ChargePoint.objects.filter(identity=options["identity"]).first()
        if charge_point is None:
            raise CommandError(f"there is no charge point {options['identity']}")
        command = commands.request_call(
            charge_point=charge_point, action=options["action"], payload=options["payload"],
            requested_by=REQUESTED_BY, now=timezone.now(), timeout_s=options["timeout"],
        )  # fmt: skip
        self._wait(command)
        text = f"{command.status} {json.dumps(command.answer or {})}"
        self.emit(_summary(command), text=text, as_json=options["json"])
        if command.status != ChargePointCommand.Status.ACCEPTED:
            raise CommandError(f"{command.action} {command.status}: {command.detail or 'the charge point said no'}")

    def _wait(self, command: ChargePointCommand) -> None:
        try:
            _until_ended(command)
        except KeyboardInterrupt:
            raise CommandError(
                f"interrupted; command {command.pk} may still be carried out until {command.expires_at:%H:%M:%S} UTC",
                returncode=INTERRUPTED,
            ) from None


def _until_ended(command: ChargePointCommand) -> None:
    give_up_at = command.expires_at + timedelta(seconds=SERVER_GRACE_S)
    while command.is_open:
        time.sleep(POLL_S)
        now = timezone.now()
        if now >= give_up_at:
            commands.expire_overdue(now=now)
        command.refresh_from_db()


def _summary(command: ChargePointCommand) -> dict[str, Any]:
    return {
        "command_id": command.pk,
        "identity": command.charge_point.identity,
        "action": command.action,
        "status": command.status,
        "detail": command.detail,
        "answer": command.answer,
        "sent_at": command.sent_at,
        "finished_at": command.finished_at,
    }


def _action(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{1,64}", text):
        raise ArgumentTypeError(f"{text!r} is no OCPP action")
    return text


def _payload(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ArgumentTypeError(f"the payload is not valid JSON: {error}") from None
    if not isinstance(payload, dict):
        raise ArgumentTypeError("the payload must be a JSON object")
    return payload


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not math.isfinite(seconds) or not 0 < seconds <= 86_400:
        raise ArgumentTypeError("a timeout is above 0 and at most 86400 seconds")
    return seconds
