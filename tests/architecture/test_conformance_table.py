"""docs/conformance.md: the endpoints it lists are those that exist, and the tests it names too."""

import ast
import re
from pathlib import Path

import pytest
from django.urls import get_resolver, resolve

from ocpi.protocol.views import NoSuchEndpoint

pytestmark = pytest.mark.pure
ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "conformance.md").read_text()
VALUES = {"session_id": "S1", "location_id": "L1", "evse_uid": "E1", "connector_id": "1"}
METHODS = {"get", "post", "put", "patch", "delete"}


def rows():
    """Method and path of what partners ask of us."""
    return re.findall(r"^\| ([A-Z]+) \| (/ocpi\S*) \|", TABLE, re.MULTILINE)


def served():
    """View and method of every URL below /ocpi of one version."""
    ocpi = next(pattern for pattern in get_resolver().url_patterns if str(pattern.pattern) == "^ocpi")
    views = [view for pattern in ocpi.url_patterns for view in _views(pattern)]
    return {(view, method) for view in views for method in METHODS if hasattr(view, method)}


def _views(pattern):
    if hasattr(pattern, "url_patterns"):
        return [view for inner in pattern.url_patterns for view in _views(inner)]
    view = pattern.callback.view_class
    return [] if view is NoSuchEndpoint else [view]


def test_the_table_lists_exactly_what_is_served():
    listed = [(resolve(path.format(**VALUES)).func.view_class, method.lower()) for method, path in rows()]
    assert len(set(listed)) == len(listed)
    assert set(listed) == served()


def test_every_test_that_proves_something_exists():
    named = re.findall(r"(tests/\S+\.py)::(\w+)", TABLE)
    assert len(named) > 40
    missing = [f"{file}::{name}" for file, name in named if name not in _functions(ROOT / file)]
    assert missing == []


def test_every_row_names_a_test():
    body = [
        line for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith(("| Method", "| Rule"))
    ]
    assert [line for line in body if "::test_" not in line] == []


def _functions(path):
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
