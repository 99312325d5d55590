"""What the machines that watch are told."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from celery import Celery
from channels.layers import InMemoryChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.db import OperationalError, connection
from django.test import Client

from cpo_backoffice import health

pytestmark = pytest.mark.django_db

SECRET = "redis://user:planted@broker:6379/0"


def get(path: str) -> tuple[int, dict[str, Any]]:
    response = Client().get(path)
    return response.status_code, response.json()


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> InMemoryChannelLayer:
    """One of its own, whatever stack the tests run on."""
    own = InMemoryChannelLayer()
    monkeypatch.setattr(health, "get_channel_layer", lambda: own)
    monkeypatch.setattr(health, "_broker", lambda: None)
    return own


def test_healthz_asks_nothing_else_of_the_process(django_assert_num_queries, monkeypatch):
    """A database that is away must not have the process restarted."""

    def away() -> None:
        raise OperationalError(SECRET)

    for part in ("_database", "_broker", "_channel_layer"):
        monkeypatch.setattr(health, part, away)
    with django_assert_num_queries(0):
        assert get("/healthz") == (200, {"status": "ok"})


def test_readyz_is_ok_when_every_part_answers(layer):
    assert get("/readyz") == (200, {"status": "ok", "database": "ok", "broker": "ok", "channel_layer": "ok"})


def test_readyz_asks_the_real_broker_and_layer_of_this_stack():
    assert get("/readyz")[0] == 200


@pytest.mark.parametrize("part", ["database", "broker", "channel_layer"])
def test_readyz_names_the_part_that_is_away_by_the_type_of_its_error_only(layer, monkeypatch, part, caplog):
    """The texts of these libraries quote URLs with passwords."""

    def away() -> None:
        raise ConnectionError(SECRET)

    monkeypatch.setattr(health, f"_{part}", away)
    status, body = get("/readyz")
    expected = {"database": "ok", "broker": "ok", "channel_layer": "ok", part: "ConnectionError"}
    assert (status, body) == (503, {"status": "not ready", **expected})
    assert "planted" not in caplog.text


def test_a_database_that_cannot_answer_is_seen(layer, monkeypatch):
    def closed(*_: Any, **__: Any) -> Any:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(connection, "cursor", closed)
    assert get("/readyz") == (503, {
        "status": "not ready", "database": "OperationalError", "broker": "ok", "channel_layer": "ok",
    })  # fmt: skip


def test_a_missing_channel_layer_is_not_ready(layer, monkeypatch):
    monkeypatch.setattr(health, "get_channel_layer", lambda: None)
    assert get("/readyz")[1]["channel_layer"] == "RuntimeError"


def test_asking_often_fills_nothing_up(layer):
    """A channel takes a hundred messages that nobody reads; probes of several load balancers are soon as many."""
    for _ in range(150):
        health._channel_layer()
    assert get("/readyz")[0] == 200
    assert [queue.qsize() for queue in layer.channels.values()] in ([], [0])
    async_to_sync(layer.flush)()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_no_login_is_asked_for(path, layer):
    assert Client().get(path).status_code == 200


def test_a_redis_that_is_away_is_seen_by_the_channel_layer(layer, monkeypatch):
    away = RedisPubSubChannelLayer(hosts=["redis://127.0.0.1:9/0"])
    monkeypatch.setattr(health, "get_channel_layer", lambda: away)
    assert get("/readyz")[1]["channel_layer"] == "ConnectionError"


def test_a_broker_that_is_away_is_seen(monkeypatch, settings):
    settings.REDIS_URL = "redis://user:planted@127.0.0.1:9/0"
    monkeypatch.setattr(health, "app", Celery(broker=settings.REDIS_URL, set_as_current=False))
    status, body = get("/readyz")
    assert (status, body["broker"]) == (503, "OperationalError")
