"""Who may know whom, and what comes from outside."""

import re
import subprocess
import sys
import tomllib

import pytest

from tests.architecture.sources import ROOT

pytestmark = pytest.mark.pure
PYPROJECT = (ROOT / "pyproject.toml").read_text()
DIRECT: list[str] = tomllib.loads(PYPROJECT)["project"]["dependencies"]
DEVELOPMENT: list[str] = tomllib.loads(PYPROJECT)["dependency-groups"]["dev"]


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def pinned(file: str) -> dict[str, set[str]]:
    """Package: its versions; more than one where they depend on the Python or the platform."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", (ROOT / file).read_text(), re.M):
        versions.setdefault(name.lower(), set()).add(version)
    return versions


def test_the_river_flows_one_way() -> None:
    """Every import-linter contract of pyproject.toml, in a process of its own: it imports what it analyses."""
    code = "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    contracts = len(tomllib.loads(PYPROJECT)["tool"]["importlinter"]["contracts"])
    assert f"Contracts: {contracts} kept, 0 broken." in done.stdout


@pytest.mark.parametrize(
    ("requirements", "file"), [(DIRECT, "requirements.txt"), (DEVELOPMENT, "requirements-dev.txt")]
)
def test_every_direct_dependency_is_pinned(requirements: list[str], file: str) -> None:
    assert {name_of(requirement) for requirement in requirements} - set(pinned(file)) == set()


@pytest.mark.parametrize("requirement", [*DIRECT, *DEVELOPMENT])
def test_every_direct_dependency_says_what_it_is_for(requirement: str) -> None:
    (line,) = [line for line in PYPROJECT.splitlines() if line.strip().startswith(f'"{requirement}"')]
    assert re.search(r"#\s*\S+", line.split('",', 1)[1])


def test_development_runs_on_the_versions_of_production() -> None:
    runtime, development = pinned("requirements.txt"), pinned("requirements-dev.txt")
    both = set(runtime) & set(development)
    assert {name: development[name] for name in both} == {name: runtime[name] for name in both}


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_its_hashes_and_no_origin(file: str) -> None:
    text = (ROOT / file).read_text()
    blocks = [block for block in re.split(r"\n(?=[A-Za-z0-9])", text) if "==" in block.split("\n", 1)[0]]
    assert len(blocks) == sum(map(len, pinned(file).values()))
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
