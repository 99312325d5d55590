"""The whole server in one process: ASGI, worker and beat. `--only web` for one part of a larger deployment."""

import contextlib
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from cpo_backoffice import demo
from cpo_backoffice.embedded import EmbeddedWorkers


class Command(BaseCommand):
    help = "Runs the server: web, worker and beat in one process."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="with simulated charge points and a partner")
        parser.add_argument("--only", choices=["web"], help="no worker and no beat in this process")

    def handle(self, *args: Any, demo: bool, only: str | None, **options: Any) -> None:
        take_port()
        if only is None:
            call_command("migrate", verbosity=0)
        workers = EmbeddedWorkers()
        server = uvicorn.Server(uvicorn_config())
        with contextlib.ExitStack() as stack:
            if only is None:
                workers.start()
                stack.callback(workers.stop)
            if demo:
                stack.enter_context(self._demo())
            else:
                self.stdout.write(
                    f"Listening on {settings.HOST}:{settings.PORT}; admin at {settings.PUBLIC_URL}/admin/"
                )
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # an init system's stop is a Ctrl-C
            with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after its own clean end
                server.run()
        self.stdout.write("Stopped.")

    def _demo(self) -> Any:
        return demo.running(write=self.stdout.write)


def take_port() -> None:
    """A port that was asked for must be free. The default one gives way to the next free one, and says so."""
    if is_free(settings.PORT):
        return
    if os.environ.get("PORT"):
        raise CommandError(f"Port {settings.PORT} is taken. Choose another: PORT=8001")
    port = next((p for p in range(settings.PORT + 1, settings.PORT + 100) if is_free(p)), None)
    if port is None:
        raise CommandError(f"Ports {settings.PORT} to {settings.PORT + 99} are taken. Choose one: PORT=9000")
    print(f"Port {settings.PORT} is taken: using {port}. Choose another with PORT=...", flush=True)
    os.environ["PORT"] = str(port)  # settings hold the port in several places: start again with it
    os.execv(sys.executable, [sys.executable, *sys.argv])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, port))
        except OSError:
            return False
    return True


def uvicorn_config() -> uvicorn.Config:
    return uvicorn.Config(
        "cpo_backoffice.asgi:application",
        host=settings.HOST,
        port=settings.PORT,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        ws="websockets-sansio",
        ws_max_size=4 * settings.OCPP_MAX_FRAME_BYTES,  # up to here a frame is refused and the connection lives
        ws_ping_interval=settings.OCPP_PING_INTERVAL_S,
        ws_ping_timeout=settings.OCPP_PING_INTERVAL_S,
        ws_per_message_deflate=False,
        proxy_headers=False,  # TRUST_PROXY says whether they count; this would believe whoever is on this machine
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
