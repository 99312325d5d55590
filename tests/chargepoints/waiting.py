"""Waiting for what other tasks and threads do, with a deadline."""

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

PATIENCE_S = 10


async def eventually(condition: Callable[[], Any]) -> Any:
    """The first true value of `condition`, which may be async."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            value = condition()
            value = await value if isawaitable(value) else value
            if value:
                return value
            await asyncio.sleep(0.005)


async def elapsed_rounds(rounds: int = 50) -> None:
    """Lets everything of this loop that can run, run."""
    for _ in range(rounds):
        await asyncio.sleep(0)
