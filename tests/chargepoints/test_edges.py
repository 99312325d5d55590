"""What odd peers send on a websocket: each frame gets its answer, and nothing that was measured is lost."""

import asyncio
import json
from typing import Any

import pytest

from chargepoints import authentication, doorbell
from chargepoints.group_commit import writer
from chargepoints.models import ChargingSession, MeterValue
from chargepoints.ocpp.incoming import QUEUE_LIMIT_CHARS
from chargepoints.ocpp.schemas import Schemas, Violation
from chargepoints.ocpp.v16 import facts
from chargepoints.ocpp.v16.translation import to_outcome
from chargepoints.values import GetComposite
from cpo_backoffice.asgi import websocket
from tests.chargepoints.asgi_socket import ChargerSocket, basic, in_db
from tests.chargepoints.ocpp.peer import Peer, settle
from tests.chargepoints.waiting import eventually
from tests.support import factories
from tests.support.factories import NOW

PASSWORD = "correct horse"


@pytest.fixture
def charger_row(transactional_db, published):
    """A charge point that may connect; afterwards no socket of it is left."""
    hashed = authentication.hash_password(PASSWORD)
    yield factories.charge_point(identity="CP-1", online=False, password_hash=hashed)
    writer.stop()
    assert doorbell.local_connections() == []


@pytest.fixture
def session(charger_row) -> ChargingSession:
    return factories.session(factories.evse(charger_row), ocpp_transaction_id="7")


async def connect() -> ChargerSocket:
    return await ChargerSocket("CP-1", headers=[basic("CP-1", PASSWORD)]).connect()


# --- the handshake --------------------------------------------------------------------------------------------------


async def refused(path: str, extensions: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    inbox.put_nowait({"type": "websocket.connect"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": path, "headers": [], "subprotocols": ["ocpp1.6"], "extensions": extensions}
    await websocket(scope, inbox.get, send)
    return sent


@pytest.mark.parametrize("path", ["/", "/ocpp", "/ocpp/", "/ocpp/site/CP-1", "/ws/CP-1"])
async def test_a_websocket_path_without_a_charge_point_is_404_not_an_internal_error(path):
    start, body = await refused(path, {"websocket.http.response": {}})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert body["body"] == b"no such path: a charge point connects to /ocpp/<identity>"


async def test_where_no_http_answer_can_be_given_a_wrong_path_is_closed():
    assert await refused("/ws/CP-1", {}) == [{"type": "websocket.close", "code": 1008}]


# --- frames ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_an_oversize_call_gets_a_callerror_and_the_conversation_goes_on(charger_row, settings):
    settings.OCPP_MAX_FRAME_BYTES = 200
    charger = await connect()
    charger.says(2, "big", "DataTransfer", {"vendorId": "x" * 200})
    charger.says(2, "m1", "Heartbeat", {})
    await charger.answer_to("m1")
    assert [frame for frame in charger.frames if frame[0] == 4] == [
        [4, "big", "FormationViolation", "not JSON, or too large", {}]
    ]
    await charger.leave()


@pytest.mark.django_db(transaction=True)
async def test_the_end_of_a_day_at_the_charger_with_all_its_samples_is_taken(session):
    """StopTransaction.req with transactionData of every minute: 1440 readings, about 390 kB."""
    sample = {"value": "1", "measurand": "Energy.Active.Import.Register", "unit": "Wh", "context": "Sample.Periodic"}
    readings = [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [sample, sample]}] * 1440
    stop = {"transactionId": 7, "meterStop": 9, "timestamp": "2026-01-01T00:00:00Z", "transactionData": readings}
    assert len(json.dumps(stop)) > 380_000
    charger = await connect()
    charger.says(2, "end", "StopTransaction", stop)
    assert await charger.answer_to("end") == {}
    assert await in_db(MeterValue.objects.filter(session=session).count) == 1441
    await charger.leave()


@pytest.mark.pure
async def test_a_thousand_messages_in_one_go_are_all_handled_in_order():
    peer = Peer()
    peer.gate = asyncio.Event()
    for number in range(1000):
        await peer.connection.receive(json.dumps([2, f"m{number}", "DataTransfer", {"vendorId": str(number)}]))
    assert peer.written == []
    peer.gate.set()
    await eventually(lambda: len(peer.written) == 1000)
    assert [payload["vendorId"] for _, payload in peer.handled] == [str(number) for number in range(1000)]


@pytest.mark.pure
async def test_waiting_calls_are_bounded_in_size_too():
    peer = Peer()
    peer.gate = asyncio.Event()
    await peer.says(2, "first", "DataTransfer", {"vendorId": "v"})
    big = {"vendorId": "v", "data": "x" * (QUEUE_LIMIT_CHARS // 2)}
    for number in range(4):
        await peer.connection.receive(json.dumps([2, f"q{number}", "DataTransfer", big]))
    assert [frame[1:3] for frame in peer.written] == [["q2", "InternalError"], ["q3", "InternalError"]]
    peer.gate.set()
    await settle()
    await peer.connection.receive(json.dumps([2, "q4", "Heartbeat", {}]))
    await settle()
    assert len(peer.handled) == 4


# --- nothing measured is lost ---------------------------------------------------------------------------------------

MEASURED = {
    "connectorId": 1, "transactionId": None,
    "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [
        {"value": "1500", "measurand": None, "unit": None, "phase": None, "context": None, "format": None,
         "location": None},
    ]}],
}  # fmt: skip


@pytest.mark.pure
def test_optional_fields_that_are_null_do_not_lose_the_energy():
    schemas = Schemas.for_version("1.6")
    assert schemas.check_request("MeterValues", MEASURED, strict=False) is None
    found = facts.meter_facts(MEASURED, NOW)
    assert (found.transaction_id, found.readings[0].energy_wh) == (None, 1500)
    start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "x", "reservationId": None}
    assert schemas.check_request("StartTransaction", start, strict=False) is None
    stop = {"transactionId": 1, "meterStop": 0, "timestamp": "x", "idTag": None, "reason": None}
    assert schemas.check_request("StopTransaction", stop | {"transactionData": None}, strict=False) is None


@pytest.mark.pure
def test_a_required_field_that_is_null_is_still_refused():
    refused = Schemas.for_version("1.6").check_request("MeterValues", MEASURED | {"connectorId": None}, strict=False)
    assert refused == Violation("TypeConstraintViolation", "connectorId must be of type integer")


@pytest.mark.pure
def test_what_we_send_never_holds_a_null():
    assert Schemas.for_version("1.6").check_request("MeterValues", MEASURED, strict=True) is not None


# --- what a charge point follows ------------------------------------------------------------------------------------


@pytest.mark.pure
@pytest.mark.parametrize(
    ("connector", "status"),
    [(2, "ACCEPTED"), (None, "ACCEPTED"), (0, "REJECTED"), (1, "REJECTED")],
)
def test_the_plan_of_another_connector_is_not_that_of_the_session(connector, status):
    """connectorId 0 is the whole charge point (OCPP 1.6 section 6.22)."""
    plan = {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 7000}]}
    answer = {"status": "Accepted", "chargingSchedule": plan} | (
        {} if connector is None else {"connectorId": connector}
    )
    outcome = to_outcome(GetComposite(evse_id=2, duration_s=60), answer, received_at=NOW)
    assert (outcome.status, outcome.schedule is not None) == (status, status == "ACCEPTED")
