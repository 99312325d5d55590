"""Who is connected, where, and since when. A charge point's row names the one socket that speaks for it."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from chargepoints import commands, observation, sites
from chargepoints.models import ChargePoint, ServerProcess

logger = logging.getLogger(__name__)
# A server process writes its heartbeat every BEAT; silent for DEAD it is taken for killed.
PROCESS_BEAT = timedelta(seconds=settings.OCPP_PROCESS_BEAT_S)
PROCESS_DEAD = timedelta(seconds=settings.OCPP_PROCESS_DEAD_S)


def connect(
    charge_point_id: int, *, connection_id: str, channel_name: str, ocpp_version: str, now: datetime
) -> tuple[str, str] | None:
    """Makes this socket the charge point's. Returns the channel and connection it replaced, if any."""
    charge_point = ChargePoint.objects.select_for_update(no_key=True).get(pk=charge_point_id)
    replaced = (charge_point.channel_name, charge_point.connection_id) if charge_point.connection_id else None
    ChargePoint.objects.filter(pk=charge_point_id).update(
        connection_id=connection_id, channel_name=channel_name, ocpp_version=ocpp_version,
        connected_at=now, last_seen_at=now,
    )  # fmt: skip
    if replaced:
        commands.fail_sent(connection_ids=[replaced[1]], now=now)
    else:
        sites.presence_changed([charge_point_id], online=True, now=now)
    # some firmware drops its profiles with the connection
    observation.look_again(charge_point_id, now=now, settling=True)
    return replaced


def disconnect(charge_point_id: int, *, connection_id: str, now: datetime) -> bool:
    """Compare and delete: the end of an old socket never marks its successor offline."""
    mine = ChargePoint.objects.filter(pk=charge_point_id, connection_id=connection_id)
    gone = mine.update(connection_id="", channel_name="", disconnected_at=now)
    commands.fail_sent(connection_ids=[connection_id], now=now)
    if gone:
        sites.presence_changed([charge_point_id], online=False, now=now)
    return bool(gone)


def is_connected(charge_point_id: int) -> bool:
    return ChargePoint.objects.online().filter(pk=charge_point_id).exists()


def seen(charge_point_id: int, *, now: datetime, clock_skew_s: int | None = None) -> None:
    fields: dict[str, object] = {"last_seen_at": now}
    if clock_skew_s is not None:
        fields["clock_skew_s"] = clock_skew_s
    ChargePoint.objects.filter(pk=charge_point_id).update(**fields)


# --- processes ------------------------------------------------------------------------------------------------------


def process_started(channel_name: str, *, alone: bool, now: datetime) -> None:
    """A server process begins. `alone`: it is the only one, so whatever is registered is left from a killed one."""
    if alone:
        for process in ServerProcess.objects.exclude(pk=channel_name):
            _bury(process.channel_name, now=now)
        _bury_sockets(ChargePoint.objects.online(), now=now)
    ServerProcess.objects.update_or_create(
        channel_name=channel_name, defaults={"alive_at": now}, create_defaults={"started_at": now, "alive_at": now}
    )


def process_alive(channel_name: str, *, now: datetime) -> bool:
    """The heartbeat. False: others have taken this process for dead, and it must register its sockets again."""
    return bool(ServerProcess.objects.filter(pk=channel_name).update(alive_at=now))


def process_stopped(channel_name: str, *, now: datetime) -> None:
    _bury(channel_name, now=now)


def reap_dead_processes(*, now: datetime) -> int:
    """Processes without a heartbeat: their sockets are gone, and so are the answers to what was sent on them."""
    dead = list(ServerProcess.objects.filter(alive_at__lt=now - PROCESS_DEAD))
    for process in dead:
        logger.warning("server process %s is dead: its charge points are marked offline", process.channel_name)
        _bury(process.channel_name, now=now)
    return len(dead)


def _bury(channel_name: str, *, now: datetime) -> None:
    with transaction.atomic():
        ServerProcess.objects.filter(pk=channel_name).delete()
        _bury_sockets(ChargePoint.objects.filter(channel_name=channel_name), now=now)


def _bury_sockets(charge_points, *, now: datetime) -> None:  # type: ignore[no-untyped-def]
    connections = dict(charge_points.exclude(connection_id="").values_list("connection_id", "pk"))
    gone = ChargePoint.objects.filter(connection_id__in=connections)
    gone.update(connection_id="", channel_name="", disconnected_at=now)
    commands.fail_sent(connection_ids=list(connections), now=now)
    offline = ChargePoint.objects.filter(pk__in=connections.values(), connection_id="").order_by()
    sites.presence_changed(list(offline.values_list("pk", flat=True)), online=False, now=now)
