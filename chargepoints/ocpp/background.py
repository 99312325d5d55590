"""Tasks that outlive the socket which started them, and short memories."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

V = TypeVar("V")

_running: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly


def run(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Starts `work` and keeps it until it is done, whoever forgets it."""
    task = asyncio.get_running_loop().create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


def remember(memory: dict[str, V], key: str, value: V, *, limit: int) -> None:
    """Puts `key` last and forgets the oldest beyond `limit`."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > limit:
        del memory[next(iter(memory))]
