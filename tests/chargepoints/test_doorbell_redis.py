"""The doorbell over a real Redis that is away at first, and goes away for a while."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from chargepoints import doorbell
from chargepoints.doorbell import PROCESS_CHANNEL, Ring
from tests.chargepoints.waiting import eventually
from tests.support.redis_server import Redis

pytestmark = pytest.mark.once


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    redis = Redis(tmp_path / "redis")
    yield redis
    redis.stop()


@pytest.fixture
def layer(redis, monkeypatch) -> RedisPubSubChannelLayer:
    monkeypatch.setattr(logging.getLogger("channels_redis.pubsub"), "disabled", True)  # its own account of the outage
    layer = RedisPubSubChannelLayer(hosts=[redis.url])
    monkeypatch.setattr(doorbell, "get_channel_layer", lambda: layer)
    return layer


@pytest.fixture
async def heard(layer):
    """What a socket of a listening process hears."""
    rings: list[Ring] = []
    doorbell.connected("socket-1", rings.append)
    listener = asyncio.create_task(doorbell.listen())
    yield rings
    while not listener.done():
        listener.cancel()
        await asyncio.wait([listener], timeout=0.1)
    doorbell.disconnected("socket-1")
    await layer.flush()


async def rung_from_elsewhere(redis: Redis, heard: list[Ring]) -> None:
    """Rings as another process does, until it is heard."""
    other = RedisPubSubChannelLayer(hosts=[redis.url])
    heard.clear()

    async def ring() -> bool:
        await other.send(PROCESS_CHANNEL, {"type": "ring", "connection_id": "socket-1", "ring": "mail"})
        await asyncio.sleep(0.05)
        return bool(heard)

    try:
        await eventually(ring)
    finally:
        await other.flush()


async def test_a_process_that_started_while_redis_was_away_hears_once_it_is_there(redis, layer, heard, caplog):
    await eventually(lambda: "the channel layer does not answer" in caplog.text)
    await asyncio.to_thread(redis.start)
    await rung_from_elsewhere(redis, heard)
    assert set(heard) == {Ring.MAIL}


async def test_a_process_hears_again_after_redis_was_away(redis, layer, heard):
    await asyncio.to_thread(redis.start)
    await rung_from_elsewhere(redis, heard)
    await asyncio.to_thread(redis.stop)
    await asyncio.to_thread(redis.start)
    await rung_from_elsewhere(redis, heard)
    assert set(heard) == {Ring.MAIL}
