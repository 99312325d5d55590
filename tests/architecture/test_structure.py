"""What keeps the code small enough to be read, and the house in order."""

import re
from statistics import quantiles

import pytest

from tests.architecture import sources
from tests.architecture.sources import ROOT, short

pytestmark = pytest.mark.pure

# Long because it lists cases, each of them short; splitting would scatter one table over two files.
LONG_TEST_FILES = {
    "tests/chargepoints/profiles/test_preparation.py",
    "tests/chargepoints/ocpp/test_v16_translation.py",
}
TOP_LEVEL = {
    "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "Makefile", "README.md", "docker-compose.yml",
    "manage.py", "pyproject.toml", "requirements-dev.txt", "requirements.txt",
}  # fmt: skip
# Paths of somebody's machine, spelt so that this file does not find itself.
MACHINE_ROOTS = ("/hom[e]/", "/User[s]/", "/roo[t]/", "/wor[k]/", "/tm[p]/")
MACHINE_PATHS = re.compile(rf"(?<![A-Za-z0-9_.])(?:{'|'.join(MACHINE_ROOTS)})")


def test_no_file_is_longer_than_500_lines() -> None:
    long = {short(path) for path in sources.modules() if len(path.read_text().splitlines()) > 500}
    assert long - LONG_TEST_FILES == set()


def test_no_function_of_the_product_is_longer_than_40_lines() -> None:
    found = [(short(path), *function) for path in sources.product_modules() for function in sources.functions(path)]
    assert [function for function in found if function[2] > 40] == []


def test_the_ordinary_function_has_8_lines() -> None:
    lengths = [lines for path in sources.product_modules() for _, lines in sources.functions(path)]
    deciles = quantiles(lengths, n=10)
    assert deciles[4] <= 8
    assert deciles[8] <= 30


@pytest.mark.parametrize("name", ["services", "utils", "helpers", "common", "misc"])
def test_no_module_is_named_after_nothing(name: str) -> None:
    assert [short(path) for path in sources.modules() if path.stem == name] == []


def test_the_top_level_is_what_a_python_project_has() -> None:
    assert {path.name for path in sources.files() if path.parent == ROOT and not path.name.startswith(".")} == TOP_LEVEL


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = [(short(path), match[0]) for path in sources.texts() for match in MACHINE_PATHS.finditer(path.read_text())]
    assert found == []
