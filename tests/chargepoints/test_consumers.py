"""The websocket of a charge point: nothing before it is accepted, one command at a time, and how it ends."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from chargepoints import authentication, commands, consumers, doorbell, handshake, presence
from chargepoints.consumers import ChargePointConsumer
from chargepoints.models import ChargePoint, ChargePointCommand
from tests.chargepoints.asgi_socket import ChargerSocket, basic, in_db, ring, row
from tests.chargepoints.waiting import eventually
from tests.support import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published", "no_socket_left")]
PASSWORD = "correct horse"
BOOT = {"chargePointVendor": "ACME", "chargePointModel": "Wall"}
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def point(transactional_db):
    hashed = authentication.hash_password(PASSWORD)
    return factories.charge_point(identity="CP-1", online=False, password_hash=hashed)


def socket(identity="CP-1", **fields) -> ChargerSocket:
    return ChargerSocket(identity, **({"headers": [basic("CP-1", PASSWORD)]} | fields))


async def ask(point, action="Reset", **payload) -> ChargePointCommand:
    payload = {"type": "Soft"} if action == "Reset" else payload
    return await in_db(
        commands.request_call, charge_point=point, action=action, payload=payload,
        requested_by="operator", now=datetime.now(UTC),
    )  # fmt: skip


async def status_of(command) -> str:
    return (await in_db(ChargePointCommand.objects.get, pk=command.pk)).status


# --- the handshake --------------------------------------------------------------------------------------------------


async def test_an_accepted_socket_is_the_one_in_the_row_before_it_is_accepted(point, monkeypatch):
    online_at_accept = []
    charger = socket()
    deliver = charger._send

    async def watched(message):
        if message["type"] == "websocket.accept":
            online_at_accept.append((await row(point)).connection_id)
        await deliver(message)

    monkeypatch.setattr(charger, "_send", watched)
    await charger.connect()
    current = await row(point)
    assert charger.sent[0] == {"type": "websocket.accept", "subprotocol": "ocpp1.6"}
    assert online_at_accept == [current.connection_id] == doorbell.local_connections()
    assert (current.channel_name, current.ocpp_version) == (doorbell.PROCESS_CHANNEL, "1.6")
    await charger.leave()


async def test_a_refused_socket_gets_401_as_http_and_leaves_no_trace(point):
    charger = socket(headers=[basic("CP-1", "wrong")])
    charger.knock()
    await eventually(lambda: len(charger.sent) == 2)
    assert charger.sent == [
        {
            "type": "websocket.http.response.start",
            "status": 401,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"www-authenticate", b'Basic realm="ocpp"'),
            ],
        },
        {"type": "websocket.http.response.body", "body": b"unknown charge point or wrong password"},
    ]
    assert (await row(point)).is_online is False
    assert doorbell.local_connections() == []
    await charger.leave()
    assert len(charger.sent) == 2


async def test_a_socket_without_a_common_subprotocol_gets_400(point):
    charger = socket(subprotocols=("soap",))
    charger.knock()
    await eventually(lambda: len(charger.sent) == 2)
    assert (charger.sent[0]["status"], len(charger.sent[0]["headers"])) == (400, 1)
    await charger.leave()


async def test_a_server_that_cannot_answer_http_closes(point):
    charger = socket(headers=[], extensions={})
    charger.knock()
    await eventually(lambda: charger.sent)
    assert charger.sent == [{"type": "websocket.close", "code": 1008}]
    await charger.leave()


async def test_no_frame_leaves_before_the_socket_is_accepted_whatever_waits(point):
    command = await ask(point)
    charger = await socket().connect()
    await charger.call("Reset")
    assert [message["type"] for message in charger.sent[:2]] == ["websocket.accept", "websocket.send"]
    assert await status_of(command) == "SENT"
    await charger.leave()


async def test_no_frame_is_taken_before_the_socket_is_accepted(point):
    sent = []

    async def send(message):
        sent.append(message)

    consumer = ChargePointConsumer()
    consumer.base_send = send
    await consumer.dispatch({"type": "websocket.receive", "text": json.dumps([2, "1", "BootNotification", BOOT])})
    assert sent == []
    assert (await row(point)).booted_at is None


async def test_a_client_that_vanishes_while_it_is_accepted_is_not_left_online(point):
    charger = socket()
    charger.refuse_send = lambda message: message["type"] == "websocket.accept"
    with pytest.raises(OSError, match="client disconnected"):
        await charger.knock()
    assert (await row(point)).is_online is False
    assert doorbell.local_connections() == []


async def test_a_socket_that_cannot_be_registered_is_not_accepted_and_leaves_no_bell(point, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError("the database is away")

    monkeypatch.setattr(presence, "connect", away)
    charger = socket()
    with pytest.raises(ConnectionError):
        await charger.knock()
    assert charger.sent == []
    assert doorbell.local_connections() == []


# --- frames ---------------------------------------------------------------------------------------------------------


async def test_a_message_is_answered_after_its_effect_is_committed(point, settings):
    settings.OCPP_HEARTBEAT_INTERVAL_S = 123
    charger = await socket().connect()
    charger.says(2, "m1", "BootNotification", BOOT)
    answer = await charger.answer_to("m1")
    assert (answer["status"], answer["interval"]) == ("Accepted", 123)
    assert (await row(point)).vendor == "ACME"
    await charger.leave()


async def test_an_oversize_frame_has_no_effect_and_the_conversation_goes_on(point, settings):
    settings.OCPP_MAX_FRAME_BYTES = 200
    charger = await socket().connect()
    charger.says(2, "big", "DataTransfer", {"vendorId": "x" * 200})
    charger.says(2, "m1", "Heartbeat", {})
    await charger.answer_to("m1")
    assert set(charger.answers) == {"m1"}
    await charger.leave()


async def test_a_frame_of_exactly_the_limit_is_taken(point, settings):
    text = json.dumps([2, "m1", "Heartbeat", {}])
    settings.OCPP_MAX_FRAME_BYTES = len(text)
    charger = await socket().connect()
    charger.says_text(text)
    await charger.answer_to("m1")
    await charger.leave()


async def test_binary_frames_are_ignored(point):
    charger = await socket().connect()
    charger.says_bytes(json.dumps([2, "b1", "Heartbeat", {}]).encode())
    charger.says(2, "m1", "Heartbeat", {})
    await charger.answer_to("m1")
    assert set(charger.answers) == {"m1"}
    await charger.leave()


async def test_a_charge_point_is_seen_now_and_then_with_its_clock(point, monkeypatch):
    monkeypatch.setattr(consumers, "SEEN_EVERY_S", 0)
    charger = await socket().connect()
    before = (await row(point)).last_seen_at
    stamp = "2020-01-01T00:00:00Z"
    status = {"connectorId": 0, "errorCode": "NoError", "status": "Available", "timestamp": stamp}
    charger.says(2, "m1", "StatusNotification", status)
    await charger.answer_to("m1")
    charger.says(2, "m2", "Heartbeat", {})

    async def seen_with_clock() -> bool:
        current = await row(point)
        return current.last_seen_at > before and (current.clock_skew_s or 0) < -3600

    await eventually(seen_with_clock)  # no answer waits for it
    await charger.leave()


async def test_a_charge_point_that_talks_much_is_not_written_for_each_frame(point):
    charger = await socket().connect()
    before = (await row(point)).last_seen_at
    charger.says(2, "m1", "Heartbeat", {})
    await charger.answer_to("m1")
    assert (await row(point)).last_seen_at == before
    await charger.leave()


# --- mail -----------------------------------------------------------------------------------------------------------


async def test_a_ring_sends_what_waits_and_its_answer_is_recorded(point):
    charger = await socket().connect()
    command = await ask(point, "ChangeConfiguration", key="A", value="1")
    await ring(point)
    message_id = await charger.call("ChangeConfiguration")
    assert charger.calls[0][2] == {"key": "A", "value": "1"}
    charger.says(3, message_id, ACCEPTED)
    await eventually(lambda: _is(command, "ACCEPTED"))
    await charger.leave()


async def _is(command, status) -> bool:
    return await status_of(command) == status


async def test_one_command_at_a_time_oldest_first(point):
    first, second = await ask(point, "ClearCache"), await ask(point, "Reset")
    charger = await socket().connect()
    message_id = await charger.call("ClearCache")
    await ring(point)
    charger.says(2, "m1", "Heartbeat", {})
    await charger.answer_to("m1")
    assert [call[1] for call in charger.calls] == ["ClearCache"]
    assert [await status_of(first), await status_of(second)] == ["SENT", "QUEUED"]
    charger.says(3, message_id, ACCEPTED)
    await charger.call("Reset")
    assert [await status_of(first), await status_of(second)] == ["ACCEPTED", "SENT"]
    await charger.leave()


async def test_many_rings_send_a_command_once(point):
    charger = await socket().connect()
    await ask(point)
    for _ in range(5):
        await ring(point)
    message_id = await charger.call("Reset")
    charger.says(3, message_id, ACCEPTED)
    await ring(point)
    charger.says(2, "m1", "Heartbeat", {})
    await charger.answer_to("m1")
    assert len(charger.calls) == 1
    await charger.leave()


async def test_mail_that_could_not_be_fetched_is_fetched_at_the_next_ring(point, monkeypatch):
    claim_next, failures = commands.claim_next, [ConnectionError("the database is away")]

    def away_once(*args, **kwargs):
        if failures:
            raise failures.pop()
        return claim_next(*args, **kwargs)

    monkeypatch.setattr(commands, "claim_next", away_once)
    await ask(point)
    charger = await socket().connect()  # which looks for mail at once
    await eventually(lambda: not failures)
    await ring(point)
    await charger.call("Reset")
    await charger.leave()


# --- the end --------------------------------------------------------------------------------------------------------


async def test_the_end_of_a_socket_makes_the_charge_point_offline_and_fails_what_was_sent(point):
    command = await ask(point)
    charger = await socket().connect()
    await charger.call("Reset")
    await charger.leave()
    assert await status_of(command) == "FAILED"
    assert (await row(point)).is_online is False
    assert doorbell.local_connections() == []


async def test_a_message_already_received_is_committed_although_the_socket_is_gone(point):
    charger = await socket().connect()
    charger.says(2, "m1", "BootNotification", BOOT)
    await charger.leave()

    async def booted() -> bool:
        return (await row(point)).vendor == "ACME"

    await eventually(booted)
    assert charger.answers == {}


async def test_a_socket_that_ends_while_the_database_is_away_stops_all_the_same(point, monkeypatch):
    charger = await socket().connect()
    disconnect = presence.disconnect

    def away(*args, **kwargs):
        raise ConnectionError("the database is away")

    monkeypatch.setattr(presence, "disconnect", away)
    with pytest.raises(ConnectionError):
        await charger.leave()
    postmen = [task for task in asyncio.all_tasks() if "_carry_mail" in repr(task.get_coro())]
    await asyncio.wait(postmen, timeout=5) if postmen else None
    assert all(task.done() for task in postmen)
    monkeypatch.setattr(presence, "disconnect", disconnect)


async def test_a_new_socket_with_the_password_replaces_the_old_one(point):
    old = await socket().connect()
    new = await socket().connect()
    await eventually(lambda: old.close_code is not None)
    assert old.close_code == 1000
    await old.leave(1000)
    current = await row(point)
    assert [current.connection_id] == doorbell.local_connections()
    command = await ask(point)
    await ring(point)
    await new.call("Reset")
    assert old.calls == []
    assert await status_of(command) == "SENT"
    await new.leave()


# --- without a password ---------------------------------------------------------------------------------------------


@pytest.fixture
def open_point(point):
    ChargePoint.objects.update(password_hash="")
    return point


async def test_an_old_socket_that_answers_keeps_its_place(open_point, monkeypatch):
    monkeypatch.setattr(handshake, "MAKE_ROOM_S", 0.5)
    old = await socket(headers=[]).connect()
    new = socket(headers=[])
    new.knock()
    message_id = await old.call("GetConfiguration")
    old.says(3, message_id, {"configurationKey": []})
    await eventually(lambda: new.sent)
    assert new.sent[0]["status"] == 409
    assert old.close_code is None
    assert (await row(open_point)).is_online is True
    await new.leave()
    await old.leave()


@pytest.mark.parametrize("gone", [False, True], ids=["silent", "vanished"])
async def test_an_old_socket_that_does_not_answer_makes_room(open_point, monkeypatch, gone):
    monkeypatch.setattr(consumers, "PROBE_TIMEOUT_S", 0.05)
    old = await socket(headers=[]).connect()
    old.refuse_send = lambda message: gone and message["type"] == "websocket.close"
    new = await socket(headers=[]).connect()
    assert old.close_code == (None if gone else 1001)
    assert (await row(open_point)).is_online is True
    await old.leave()
    assert (await row(open_point)).is_online is True
    await new.leave()
