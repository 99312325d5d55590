"""What a CPO did against the specification: which of its words, where, and where the specification says so. Pure."""

from dataclasses import dataclass
from typing import Any

SHOWN = 60


@dataclass(frozen=True, slots=True)
class Violation:
    """`passage` is a document and section of OCPI 2.2.1-d2."""

    where: str
    what: str
    passage: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} (OCPI 2.2.1 {self.passage})"


def all_of(where: str, findings: list[str], passage: str) -> list[Violation]:
    return [Violation(where, what, passage) for what in findings]


def shown(value: Any) -> str:
    """A peer's value, quoted and cut."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
