"""What a session's charge point was asked and answered, step by step, and the raw bodies of it."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from chargepoints.admin import rendering, session_rows, tones
from chargepoints.admin.raw import RawPart, pretty, register_raw
from chargepoints.admin.rendering import BAD, INFO, WARN
from chargepoints.admin.timeline import Remedy, TimelineEntry, register_source
from chargepoints.commands import SYSTEM, to_request
from chargepoints.models import ChargePointCommand, ChargingSession
from chargepoints.ocpp import registry
from chargepoints.ocpp.operator_calls import CallRefused

Kind = ChargePointCommand.Kind
Status = ChargePointCommand.Status


@register_source
def session_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    detail = f"driver's token {session.id_token or 'not said'}"
    yield TimelineEntry(session.started_at, "Session started", detail=detail, thread="session started")
    if session.ended_at:
        tone = BAD if session.state == ChargingSession.State.INVALID else INFO
        yield TimelineEntry(
            session.ended_at, "Session ended", session.state, tone, session.stop_reason, thread="session ended"
        )


@register_source
def command_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    """What the system sends by itself for a profile belongs to the request that asked for that profile last."""
    thread_of: dict[int | None, str] = {}
    commands = session_rows.commands(session)
    newest = {command.profile_id: command.pk for command in commands if command.kind == Kind.SET_PROFILE}
    for command in commands:
        own = command.correlation_id or f"command-{command.pk}"
        of_system = command.requested_by == SYSTEM and not command.correlation_id
        thread = thread_of.get(command.profile_id, own) if of_system and command.profile_id else own
        if command.profile_id and not of_system:
            thread_of[command.profile_id] = thread
        yield from _steps(session, command, thread, mendable=newest.get(command.profile_id) == command.pk)


def _steps(
    session: ChargingSession, command: ChargePointCommand, thread: str, *, mendable: bool
) -> Iterable[TimelineEntry]:
    common: dict[str, Any] = {
        "url": rendering.admin_url(command), "thread": thread, "stamp": f"{command.status}{command.late_status}",
        "routine": command.kind == Kind.GET_COMPOSITE and command.requested_by == SYSTEM,
    }  # fmt: skip
    queued = ("QUEUED", WARN) if command.status == Status.QUEUED else ("", INFO)
    yield TimelineEntry(
        command.created_at, f"{command} asked by {command.requested_by}", *queued,
        "; ".join(map(str, command.notes)), raw=f"command-{command.pk}-asked", **common,
    )  # fmt: skip
    if command.sent_at:
        waiting = ("waits for its answer", WARN) if command.status == Status.SENT else ("", INFO)
        title, raw = f"CALL {command.action} to the charge point", f"command-{command.pk}-call"
        yield TimelineEntry(command.sent_at, title, *waiting, order=1, raw=raw, **common)
    yield from _ends(session, command, common, mendable=mendable)


def _ends(
    session: ChargingSession, command: ChargePointCommand, common: dict[str, Any], *, mendable: bool
) -> Iterable[TimelineEntry]:
    answer: dict[str, Any] = {"raw": f"command-{command.pk}-answer"} if command.answer else {}
    if command.finished_at:
        tone = tones.COMMAND.get(command.status, INFO)
        title = f"CALLRESULT of {command.action}" if command.answer and not command.late_at else f"{command} ended"
        mend = mendable and tone == BAD and session.state == ChargingSession.State.ACTIVE
        yield TimelineEntry(
            command.finished_at, title, command.status, tone, command.detail, order=2,
            remedy=Remedy(session, "push_profile_again") if mend else None, **(answer if not command.late_at else {}),
            **common,
        )  # fmt: skip
    if command.late_at:
        tone = tones.COMMAND.get(command.late_status, INFO)
        detail = "came after the command had ended; it counts for the profile"
        title = f"late CALLRESULT of {command.action}"
        yield TimelineEntry(command.late_at, title, command.late_status, tone, detail, order=2, **answer, **common)


# --- raw bodies -----------------------------------------------------------------------------------------------------


@register_raw("command", permission="chargepoints.view_chargepointcommand")
def command_bodies(session: ChargingSession, pk: int, part: str) -> Sequence[RawPart] | None:
    command = session.commands.filter(pk=pk).first()
    if command is None or part not in {"asked", "call", "answer"}:
        return None
    if part == "asked":
        return [RawPart("What was prepared for the charge point", pretty(command.payload))]
    if part == "call":
        return [_call(session, command)]
    took = f", {_took(command)} after the CALL" if command.sent_at and command.finished_at else ""
    return [RawPart(f"CALLRESULT payload{took}", pretty(command.answer))]


def _took(command: ChargePointCommand) -> str:
    end, begin = command.late_at or command.finished_at, command.sent_at
    return f"{round((end - begin) / timedelta(milliseconds=1))} ms" if end and begin else ""


def _call(session: ChargingSession, command: ChargePointCommand) -> RawPart:
    """Made once more from what was prepared, in the words of the version that the charge point speaks."""
    try:
        version = registry.version_of(session.charge_point.ocpp_version)
        action, payload = version.to_call(to_request(command))
    except (CallRefused, ValueError) as error:
        return RawPart("CALL payload", f"It cannot be shown in the words of OCPP: {error}")
    return RawPart(f"CALL {action}, OCPP {version.number}", pretty(payload))
