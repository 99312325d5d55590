"""What goes wrong at a partner, on request: per kind of endpoint, switched while it runs."""

import threading
from dataclasses import dataclass
from enum import StrEnum


class EndpointKind(StrEnum):
    SESSIONS = "sessions"
    RESULT = "result"
    PUSH = "push"


class FaultMode(StrEnum):
    """Refused, the request has no effect: ERROR_500, ERROR_401, OCPI_2000, HANG.

    The answer is lost, the request has its effect: DROP (socket closed), BAD_JSON, SLOW (answered late).
    """

    ERROR_500 = "500"
    ERROR_401 = "401"
    OCPI_2000 = "ocpi_2000"
    HANG = "hang"
    DROP = "drop"
    BAD_JSON = "bad_json"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Fault:
    mode: FaultMode
    delay_s: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """`500`, `401`, `ocpi_2000`, `hang`, `drop`, `bad_json` or `slow:<seconds>`; raises ValueError otherwise."""
        name, _, argument = text.partition(":")
        mode = FaultMode(name)
        if (mode is FaultMode.SLOW) != bool(argument):
            raise ValueError(f"only slow takes seconds, and needs them: {text!r}")
        delay_s = float(argument) if argument else 0.0
        if delay_s < 0:
            raise ValueError(f"negative delay: {text!r}")
        return cls(mode, delay_s)


class FaultPlan:
    """Which fault the next request of a kind meets. A counted fault goes before a standing one. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standing: dict[EndpointKind, Fault] = {}
        self._counted: list[tuple[EndpointKind | None, Fault, int]] = []

    def set(self, kind: str, fault: str | None) -> None:
        """Every request of `kind` meets `fault` until it is set to None."""
        parsed = Fault.parse(fault) if fault else None
        with self._lock:
            if parsed is None:
                self._standing.pop(EndpointKind(kind), None)
            else:
                self._standing[EndpointKind(kind)] = parsed

    def fail_next(self, count: int, *, kind: str | None = None, fault: str = "500") -> None:
        """The next `count` requests, of `kind` or of any kind, meet `fault`."""
        parsed, wanted = Fault.parse(fault), EndpointKind(kind) if kind else None
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count}")
        with self._lock:
            self._counted.append((wanted, parsed, count))

    def clear(self) -> None:
        with self._lock:
            self._standing.clear()
            self._counted.clear()

    def take(self, kind: EndpointKind) -> Fault | None:
        with self._lock:
            for position, (wanted, fault, count) in enumerate(self._counted):
                if wanted in (None, kind):
                    self._counted[position : position + 1] = [(wanted, fault, count - 1)] if count > 1 else []
                    return fault
            return self._standing.get(kind)
