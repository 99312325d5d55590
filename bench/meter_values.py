"""MeterValues a second that are in the database before they are answered, against a bare server without a database."""

import argparse
import asyncio
import json
import sqlite3
import time

import psycopg

from bench import servers
from bench.chargers import charging

WARM_UP_S = 1.0


async def rate(port: int, *, sockets: int, seconds: float) -> tuple[float, int]:
    """Answers a second, and how many in all."""
    async with charging(port, sockets) as chargers:
        warm = await asyncio.gather(*(charger.meter(WARM_UP_S) for charger in chargers))
        began = time.perf_counter()
        answered = await asyncio.gather(*(charger.meter(seconds) for charger in chargers))
        took = time.perf_counter() - began
    return sum(answered) / took, sum(warm) + sum(answered)


def persisted(database: str) -> int:
    query = "SELECT count(*) FROM chargepoints_metervalue"
    connection = psycopg.connect(database) if "://" in database else sqlite3.connect(database)
    try:
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


def run(stack_name: str, *, sockets: int, seconds: float) -> dict[str, float]:
    with servers.STACKS[stack_name]() as stack:
        product, answered = asyncio.run(rate(stack.port, sockets=sockets, seconds=seconds))
        rows = persisted(stack.database)
        stack.stop()
        sizes = json.loads(stack.batches.read_text())
    if rows != answered:
        raise SystemExit(f"{answered} MeterValues answered, but {rows} persisted")
    with servers.floor("bench.ocpp_floor") as port:
        floor, _ = asyncio.run(rate(port, sockets=sockets, seconds=seconds / 2))
    print(
        f"meter values, {stack_name}, {sockets} sockets: {product:.0f}/s persisted ({rows} answered, {rows} rows; "
        f"{sum(sizes) / len(sizes):.1f} jobs a commit), floor {floor:.0f}/s, ratio {product / floor:.2f}"
    )
    return {"ratio": product / floor}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", choices=servers.STACKS, default="embedded")
    parser.add_argument("--sockets", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    run(options.stack, sockets=options.sockets, seconds=options.seconds)
