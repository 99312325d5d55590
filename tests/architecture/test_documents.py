"""The documents point at things that exist."""

import re
from pathlib import Path

import pytest

from tests.architecture import sources
from tests.architecture.environment import documented
from tests.architecture.sources import ROOT, short

pytestmark = pytest.mark.pure
DOCUMENTS = [path for path in sources.texts() if path.suffix == ".md"]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
CODE_PATH = re.compile(r"`((?:chargepoints|ocpi|cpo_backoffice|tests|docs|bench|templates)/[A-Za-z0-9_./]*)`")
VARIABLE = re.compile(r"`((?:OCPI|OCPP)_[A-Z_]+)(?:=[^`]*)?`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_every_module_named_exists(document: Path) -> None:
    assert [path for path in CODE_PATH.findall(document.read_text()) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_every_setting_named_exists(document: Path) -> None:
    assert set(VARIABLE.findall(document.read_text())) <= documented()


def test_the_architecture_names_every_part_of_the_house() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    parts = [
        path.stem if path.is_file() else path.name
        for app in ("chargepoints", "ocpi")
        for path in sorted((ROOT / app).iterdir())
        if path.name not in {"__init__.py", "__pycache__", "apps.py", "migrations", "management", "static", "urls.py"}
    ]
    assert [part for part in parts if not re.search(rf"\b{part}\b", text)] == []


def test_the_licence_is_the_one_that_the_project_names() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n" in text
    assert "Version 2.0, January 2004" in text
    assert "Apache" in (ROOT / "README.md").read_text()


def test_the_changelog_knows_the_version() -> None:
    (version,) = re.findall(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.M)
