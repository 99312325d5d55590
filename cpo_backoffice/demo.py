"""The demo: simulated parties around the real server."""

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def running(*, write: Callable[[str], object]) -> Iterator[None]:
    write("demo")
    yield
