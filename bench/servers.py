"""The product's processes around a fresh database, and the servers that are the floors."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.support.postgres import Postgres
from tests.support.processes import REPOSITORY, Program, environment, free_port, until
from tests.support.redis_server import Redis

START_S = 60.0


@dataclass(slots=True)
class Stack:
    """A running product. `database` is a file (SQLite) or a PostgreSQL URL."""

    folder: Path
    database: str
    port: int
    environment: dict[str, str]
    programs: list[Program] = field(default_factory=list)

    @property
    def batches(self) -> Path:
        return self.folder / "batches.json"

    def manage(self, *arguments: str) -> None:
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=REPOSITORY, env=self.environment, check=True, capture_output=True)

    def start(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "bench.product", *arguments]
        self.programs.append(Program(command, log=self.folder / "product.log", env=self.environment))

    def stop(self) -> None:
        for program in self.programs:
            program.send(signal.SIGTERM)
        for program in self.programs:
            program.wait()

    @property
    def ready(self) -> bool:
        if not all(program.running for program in self.programs):
            raise RuntimeError((self.folder / "product.log").read_text()[-4000:])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def resident_kib(self) -> int:
        """Of the process that holds the sockets."""
        for line in Path(f"/proc/{self.programs[0].pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("no VmRSS")


@contextlib.contextmanager
def embedded(**settings: str) -> Iterator[Stack]:
    """One process on SQLite."""
    with _folder() as folder:
        stack = _stack(folder, str(folder / "cpo.sqlite3"), settings)
        stack.start("run")
        yield from _running(stack)


@contextlib.contextmanager
def distributed(**settings: str) -> Iterator[Stack]:
    """PostgreSQL, as durable as installed, and Redis; web, workers and beat as processes of their own."""
    with _folder() as folder, _database(folder) as url, _redis(folder) as redis_url:
        urls = {"DATABASE_URL": url, "REDIS_URL": redis_url, "SECRET_KEY": "bench" * 10}
        stack = _stack(folder, url, settings | urls)
        stack.manage("migrate", "--verbosity", "0")
        stack.start("run", "--only", "web")
        worker = ("celery", "worker", "--pool", "threads", "--loglevel", "WARNING")
        stack.start(*worker, "-c", "4", "-Q", "commands,periodic", "-n", "commands@%h")
        stack.start(*worker, "-c", "16", "-Q", "deliveries", "-n", "deliveries@%h")
        stack.start("celery", "beat", "--loglevel", "WARNING")
        yield from _running(stack)


STACKS = {"embedded": embedded, "postgres": distributed}


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o711)  # PostgreSQL runs as nobody if this is root
        yield Path(name)


def _stack(folder: Path, database: str, settings: dict[str, str]) -> Stack:
    port = free_port()
    changes = {
        "BENCH_BATCHES": str(folder / "batches.json"), "DATA_DIR": str(folder), "PORT": str(port),
        "OCPP_ACCEPT_UNKNOWN_CHARGE_POINTS": "1", "OCPP_ACCEPT_UNKNOWN_TOKENS": "1", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    return Stack(folder, database, port, environment(**changes | settings))


def _running(stack: Stack) -> Iterator[Stack]:
    try:
        until(lambda: stack.ready, timeout_s=START_S, what="the product")
        yield stack
    finally:
        stack.stop()


@contextlib.contextmanager
def floor(module: str) -> Iterator[int]:
    """A server without a database, `python -m module PORT`; its port."""
    port = free_port()
    with _folder() as folder:
        program = Program([sys.executable, "-m", module, str(port)], log=folder / "floor.log", env=os.environ)
        try:
            until(lambda: _listens(port), timeout_s=START_S, what=module)
            yield port
        finally:
            program.stop()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[str]:
    server = Postgres(folder / "postgres", durable=True)
    server.start()
    try:
        with psycopg.connect(server.url.removesuffix("/cpo") + "/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE cpo")
        yield server.url
    finally:
        server.stop()


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[str]:
    server = Redis(folder / "redis")
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
