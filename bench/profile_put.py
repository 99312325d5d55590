"""From a partner's PUT to the result at its response_url, at a fixed rate; against a server that only forwards."""

import argparse
import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg

from bench import servers
from bench.chargers import charging
from bench.figures import milliseconds, percentile
from bench.scsp import TOKEN, Journeys, Scsp, session_targets

SETTINGS = {
    "OCPI_SESSION_BURST": "1000000",
    "OCPI_SESSION_PER_MINUTE": "1000000",
    "OCPI_PARTY_BURST": "1000000",
    "OCPI_PARTY_PER_MINUTE": "1000000",
}
STEPS = {
    "PUT received -> sent to the charge point": ("received_at", "command_sent_at"),
    "sent to the charge point -> outcome": ("command_sent_at", "finished_at"),
    "outcome -> delivery begins": ("finished_at", "started_at"),
    "delivery begins -> first byte": ("started_at", "sent_at"),
}
STEPS_QUERY = """
    SELECT r.received_at, c.sent_at AS command_sent_at, c.finished_at, a.started_at, a.sent_at
    FROM ocpi_profilerequest r JOIN chargepoints_chargepointcommand c ON c.id = r.command_id
    JOIN ocpi_outboxmessage m ON m.profile_request_id = r.id
    JOIN ocpi_deliveryattempt a ON a.message_id = m.id WHERE c.sent_at IS NOT NULL AND a.sent_at IS NOT NULL
"""


async def product_journeys(stack: servers.Stack, *, sessions: int, per_second: float, seconds: float) -> Journeys:
    scsp = Scsp()
    async with scsp.listening(), charging(stack.port, sessions):
        add_party(stack, f"http://127.0.0.1:{scsp.port}")
        targets = await session_targets(stack.port)
        await asyncio.sleep(2)  # their capabilities are asked meanwhile
        await scsp.put_profiles(stack.port, targets, per_second=per_second, seconds=seconds)
    return scsp.journeys


def add_party(stack: servers.Stack, url: str) -> None:
    stack.manage(
        "add_party", "NL", "BEN", "--token", TOKEN, "--outbound-token", TOKEN, "--allow-host", "127.0.0.1",
        "--sessions-url", f"{url}/sessions", "--chargingprofiles-url", f"{url}/chargingprofiles",
    )  # fmt: skip


async def floor_journeys(port: int, *, sessions: int, per_second: float, seconds: float) -> Journeys:
    scsp = Scsp()
    async with scsp.listening(), charging(port, sessions) as chargers:
        targets = [f"/profiles/{charger.identity}" for charger in chargers]
        await scsp.put_profiles(port, targets, per_second=per_second, seconds=seconds)
    return scsp.journeys


def steps(database: str) -> dict[str, list[float]]:
    """What the rows tell of the time between."""
    rows = _rows(database)
    return {
        step: [(_time(row[end]) - _time(row[begin])).total_seconds() for row in rows]
        for step, (begin, end) in STEPS.items()
    }


def _rows(database: str) -> list[dict[str, Any]]:
    is_url = "://" in database
    connect: Callable[[str], Any] = psycopg.connect if is_url else sqlite3.connect
    connection = connect(database)
    try:
        cursor = connection.execute(STEPS_QUERY)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        connection.close()


def _time(value: str | datetime) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def check(journeys: Journeys) -> None:
    """One result for each ACCEPTED, none for anything else. Under too much load one may truthfully be REJECTED,
    superseded by the next request, or not be taken at all: TOO_OFTEN or HTTP 503 (docs/operations.md).
    """
    wrong = {
        "lost": journeys.lost,
        "duplicated": journeys.duplicates,
        "without ACCEPTED": journeys.unasked,
        "neither ACCEPTED nor put off": journeys.failed,
    }
    if any(wrong.values()):
        raise SystemExit(f"profile PUT: {wrong}")


def run(stack_name: str, *, sessions: int, per_second: float, seconds: float) -> dict[str, float]:
    load = {"sessions": sessions, "per_second": per_second}
    with servers.STACKS[stack_name](**SETTINGS) as stack:
        product = asyncio.run(product_journeys(stack, seconds=seconds, **load))
        between = steps(stack.database)
    with servers.floor("bench.put_floor") as port:
        floor = asyncio.run(floor_journeys(port, seconds=seconds / 4, **load))
    for journeys in (product, floor):
        check(journeys)
    print(
        f"profile PUT to result, {stack_name}, {per_second:g}/s on {sessions} sessions: "
        f"{len(product.answered)} ACCEPTED, each with one result: {dict(product.results)}; "
        f"put off: {dict(product.refused)}"
    )
    return report(product, floor, between)


def report(product: Journeys, floor: Journeys, between: dict[str, list[float]]) -> dict[str, float]:
    own, bare = product.callback_times(), floor.callback_times()
    p50, p99 = (percentile(own, share) / percentile(bare, share) for share in (0.5, 0.99))
    print(f"  answer: {milliseconds(product.answer_times())}; floor {milliseconds(floor.answer_times())}")
    print(f"  result: {milliseconds(own)}; floor {milliseconds(bare)}; ratio p50 {p50:.1f}, p99 {p99:.1f}")
    for step, times in between.items():
        print(f"    {step}: {milliseconds(times)}")
    return {"p50": p50, "p99": p99}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", choices=servers.STACKS, default="embedded")
    parser.add_argument("--sessions", type=int, default=80)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    run(options.stack, sessions=options.sessions, per_second=options.rate, seconds=options.seconds)
