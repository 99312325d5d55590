"""The demo: simulated charge points and a simulated SCSP around the real server, and the journeys in words."""

import asyncio
import contextlib
import logging.config
import os
import re
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from django.conf import settings

from chargepoints.simulator import SimulatedChargePoint
from cpo_backoffice import demo_data
from ocpi.simulator.scsp import SimulatedScsp
from ocpi.simulator.strategies import DemoStrategy

Write = Callable[[str], object]
FIELD = re.compile(r"(\w+)=(\S+)")  # as the server's log writes them


@contextlib.contextmanager
def running(*, write: Write) -> Iterator[None]:
    """Simulated parties for as long as the server runs. Prints where to look and the first profiles' journeys."""
    if "LOG_LEVEL" not in os.environ:
        _quiet_console()
    journey = Journey(write)
    cpo_token, scsp_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    own_url = f"http://127.0.0.1:{settings.PORT}"
    with SimulatedScsp(
        token=scsp_token, cpo_token=cpo_token, cpo_url=own_url, strategy=DemoStrategy(), on_event=journey.partner
    ) as scsp:
        os.environ.setdefault("DEMO_ADMIN_PASSWORD", _kept_password())
        demo_data.seed(scsp_base_url=scsp.base_url, scsp_token=scsp_token, cpo_token=cpo_token)
        chargers = [_charger(identity, journey) for identity in demo_data.CHARGE_POINTS]
        server_log = journey.listen()
        driver = Driver(chargers, own_url, journey)
        driver.start()
        try:
            yield
        finally:
            driver.stop()
            server_log.leave()


def _charger(identity: str, journey: "Journey") -> SimulatedChargePoint:
    return SimulatedChargePoint(
        f"ws://127.0.0.1:{settings.PORT}/ocpp", identity, version=demo_data.CHARGE_POINTS[identity],
        password=_fresh_charge_point_password(identity), phases=3, unit="A", meter_interval_s=10,
        on_event=partial(journey.charge_point, identity),
    )  # fmt: skip


def _quiet_console() -> None:
    """The journey is the output; what is wrong still shows. LOG_LEVEL=INFO shows everything."""
    config: dict[str, Any] = settings.LOGGING
    config["handlers"]["console"]["level"] = "WARNING"
    logging.config.dictConfig(config)


def _kept_password() -> str:
    """One administrator's password per data directory, so that every start of the demo can show it."""
    path = settings.DATA_DIR / "demo_admin_password"
    with (
        contextlib.suppress(FileExistsError),
        open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f,
    ):
        f.write(secrets.token_urlsafe(9))
    return path.read_text().strip()


def _fresh_charge_point_password(identity: str) -> str:
    from chargepoints.provisioning import add_charge_point

    password = secrets.token_hex(16)
    add_charge_point(identity=identity, password=password, update=True)
    return password


class Driver:
    """Waits for the server, connects the charge points, plugs a car into each and charges, on a loop of its own."""

    def __init__(self, chargers: Sequence[SimulatedChargePoint], own_url: str, journey: "Journey") -> None:
        self._chargers = chargers
        self._own_url = own_url
        self._journey = journey
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="demo", daemon=True)
        self._stopping = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._loop.is_running():
            for charger in self._chargers:
                asyncio.run_coroutine_threadsafe(charger.stop(), self._loop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            if self._server_answers():
                self._journey.welcome(self._own_url)
                self._loop.run_until_complete(self._drive_all())
        finally:
            self._loop.close()

    def _server_answers(self) -> bool:
        while not self._stopping.wait(0.05):
            try:
                with urllib.request.urlopen(f"{self._own_url}/healthz", timeout=1):  # noqa: S310
                    return True
            except (urllib.error.URLError, OSError):
                continue
        return False

    async def _drive_all(self) -> None:
        await asyncio.gather(*(self._drive(charger) for charger in self._chargers))

    async def _drive(self, charger: SimulatedChargePoint) -> None:
        life = asyncio.create_task(charger.run())
        try:
            await charger.wait_booted(timeout_s=20)
            await charger.plug_in(id_tag=demo_data.DRIVER_CARD)
            await charger.start()
        except Exception as error:  # the demo's own trouble; the server goes on
            self._journey.say(f"charge point {charger.identity} could not start: {error}")
        await life


class Journey:
    """One line per step of the first profile's way to each charge point, with the time since that session began."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._told: set[tuple[str, str]] = set()
        self._began: dict[str, float] = {}
        self._identities: dict[str, str] = {}  # of the charge point, by session id

    def welcome(self, own_url: str) -> None:
        login = f"{demo_data.ADMIN} / {os.environ['DEMO_ADMIN_PASSWORD']}"
        self.say(f"\n  Admin site   {own_url}/admin/\n  Login        {login}\n  Stop         Ctrl-C\n")
        self.say("The first profile's journey to each charge point:")

    def say(self, text: str) -> None:
        with self._lock:
            self._write(text)

    def _once(self, identity: str | None, step: str, text: str) -> None:
        """Nothing for what does not belong to a charge point of the demo."""
        with self._lock:
            if identity not in demo_data.CHARGE_POINTS or (identity, step) in self._told:
                return
            self._told.add((identity, step))
            elapsed_s = time.monotonic() - self._began.setdefault(identity, time.monotonic())
            self._write(f"  +{max(elapsed_s, 0) * 1000:7.0f} ms  {identity:8}  {text}")

    def charge_point(self, identity: str, name: str, fields: dict[str, Any]) -> None:
        match name:
            case "transaction_started":
                self._once(identity, "start", "charge point: car plugged in, transaction started")
            case "call_received" if fields.get("action") == "SetChargingProfile":
                version = demo_data.CHARGE_POINTS[identity]
                self._once(identity, "call", f"charge point <- SetChargingProfile (OCPP {version})")
            case "profile_installed":
                self._once(identity, "installed", "charge point -> CALLRESULT Accepted: profile installed")

    def partner(self, name: str, fields: dict[str, Any]) -> None:
        identity = self._identities.get(str(fields.get("session_id")))
        match name:
            case "session_received":
                self._once(identity, "session", "partner <- session pushed (OCPI 2.2.1)")
            case "profile_sent":
                self._once(identity, "answer", f"partner: PUT chargingprofile answered {fields.get('result')}")
            case "result_received":
                self._once(identity, "result", f"partner <- callback posted: {fields.get('result')}")
            case "active_profile_received":
                text = "partner <- active charging profile pushed. From now on see the admin site."
                self._once(identity, "active", text)

    def listen(self) -> "LogListener":
        return LogListener(self)

    def server(self, line: str) -> None:
        """A line of the server's log; the one of a new session tells whose it is."""
        fields = dict(FIELD.findall(line))
        if "session" in fields and "identity" in fields:
            self._identities[fields["session"]] = fields["identity"]
        if line.startswith("profile request id=") and fields.get("kind") == "SET":
            identity = self._identities.get(fields.get("session", ""))
            self._once(identity, "put", "server: PUT chargingprofile received, committed as a command")
        elif line.startswith("command finished") and fields.get("action") == "SetChargingProfile":
            self._once(fields.get("identity"), "finished", "server: outcome committed, result waits in the outbox")


class LogListener(logging.Handler):
    """Hears the server's own log for the steps that only the server sees."""

    def __init__(self, journey: Journey) -> None:
        super().__init__(logging.INFO)
        self._journey = journey
        for name in ("chargepoints", "ocpi"):
            logging.getLogger(name).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._journey.server(record.getMessage())

    def leave(self) -> None:
        for name in ("chargepoints", "ocpi"):
            logging.getLogger(name).removeHandler(self)
