"""What the core tells the outside, recorded instead of sent."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from chargepoints import doorbell, signals
from chargepoints.group_commit import writer


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Tasks that reached the broker, as (name, *arguments), after the commit that caused them."""
    from cpo_backoffice.celery import DoorbellTask

    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(DoorbellTask, "_publish", lambda task, args: sent.append((task.name, *args)))
    return sent


@pytest.fixture
def no_socket_left() -> Iterator[None]:
    yield
    writer.stop()
    left = doorbell.local_connections()
    for connection_id in left:
        doorbell.disconnected(connection_id)
    assert left == []


class Finished(NamedTuple):
    command_id: int
    status: str
    late: bool


class Heard:
    """Domain signals, in order of arrival."""

    def __init__(self) -> None:
        self.finished: list[Finished] = []
        self.sessions: list[tuple[str, str, bool]] = []
        self.profiles: list[tuple[int, Any]] = []

    def on_finished(self, *, command: Any, outcome: Any, late: bool, **_: Any) -> None:
        self.finished.append(Finished(command.pk, outcome.status.value, late))

    def on_session(self, *, session: Any, **_: Any) -> None:
        self.sessions.append((session.uid, session.state, True))

    def on_metered(self, *, sessions: Any, **_: Any) -> None:
        self.sessions += [(session.uid, session.state, False) for session in sessions]

    def on_profile(self, *, profile: Any, schedule: Any, **_: Any) -> None:
        self.profiles.append((profile.pk, schedule))


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    receivers = (
        (signals.command_finished, heard.on_finished),
        (signals.session_changed, heard.on_session),
        (signals.sessions_metered, heard.on_metered),
        (signals.active_profile_changed, heard.on_profile),
    )
    for signal, receiver in receivers:
        signal.connect(receiver)
    yield heard
    for signal, receiver in receivers:
        signal.disconnect(receiver)
