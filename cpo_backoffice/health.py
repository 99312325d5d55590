"""For the machines that watch: is the process there, can it work, and how is the product."""

from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from cpo_backoffice import metrics as figures
from cpo_backoffice.celery import app


def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The process answers. Nothing else is asked, so that a database that is away does not restart it."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """503, and which part it is, unless database, broker and channel layer answer."""
    checks = {"database": _database, "broker": _broker, "channel_layer": _channel_layer}
    parts = {name: _try(check) for name, check in checks.items()}
    ready = all(state == "ok" for state in parts.values())
    return JsonResponse({"status": "ok" if ready else "not ready", **parts}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    return HttpResponse(figures.render(), content_type=figures.CONTENT_TYPE)


def _try(check: Callable[[], None]) -> str:
    """Type names only: the texts of these libraries quote URLs with passwords."""
    try:
        check()
    except Exception as error:
        return type(error).__name__
    return "ok"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    if settings.REDIS_URL:
        with app.connection_for_write(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, timeout=2)


def _channel_layer() -> None:
    """To a group without members: on a channel that nobody reads, a hundred probes would stay for ever."""
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("no channel layer")
    async_to_sync(layer.group_send)("readyz", {"type": "nobody"})
