"""A partner's charging profile request: whose session? reachable? too often? same again?

ACCEPTED is only said once the request and its command are committed, when the charge point is connected and takes
smart charging; each ACCEPTED gets exactly one result (OCPI 2.2.1 mod_charging_profiles).
"""

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.db.models import Max

from chargepoints import commands
from chargepoints.conflicts import RUNS, is_conflict
from chargepoints.models import ChargePointCommand, ChargingSession
from chargepoints.models.rows import only_row
from chargepoints.transactions import committed
from chargepoints.values import ChargingSchedule, RateUnit, ScheduleRefused
from ocpi import backlog, callbacks, our_parties, request_buckets, sharing
from ocpi.models import Party, ProfileRequest
from ocpi.protocol.headers import NOT_SAID, Routing

logger = logging.getLogger(__name__)
Kind = ProfileRequest.Kind
Response = ProfileRequest.Response


@dataclass(frozen=True, slots=True)
class Wish:
    """What a partner asks: `schedule` to SET, `duration_s` to GET, neither to CLEAR. `body` as received.

    `routing`: a request to one of our CPOs reaches only that CPO's sessions.
    """

    kind: Kind
    session_uid: str
    response_url: str
    request_id: str
    correlation_id: str
    schedule: ChargingSchedule | None = None
    duration_s: int | None = None
    body: dict[str, Any] | None = None
    routing: Routing = NOT_SAID

    @property
    def fingerprint(self) -> str:
        content = [self.kind, self.session_uid.lower(), self.response_url, self.duration_s, self.body]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """Not ACCEPTED. `reason` is machine-readable and goes into status_message."""

    response: Response
    reason: str
    detail: str = ""


def too_often() -> Refused:
    return Refused(Response.TOO_OFTEN, "too_often", "more requests than allowed; DELETE is always free")


def receive(party: Party, wish: Wish, *, now: datetime) -> ProfileRequest:
    """Answers at once and, if ACCEPTED, leaves a command behind. The same request again is the same row.

    PostgreSQL may end one of two transactions that wait for each other (this one, and a batch of the writer with the
    same session): the loser is simply run again.
    """
    for _ in range(RUNS - 1):
        try:
            return _receive(party, wish, now=now)
        except OperationalError as error:
            if not is_conflict(error):
                raise
            logger.warning("profile request run again after a conflict correlation_id=%s", wish.correlation_id)
    return _receive(party, wish, now=now)


@committed
def _receive(party: Party, wish: Wish, *, now: datetime) -> ProfileRequest:
    locked = ChargingSession.objects.select_for_update(of=("self",), no_key=True)
    of_cpo = our_parties.run_for(wish.routing.receiver, location="evse__charge_point__location__")
    session = only_row(locked.for_steering().filter(of_cpo, uid=wish.session_uid.lower()))
    repeated = session and _repeated(party, session, wish, now=now)
    if repeated:
        logger.info("profile request repeated id=%s correlation_id=%s", repeated.pk, wish.correlation_id)
        return repeated
    try:
        command = _ask(party, _admitted(party, session, wish, now=now), wish, now=now)
    except Refused as refused:
        return _keep(party, session, wish, now=now, refused=refused)
    request = _keep(party, session, wish, now=now, command=command)
    if not command.is_open:
        callbacks.conclude_from_row(request, command, now=now)
    return request


def _repeated(party: Party, session: ChargingSession, wish: Wish, *, now: datetime) -> ProfileRequest | None:
    """The same body and response_url within the promised time, whatever its X-Request-ID: some never change it.

    Not across another change of the profile: the third of A, B, A asks for A anew.
    """
    since = now - timedelta(seconds=settings.OCPI_PROFILE_TIMEOUT_S)
    accepted = ProfileRequest.objects.filter(party=party, session=session, response=Response.ACCEPTED)
    same = accepted.filter(fingerprint=wish.fingerprint, received_at__gt=since).aggregate(Max("pk"))["pk__max"]
    if same is None or accepted.filter(pk__gt=same).exclude(kind=Kind.GET).exists():
        return None
    return ProfileRequest.objects.get(pk=same)


def _admitted(party: Party, session: ChargingSession | None, wish: Wish, *, now: datetime) -> ChargingSession:
    steered = steerable(party, session, wish.kind, now=now)
    if wish.kind != Kind.CLEAR and not request_buckets.take(party, steered, now=now):
        raise too_often()
    return steered


def steerable(party: Party, session: ChargingSession | None, kind: Kind, *, now: datetime) -> ChargingSession:
    """The session, or Refused; all but the token bucket. Writes nothing."""
    if session is None:
        raise Refused(Response.UNKNOWN_SESSION, "unknown_session", "no session has this id")
    if not sharing.shares(party, session.evse):
        raise Refused(Response.REJECTED, "session_not_shared", "this session is not shared with you")
    refuse_impossible(session, kind)
    if kind != Kind.CLEAR and backlog.is_late(party, now=now):
        raise Refused(Response.TOO_OFTEN, "overloaded", "results are late as it is; DELETE is always free")
    return session


def refuse_impossible(session: ChargingSession, kind: Kind) -> None:
    """What nobody can ask of it now. Raises Refused."""
    if session.charge_point.smart_charging is False:
        raise Refused(Response.NOT_SUPPORTED, "smart_charging_unsupported", "the charge point has no smart charging")
    if session.state not in _steerable(kind):
        raise Refused(Response.REJECTED, "session_not_active", f"the session is {session.state}")
    if not session.charge_point.is_online:
        raise Refused(Response.REJECTED, "charger_offline", "the charge point is not connected")


def _steerable(kind: Kind) -> set[str]:
    """A profile of a session that has not begun is kept, and applied if it begins in time."""
    pending = set() if kind == Kind.GET else {ChargingSession.State.PENDING.value}
    return pending | {ChargingSession.State.ACTIVE.value}


def _ask(party: Party, session: ChargingSession, wish: Wish, *, now: datetime) -> ChargePointCommand:
    common: dict[str, Any] = {
        "session": session,
        "requested_by": party.owner,
        "correlation_id": wish.correlation_id,
        "now": now,
        "expires_at": now + command_time(),
    }
    try:
        if wish.schedule:
            return commands.request_set_profile(owner=party.owner, schedule=wish.schedule, **common)
        if wish.duration_s:
            unit = _askable(session, unit_of(session, party))
            return commands.request_composite(duration_s=wish.duration_s, unit=unit, **common)
        return commands.request_clear_profile(owner=party.owner, **common)
    except ScheduleRefused as refused:
        raise as_refusal(refused) from refused


def as_refusal(refused: ScheduleRefused) -> Refused:
    unsupported = refused.code == "smart_charging_unsupported"
    return Refused(Response.NOT_SUPPORTED if unsupported else Response.REJECTED, refused.code, refused.detail)


def unit_of(session: ChargingSession, party: Party) -> RateUnit:
    """The unit of the partner's last PUT for this session; W, its usual one, before that."""
    profile = session.profiles.filter(owner=party.owner).first()
    desired = profile.desired_schedule if profile else None
    return desired.unit if desired else RateUnit.WATT


def _asked(party: Party, session: ChargingSession | None, wish: Wish) -> dict[str, Any] | None:
    """The body, or for a GET what its answer must have, as it is asked now."""
    if session and wish.duration_s:
        return {"duration": wish.duration_s, "unit": unit_of(session, party).value}
    return wish.body


def _askable(session: ChargingSession, unit: RateUnit) -> RateUnit | None:
    """Only ask for a unit that the charge point says it knows; the answer is converted anyway."""
    return unit if unit in session.charge_point.capabilities.units else None


def command_time() -> timedelta:
    """What the charge point gets of the promised time; the rest is for posting the result."""
    promised, reserve = settings.OCPI_PROFILE_TIMEOUT_S, settings.OCPI_CALLBACK_RESERVE_S
    return timedelta(seconds=max(promised - reserve, promised / 2))


def _keep(
    party: Party,
    session: ChargingSession | None,
    wish: Wish,
    *,
    now: datetime,
    command: ChargePointCommand | None = None,
    refused: Refused | None = None,
) -> ProfileRequest:
    request = ProfileRequest.objects.create(
        party=party, session=session, session_uid=wish.session_uid[:36], kind=wish.kind, request_id=wish.request_id,
        correlation_id=wish.correlation_id, sender=str(wish.routing.sender or ""),
        receiver=str(wish.routing.receiver or ""), response_url=wish.response_url, body=_asked(party, session, wish),
        fingerprint=wish.fingerprint, received_at=now, response=refused.response if refused else Response.ACCEPTED,
        reason=refused.reason if refused else "", detail=refused.detail[:500] if refused else "",
        timeout_s=settings.OCPI_PROFILE_TIMEOUT_S, command=command,
        deadline_at=now + timedelta(seconds=settings.OCPI_PROFILE_TIMEOUT_S),
    )  # fmt: skip
    logger.info(
        "profile request id=%s kind=%s party=%s session=%s response=%s reason=%s command=%s correlation_id=%s",
        request.pk, request.kind, party, request.session_uid, request.response, request.reason,
        command.pk if command else None, request.correlation_id,
    )  # fmt: skip
    return request
