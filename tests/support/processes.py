"""Starting programs and ending exactly those."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
LEASH = Path(__file__).with_name("leash.py")
# What the product reads from the environment; what a developer has set there must not change the tests.
PRODUCT_NAMES = frozenset(
    {"ADMIN_THEME", "ALLOWED_HOSTS", "DATABASE_POOL_SIZE", "DATABASE_URL", "DATA_DIR", "DEBUG", "DEMO_ADMIN_PASSWORD",
     "HOST", "LOG_LEVEL", "PORT", "PUBLIC_URL", "REDIS_URL", "SECRET_KEY", "STATIC_ROOT", "TRUST_PROXY"}
)  # fmt: skip
PRODUCT_PREFIXES = ("OCPI_", "OCPP_", "CELERY_", "KEEP_")


def is_products(name: str) -> bool:
    return name in PRODUCT_NAMES or name.startswith(PRODUCT_PREFIXES)


def environment(**changes: str) -> dict[str, str]:
    """Ours without the product's variables, and `changes`."""
    kept = {name: value for name, value in os.environ.items() if not is_products(name)}
    return kept | {"PYTHONUNBUFFERED": "1"} | changes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], Any], *, timeout_s: float = 10.0, what: str = "", pause_s: float = 0.02) -> Any:
    """The first true value of `condition`. Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s: {what or condition}")
        time.sleep(pause_s)
    return value


class Program:
    """A child process that writes to a log file, and gets the signal `leash` when we end before it."""

    def __init__(
        self, command: Sequence[str | Path], *, log: Path, env: Mapping[str, str], cwd: Path = REPOSITORY,
        leash: signal.Signals | None = signal.SIGKILL, **options: Any,
    ) -> None:  # fmt: skip
        self.log = log
        leashed = [sys.executable, "-S", "-E", LEASH, int(leash), *command] if leash else command
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in leashed], stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=dict(env), cwd=cwd, **options,
            )  # fmt: skip

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        if self.running:
            self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9, and the process is gone on return."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.send(number)
        return self.wait()

    def wait(self, *, timeout_s: float = 15.0) -> int:
        """The exit status; one that does not end in time is killed."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode
