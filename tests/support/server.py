"""The product as it is deployed: processes of its own, a port, a database, and kill -9 for each of them."""

import signal
import sys
from pathlib import Path

import requests

from tests.support import stack
from tests.support.databases import Database, new_database
from tests.support.processes import Program, environment, free_port, until

MANAGE = (sys.executable, "manage.py")
CELERY = (sys.executable, "-m", "celery", "-A", "cpo_backoffice")
QUEUES = "commands,periodic,deliveries"
SHAPES = {
    "embedded": {"server": (*MANAGE, "run")},
    "postgres": {
        "web": (*MANAGE, "run", "--only", "web"),
        "worker": (*CELERY, "worker", "--pool", "threads", "--concurrency", "32", "-Q", QUEUES, "--loglevel", "INFO"),
        "beat": (*CELERY, "beat", "--loglevel", "INFO"),
        "second": (*MANAGE, "run", "--only", "web"),  # another web process, as behind a load balancer
    },
}


class Server:
    """`settings` are environment variables of the product. `redis`: which of this worker's Redis numbers it has."""

    def __init__(self, name: str, *, redis: int, redis_url: str = "", **settings: str) -> None:
        self.database: Database = new_database(name)
        self.redis_url = redis_url or (stack.redis_url(redis) if stack.STACK == "postgres" else "")
        self._commands = SHAPES[stack.STACK]
        self._port, self._second_port = free_port(), free_port()
        self._folder = stack.folder(name)
        self._programs: dict[str, Program] = {}
        self._env = environment(
            DATABASE_URL=self.database.url, SECRET_KEY=stack.SECRET_KEY, DATA_DIR=str(self._folder), DEBUG="1",
            PORT=str(self._port), OCPP_SETTLE_S="1",
            **({"REDIS_URL": self.redis_url} if self.redis_url else {}), **settings,
        )  # fmt: skip

    # --- its life -----------------------------------------------------------------------------------------------------

    @property
    def parts(self) -> tuple[str, ...]:
        """Those that always run: a second web process only when a test asks for it."""
        return tuple(part for part in self._commands if part != "second")

    @property
    def web(self) -> str:
        """The part that holds the sockets."""
        return self.parts[0]

    def start(self, *parts: str) -> None:
        """The parts named, or all, that do not run; ready on return."""
        for part in parts or self.parts:
            if not (part in self._programs and self._programs[part].running):
                port = {"PORT": str(self._second_port)} if part == "second" else {}
                self._programs[part] = Program(self._commands[part], log=self._log(part), env=self._env | port)
        for part, url in ((self.web, self.url), ("second", self.second_url)):
            if part in (parts or self.parts):
                until(lambda: self._is_ready(part, url), timeout_s=30, what=f"readiness of {part}")  # noqa: B023

    def kill(self, *parts: str) -> None:
        """kill -9 of the parts named, or of all, at the same moment."""
        programs = [self._programs[part] for part in parts or self._programs if part in self._programs]
        for program in programs:
            program.send(signal.SIGKILL)
        for program in programs:
            program.kill()

    def restart(self, *parts: str) -> None:
        self.kill(*parts)
        self.start(*parts)

    def freeze(self, part: str) -> None:
        """It reads and does nothing any more, but its sockets stay open: the moment before a kill, held."""
        self._programs[part].send(signal.SIGSTOP)

    def stop(self) -> dict[str, int]:
        """Stops all that runs as an operator would; the exit status of each part."""
        running = {part: program for part, program in self._programs.items() if program.running}
        for program in running.values():
            program.send(signal.SIGTERM)
        return {part: program.wait() for part, program in running.items()}

    def _is_ready(self, part: str, url: str) -> bool:
        if not self._programs[part].running:
            raise RuntimeError(f"{part} has ended\n{self.log_text()[-3000:]}")
        try:
            return get(f"{url}/readyz").status_code == 200
        except requests.ConnectionError:
            return False

    def get(self, path: str) -> requests.Response:
        return get(self.url + path)

    # --- where it is --------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def second_url(self) -> str:
        return f"http://127.0.0.1:{self._second_port}"

    @property
    def ocpp_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/ocpp"

    @property
    def env(self) -> dict[str, str]:
        """For commands beside it."""
        return dict(self._env)

    def log_text(self) -> str:
        logs = {part: self._log(part) for part in self.parts}
        return "".join(f"--- {part} ---\n{log.read_text()}" for part, log in logs.items() if log.exists())

    def _log(self, part: str) -> Path:
        return self._folder / f"{part}.log"


def get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=5)
