"""How many requests of partners are worked on at the same time: the rest waits for its turn, and not for long.

Without this each request takes a thread and a database connection of its own, and under too much load the charge
points and the operators, who share them, stand still as well.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ocpi.protocol.errors import Overloaded

WAIT_S = 5.0


class Slots:
    def __init__(self, at_once: int) -> None:
        self._free = threading.BoundedSemaphore(at_once)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Raises Overloaded, before anything was done, when none came free for WAIT_S seconds."""
        if not self._free.acquire(timeout=WAIT_S):
            raise Overloaded
        try:
            yield
        finally:
            self._free.release()


REQUESTS = Slots(8)
HANDSHAKES = Slots(3)
"""They call out, up to half a minute; slow partners that register keep nobody else from working."""
