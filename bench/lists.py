"""Each list of the operators' site on many rows, against the same list on few of them in the same run.

`python -m bench lists --stack postgres --sessions 1000000`: ten meter values to each session, and all else in
proportion (`bench.scale`). In one process, without HTTP: what is measured is the view, its queries and its template.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.support.postgres import Postgres
from tests.support.processes import REPOSITORY, environment

RUNS = 2
TOO_LONG_MS = 3000
"""What takes longer is asked for once."""
SMALL = 2000
"""Sessions of the floor: every page of its lists is full."""
KINDS = ("first", "deep", "filter", "search", "sort", "dates", "page")
TERMS = ("10048272", "CP-1000007", "CP-1000", "CARD7", "NL-ABC-C77", "co-77", "rq-77", "777", "nothing-like-that")
CHOICES = 8
"""Of one filter, at most."""


@dataclass(slots=True)
class Timing:
    kind: str
    url: str
    ms: float
    queries: int


@dataclass(slots=True)
class Measured:
    rows: dict[str, int] = field(default_factory=dict)
    timings: dict[str, list[Timing]] = field(default_factory=lambda: defaultdict(list))

    def worst(self, name: str, kind: str) -> Timing | None:
        return max((t for t in self.timings[name] if t.kind == kind), key=lambda t: t.ms, default=None)


# --- databases ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def databases(stack: str) -> Iterator[Callable[[str], str]]:
    """A URL for a name. Commits wait for no disk: nothing here writes but the filling."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o711)
        if stack == "embedded":
            yield lambda name: f"sqlite:///{folder}/{name}.sqlite3"
            return
        server = Postgres(Path(folder) / "postgres")
        server.start()
        try:
            yield lambda name: _created(server.url, name)
        finally:
            server.stop()


def _created(url: str, name: str) -> str:
    base = url.removesuffix("/cpo")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{base}/{name}"


def set_up(url: str, folder: str) -> None:
    os.environ.update(environment(DATABASE_URL=url, DATA_DIR=folder, SECRET_KEY="bench" * 10, LOG_LEVEL="ERROR"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "cpo_backoffice.settings"
    import django

    django.setup()


def use(url: str) -> None:
    """From now on the models are those of this database, migrated."""
    import dj_database_url
    from django.db import connections

    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=REPOSITORY, env=os.environ | {"DATABASE_URL": url}, check=True)
    before = connections.settings["default"]
    connections["default"].close()
    options = {name: value for name, value in before["OPTIONS"].items() if name != "pool"}
    connections.settings["default"] = before | dj_database_url.parse(url) | {"OPTIONS": options}
    del connections["default"]


# --- what is asked for ----------------------------------------------------------------------------------------------


def filled(sessions: int) -> dict[str, int]:
    from bench import scale

    began = time.perf_counter()
    rows = scale.fill(scale.Size(sessions))
    scale.analyse()
    print(f"filled with {sum(rows.values())} rows in {time.perf_counter() - began:.0f} s", flush=True)
    return rows


def measure(rows: dict[str, int]) -> Measured:
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.test import Client

    measured = Measured(rows)
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)[0])
    client.get("/admin/")
    for url in ("/admin/?live=1", "/metrics"):
        measured.timings["dashboard" if "admin" in url else "metrics"].append(timed(client, "first", url))
    for model, model_admin in admin.site._registry.items():
        if model._meta.label in rows:
            measured.timings[model._meta.label] = [
                timed(client, kind, url) for kind, url in list(addresses(client, model, model_admin))
            ]
    return measured


def addresses(client: Any, model: Any, model_admin: Any) -> Iterator[tuple[str, str]]:
    """Kind and URL of all that one list and its pages can be asked for."""
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    yield "first", base
    cl = client.get(base).context_data["cl"]
    if cl.paginator.num_pages > 1:
        yield "deep", f"{base}?p={cl.paginator.num_pages}"
    for spec in cl.filter_specs:
        for choice in list(spec.choices(cl))[1 : CHOICES + 1]:
            yield "filter", base + str(choice["query_string"])
    yield from (("search", f"{base}?q={term}") for term in TERMS if model_admin.get_search_fields(None))
    yield from (("sort", f"{base}?o={sign}{column}") for column in _sortable(cl) for sign in ("", "-"))
    if cl.date_hierarchy:
        newest = model.objects.order_by("-pk").values_list(cl.date_hierarchy, flat=True).first()
        if newest:
            name = cl.date_hierarchy
            parts = [f"{name}__year={newest.year}", f"{name}__month={newest.month}", f"{name}__day={newest.day}"]
            yield from (("dates", f"{base}?{'&'.join(parts[:count])}") for count in (1, 2, 3))
    keys = list(model.objects.order_by("pk").values_list("pk", flat=True)[:1])
    keys += list(model.objects.order_by("-pk").values_list("pk", flat=True)[:1])
    yield from (("page", f"{base}{key}/change/") for key in keys)


def _sortable(cl: Any) -> list[int]:
    by = cl.sortable_by if cl.sortable_by is not None else cl.list_display
    return [
        number
        for number, column in enumerate(cl.list_display)
        if column != "action_checkbox" and column in by and cl.get_ordering_field(column)
    ]


def timed(client: Any, kind: str, url: str) -> Timing:
    from django.core.cache import cache
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    took = []
    for _ in range(RUNS):
        cache.clear()
        began = time.perf_counter()
        with CaptureQueriesContext(connection) as queries:
            _get(client, url)
        took.append((time.perf_counter() - began) * 1000)
        count = len(queries)
        if took[0] > TOO_LONG_MS:
            break
    return Timing(kind, url, min(took), count)


def _get(client: Any, url: str) -> None:
    response = client.get(url)
    if response.status_code != 200:
        raise SystemExit(f"{url}: HTTP {response.status_code}")


# --- what is printed ------------------------------------------------------------------------------------------------


def run(stack: str, *, sessions: int, slowest: int = 0) -> dict[str, float]:
    """The slowest of each kind, with its ratio to the same on few rows."""
    with databases(stack) as database, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        few, many = database("few"), database("many")
        set_up(few, folder)
        use(few)
        floor = measure(filled(SMALL))
        use(many)
        full = measure(filled(sessions))
        _close()
    print(f"\nlists, {stack}, {sessions} sessions; ms of the slowest of each kind (ratio to {SMALL} sessions)")
    print(f"{'':32}{'rows':>10}" + "".join(f"{kind:>15}" for kind in KINDS))
    for name in full.timings:
        cells = "".join(f"{_cell(full.worst(name, kind), floor.worst(name, kind)):>15}" for kind in KINDS)
        print(f"{name:32}{full.rows.get(name, ''):>10}{cells}")
    every = sorted((t for timings in full.timings.values() for t in timings), key=lambda t: -t.ms)
    for timing in every[:slowest]:
        print(f"  {timing.ms:8.0f} ms {timing.queries:3} queries  {timing.url}")
    total = (
        statistics.median(t.ms for t in every),
        statistics.median(t.ms for timings in floor.timings.values() for t in timings),
    )
    return {"slowest ms": every[0].ms, "median ratio": total[0] / total[1]}


def _cell(full: Timing | None, floor: Timing | None) -> str:
    if full is None:
        return ""
    return f"{full.ms:.0f} ({full.ms / floor.ms:.1f})" if floor else f"{full.ms:.0f}"


def _close() -> None:
    from django.db import connections

    connections["default"].close()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench lists", description=__doc__)
    parser.add_argument("--stack", choices=("embedded", "postgres"), default="postgres")
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--slowest", type=int, default=20, help="How many single addresses are named")
    options = parser.parse_args(arguments)
    run(options.stack, sessions=options.sessions, slowest=options.slowest)


if __name__ == "__main__":
    main(sys.argv[1:])
