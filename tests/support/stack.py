"""What the tests run on, put into the environment when this is imported: before Django reads its settings.

`TEST_STACK=embedded` (default): SQLite in a file, broker and channel layer in memory. `TEST_STACK=postgres`:
PostgreSQL and Redis, those of `TEST_DATABASE_URL` and `TEST_REDIS_URL`, or our own until the run ends. The first
process starts them; parallel ones inherit the URLs, and each has a folder, databases and Redis numbers of its own.
"""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.support.postgres import Postgres
from tests.support.processes import is_products
from tests.support.redis_server import Redis

STACK = os.environ.get("TEST_STACK") or "embedded"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
WORKER_NUMBER = int(WORKER.removeprefix("gw")) if WORKER.startswith("gw") else 0
REDIS_NUMBERS = 4  # for each worker: 0 for the tests' own process, the others for servers under test
SECRET_KEY = "of-the-tests-and-of-nothing-else-" + "0" * 32
_ROOT = "TEST_ROOT"


def root() -> Path:
    """The folder of this run, of all its workers."""
    return Path(os.environ[_ROOT])


def folder(name: str) -> Path:
    """A new folder of this worker."""
    return Path(tempfile.mkdtemp(prefix=f"{WORKER}-{name}-", dir=root()))


def redis_url(number: int) -> str:
    if not 0 <= number < REDIS_NUMBERS:
        raise ValueError(f"a worker has {REDIS_NUMBERS} Redis databases")
    return f"{os.environ['TEST_REDIS_URL'].rstrip('/')}/{WORKER_NUMBER * REDIS_NUMBERS + number}"


def _prepare() -> None:
    if STACK not in {"embedded", "postgres"}:
        raise RuntimeError(f"TEST_STACK is embedded or postgres, not {STACK!r}")
    if WORKER == "main":
        _start()
    for name in filter(is_products, list(os.environ)):
        del os.environ[name]
    data = folder("data")
    os.environ["DATA_DIR"] = str(data)
    os.environ["SECRET_KEY"] = SECRET_KEY
    os.environ["ADMIN_THEME"] = os.environ.get("TEST_THEME", "unfold")
    os.environ["DJANGO_SETTINGS_MODULE"] = "cpo_backoffice.settings"
    if STACK == "postgres":
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
        os.environ["REDIS_URL"] = redis_url(0)
    else:
        os.environ["DATABASE_URL"] = f"sqlite:///{data / 'cpo.sqlite3'}"


def _start() -> None:
    os.environ[_ROOT] = tempfile.mkdtemp(prefix="cpo-tests-")
    root().chmod(0o711)  # PostgreSQL may have to run as another user
    atexit.register(shutil.rmtree, root(), ignore_errors=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a run that is cancelled leaves nothing behind either
    if STACK != "postgres":
        return
    if "TEST_DATABASE_URL" not in os.environ:
        postgres = Postgres(root() / "pg")
        atexit.register(postgres.stop)
        postgres.start()
        os.environ["TEST_DATABASE_URL"] = postgres.url
    if "TEST_REDIS_URL" not in os.environ:
        redis = Redis(root() / "redis")
        atexit.register(redis.stop)
        redis.start()
        os.environ["TEST_REDIS_URL"] = redis.url


_prepare()
