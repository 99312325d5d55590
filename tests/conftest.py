"""The stack is chosen before anything of Django is imported; see `tests.support.stack`."""

from tests.support import stack  # noqa: F401  # isort: skip

import gc
import os
from typing import Any

import django
import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.support.databases import empty, new_database

django.setup()  # test modules and their conftests import models
from chargepoints import message_log  # noqa: E402

# Parallel workers inherit the environment, and pytest-django would load their settings before this file is read.
del os.environ["DJANGO_SETTINGS_MODULE"]
PBKDF2PasswordHasher.iterations = 1  # people's passwords: a fifth of a second each otherwise
settings.WHITENOISE_USE_FINDERS = False  # every test client would list all static files, and none asks for one
message_log.log.of = lambda _: None  # type: ignore  # its thread would write into the next test
TransactionTestCase._fixture_teardown = lambda _: empty()  # type: ignore[method-assign]
# How long an example takes says something of the machine, and of what else it does. The same examples each time: what a
# search finds by chance is found by whoever searches (without `derandomize`), not by whoever happens to run the suite.
hypothesis_settings.register_profile(
    "tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("tests")

# Flows wait most of their time for what takes its time: those of one place wait one after the other.
PLACES = ("tests/flows/test_lying", "tests/flows/test_kill", "tests/flows/", "")


def place_of(nodeid: str) -> str:
    return next(place for place in PLACES if nodeid.startswith(place))


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A test database for each worker, migrated already; with SQLite in a file, because threads share it."""
    database = settings.DATABASES["default"]
    database["TEST"] = {**database.get("TEST", {}), "NAME": new_database("tests").name}


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """It is there before Django looks for it."""
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits longest comes first, so that nobody waits for it at the end."""
    items.sort(key=lambda item: PLACES.index(place_of(item.nodeid)))


def pytest_collection_finish() -> None:
    """What is imported stays: looking through all of it for garbage again and again takes a sixteenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """All tests of a file, and all that share the running servers, in one worker."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return place_of(nodeid) or nodeid.partition("::")[0]

    config.option.loadscopereorder = False
    return ByPlace(config, log)
