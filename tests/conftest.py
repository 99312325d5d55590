"""The stack is chosen before anything of Django is imported; see `tests.support.stack`."""

from tests.support import stack  # isort: skip

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

# Ordinary hashing costs a fifth of a second a person.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A test database for each worker; with SQLite in a file, because threads share it."""
    database = settings.DATABASES["default"]
    in_file = str(Path(settings.DATA_DIR) / "test.sqlite3")
    name = in_file if stack.STACK == "embedded" else f"test_{database['NAME']}_{stack.WORKER}"
    database["TEST"] = {**database.get("TEST", {}), "NAME": name}
