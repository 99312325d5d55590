"""Which environment variables the settings read, and which `.env.example` explains."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = {"env", "env_bool", "env_int", "env_list"}


def read_by_settings() -> set[str]:
    tree = ast.parse((ROOT / "cpo_backoffice" / "settings.py").read_text())
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    names = (call.args[0] for call in calls if call.func.id in READERS and call.args)  # type: ignore[attr-defined]
    return {name.value for name in names if isinstance(name, ast.Constant)}


def documented() -> set[str]:
    return set(entries())


def entries() -> dict[str, tuple[str, str]]:
    """Name: default, and the comment line above it."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = {}
    for above, line in zip(["", *lines], lines, strict=False):
        if match := re.fullmatch(r"#([A-Z_]+)=(.*)", line):
            found[match[1]] = (match[2], above)
    return found
