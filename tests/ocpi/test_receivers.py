"""Domain events become messages to partners, in the same transaction."""

from typing import Any

import pytest
from django.db import connection

from chargepoints import signals
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, Evse, Location
from chargepoints.values import CommandOutcome, OutcomeStatus
from ocpi import callbacks, location_pushes, pushes, receivers
from ocpi.models import OutboxMessage
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    for module, name in (
        (callbacks, "on_command_finished"), (pushes, "session_changed"), (pushes, "sessions_metered"),
        (pushes, "active_profile_changed"), (location_pushes, "evses_changed"), (location_pushes, "locations_changed"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_, name=name, **__: names.append(name))
    return names


def test_every_event_is_heard_once_however_often_the_app_gets_ready(heard):
    receivers.connect()
    receivers.connect()
    outcome: Any = CommandOutcome(OutcomeStatus.ACCEPTED)
    signals.command_finished.send(
        ChargePointCommand, command=ChargePointCommand(), outcome=outcome, late=False, now=START
    )
    signals.session_changed.send(ChargingSession, session=ChargingSession(), now=START)
    signals.sessions_metered.send(ChargingSession, sessions=[], now=START)
    signals.active_profile_changed.send(
        ChargingProfile, profile=ChargingProfile(), schedule=None, correlation_id="", now=START
    )
    signals.evses_changed.send(Evse, evse_ids=[], went_offline=False, now=START)
    signals.locations_changed.send(Location, location_ids=[], now=START)
    assert heard == [
        "on_command_finished", "session_changed", "sessions_metered", "active_profile_changed", "evses_changed",
        "locations_changed",
    ]  # fmt: skip


def test_an_event_runs_in_the_transaction_of_its_cause(monkeypatch):
    inside: list[bool] = []
    monkeypatch.setattr(callbacks, "on_command_finished", lambda *_, **__: inside.append(connection.in_atomic_block))
    make.finish(make.accepted(make.party(), make.session()).command)
    assert inside == [True]


def test_a_receiver_that_fails_fails_its_cause(monkeypatch):
    """Nothing is swallowed: an outcome whose message could not be written is not recorded either."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("disk full")

    request = make.accepted(make.party(), make.session())
    monkeypatch.setattr(callbacks, "on_command_finished", fail)
    with pytest.raises(RuntimeError):
        make.finish(request.command)
    assert (ChargePointCommand.objects.get().status, OutboxMessage.objects.count()) == ("SENT", 0)
