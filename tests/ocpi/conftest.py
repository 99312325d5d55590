"""What the tests of `ocpi` that write rows share. Automatic is only that simulated clocks leave nothing late.

Imports are late: this is read before Django is set up.
"""

from typing import Any

import pytest

PUBLIC_ADDRESS = "93.184.215.14"


@pytest.fixture(autouse=True)
def in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a simulated past look late, and what one test knew of it holds for a second."""
    monkeypatch.setattr("ocpi.backlog.is_late", lambda _party, *, now: False)


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Nothing leaves: the partner's answers are the test's."""
    from tests.support.ocpi_factories import Partner

    far_end = Partner()
    monkeypatch.setattr("ocpi.client.send", far_end)
    return far_end


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ids handed to the delivery queue, in order."""
    from ocpi.tasks import deliver_message

    ids: list[int] = []
    monkeypatch.setattr(deliver_message, "enqueue", ids.append)
    return ids


@pytest.fixture
def public_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name resolves, without asking a resolver, to a public address."""
    monkeypatch.setattr("ocpi.addresses.lookup", lambda host, timeout_s: (PUBLIC_ADDRESS,))


@pytest.fixture
def far_end(settings: Any) -> Any:
    """A partner's server over real HTTP."""
    from tests.support.far_end import listening

    settings.DEBUG = True  # loopback, and plain http
    with listening() as server:
        yield server
