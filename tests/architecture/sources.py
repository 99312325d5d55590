"""The files of the project, without what was made beside them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (".ci", "bench", "chargepoints", "cpo_backoffice", "docs", "ocpi", "templates", "tests")
TEXT = {".cfg", ".css", ".html", ".ini", ".js", ".json", ".md", ".py", ".svg", ".toml", ".txt", ".yml", ""}


def files() -> Iterator[Path]:
    yield from (path for path in sorted(ROOT.iterdir()) if path.is_file() and path.name != ".env")
    for folder in FOLDERS:
        yield from (path for path in sorted((ROOT / folder).rglob("*")) if path.is_file() and _is_ours(path))


def _is_ours(path: Path) -> bool:
    return "__pycache__" not in path.parts


def texts() -> Iterator[Path]:
    return (path for path in files() if path.suffix in TEXT)


def modules() -> Iterator[Path]:
    return (path for path in files() if path.suffix == ".py")


def product_modules() -> Iterator[Path]:
    """What runs in production: no tests, no benchmarks, no generated migrations."""
    for path in modules():
        if path.relative_to(ROOT).parts[0] not in {"tests", "bench"} and "migrations" not in path.parts:
            yield path


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))
