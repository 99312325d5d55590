"""One MeterValues frame parsed, validated and answered: our framing against that of the `ocpp` package."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result

from bench.chargers import meter_values
from bench.figures import percentile
from chargepoints.ocpp.rpc import RpcConnection, Schemas

ROUNDS = 9


class Sink:
    """Where answers go; `answered` is set by each."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()

    async def send(self, text: str) -> None:
        assert json.loads(text)[0] == 3, text
        self.answered.set()


class PackageChargePoint(ChargePoint):
    @on("MeterValues")
    def metered(self, **_: object) -> call_result.MeterValues:
        return call_result.MeterValues()


async def _no_answer(*_: Any) -> dict[str, Any]:
    return {}


def ours(sink: Sink) -> Callable[[str], Awaitable[None]]:
    schemas = Schemas.for_version("1.6")
    return RpcConnection(
        identity="bench", schemas=schemas, send=sink.send, handle=_no_answer, on_late=_no_answer
    ).receive


def theirs(sink: Sink) -> Callable[[str], Awaitable[None]]:
    return PackageChargePoint("bench", sink).route_message


_numbers = itertools.count(1)


def frames(count: int) -> list[str]:
    return [
        json.dumps([2, f"frame-{number}", "MeterValues", meter_values(7, energy_wh=number)])
        for number in itertools.islice(_numbers, count)
    ]


async def seconds_a_frame(receiver: Callable[[Sink], Callable[[str], Awaitable[None]]], count: int) -> float:
    sink = Sink()
    receive, texts = receiver(sink), frames(count)
    began = time.perf_counter()
    for text in texts:
        sink.answered.clear()
        await receive(text)
        await sink.answered.wait()
    return (time.perf_counter() - began) / count


async def measure(count: int) -> tuple[float, float]:
    """Alternately, so that whatever else the machine does hits both; the best quarter of the rounds speaks."""
    await seconds_a_frame(ours, 10)
    await seconds_a_frame(theirs, 10)
    rounds = [(await seconds_a_frame(ours, count), await seconds_a_frame(theirs, count)) for _ in range(ROUNDS)]
    return percentile([own for own, _ in rounds], 0.25), percentile([package for _, package in rounds], 0.25)


def run(*, count: int = 300) -> dict[str, float]:
    own, package = asyncio.run(measure(count))
    print(
        f"a MeterValues frame: {own * 1e6:.0f} us, the `ocpp` package {package * 1e6:.0f} us, ratio {own / package:.2f}"
    )
    return {"ratio": own / package}


if __name__ == "__main__":
    run()
