"""A port where connections are begun and never stand."""

import socket
from contextlib import AbstractContextManager, ExitStack


class Tarpit(AbstractContextManager["Tarpit"]):
    """Its queue of connections is full: who connects hears nothing until its own patience ends."""

    def __init__(self, port: int) -> None:
        self._sockets = ExitStack()
        listener = self._sockets.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(3):
            filler = self._sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))

    def __exit__(self, *_: object) -> None:
        self._sockets.close()
