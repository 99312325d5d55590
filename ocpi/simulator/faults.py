"""What goes wrong at a partner, on request: per kind of endpoint, switched while it runs."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class EndpointKind(StrEnum):
    SESSIONS = "sessions"
    LOCATIONS = "locations"
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
        """`500`, `401`, `ocpi_2000`, `hang`, `drop`, `bad_json` or `slow=<seconds>`; raises ValueError otherwise."""
        name, _, argument = text.partition("=")
        mode = FaultMode(name)
        if (mode is FaultMode.SLOW) != bool(argument):
            raise ValueError(f"only slow takes seconds, and needs them: {text!r}")
        delay_s = float(argument) if argument else 0.0
        if delay_s < 0:
            raise ValueError(f"negative delay: {text!r}")
        return cls(mode, delay_s)


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """A fault for requests of `kind`, or of any kind: the next `count`, or each with that probability."""

    fault: str
    kind: EndpointKind | None = None
    count: int | None = None
    probability: float = 1.0

    @classmethod
    def parse(cls, text: str) -> "FaultOrder":
        """`MODE[:ENDPOINT][:HOW]`, HOW a whole number (the next so many) or a fraction (how likely).

        Raises ValueError.
        """
        fault, *rest = text.split(":")
        Fault.parse(fault)
        kind = EndpointKind(rest.pop(0)) if rest and rest[0] in set(EndpointKind) else None
        how = rest.pop(0) if rest else None
        if rest:
            raise ValueError(f"too many parts: {text!r}")
        if how is None:
            return cls(fault, kind)
        count, probability = (int(how), 1.0) if how.isdecimal() else (None, float(how))
        if count == 0 or not 0 < probability <= 1:
            raise ValueError(f"neither a count nor a probability: {how!r}")
        return cls(fault, kind, count, probability)


class FaultPlan:
    """Which fault the next request of a kind meets. A counted fault goes before a standing one. Thread-safe."""

    def __init__(self, dice: Callable[[], float] = random.random) -> None:
        self._lock = threading.Lock()
        self._dice = dice
        self._standing: dict[EndpointKind, tuple[Fault, float]] = {}
        self._counted: list[tuple[EndpointKind | None, Fault, int]] = []

    def order(self, order: FaultOrder) -> None:
        if order.count is not None:
            self.fail_next(order.count, kind=order.kind, fault=order.fault)
            return
        for kind in (order.kind,) if order.kind else EndpointKind:
            self.set(kind, order.fault, probability=order.probability)

    def set(self, kind: str, fault: str | None, *, probability: float = 1.0) -> None:
        """Every request of `kind` meets `fault`, or that share of them, until it is set to None."""
        parsed = Fault.parse(fault) if fault else None
        with self._lock:
            if parsed is None:
                self._standing.pop(EndpointKind(kind), None)
            else:
                self._standing[EndpointKind(kind)] = (parsed, probability)

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
            standing = self._standing.get(kind)
            return standing[0] if standing and (standing[1] >= 1 or self._dice() < standing[1]) else None
