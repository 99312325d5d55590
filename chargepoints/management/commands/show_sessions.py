from typing import Any

from django.core.management.base import CommandError, CommandParser

from chargepoints.management.json_command import JsonCommand
from chargepoints.models import ChargePoint, ChargingSession


class Command(JsonCommand):
    help = "Lists charging sessions, the newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--charge-point", metavar="IDENTITY", help="only those of this charge point")
        parser.add_argument("--limit", type=int, default=100, help="at most so many, default 100")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit must be at least 1")
        sessions = _newest(options["charge_point"], limit=options["limit"])
        text = "\n".join(map(_line, sessions)) or "no sessions"
        self.emit([_summary(session) for session in sessions], text=text, as_json=options["json"])


def _newest(identity: str | None, *, limit: int) -> list[ChargingSession]:
    sessions = ChargingSession.objects.select_related("charge_point", "evse__charge_point").prefetch_related("profiles")
    if identity is not None:
        if not ChargePoint.objects.filter(identity=identity).exists():
            raise CommandError(f"there is no charge point {identity}")
        sessions = sessions.filter(charge_point__identity=identity)
    return list(sessions[:limit])


def _line(session: ChargingSession) -> str:
    profiles = "".join(f", profile of {profile.owner} {profile.state}" for profile in session.profiles.all())
    started = f"{session.started_at:%Y-%m-%d %H:%M:%SZ}"
    return f"{session.uid}  {started}  {session.evse}  {session.state}  {session.kwh} kWh{profiles}"


def _summary(session: ChargingSession) -> dict[str, Any]:
    return {
        "uid": session.uid,
        "charge_point": session.charge_point.identity,
        "evse_uid": session.evse.uid,
        "ocpp_evse_id": session.evse.ocpp_evse_id,
        "ocpp_transaction_id": session.ocpp_transaction_id,
        "state": session.state,
        "id_token": session.id_token,
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "stop_reason": session.stop_reason,
        "kwh": session.kwh,
        "power_w": session.power_w,
        "current_a": session.current_a,
        "soc_percent": session.soc_percent,
        "last_updated": session.last_updated,
        "profiles": [{"id": p.pk, "owner": p.owner, "state": p.state} for p in session.profiles.all()],
    }
