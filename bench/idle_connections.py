"""Memory of the server for each charge point that is connected and silent."""

import argparse
import asyncio

from bench import servers
from bench.chargers import connected


async def measure(stack: servers.Stack, count: int) -> float:
    warm = [await connected(stack.port, f"WARM{number:05}") for number in range(20)]
    before = stack.resident_kib()
    chargers = [await connected(stack.port, f"IDLE{number:05}") for number in range(count)]
    await asyncio.sleep(1)
    grown = stack.resident_kib() - before
    for charger in (*warm, *chargers):
        await charger.close()
    return grown / count


def run(*, count: int) -> dict[str, float]:
    with servers.embedded() as stack:
        each = asyncio.run(measure(stack, count))
    print(f"idle connections: {count} sockets, {each:.1f} KiB each")
    return {"kib": each}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=500)
    run(count=parser.parse_args().sockets)
