"""Times and schemas as OCPP puts them on the wire."""

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from jsonschema_rs import Validator, validator_for


def wire_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def parse_time(text: str) -> datetime:
    """Raises ValueError for nonsense. A time without zone is UTC (OCPP 1.6 section 3.14)."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Schemas:
    """The messages of one version, from a package of the `ocpp` library; each compiled when first needed."""

    def __init__(self, package: str, *, request_suffix: str = "") -> None:
        self._folder = files(package).joinpath("schemas")
        self._request_suffix = request_suffix
        self._validators: dict[str, Validator] = {}

    def request_violation(self, action: str, payload: Any) -> str | None:
        """What is wrong with it, None when nothing is."""
        return self._violation(action + self._request_suffix, payload)

    def response_violation(self, action: str, payload: Any) -> str | None:
        return self._violation(f"{action}Response", payload)

    def _violation(self, message: str, payload: Any) -> str | None:
        error = next(iter(self._validator(message).iter_errors(payload)), None)
        return error.message if error else None

    def _validator(self, message: str) -> Validator:
        if message not in self._validators:
            text = self._folder.joinpath(f"{message}.json").read_text(encoding="utf-8-sig")
            self._validators[message] = validator_for(json.loads(text))
        return self._validators[message]
