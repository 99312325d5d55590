"""What we asked the CPO to do with charging profiles, and whether its results keep what it promised."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ocpi.simulator.profile_rules import Profile, active_profile
from ocpi.simulator.violations import Violation

_FLOW = "mod_charging_profiles, Flow"
_RESPONSE = "mod_charging_profiles, ChargingProfileResponse: timeout"
_POST = "mod_charging_profiles, POST Method"
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


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests by immediate answer (`no answer` among them), and what became of the accepted ones.

    `waiting`: without a result, and its time is not over. `latencies_s`: from request to first result.
    """

    answers: Mapping[str, int]
    in_time: int
    late: int
    missing: int
    waiting: int
    latencies_s: tuple[float, ...]


class _State(StrEnum):
    PENDING = "pending"
    UNANSWERED = "unanswered"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(slots=True)
class _Entry:
    session_id: str
    kind: CallKind
    opened_s: float
    profile: Profile | None = None
    answer: str = "no answer"
    state: _State = _State.PENDING
    deadline_s: float | None = None
    results: list[ReceivedResult] = field(default_factory=list)


class ProfileCalls:
    """Requests by id. Times `..._s` are of one monotonic clock. Not thread-safe: its owner holds the lock.

    A result may overtake the answer that promises it, so acceptance is judged when both are known.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def open(
        self, request_id: str, *, session_id: str, kind: CallKind, opened_s: float, profile: Profile | None = None
    ) -> None:
        """A repeated request keeps its entry: it is one request and gets one result."""
        self._entries.setdefault(request_id, _Entry(session_id, kind, opened_s, profile))

    def settle(self, call: ProfileCall, *, answered_s: float) -> list[Violation]:
        """Record the immediate answer; returns the violations that it brings to light."""
        entry = self._entries[call.request_id]
        entry.answer = call.result or f"HTTP {call.http_status}"
        if call.result != "ACCEPTED":
            return self._refuse(call.request_id, entry)
        entry.state = _State.ACCEPTED
        if call.timeout_s is not None and entry.deadline_s is None:
            entry.deadline_s = answered_s + call.timeout_s
        return [found for result in entry.results for found in _late(entry, result)]

    def abandon(self, request_id: str) -> None:
        """No answer came: whether the CPO accepted is unknown, so a result is neither owed nor wrong."""
        entry = self._entries[request_id]
        if entry.state is _State.PENDING:
            entry.state = _State.UNANSWERED

    def refusals(self, result: ReceivedResult) -> list[Violation]:
        """Violations for which a partner refuses the result."""
        entry = self._entries.get(result.request_id)
        if entry is None:
            return [Violation(_named(result.request_id), "of a request that was never made", _POST)]
        refused = [_not_accepted(result.request_id)] if entry.state is _State.REFUSED else []
        return _shape(entry.kind, result) + refused

    def record(self, result: ReceivedResult) -> list[Violation]:
        """Keep a result; returns the violations that a partner lives with. A repeat after a lost answer is none."""
        entry = self._entries.get(result.request_id)
        if entry is None:
            return []
        violations = _late(entry, result)
        if any(earlier.confirmed for earlier in entry.results):
            violations.append(Violation(_named(result.request_id), "the second one", _FLOW))
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

    def profile_in_force(self, session_id: str) -> Profile | None:
        """The profile asked last, once the charge point took it; None if it was cleared since, or anything is open."""
        mine = [e for e in self._entries.values() if e.session_id.lower() == session_id.lower()]
        changes = [entry for entry in mine if entry.kind is not CallKind.GET and entry.state is not _State.REFUSED]
        last = changes[-1] if changes else None
        taken = last is not None and any(result.body.get("result") == "ACCEPTED" for result in last.results)
        return last.profile if last is not None and taken else None

    def taken(self) -> dict[str, str]:
        """Session ids by the requests to set a profile that the charge point took."""
        puts = ((request_id, entry) for request_id, entry in self._entries.items() if entry.kind is CallKind.PUT)
        return {
            request_id: entry.session_id
            for request_id, entry in puts
            if any(result.body.get("result") == "ACCEPTED" for result in entry.results)
        }

    def tally(self, now_s: float) -> Tally:
        entries = self._entries.values()
        accepted = [entry for entry in entries if entry.state is _State.ACCEPTED]
        first = [(entry, entry.results[0].received_s) for entry in accepted if entry.results]
        late = sum(entry.deadline_s is not None and received_s > entry.deadline_s for entry, received_s in first)
        missing = len(self.overdue(now_s))
        return Tally(
            answers=Counter(entry.answer for entry in entries),
            in_time=len(first) - late,
            late=late,
            missing=missing,
            waiting=len(accepted) - len(first) - missing,
            latencies_s=tuple(received_s - entry.opened_s for entry, received_s in first),
        )

    def _refuse(self, request_id: str, entry: _Entry) -> list[Violation]:
        if entry.state is _State.ACCEPTED:  # the answer to a repeat takes nothing back
            return []
        entry.state = _State.REFUSED
        return [_not_accepted(request_id) for _ in entry.results]


def _named(request_id: str) -> str:
    return f"result of {request_id}"


def _not_accepted(request_id: str) -> Violation:
    return Violation(_named(request_id), "of a request that was not ACCEPTED", _FLOW)


def _late(entry: _Entry, result: ReceivedResult) -> list[Violation]:
    if entry.deadline_s is None or result.received_s <= entry.deadline_s:
        return []
    what = f"{result.received_s - entry.deadline_s:.1f} s after its timeout"
    return [Violation(_named(result.request_id), what, _RESPONSE)]


def _shape(kind: CallKind, result: ReceivedResult) -> list[Violation]:
    """The three result objects: only an ActiveChargingProfileResult has a profile."""
    where, body = _named(result.request_id), result.body
    if "status_code" in body:
        return [Violation(where, "wrapped in the envelope of a response", _POST)]
    if body.get("result") not in RESULTS:
        return [Violation(where, "without a result of the enum", "mod_charging_profiles, ChargingProfileResultType")]
    expected = kind is CallKind.GET and body["result"] == "ACCEPTED"
    if expected != (body.get("profile") is not None):
        what = f"{'without' if expected else 'with'} a profile"
        return [Violation(where, what, "mod_charging_profiles, ActiveChargingProfileResult")]
    return active_profile(where, body["profile"]) if expected else []
