"""Whether a websocket may speak for a charge point (OCPP-J 1.6 section 3, security profiles 1 and 2)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import close_old_connections

from chargepoints import authentication, doorbell, presence, provisioning
from chargepoints.doorbell import Ring
from chargepoints.models import ChargePoint
from chargepoints.ocpp import registry

logger = logging.getLogger(__name__)
MAKE_ROOM_S = 7.0
Receive = Callable[[], Awaitable[dict[str, Any]]]
SendMessage = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Refusal:
    identity: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Admission:
    identity: str
    charge_point_id: int
    version: registry.Version


async def refuse(refusal: Refusal, *, scope: dict[str, Any], send: SendMessage) -> None:
    """An HTTP answer where the server can give one before the websocket is open; else a plain close."""
    logger.warning("refused identity=%r status=%s reason=%s", refusal.identity, refusal.status, refusal.reason)
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="ocpp"'))
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": refusal.reason.encode()})


async def no_such_path(scope: dict[str, Any], receive: Receive, send: SendMessage) -> None:
    """For every websocket whose path names no charge point."""
    await receive()
    await refuse(Refusal("", 404, "no such path: a charge point connects to /ocpp/<identity>"), scope=scope, send=send)


async def admit(scope: dict[str, Any]) -> Admission | Refusal:
    """Decides before the socket is accepted. Whoever is not known or proven gets 401, whatever the reason."""
    identity = unquote(scope["url_route"]["kwargs"]["identity"])
    version = registry.negotiate(scope.get("subprotocols", []))
    if version is None:
        offered = ", ".join(v.subprotocol for v in registry.VERSIONS)
        return Refusal(identity[:48], 400, f"no common subprotocol: this server speaks {offered}")
    header = dict(scope["headers"]).get(b"authorization")
    charge_point = await sync_to_async(_identify, thread_sensitive=False)(identity, header)
    if charge_point is None:
        return Refusal(identity[:48], 401, "unknown charge point or wrong password")
    if not charge_point.password_hash and not await _has_room(charge_point):
        return Refusal(identity, 409, "another socket of this charge point is alive")
    return Admission(identity, charge_point.pk, version)


def _identify(identity: str, header: bytes | None) -> ChargePoint | None:
    close_old_connections()
    try:
        return _proven(identity, header)
    finally:
        close_old_connections()


def _proven(identity: str, header: bytes | None) -> ChargePoint | None:
    if not identity.isprintable():  # PostgreSQL cannot even be asked for some
        return None
    user, password = authentication.parse_basic(header) or ("", None)
    charge_point = ChargePoint.objects.filter(identity=identity).first()
    if charge_point is None:
        return _stranger(identity, password)
    if not charge_point.enabled or (charge_point.password_hash and user != identity):
        return None
    return charge_point if authentication.check(charge_point, password) else None


def _stranger(identity: str, password: str | None) -> ChargePoint | None:
    if settings.OCPP_ACCEPT_UNKNOWN_CHARGE_POINTS:
        return _welcome(identity)
    if password is not None:
        authentication.hash_password(password)  # so that its refusal does not tell that it is unknown
    return None


def _welcome(identity: str) -> ChargePoint | None:
    """A charge point that nobody entered, where the setting lets it in. Two sockets at once make one row."""
    try:
        return provisioning.add_charge_point(identity=identity)
    except ValidationError:
        return ChargePoint.objects.filter(identity=identity).first()


async def _has_room(charge_point: ChargePoint) -> bool:
    """Without a password anybody can claim to be this charge point: the old socket stays if it proves that it lives."""
    if not charge_point.is_online:
        return True
    doorbell.ring(charge_point.channel_name, charge_point.connection_id, Ring.PROBE)
    deadline = asyncio.get_running_loop().time() + MAKE_ROOM_S
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.2)
        if not await sync_to_async(_is_connected, thread_sensitive=False)(charge_point.pk):
            return True
    return False


def _is_connected(charge_point_id: int) -> bool:
    try:
        return presence.is_connected(charge_point_id)
    finally:
        close_old_connections()
