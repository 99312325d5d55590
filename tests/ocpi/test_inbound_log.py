"""Requests of partners are kept for support, beside the work and without secrets."""

import json
import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ocpi import inbound_log
from ocpi.inbound_log import Buffer, Noted
from ocpi.models import Credentials, InboundRequest, Party
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
PROFILE = {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 9000}]}
BODY = {"charging_profile": PROFILE, "response_url": "https://jed.example/result?id=1&token=planted"}


@pytest.fixture(autouse=True)
def empty_buffer():
    inbound_log.buffer.take()
    yield
    inbound_log.buffer.take()


def noted(party: Party | None = None, **fields) -> Noted:
    defaults = {
        "at": NOW, "method": "GET", "path": "/ocpi/2.2.1/sessions", "query": "", "address": "192.0.2.1",
        "request_id": "rq", "correlation_id": "co", "http_status": 200, "ocpi_status": 1000, "duration_ms": 3,
    }  # fmt: skip
    return Noted(party_id=party.pk if party else None, **(defaults | fields))


def written(*each: Noted) -> list[InboundRequest]:
    for one in each:
        inbound_log.note(one)
    inbound_log.flush()
    return list(InboundRequest.objects.order_by("pk"))


# --- over HTTP ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("enqueued", "public_names")
def test_a_request_is_kept_with_its_answer():
    party, session = make.party(), make.session()
    Api()("put", f"/ocpi/2.2.1/chargingprofiles/{session.uid}", BODY)
    assert InboundRequest.objects.count() == 0  # the answer has not waited for it
    (kept,) = written()
    assert (kept.party, kept.method, kept.module) == (party, "PUT", "chargingprofiles")
    assert (kept.path, kept.http_status, kept.ocpi_status) == (f"/ocpi/2.2.1/chargingprofiles/{session.uid}", 200, 1000)
    assert (kept.request_id, kept.correlation_id, kept.address) == ("rq-1", "co-1", "127.0.0.1")
    assert json.loads(kept.request_body)["charging_profile"] == PROFILE
    assert json.loads(kept.response_body)["data"]["result"] == "ACCEPTED"
    assert "planted" not in kept.request_body
    assert "id=1&token=***" in kept.request_body


def test_tokens_in_queries_and_credentials_are_masked():
    make.party()
    Api()("get", "/ocpi/2.2.1/sessions?date_from=2026-01-01T00:00:00Z&token=planted")
    Api()("get", "/ocpi/2.2.1/credentials")
    sessions, credentials = written()
    assert sessions.query == "date_from=2026-01-01T00:00:00Z&token=***"
    assert json.loads(credentials.response_body)["data"]["token"] == "***"


def test_a_body_that_is_no_json_is_kept_with_its_refusal():
    make.party()
    session = make.session()
    Api()("put", f"/ocpi/2.2.1/chargingprofiles/{session.uid}", "{not json")
    (kept,) = written()
    assert (kept.request_body, kept.http_status, kept.ocpi_status) == ("{not json", 400, 2000)


@pytest.mark.parametrize(
    ("token", "headers", "why"),
    [
        ("nobody-has-this", {}, "nobody has this token"),
        ("", {"Authorization": ""}, "no Authorization header"),
        ("", {"Authorization": "Bearer abc"}, "the Authorization header holds no OCPI token"),
    ],
)
def test_a_caller_that_nobody_knows_is_counted_and_nothing_it_says_is_kept(token, headers, why):
    make.party()
    for number in range(3):
        answer = Api(token)("get", f"/ocpi/2.2.1/sessions?n={number}", **headers)
        assert answer.status_code == 401
        assert why not in answer.content.decode()
    (kept,) = written()
    assert (kept.party, kept.count, kept.http_status, kept.address) == (None, 3, 401, "127.0.0.1")
    assert kept.refusal.startswith(why)
    assert (kept.query, kept.request_body, kept.response_body, kept.request_id) == ("", "", "", "")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"enabled": False}, "switched off"),
        ({"inbound_networks": ["198.51.100.0/24"]}, "not from this address"),
    ],
)
def test_why_a_good_token_opened_nothing_is_said_of_its_party(changes, why):
    party = make.party(**changes)
    assert Api()("get", "/ocpi/2.2.1/sessions").status_code == 401
    (kept,) = written()
    assert kept.party == party
    assert why in kept.refusal


def test_a_registration_token_that_is_used_for_more_is_told_from_a_wrong_one():
    party = make.party()
    Credentials.objects.update(inbound_kind="A")
    assert Api()("get", "/ocpi/2.2.1/sessions").status_code == 401
    (kept,) = written()
    assert (kept.party, kept.refusal) == (party, "a token A opens only versions and credentials: register first")


def test_switched_off_nothing_is_noted(settings):
    settings.OCPI_REQUEST_LOG = False
    make.party()
    Api()("get", "/ocpi/versions")
    assert inbound_log.buffer.take() == ([], 0)


def test_an_answer_stands_whatever_goes_wrong_with_its_note(monkeypatch, caplog):
    make.party()
    monkeypatch.setattr(inbound_log, "note", lambda _: 1 / 0)
    assert Api()("get", "/ocpi/versions").status_code == 200
    assert "could not be noted" in caplog.text


# --- what is bounded ------------------------------------------------------------------------------------------------


def test_what_finds_no_room_is_dropped_and_counted(monkeypatch, caplog):
    monkeypatch.setattr(inbound_log, "BUFFERED", 2)
    party = make.party()
    assert len(written(*[noted(party)] * 5)) == 2
    assert "3 requests of partners are not in the log" in caplog.text


@pytest.mark.once
def test_large_bodies_fill_the_buffer_before_many_do(monkeypatch):
    monkeypatch.setattr(inbound_log, "BUFFERED_BYTES", 100)
    full = Buffer()
    for _ in range(3):
        full.add(noted(request_body=b"x" * 40))
    taken, dropped = full.take()
    assert (len(taken), dropped) == (2, 1)
    assert full.take() == ([], 0)


def test_a_body_is_kept_up_to_its_bound():
    body = json.dumps({"text": "é" * 20_000}).encode()
    (kept,) = written(noted(make.party(), request_body=body, path="/ocpi/" + "x" * 400, query="y" * 900))
    assert len(kept.request_body) < inbound_log.KEPT_CHARS + 60
    assert kept.request_body.endswith("characters in all)")
    assert (len(kept.path), len(kept.query)) == (255, 500)


def test_the_requests_of_a_party_that_is_gone_are_gone_with_it():
    gone, there = make.party("GON"), make.party("JED")
    gone_id = gone.pk
    gone.delete()
    (kept,) = written(replace(noted(there), party_id=gone_id), noted(there))
    assert kept.party == there


def test_strangers_of_a_kind_are_one_row_a_minute():
    first = noted(refusal="nobody has this token", http_status=401)
    later = replace(first, at=NOW + timedelta(seconds=30))
    assert [row.count for row in written(first, first)] == [2]
    assert [row.count for row in written(later)] == [3]
    assert [row.count for row in written(replace(first, at=NOW + timedelta(seconds=61)))] == [3, 1]
    assert [row.count for row in written(replace(later, address="192.0.2.2"))] == [3, 1, 1]


def test_strangers_of_many_kinds_are_bounded(caplog):
    strangers = [noted(address=f"192.0.2.{n}", http_status=401) for n in range(150)]
    assert len(written(*strangers)) == inbound_log.UNKNOWN_AT_ONCE
    assert "150 kinds" in caplog.text


@pytest.mark.once
def test_hostile_text_is_kept_as_text():
    (kept,) = written(noted(make.party(), path="/ocpi/2.2.1/sessions\n\0<b>", request_body=b"\xff\0<script>"))
    assert kept.path == "/ocpi/2.2.1/sessions��<b>"
    assert kept.request_body == "��<script>"


# --- the thread -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_writes_what_is_left(monkeypatch):
    monkeypatch.setattr(inbound_log, "EVERY_S", 3600)
    flusher = inbound_log.Flusher()
    flusher.start()
    inbound_log.note(noted(make.party()))
    flusher.stop()
    assert InboundRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_after_a_write_that_failed(monkeypatch, caplog):
    caplog.set_level(logging.ERROR)
    party, tries, again = make.party(), [], threading.Event()

    def fails_once(noted_ones: list[Noted]) -> int:
        tries.append(noted_ones)
        if len(tries) == 1:
            inbound_log.note(noted(party))
            raise OSError("the disk is full")
        again.set()
        return len(noted_ones)

    monkeypatch.setattr(inbound_log, "_write", fails_once)
    monkeypatch.setattr(inbound_log, "EVERY_S", 0.001)
    flusher = inbound_log.Flusher()
    inbound_log.note(noted(party))
    flusher.start()
    assert again.wait(10)
    flusher.stop()
    assert len(tries) == 2
    assert "could not be written" in caplog.text
