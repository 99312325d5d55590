"""Everything a simulated partner received and noticed, behind one Condition."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from ocpi.simulator import location_rules, session_rules
from ocpi.simulator.location_rules import Location, LocationRefused, Target
from ocpi.simulator.profile_calls import CallKind, ProfileCall, ProfileCalls, ReceivedResult, Tally
from ocpi.simulator.profile_rules import Profile, above_asked
from ocpi.simulator.session_rules import Session, SessionKey, SessionRefused, patch_session, put_session
from ocpi.simulator.violations import Violation
from ocpi.simulator.wire import OCPI_VERSION


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One HTTP request as it came in. `headers` lack Authorization; `body` is the parsed JSON, None without one."""

    method: str
    path: str
    headers: CaseInsensitiveDict[str]
    body: Any
    received_at: datetime

    @property
    def named(self) -> str:
        return f"{self.method} {urlsplit(self.path).path}"


@dataclass(frozen=True, slots=True)
class ReceivedPush:
    """An ActiveChargingProfile that the CPO sent unasked."""

    session_id: str
    body: dict[str, Any]
    received_at: datetime


MANY_REQUESTS = 10_000


class Records:
    """Thread-safe; every change wakes the waiters. `version` of OCPI decides what a Session must have.

    A violation breaks the specification; a note is worth knowing and breaks nothing. Each is kept once.
    """

    def __init__(self, version: str = OCPI_VERSION) -> None:
        self.changed = threading.Condition()
        self._version = version
        self._requests: deque[ReceivedRequest] = deque(maxlen=MANY_REQUESTS)
        self._request_ids: set[str] = set()
        self._sessions: dict[SessionKey, tuple[SessionKey, Session]] = {}
        self._pulled: set[SessionKey] = set()
        self._locations: dict[tuple[str, str, str], Location] = {}
        self._results: list[ReceivedResult] = []
        self._pushes: list[ReceivedPush] = []
        self._violations: list[Violation] = []
        self._notes: list[str] = []
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
    def locations(self) -> list[Location]:
        with self.changed:
            return [dict(location) for location in self._locations.values()]

    @property
    def violations(self) -> list[Violation]:
        with self.changed:
            return list(self._violations)

    @property
    def notes(self) -> list[str]:
        with self.changed:
            return list(self._notes)

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

    def add_request(self, request: ReceivedRequest) -> bool:
        """Whether its X-Request-ID is new, or it has none."""
        request_id = request.headers.get("X-Request-ID")
        with self.changed:
            self._requests.append(request)
            new = request_id not in self._request_ids
            if request_id:
                self._request_ids.add(request_id)
            self.changed.notify_all()
        return new

    def add_violations(self, violations: list[Violation]) -> None:
        with self.changed:
            self._violations.extend(violation for violation in violations if violation not in self._violations)
            self.changed.notify_all()

    def add_note(self, text: str) -> None:
        with self.changed:
            if text not in self._notes:
                self._notes.append(text)
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
        where, folded = f"{method} session {key}", key.folded()
        with self.changed:
            known, stored = self._sessions.get(folded, (key, None))
            try:
                session = (put_session if method == "PUT" else patch_session)(stored, body, key)
            except SessionRefused as refused:
                self.add_violations([Violation(where, str(refused), "mod_sessions, Receiver Interface")])
                raise
            exact = None if folded in self._pulled else stored
            self.add_violations(session_rules.tolerated(where, method, exact, body, version=self._version))
            self._sessions[folded] = (known, session)
            if method == "PUT":
                self._pulled.discard(folded)
            self.changed.notify_all()
        return dict(session), stored is None

    def store_pulled_session(self, session: Session) -> bool:
        """A Session of the CPO's list, already judged; whether it was new. What was pushed is newer, or the same."""
        key = SessionKey(session["country_code"], session["party_id"], session["id"])
        with self.changed:
            if key.folded() in self._sessions:
                return False
            self._sessions[key.folded()] = (key, session)
            self._pulled.add(key.folded())
            self.changed.notify_all()
        return True

    def store_location(self, method: str, target: Target, body: Any) -> Location:
        """The Location after the GET or push of it or of a part; a refusal is recorded and raised, LocationRefused."""
        where = f"{method} location {target}"
        with self.changed:
            stored = self._locations.get(target.folded())
            try:
                location = location_rules.pushed(method, stored, body, target)
            except LocationRefused as refused:
                self.add_violations([Violation(where, str(refused), target.table.passage)])
                raise
            self.add_violations(location_rules.tolerated(where, body, target.table, partial=method == "PATCH"))
            self._locations[target.folded()] = location
            self.changed.notify_all()
        return location

    def part_of_location(self, target: Target) -> dict[str, Any] | None:
        with self.changed:
            return location_rules.found(self._locations.get(target.folded()), target)

    def evse(self, evse_uid: str) -> dict[str, Any] | None:
        """None where the CPO told of no EVSE by this uid, or has no Locations for us."""
        with self.changed:
            evses = [evse for location in self._locations.values() for evse in location.get("evses") or ()]
        return next((evse for evse in evses if str(evse.get("uid")).lower() == evse_uid.lower()), None)

    def add_result(self, request_id: str, body: dict[str, Any]) -> tuple[ReceivedResult, list[Violation]]:
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
        where = f"ActiveChargingProfile of {session_id}"
        with self.changed:
            if not self._calls.may_push(session_id):
                passage = "mod_charging_profiles, Sender Interface, PUT Method"
                self.add_violations([Violation(where, "no profile was set on this session", passage)])
                return False
            asked = self._calls.profile_in_force(session_id)
            if asked is not None and (above := above_asked(asked, body)):
                self.add_note(f"{where}: {above}")
            self._pushes.append(ReceivedPush(session_id, body, datetime.now(UTC)))
            self.changed.notify_all()
        return True

    def open_call(self, request_id: str, *, session_id: str, kind: CallKind, profile: Profile | None = None) -> None:
        opened_s = time.monotonic()
        with self.changed:
            self._calls.open(request_id, session_id=session_id, kind=kind, opened_s=opened_s, profile=profile)

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

    def profiles_taken(self) -> dict[str, str]:
        with self.changed:
            return self._calls.taken()

    def steered(self) -> list[str]:
        """Ids of ACTIVE sessions that a profile of ours is in force on."""
        with self.changed:
            active = [key.session_id for key, session in self._sessions.values() if session["status"] == "ACTIVE"]
            return [session_id for session_id in active if self._calls.profile_in_force(session_id)]

    def tally(self) -> Tally:
        with self.changed:
            return self._calls.tally(time.monotonic())
