"""How many requests of partners are worked on at the same time: the rest waits for its turn, and not for long.

Without this each request takes a thread and a database connection of its own, and under too much load the charge
points and the operators, who share them, stand still as well.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ocpi.protocol.errors import Overloaded

AT_ONCE = 8
WAIT_S = 5.0
_slots = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def slot() -> Iterator[None]:
    """Raises Overloaded, before anything was done, when none came free for WAIT_S seconds."""
    if not _slots.acquire(timeout=WAIT_S):
        raise Overloaded
    try:
        yield
    finally:
        _slots.release()
