"""The websocket of a charge point: who gets in, what it survives, who speaks when two do."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chargepoints.models import ChargePoint, ChargePointCommand
from tests.flows.test_exact_frames import BOOT, boot, start
from tests.support.bay import Identity
from tests.support.charger import RawCharger
from tests.support.processes import until
from tests.support.server import Server


@pytest.fixture
def charger(server: Server, identity: Identity) -> Iterator[RawCharger]:
    """Its car charges."""
    with RawCharger(server.ocpp_url, identity.name, password=identity.password) as charger:
        boot(charger)
        start(charger, identity)
        yield charger


def row(identity: Identity) -> ChargePoint:
    return ChargePoint.objects.get(identity=identity.name)


# --- who gets in ----------------------------------------------------------------------------------------------------


def refusal(server: Server, name: str, password: str) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused, RawCharger(server.ocpp_url, name, password=password):
        pass
    return refused.value.response.status_code, refused.value.response.headers["WWW-Authenticate"]


UNAUTHORIZED = (401, 'Basic realm="ocpp"')


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_or_missing_password_is_401_and_the_charge_point_stays_offline(
    server: Server, identity: Identity, password: str
):
    assert refusal(server, identity.name, password) == UNAUTHORIZED
    assert not row(identity).is_online


def test_an_unknown_identity_is_401_and_is_not_added(server: Server):
    assert refusal(server, "NOBODY", "x") == UNAUTHORIZED
    assert not ChargePoint.objects.filter(identity="NOBODY").exists()


def test_a_charge_point_that_is_switched_off_is_401(server: Server, identity: Identity):
    ChargePoint.objects.filter(identity=identity.name).update(enabled=False)
    assert refusal(server, identity.name, identity.password) == UNAUTHORIZED


def test_somebody_with_a_wrong_password_does_not_disturb_the_one_who_is_connected(
    server: Server, identity: Identity, charger: RawCharger
):
    connection = row(identity).connection_id
    assert refusal(server, identity.name, "wrong") == UNAUTHORIZED
    assert charger.call("Heartbeat", {})[0] == 3
    assert row(identity).connection_id == connection != ""


# --- what it survives -----------------------------------------------------------------------------------------------

FAULTY = {
    "malformed JSON": ('[2,"m1","Heartbeat",{', "FormationViolation"),
    "wrong arity": ('[2,"m1","Heartbeat"]', "FormationViolation"),
    "unknown action": ('[2,"m1","Teleport",{}]', "NotImplemented"),
    "missing field": ('[2,"m1","StartTransaction",{"connectorId":1}]', "OccurenceConstraintViolation"),
    "wrong type": ('[2,"m1","StatusNotification",{"connectorId":"one"}]', None),
    "no JSON at all": ("hello", None),
    "no array": ("{}", None),
    "an answer to nothing": ('[3,"m1",{}]', None),
    "a CALLERROR to nothing": ('[4,"m1","InternalError","",{}]', None),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_the_connection_of_a_charging_car_survives(charger: RawCharger, identity: Identity, fault: str):
    connection = row(identity).connection_id
    text, code = FAULTY[fault]
    charger.send(text)
    if code:
        assert charger.receive(lambda frame: frame[0] == 4)[1:3] == ["m1", code]
    assert charger.call("Heartbeat", {})[0] == 3
    assert row(identity).connection_id == connection
    assert row(identity).sessions.get().state == "ACTIVE"


def test_a_frame_larger_than_allowed_is_refused_and_the_connection_survives(charger: RawCharger):
    charger.send(json.dumps([2, "big", "DataTransfer", {"vendorId": "v", "data": "x" * 1_100_000}]))
    assert charger.receive(lambda frame: frame[0] == 4)[1:3] == ["big", "FormationViolation"]
    assert charger.call("Heartbeat", {})[0] == 3
    assert charger.frames == []


# --- two sockets ----------------------------------------------------------------------------------------------------


def test_a_second_socket_with_the_same_credentials_replaces_the_first_and_its_end_marks_nobody_offline(
    server: Server, identity: Identity
):
    with ExitStack() as sockets:
        first = sockets.enter_context(RawCharger(server.ocpp_url, identity.name, password=identity.password))
        boot(first)
        old = row(identity).connection_id
        second = sockets.enter_context(RawCharger(server.ocpp_url, identity.name, password=identity.password))
        with pytest.raises(ConnectionClosed):
            first.receive(lambda frame: False)
        assert second.call("BootNotification", BOOT)[0] == 3
        assert row(identity).connection_id not in ("", old)
        second.wait_call("GetConfiguration")
    until(lambda: not row(identity).is_online)


def test_what_was_sent_on_the_replaced_socket_has_failed_and_is_not_sent_again(server: Server, identity: Identity):
    with ExitStack() as sockets:
        first = sockets.enter_context(RawCharger(server.ocpp_url, identity.name, password=identity.password))
        first.call("BootNotification", BOOT)
        first.wait_call("GetConfiguration")
        second = sockets.enter_context(RawCharger(server.ocpp_url, identity.name, password=identity.password))
        assert second.call("Heartbeat", {})[0] == 3
        command = until(lambda: ChargePointCommand.objects.filter(charge_point=row(identity), status="FAILED").first())
        assert command.action == "GetConfiguration"
        assert second.frames == []
