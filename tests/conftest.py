"""The stack is chosen before anything of Django is imported; see `tests.support.stack`."""

from tests.support import stack  # isort: skip

import os
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher

django.setup()  # test modules and their conftests import models
# Parallel workers inherit the environment, and pytest-django would load their settings before this file is read.
del os.environ["DJANGO_SETTINGS_MODULE"]
PBKDF2PasswordHasher.iterations = 1  # people's passwords: a fifth of a second each otherwise


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A test database for each worker; with SQLite in a file, because threads share it."""
    database = settings.DATABASES["default"]
    in_file = str(Path(settings.DATA_DIR) / "test.sqlite3")
    name = in_file if stack.STACK == "embedded" else f"test_{database['NAME']}_{stack.WORKER}"
    database["TEST"] = {**database.get("TEST", {}), "NAME": name}
