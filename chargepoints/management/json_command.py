"""Commands that print for people, or with --json one JSON value on stdout and nothing else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser


class JsonCommand(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def emit(self, value: Any, *, text: str, as_json: bool) -> None:
        self.stdout.write(json.dumps(value, default=_plain) if as_json else text)


@contextmanager
def refusals_as_errors() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise CommandError("; ".join(error.messages)) from None


def _plain(value: object) -> float | str:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no JSON form")
