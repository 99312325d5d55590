"""Everything a simulated partner received and noticed, behind one Condition."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from requests.structures import CaseInsensitiveDict

from ocpi.simulator.profile_calls import CallKind, ProfileCall, ProfileCalls, ReceivedResult
from ocpi.simulator.session_rules import Session, SessionKey, SessionRefused, patch_session, put_session


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One HTTP request as it came in. `headers` lack Authorization; `body` is the parsed JSON, None without one."""

    method: str
    path: str
    headers: CaseInsensitiveDict[str]
    body: Any
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ReceivedPush:
    """An ActiveChargingProfile that the CPO sent unasked."""

    session_id: str
    body: dict[str, Any]
    received_at: datetime


class Records:
    """Thread-safe; every change wakes the waiters."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._requests: list[ReceivedRequest] = []
        self._sessions: dict[SessionKey, tuple[SessionKey, Session]] = {}
        self._results: list[ReceivedResult] = []
        self._pushes: list[ReceivedPush] = []
        self._violations: list[str] = []
        self._calls = ProfileCalls()

    @property
    def requests(self) -> list[ReceivedRequest]:
        with self.changed:
            return list(self._requests)

    @property
    def sessions(self) -> dict[str, Session]:
        with self.changed:
            return {key.session_id: dict(session) for key, session in self._sessions.values()}

    @property
    def results(self) -> list[ReceivedResult]:
        with self.changed:
            return list(self._results)

    @property
    def pushes(self) -> list[ReceivedPush]:
        with self.changed:
            return list(self._pushes)

    @property
    def violations(self) -> list[str]:
        with self.changed:
            return list(self._violations)

    def wait_for(self, predicate: Callable[[], Any], timeout: float) -> Any:
        """The last value of `predicate`, which is called with the lock held: true, or false after `timeout` seconds."""
        with self.changed:
            return self.changed.wait_for(predicate, timeout)

    def wait_result(self, request_id: str, timeout: float) -> dict[str, Any]:
        """The first result of the request; raises TimeoutError."""
        found = self.wait_for(lambda: [r for r in self._results if r.request_id == request_id], timeout)
        if not found:
            raise TimeoutError(f"no result of {request_id} within {timeout} s")
        return dict(found[0].body)

    def add_request(self, request: ReceivedRequest) -> None:
        with self.changed:
            self._requests.append(request)
            self.changed.notify_all()

    def add_violations(self, texts: list[str]) -> None:
        with self.changed:
            self._violations.extend(texts)
            self.changed.notify_all()

    def session(self, key: SessionKey) -> Session | None:
        with self.changed:
            _, session = self._sessions.get(key.folded(), (key, None))
            return dict(session) if session is not None else None

    def owner_of(self, session_id: str) -> tuple[str, str] | None:
        """Country code and party id under which the CPO pushed the Session."""
        with self.changed:
            for key, _ in self._sessions.values():
                if key.session_id.lower() == session_id.lower():
                    return key.country_code, key.party_id
        return None

    def store_session(self, method: str, key: SessionKey, body: Any) -> tuple[Session, bool]:
        """The Session after the push and whether it is new; a refusal is recorded and raised as SessionRefused."""
        with self.changed:
            known, stored = self._sessions.get(key.folded(), (key, None))
            try:
                session = (put_session if method == "PUT" else patch_session)(stored, body, key)
            except SessionRefused as refused:
                self.add_violations([f"{method} session {key}: {refused}"])
                raise
            self._sessions[key.folded()] = (known, session)
            self.changed.notify_all()
        return dict(session), stored is None

    def add_result(self, request_id: str, body: dict[str, Any]) -> tuple[ReceivedResult, list[str]]:
        """The result and the reasons to refuse it."""
        result = ReceivedResult(request_id, body, datetime.now(UTC), time.monotonic())
        with self.changed:
            refusals = self._calls.refusals(result)
            self._results.append(result)
            self.add_violations(refusals + self._calls.record(result))
        return result, refusals

    def confirm(self, result: ReceivedResult) -> None:
        """Our answer is about to leave: from here on a second result is one too many."""
        with self.changed:
            result.confirmed = True

    def add_push(self, session_id: str, body: dict[str, Any]) -> bool:
        """False, and a violation, for a session on which we never set a profile."""
        with self.changed:
            allowed = self._calls.may_push(session_id)
            if allowed:
                self._pushes.append(ReceivedPush(session_id, body, datetime.now(UTC)))
                self.changed.notify_all()
            else:
                self.add_violations([f"ActiveChargingProfile of {session_id}, where no profile was set"])
        return allowed

    def open_call(self, request_id: str, *, session_id: str, kind: CallKind) -> None:
        with self.changed:
            self._calls.open(request_id, session_id=session_id, kind=kind)

    def settle_call(self, call: ProfileCall) -> None:
        with self.changed:
            self.add_violations(self._calls.settle(call, answered_s=time.monotonic()))

    def abandon_call(self, request_id: str) -> None:
        with self.changed:
            self._calls.abandon(request_id)

    def session_of_call(self, request_id: str) -> str | None:
        with self.changed:
            return self._calls.session_of(request_id)

    def overdue_calls(self) -> list[str]:
        with self.changed:
            return self._calls.overdue(time.monotonic())
