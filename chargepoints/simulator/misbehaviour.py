"""From the honest answer to what the knobs make of it."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .dialect import Reply
from .framing import CallRefused, Link
from .knobs import Answer, Knobs

if TYPE_CHECKING:
    from .simulation import Simulation

CANNED = {
    Answer.REJECTED: {"status": "Rejected"},
    Answer.NOT_SUPPORTED: {"status": "NotSupported"},
    Answer.PRETEND: {"status": "Accepted"},
    Answer.MALFORMED: {"status": "Perhaps"},
}


async def respond(cp: "Simulation", link: Link, message_id: str, action: str, payload: Any) -> None:
    """Raises LinkLost when the socket goes before the answer."""
    concerned = _concerned(cp, action)
    mode = cp.knobs.answer if concerned else Answer.HONEST
    if mode is Answer.CLOSE:
        link.abort()
        return
    reply = _reply(cp, mode, action, payload)
    if mode is Answer.TAKEN_AND_CLOSED:
        link.abort()
    if mode in (Answer.NEVER, Answer.TAKEN_AND_CLOSED):
        _follow_up(cp, reply)
        return
    if mode is Answer.HELD:
        cp.hold(lambda: _send(cp, link, message_id, reply))
        return
    if mode is Answer.REBOOT:
        await cp.reboot()
    if concerned and cp.knobs.answer_delay_s:
        await asyncio.sleep(cp.knobs.answer_delay_s)
    await (link.send_text("}{ this is not OCPP") if mode is Answer.RUBBISH else _send(cp, link, message_id, reply))


def _concerned(cp: "Simulation", action: str) -> bool:
    """Counts Knobs.answer_times down."""
    knobs = cp.knobs
    if action not in knobs.actions or knobs.answer_times == 0:
        return False
    if knobs.answer_times is not None:
        cp.knobs = replace(knobs, answer_times=knobs.answer_times - 1)
    return True


def _reply(cp: "Simulation", mode: Answer, action: str, payload: Any) -> Reply | CallRefused:
    if mode in CANNED:
        return Reply(CANNED[mode])
    if mode in (Answer.CALL_ERROR, Answer.NOT_IMPLEMENTED, Answer.RUBBISH):
        return _refusal(cp.knobs, mode)
    try:
        return cp.dialect.answer(action, payload)
    except CallRefused as refusal:
        return refusal


def _refusal(knobs: Knobs, mode: Answer) -> CallRefused:
    if mode is Answer.CALL_ERROR:
        return CallRefused(knobs.error_code, knobs.error_description, knobs.error_details)
    return CallRefused("NotImplemented")


async def _send(cp: "Simulation", link: Link, message_id: str, reply: Reply | CallRefused) -> None:
    if isinstance(reply, CallRefused):
        await link.refuse(message_id, reply)
        return
    await link.answer(message_id, reply.payload)
    _follow_up(cp, reply)


def _follow_up(cp: "Simulation", reply: Reply | CallRefused) -> None:
    if isinstance(reply, Reply) and reply.then:
        cp.spawn(cp.attempt(reply.then()))
