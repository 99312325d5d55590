"""The thread that carries out what a strategy plans."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ocpi.simulator.strategies import PlannedProfile, Strategy

logger = logging.getLogger(__name__)


class StrategyRunner:
    """Asks the strategy at an ACTIVE push when nothing is planned for the session, and after each try.

    `send` says whether the CPO took the profile. It runs on this runner's thread, one at a time, so a push is answered
    before the profile it causes is sent. With `retry_s` a profile that was not taken is planned again after that time.
    """

    def __init__(
        self, strategy: Strategy, send: Callable[[str, PlannedProfile], bool], *, retry_s: float | None = None
    ) -> None:
        self._strategy = strategy
        self._send = send
        self._retry_s = retry_s
        self._changed = threading.Condition()
        self._active: dict[str, dict[str, Any]] = {}
        self._tried: dict[str, int] = {}
        self._planned: dict[str, tuple[float, PlannedProfile]] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="scsp-strategy", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for a profile that is being sent."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def session_received(self, session: dict[str, Any]) -> None:
        session_id = session["id"]
        with self._changed:
            if session["status"] == "ACTIVE":
                self._active[session_id] = session
                if session_id not in self._planned:
                    self._plan(session_id)
            else:
                self._active.pop(session_id, None)
                self._planned.pop(session_id, None)
                self._tried.pop(session_id, None)
            self._changed.notify_all()

    def _plan(self, session_id: str, *, at_least_s: float = 0.0) -> None:
        try:
            profile = self._strategy(self._active[session_id], self._tried.get(session_id, 0))
        except Exception:
            logger.exception("strategy failed for session %s", session_id)
            return
        if profile is not None:
            self._planned[session_id] = (time.monotonic() + max(profile.delay_s, at_least_s), profile)

    def _run(self) -> None:
        while (due := self._next_due()) is not None:
            session_id, profile = due
            taken = False
            try:
                taken = self._send(session_id, profile)
            except Exception:
                logger.exception("profile of session %s not sent", session_id)
            self._sent(session_id, taken=taken)

    def _next_due(self) -> tuple[str, PlannedProfile] | None:
        """Waits for the earliest plan; its entry stays until it is sent. None when stopping."""
        with self._changed:
            while not self._stopping:
                if not self._planned:
                    self._changed.wait()
                    continue
                session_id, (due_s, profile) = min(self._planned.items(), key=lambda item: item[1][0])
                if (remaining := due_s - time.monotonic()) <= 0:
                    return session_id, profile
                self._changed.wait(remaining)
        return None

    def _sent(self, session_id: str, *, taken: bool) -> None:
        with self._changed:
            self._planned.pop(session_id, None)
            if session_id not in self._active:
                return
            if not taken and self._retry_s is not None:
                self._plan(session_id, at_least_s=self._retry_s)
            else:
                self._tried[session_id] = self._tried.get(session_id, 0) + 1
                self._plan(session_id)
