"""docs/conformance.md: the endpoints it lists are those that exist, and the tests it names too."""

import ast
import re
from pathlib import Path

import pytest
from django.urls import get_resolver, resolve

from ocpi.protocol.views import NoSuchEndpoint
from ocpi.versions import WRITERS

pytestmark = pytest.mark.pure
ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "conformance.md").read_text()
VALUES = {"session_id": "S1", "location_id": "L1", "evse_uid": "E1", "connector_id": "1"}
METHODS = {"get", "post", "put", "patch", "delete"}


def rows():
    """Method and path of what partners ask of us, in every version."""
    listed = re.findall(r"^\| ([A-Z]+) \| (/ocpi\S*) \|", TABLE, re.MULTILINE)
    return sorted({(method, path.replace("2.2.1", version)) for method, path in listed for version in WRITERS})


def served():
    """Route and method of every URL below /ocpi."""
    (ocpi,) = (pattern for pattern in get_resolver().url_patterns if str(pattern.pattern) == "^ocpi")
    return {
        (route, method)
        for route, view in _routes(ocpi, "")
        for method in METHODS
        if view is not NoSuchEndpoint and hasattr(view, method)
    }


def _routes(resolver, before):
    prefix = before + str(resolver.pattern)
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _routes(pattern, prefix)
        else:
            yield (prefix + str(pattern.pattern)).replace("^", ""), pattern.callback.view_class


def test_the_table_lists_exactly_what_is_served_in_every_version():
    listed = [(resolve(path.format(**VALUES)).route.replace("^", ""), method.lower()) for method, path in rows()]
    assert len(set(listed)) == len(listed)
    assert set(listed) == served()


def test_no_row_is_there_twice():
    endpoints = re.findall(r"^\| ([A-Z]+) \| (/ocpi\S*) \|", TABLE, re.MULTILINE)
    assert len(set(endpoints)) == len(endpoints)


def test_every_test_that_proves_something_exists():
    named = re.findall(r"(tests/\S+\.py)::(\w+)", TABLE)
    assert len(named) > 40
    missing = [f"{file}::{name}" for file, name in named if name not in _functions(ROOT / file)]
    assert missing == []


def test_every_row_names_a_test():
    heads = ("| Method", "| Rule", "| What |")
    body = [line for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith(heads)]
    assert [line for line in body if "::test_" not in line] == []


def _functions(path):
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
