"""The settings and `.env.example` name the same variables."""

import pytest
from django.conf import settings

from tests.architecture.environment import documented, entries, read_by_settings
from tests.support.processes import is_products

pytestmark = pytest.mark.pure
COMPOSE_ONLY = {"POSTGRES_PASSWORD", "PUBLISH", "DEMO_SECRET"}
DEMO_ONLY = {"DEMO_ADMIN_PASSWORD"}  # read where the demo data is made


def test_every_variable_that_is_read_is_documented_and_no_other() -> None:
    assert documented() == read_by_settings() | COMPOSE_ONLY | DEMO_ONLY


@pytest.mark.parametrize("name", sorted(entries()))
def test_every_variable_has_one_line_that_says_what_it_is(name: str) -> None:
    _, above = entries()[name]
    assert above.startswith("# ")
    assert len(above) <= 125


@pytest.mark.parametrize("name", sorted(name for name in entries() if name.startswith(("OCPP_", "OCPI_"))))
def test_the_documented_default_is_the_default(name: str) -> None:
    default, _ = entries()[name]
    value = getattr(settings, name)
    assert default == (str(int(value)) if isinstance(value, bool) else str(value))


def test_the_tests_let_no_variable_of_the_caller_through() -> None:
    reaching = {name for name in read_by_settings() if not is_products(name)}
    assert reaching <= {"XDG_DATA_HOME"}  # has no effect once DATA_DIR is set
