import asyncio
import contextlib
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chargepoints.simulator import (
    VERSIONS,
    CallRefused,
    Car,
    LinkLost,
    NotAuthorized,
    NotPossible,
    SimulatedChargePoint,
)  # fmt: skip
from cpo_backoffice.event_lines import to_lines

EXPECTED = (CallRefused, LinkLost, NotAuthorized, NotPossible, TimeoutError)
FAREWELL_S = 5.0
FOREVER_S = float("inf")


class Command(BaseCommand):
    help = "Runs a simulated charge point against a server until Ctrl-C, one line per event."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("identity")
        parser.add_argument("--ocpp", choices=VERSIONS, default="1.6", help="the version it speaks")
        parser.add_argument("--url", default=f"ws://127.0.0.1:{settings.PORT}/ocpp", help="before the identity")
        parser.add_argument("--password", default="", help="for HTTP Basic")
        parser.add_argument("--evses", type=int, default=1)
        parser.add_argument("--phases", type=int, choices=[1, 2, 3], default=3)
        parser.add_argument("--max-amps", type=float, default=32, help="per phase")
        parser.add_argument("--unit", choices=["A", "W", "AW"], default="A", help="of the limits it takes")
        parser.add_argument("--charge", action="store_true", help="plug in a car and start, on EVSE 1")
        parser.add_argument("--car-phases", type=int, choices=[1, 2, 3], default=3, help="that the car draws on")
        parser.add_argument("--id-tag", default="DEMO-CARD", help="the driver's token")
        parser.add_argument("--meter-interval", type=int, default=10, metavar="S", help="seconds between meter values")
        parser.add_argument("--time-scale", type=float, default=1.0, help="60: energy flows sixty times as fast")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["evses"] < 1 or options["meter_interval"] < 1 or options["time_scale"] <= 0:
            raise CommandError("--evses, --meter-interval and --time-scale are above 0")
        charge_point = SimulatedChargePoint(
            options["url"], options["identity"], version=options["ocpp"], password=options["password"],
            evses=options["evses"], phases=options["phases"], max_amps=options["max_amps"], unit=options["unit"],
            meter_interval_s=options["meter_interval"], time_scale=options["time_scale"],
            on_event=to_lines(options["identity"], self._say),
        )  # fmt: skip
        car = Car(phases=options["car_phases"])
        asyncio.run(self._live(charge_point, car, id_tag=options["id_tag"] if options["charge"] else None))
        self._say("Stopped.")

    async def _live(self, charge_point: SimulatedChargePoint, car: Car, *, id_tag: str | None) -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        life = asyncio.create_task(charge_point.run())
        driver = asyncio.create_task(self._charge(charge_point, car, id_tag))
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait({life, waiting}, return_when=asyncio.FIRST_COMPLETED)
        driver.cancel()
        waiting.cancel()
        await _leave(charge_point)
        await life

    async def _charge(self, charge_point: SimulatedChargePoint, car: Car, id_tag: str | None) -> None:
        if id_tag is None:
            return
        await charge_point.wait_booted(timeout_s=FOREVER_S)
        try:
            await charge_point.plug_in(id_tag=id_tag, car=car)
            await charge_point.start()
        except NotAuthorized as refused:
            self._say(f"{id_tag} may not charge: {refused}. Add it: manage.py add_token {id_tag}")
        except EXPECTED as error:
            self._say(f"the car does not charge: {error}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


async def _leave(charge_point: SimulatedChargePoint) -> None:
    """Ends a running transaction, if the server still listens, then the connection."""
    with contextlib.suppress(*EXPECTED):
        async with asyncio.timeout(FAREWELL_S):
            await charge_point.unplug()
    await charge_point.stop()
