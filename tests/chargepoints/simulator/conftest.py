"""A central system and charge points connected to it, all ended after the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chargepoints.simulator import SimulatedChargePoint

from .csms import CentralSystem, central_system
from .talk import TALKS, Talk

Connect = Callable[..., Awaitable[SimulatedChargePoint]]
both_versions = pytest.mark.parametrize("version", list(TALKS), indirect=True)
of_2_0_1 = pytest.mark.parametrize("version", ["2.0.1"], indirect=True)


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def events() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def version(request: pytest.FixtureRequest) -> str:
    """OCPP 1.6 unless a module or a test is marked otherwise."""
    return str(getattr(request, "param", "1.6"))


@pytest.fixture
def talk(version: str) -> Talk:
    return TALKS[version]


@pytest.fixture
async def csms(version: str) -> AsyncIterator[CentralSystem]:
    async with central_system(version) as system:
        yield system


@pytest.fixture
async def connect(version: str, csms: CentralSystem, clock: Clock, events: list[Any]) -> AsyncIterator[Connect]:
    """Makes a booted charge point. No meter values by themselves, quick reconnects."""
    running: list[tuple[SimulatedChargePoint, asyncio.Task[None]]] = []

    async def make(**options: Any) -> SimulatedChargePoint:
        defaults: dict[str, Any] = {"version": version, "clock": clock, "meter_interval_s": 0}
        defaults |= {"backoff_s": (0.01,), "call_timeout_s": 5}
        cp = SimulatedChargePoint(
            csms.url, "CP-1", on_event=lambda name, fields: events.append((name, fields)), **defaults | options
        )
        running.append((cp, asyncio.create_task(cp.run())))
        await cp.wait_booted(5)
        return cp

    yield make
    for cp, task in running:
        await cp.stop()
        await asyncio.wait_for(task, 5)


async def charging(connect: Connect, **options: Any) -> SimulatedChargePoint:
    """Connected, and a transaction runs on connector 1, in OCPP 1.6 the one with the id 1001."""
    cp = await connect(**options)
    await cp.plug_in(id_tag="TAG-1")
    await cp.start()
    await cp.until(lambda: cp.status() == "Charging" and cp.queued == ())
    return cp
