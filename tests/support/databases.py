"""Databases for servers under test, and the ORM of the tests' own process on them."""

import contextlib
import fcntl
import functools
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import dj_database_url
import psycopg
from django.conf import settings
from django.db import connection, connections, transaction

from tests.support import stack
from tests.support.processes import REPOSITORY, environment


@dataclass(frozen=True)
class Database:
    """`url` as in DATABASE_URL."""

    url: str

    @property
    def name(self) -> str:
        """As in Django's settings."""
        return dj_database_url.parse(self.url)["NAME"]

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Until then the models read and write this database, from this thread and from threads started meanwhile."""
        ours, before = connections["default"], connections.settings["default"]
        connections.settings["default"] = self._settings(before)
        del connections["default"]
        try:
            yield
        finally:
            connections["default"].close()
            connections.settings["default"] = before
            connections["default"] = ours

    def _settings(self, like: dict) -> dict:  # type: ignore[type-arg]
        """No pool: a test has one connection, and it must be gone afterwards."""
        options = {name: value for name, value in like["OPTIONS"].items() if name != "pool"}
        return like | dj_database_url.parse(self.url) | {"OPTIONS": options}


def new_database(name: str) -> Database:
    """Migrated and empty."""
    if stack.STACK == "embedded":
        path = stack.folder(name) / "cpo.sqlite3"
        shutil.copy(_template(), path)
        return Database(f"sqlite:///{path}")
    unique = f"{name}_{stack.WORKER}".replace("-", "_")
    _create(unique, template=_template())
    return Database(_url(unique))


def empty() -> None:
    """Deletes every row that a test may have written, and leaves what the migrations wrote.

    Django's own flush truncates all tables, which takes PostgreSQL long, and makes all permissions anew.
    """
    with transaction.atomic(), connection.cursor() as cursor:  # references are checked at its end
        for statement in _deletions():
            cursor.execute(statement)


@functools.cache
def _deletions() -> list[str]:
    """One statement, or as many as the database needs."""
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    written_by_migrations = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}
    deletions = [f'DELETE FROM "{table}"' for table in sorted(tables - written_by_migrations)]
    return deletions if connection.vendor == "sqlite" else ["; ".join(deletions)]


def _template() -> str:
    """A file, or the name of a database; made once in a run, by the command that deployments use."""
    made = stack.root() / "template"
    name = f"{made}.sqlite3" if stack.STACK == "embedded" else "cpo_tests_template"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make_template(name)
            made.touch()
    return name


def _make_template(name: str) -> None:
    if stack.STACK == "postgres":
        _create(name, template="template0")
    url = f"sqlite:///{name}" if stack.STACK == "embedded" else _url(name)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True, cwd=REPOSITORY,
        env=environment(DATABASE_URL=url, SECRET_KEY=stack.SECRET_KEY, DATA_DIR=settings.DATA_DIR.as_posix()),
    )  # fmt: skip
    if stack.STACK == "embedded":
        with contextlib.closing(sqlite3.connect(name)) as connection:  # all in one file, which can be copied
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _create(name: str, *, template: str) -> None:
    with psycopg.connect(_url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def _url(name: str) -> str:
    base = urlsplit(settings.DATABASE_URL)
    return base._replace(path=f"/{quote(name)}").geturl()
