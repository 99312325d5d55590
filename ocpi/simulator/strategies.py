"""When a simulated partner sends which profile on its own: pure plans, and the thread that carries them out."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ocpi.simulator.client import CpoUnreachable

logger = logging.getLogger(__name__)

Period = tuple[int, float]


@dataclass(frozen=True, slots=True)
class PlannedProfile:
    """A profile that starts when it is sent, `delay_s` from now. `periods` are (start in seconds, limit in `unit`)."""

    periods: tuple[Period, ...]
    unit: str = "W"
    delay_s: float = 0.0
    duration_s: int | None = None


# Called with an ACTIVE Session and how many profiles were tried on it; None: nothing to send now.
Strategy = Callable[[dict[str, Any], int], PlannedProfile | None]

PULSES_W = ((11000, 0, 7400), (7400, 11000, 0, 11000))


@dataclass(frozen=True, slots=True)
class DemoStrategy:
    """A profile in W as soon as the session is ACTIVE, then another shape every `pulse_s`, so that none repeats."""

    pulse_s: float = 30.0
    period_s: int = 10

    def __call__(self, _session: dict[str, Any], tried: int) -> PlannedProfile | None:
        limits = PULSES_W[tried % len(PULSES_W)]
        periods = tuple((position * self.period_s, limit) for position, limit in enumerate(limits))
        return PlannedProfile(periods, delay_s=self.pulse_s if tried else 0.0)


class StrategyRunner:
    """Asks the strategy at an ACTIVE push when nothing is planned for the session, and after each try.

    `send` runs on this runner's thread, one at a time, so a push is answered before the profile it causes is sent.
    """

    def __init__(self, strategy: Strategy, send: Callable[[str, PlannedProfile], Any]) -> None:
        self._strategy = strategy
        self._send = send
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

    def _plan(self, session_id: str) -> None:
        try:
            profile = self._strategy(self._active[session_id], self._tried.get(session_id, 0))
        except Exception:
            logger.exception("strategy failed for session %s", session_id)
            return
        if profile is not None:
            self._planned[session_id] = (time.monotonic() + profile.delay_s, profile)

    def _run(self) -> None:
        while (due := self._next_due()) is not None:
            session_id, profile = due
            try:
                self._send(session_id, profile)
            except CpoUnreachable as error:
                logger.warning("profile of session %s not sent: %s", session_id, error)
            except Exception:
                logger.exception("profile of session %s not sent", session_id)
            self._sent(session_id)

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

    def _sent(self, session_id: str) -> None:
        with self._changed:
            self._planned.pop(session_id, None)
            if session_id in self._active:
                self._tried[session_id] = self._tried.get(session_id, 0) + 1
                self._plan(session_id)
