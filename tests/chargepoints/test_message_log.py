"""The message log: what is kept of each CALL and its answer, in batches, without secrets, and what is dropped."""

import asyncio
import json

import pytest

from chargepoints import message_log
from chargepoints.message_log import MessageLog
from chargepoints.models import OcppMessage
from chargepoints.ocpp.exchanges import Exchange
from chargepoints.ocpp.rpc import RpcConnection, RpcError, Schemas
from tests.support import factories
from tests.support.operators import HOSTILE, client_of, list_of, make_charge_point, page

pytestmark = pytest.mark.django_db
SECRET = "04A1B2C3D4"


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


def an_exchange(**fields) -> Exchange:
    return Exchange(
        **{"at": 1_750_000_000.5, "direction": "IN", "action": "Heartbeat", "message_id": "m1", "payload": {},
           "answer_type": "CALLRESULT", "answer": {}, "duration_ms": 3} | fields
    )  # fmt: skip


def kept(*exchanges: Exchange, charge_point=None) -> list[OcppMessage]:
    charge_point = charge_point or factories.charge_point()
    message_log.write([message_log._row(charge_point.pk, exchange) for exchange in exchanges])
    return list(OcppMessage.objects.order_by("id"))


# --- what the framing records ---------------------------------------------------------------------------------------


class Wire:
    """A connection whose far end is this test."""

    def __init__(self, handle) -> None:
        self.recorded: list[Exchange] = []
        self.frames: list[list] = []
        self.rpc = RpcConnection(
            identity="CP", schemas=Schemas.for_version("1.6"), send=self._send, handle=handle, on_late=self._late,
            record=self._record,
        )  # fmt: skip
        self.sent, self._more = asyncio.Event(), asyncio.Event()

    async def _send(self, text: str) -> None:
        self.frames.append(json.loads(text))
        self.sent.set()

    async def _late(self, tag: str, reply) -> None: ...

    async def until_recorded(self, count: int = 1) -> list[Exchange]:
        while len(self.recorded) < count:
            await asyncio.wait_for(self._more.wait(), 5)
            self._more.clear()
        return self.recorded

    def _record(self, exchange: Exchange) -> None:
        self.recorded.append(exchange)
        self._more.set()


async def refuse(action: str, payload: dict) -> dict:
    raise RpcError("NotSupported", "not here")


async def confirm(action: str, payload: dict) -> dict:
    return {"currentTime": "2025-01-01T00:00:00Z"}


@pytest.mark.pure
async def test_a_call_of_the_charge_point_is_recorded_with_its_answer():
    wire = Wire(confirm)
    await wire.rpc.receive('[2,"a1","Heartbeat",{}]')
    [said] = await wire.until_recorded()
    assert (said.direction, said.action, said.message_id, said.answer_type) == ("IN", "Heartbeat", "a1", "CALLRESULT")
    assert json.loads(said.answer) == wire.frames[0]


@pytest.mark.pure
async def test_a_refused_call_and_an_unreadable_frame_are_recorded_as_such():
    wire = Wire(refuse)
    await wire.rpc.receive('[2,"a1","Heartbeat",{}]')
    await wire.until_recorded()
    await wire.rpc.receive('[2,"a2"]')
    said, unreadable = await wire.until_recorded(2)
    assert said.answer_type == "CALLERROR"
    assert message_log.result_of(said, message_log._answer_of(said)) == "NotSupported"
    assert (unreadable.action, unreadable.message_id, unreadable.result) == ("", "a2", "unreadable")


@pytest.mark.pure
async def test_a_call_of_ours_is_recorded_with_what_came_of_it():
    wire = Wire(confirm)
    asking = asyncio.create_task(wire.rpc.call("ClearCache", {}, timeout_s=5))
    await wire.sent.wait()
    await wire.rpc.receive(json.dumps([3, wire.frames[0][1], {"status": "Rejected"}]))
    await asking
    [said] = wire.recorded
    assert (said.direction, said.action, said.payload, said.answer) == ("OUT", "ClearCache", {}, {"status": "Rejected"})
    assert message_log.result_of(said, said.answer) == "Rejected"


@pytest.mark.pure
async def test_silence_and_the_late_answer_are_two_records():
    wire = Wire(confirm)
    with pytest.raises(Exception, match="no answer in time"):
        await wire.rpc.call("ClearCache", {}, timeout_s=0.01)
    await wire.rpc.receive(json.dumps([3, wire.frames[0][1], {"status": "Accepted"}]))
    silence, late = await wire.until_recorded(2)
    assert [message_log.result_of(said, said.answer) for said in (silence, late)] == [
        "no answer in time",
        "late: Accepted",
    ]
    assert late.payload is None


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_a_message_is_kept_with_its_time_result_and_duration():
    charge_point = factories.charge_point()
    [row] = kept(an_exchange(answer={"idTagInfo": {"status": "Blocked"}}), charge_point=charge_point)
    assert (row.charge_point, row.at.isoformat()) == (charge_point, "2025-06-15T15:06:40.500000+00:00")
    assert (row.result, row.duration_ms, row.payload) == ("Blocked", 3, "{}")


def test_no_secret_is_kept():
    [row] = kept(
        an_exchange(
            action="Authorize", payload={"idTag": SECRET}, answer='[4,"m1","X","y",{"url":"https://u:p@host/"}]',
            answer_type="CALLERROR",
        )
    )  # fmt: skip
    assert SECRET not in row.payload
    assert "u:p" not in row.answer
    assert row.result == "X"


def test_what_is_long_is_cut_and_what_is_hostile_is_bounded():
    [row] = kept(an_exchange(action="x" * 500, message_id="\x00" * 200, payload={"a": "b" * 50_000}))
    assert (len(row.action), len(row.payload)) == (64, message_log.MOST_CHARS + 3)
    assert "\x00" not in row.message_id


def test_messages_of_a_charge_point_that_was_deleted_harm_no_others():
    there, gone = factories.charge_point(), factories.charge_point()
    rows = [message_log._row(each.pk, an_exchange()) for each in (there, gone)]
    gone.delete()
    message_log.write(rows)
    assert [row.charge_point for row in OcppMessage.objects.all()] == [there]


@pytest.mark.django_db(transaction=True)
def test_what_was_recorded_is_written_at_the_latest_when_the_process_ends():
    log, charge_point = MessageLog(), factories.charge_point()
    for number in range(250):
        log.record(charge_point.pk, an_exchange(message_id=str(number)))
    log.stop()
    assert list(OcppMessage.objects.order_by("id").values_list("message_id", flat=True)) == [str(n) for n in range(250)]


@pytest.mark.pure
def test_what_comes_too_fast_is_dropped_and_said(monkeypatch, caplog):
    written = []
    monkeypatch.setattr(message_log, "MOST_WAITING", 2)
    monkeypatch.setattr(message_log, "write", written.extend)
    log = MessageLog()
    for _ in range(5):
        log.record(1, an_exchange())
    log.stop()
    assert len(written) == 2
    assert "3 OCPP messages were dropped" in caplog.text


@pytest.mark.pure
def test_a_database_that_is_away_costs_the_messages_and_no_more(monkeypatch, caplog):
    def away(rows):
        raise OSError

    monkeypatch.setattr(message_log, "write", away)
    log = MessageLog()
    log.record(1, an_exchange())
    log.stop()
    assert "1 OCPP messages were dropped" in caplog.text


# --- what operators see ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, ["late", "error", "in", "out"]),
        ({"direction__exact": "OUT"}, ["late", "out"]),
        ({"action": "Reset"}, ["out"]),
        ({"outcome": "good"}, ["in"]),
        ({"outcome": "other"}, ["out"]),
        ({"outcome": "error"}, ["error"]),
        ({"outcome": "none"}, ["late"]),
        ({"q": "error"}, ["error"]),
    ],
)
def test_the_list_is_filtered_by_direction_action_and_result(query, shown):
    kept(
        an_exchange(message_id="out", direction="OUT", action="Reset", answer={"status": "Rejected"}),
        an_exchange(message_id="in"),
        an_exchange(message_id="error", answer_type="CALLERROR", answer={"errorCode": "InternalError"}),
        an_exchange(message_id="late", direction="OUT", answer_type="", answer=None, result="no answer in time"),
    )
    found = client_of("view").get(list_of(OcppMessage), query).context["cl"].result_list
    assert [message.message_id for message in found] == shown


def test_the_list_looks_at_the_newest_unless_a_charge_point_or_a_day_is_chosen(monkeypatch):
    monkeypatch.setattr("chargepoints.admin.messages.NEWEST", 2)
    charge_point = factories.charge_point()
    kept(*(an_exchange(message_id=str(n)) for n in range(4)), charge_point=charge_point)
    client = client_of("view")

    def found(**query) -> list[str]:
        return [m.message_id for m in client.get(list_of(OcppMessage), query).context["cl"].result_list]

    assert found() == ["3", "2"]
    assert found(charge_point=charge_point.pk) == found(at__year=2025) == ["3", "2", "1", "0"]


def test_the_page_of_a_charge_point_shows_its_newest_messages_and_leads_to_all():
    charge_point = make_charge_point()
    kept(an_exchange(action=HOSTILE), charge_point=charge_point)
    kept(an_exchange(message_id="of another"))
    html = client_of("view").get(page(charge_point)).content.decode()
    assert f'href="{list_of(OcppMessage)}?charge_point={charge_point.pk}"' in html
    assert HOSTILE not in html
    assert html.count('class="cpo-badge cpo-info">in</span>') == 1


def test_a_message_is_shown_whole_and_nobody_may_change_it():
    [row] = kept(an_exchange(payload={"a": HOSTILE}))
    response = client_of("view").get(page(row))
    assert response.status_code == 200
    assert HOSTILE not in response.content.decode()
    assert not response.context["has_change_permission"]
