"""Servers shared by the flow tests of a worker; every test has charge points and partners of its own."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from ocpi.models import Party
from tests.support import stack
from tests.support.bay import Bay, Identity, MakeBay, Tokens, new_identity, new_tokens, register
from tests.support.charger import LoopThread
from tests.support.recorder import Recorder
from tests.support.redis_server import Redis
from tests.support.server import Server


@pytest.fixture(scope="session")
def loop() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture(scope="session")
def patient_server() -> Iterator[Server]:
    """With the default timeouts: for what goes well. Pushes every second."""
    yield from _running(Server("patient", redis=1, OCPI_SESSION_PUSH_INTERVAL_S="1"))


@pytest.fixture(scope="session")
def hasty_server() -> Iterator[Server]:
    """Promises 4 s, half of it for posting the result: for what takes its time. Three PUTs, then TOO_OFTEN."""
    yield from _running(
        Server(
            "hasty", redis=2, OCPI_PROFILE_TIMEOUT_S="4", OCPI_CALLBACK_RESERVE_S="2", OCPI_SESSION_BURST="3",
            OCPI_SESSION_PER_MINUTE="1",
        )
    )  # fmt: skip


def _running(server: Server) -> Iterator[Server]:
    server.start()
    yield server
    server.kill()  # how it stops well is a test of its own


@pytest.fixture
def server(patient_server: Server, django_db_blocker: Any) -> Iterator[Server]:
    with used(patient_server, django_db_blocker):
        yield patient_server
        everybody_leaves()


@pytest.fixture
def hasty(hasty_server: Server, django_db_blocker: Any) -> Iterator[Server]:
    with used(hasty_server, django_db_blocker):
        yield hasty_server
        everybody_leaves()


def everybody_leaves() -> None:
    """Beat looks after every partner that is connected, after those of earlier tests too."""
    Party.objects.update(enabled=False)


@contextlib.contextmanager
def used(server: Server, django_db_blocker: Any) -> Iterator[None]:
    """The models are those of the server; what it logged meanwhile is shown when the test fails."""
    before = len(server.log_text())
    with django_db_blocker.unblock(), server.database.in_use():
        yield
    print(server.log_text()[before:])


@pytest.fixture(scope="session")
def broker() -> Iterator[Redis | None]:
    """Ours to end."""
    if stack.STACK == "embedded":
        yield None
        return
    server = Redis(stack.folder("broker") / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mortal_server(broker: Redis | None) -> Iterator[Server]:
    redis_url = f"{broker.url}/0" if broker else ""
    server = Server("mortal", redis=3, redis_url=redis_url, OCPP_PROCESS_BEAT_S="1", OCPP_PROCESS_DEAD_S="6")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def mortal(mortal_server: Server, django_db_blocker: Any) -> Iterator[Server]:
    """All of its parts run, whatever the test before did to them."""
    mortal_server.start()
    with used(mortal_server, django_db_blocker):
        yield mortal_server


@pytest.fixture
def bay(request: pytest.FixtureRequest, loop: LoopThread) -> Iterator[MakeBay]:
    """Makes bays on `server`, or on the server given, and ends them. A partner has nothing to complain about."""
    with contextlib.ExitStack() as bays:
        made: list[Bay] = []

        def make(server: Server | None = None, **options: Any) -> Bay:
            made.append(bays.enter_context(Bay(server or request.getfixturevalue("server"), loop, **options)))
            return made[-1]

        yield make
        assert [text for bay in made for text in bay.scsp.violations] == []


@pytest.fixture
def partner() -> Iterator[Recorder]:
    """Who writes down what it is sent, for tests of exact bodies."""
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def identity(server: Server) -> Identity:
    return new_identity()


@pytest.fixture
def tokens(partner: Recorder, identity: Identity) -> Tokens:
    tokens = new_tokens()
    register(tokens, partner.url, evse_uids=identity.evse_uids)
    return tokens
