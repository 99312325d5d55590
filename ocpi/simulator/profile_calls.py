"""What we asked the CPO to do with charging profiles, and whether its results keep what it promised."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

RESULTS = frozenset({"ACCEPTED", "REJECTED", "UNKNOWN"})


class CallKind(StrEnum):
    PUT = "PUT"
    DELETE = "DELETE"
    GET = "GET"


@dataclass(frozen=True, slots=True)
class ProfileCall:
    """The immediate answer of the CPO. `result` None: it gave no ChargingProfileResponse; `timeout_s` in seconds."""

    request_id: str
    http_status: int
    result: str | None
    timeout_s: int | None
    sent_at: datetime
    status_code: int | None = None
    status_message: str = ""


@dataclass(slots=True)
class ReceivedResult:
    """A result POSTed to one of our response URLs. `confirmed` when we took it and our answer left without a fault."""

    request_id: str
    body: dict[str, Any]
    received_at: datetime
    received_s: float
    confirmed: bool = False


class _State(StrEnum):
    PENDING = "pending"
    UNANSWERED = "unanswered"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(slots=True)
class _Entry:
    session_id: str
    kind: CallKind
    state: _State = _State.PENDING
    deadline_s: float | None = None
    results: list[ReceivedResult] = field(default_factory=list)


class ProfileCalls:
    """Requests by id. Times `..._s` are of one monotonic clock. Not thread-safe: its owner holds the lock.

    A result may overtake the answer that promises it, so acceptance is judged when both are known.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def open(self, request_id: str, *, session_id: str, kind: CallKind) -> None:
        """A repeated request keeps its entry: it is one request and gets one result."""
        self._entries.setdefault(request_id, _Entry(session_id, kind))

    def settle(self, call: ProfileCall, *, answered_s: float) -> list[str]:
        """Record the immediate answer; returns the violations that it brings to light."""
        entry = self._entries[call.request_id]
        if call.result != "ACCEPTED":
            return self._refuse(call.request_id, entry)
        entry.state = _State.ACCEPTED
        if call.timeout_s is None:
            return [f"ChargingProfileResponse of {call.request_id} without timeout"]
        if entry.deadline_s is None:
            entry.deadline_s = answered_s + call.timeout_s
        return [text for result in entry.results for text in _late(entry, result)]

    def abandon(self, request_id: str) -> None:
        """No answer came: whether the CPO accepted is unknown, so a result is neither owed nor wrong."""
        entry = self._entries[request_id]
        if entry.state is _State.PENDING:
            entry.state = _State.UNANSWERED

    def refusals(self, result: ReceivedResult) -> list[str]:
        """Violations for which a partner refuses the result."""
        entry = self._entries.get(result.request_id)
        if entry is None:
            return [f"result of unknown request {result.request_id}"]
        refused = [_not_accepted(result.request_id)] if entry.state is _State.REFUSED else []
        return _shape(entry.kind, result) + refused

    def record(self, result: ReceivedResult) -> list[str]:
        """Keep a result; returns the violations that a partner lives with. A repeat after a lost answer is none."""
        entry = self._entries.get(result.request_id)
        if entry is None:
            return []
        violations = _late(entry, result)
        if any(earlier.confirmed for earlier in entry.results):
            violations.append(f"second result of {result.request_id}")
        entry.results.append(result)
        return violations

    def session_of(self, request_id: str) -> str | None:
        entry = self._entries.get(request_id)
        return entry.session_id if entry else None

    def may_push(self, session_id: str) -> bool:
        """Only after a PUT that the CPO accepted, or may have (OCPI 2.2.1 mod_charging_profiles, Sender PUT)."""
        puts = (entry for entry in self._entries.values() if entry.kind is CallKind.PUT)
        return any(e.session_id.lower() == session_id.lower() and e.state is not _State.REFUSED for e in puts)

    def overdue(self, now_s: float) -> list[str]:
        """Accepted requests whose promised time is over without a result."""
        return [
            request_id
            for request_id, entry in self._entries.items()
            if entry.deadline_s is not None and now_s > entry.deadline_s and not entry.results
        ]

    def _refuse(self, request_id: str, entry: _Entry) -> list[str]:
        if entry.state is _State.ACCEPTED:  # the answer to a repeat takes nothing back
            return []
        entry.state = _State.REFUSED
        return [_not_accepted(request_id) for _ in entry.results]


def _not_accepted(request_id: str) -> str:
    return f"result of {request_id}, which was not ACCEPTED"


def _late(entry: _Entry, result: ReceivedResult) -> list[str]:
    if entry.deadline_s is None or result.received_s <= entry.deadline_s:
        return []
    return [f"result of {result.request_id} {result.received_s - entry.deadline_s:.1f} s after its timeout"]


def _shape(kind: CallKind, result: ReceivedResult) -> list[str]:
    """OCPI 2.2.1 mod_charging_profiles, the three result objects: only an ActiveChargingProfileResult has a profile."""
    named = f"result of {result.request_id}"
    if "status_code" in result.body:
        return [f"{named} wrapped in the envelope"]
    if result.body.get("result") not in RESULTS:
        return [f"{named} without a ChargingProfileResultType"]
    expected = kind is CallKind.GET and result.body["result"] == "ACCEPTED"
    if expected != (result.body.get("profile") is not None):
        return [f"{named} {'without' if expected else 'with'} a profile"]
    return []
