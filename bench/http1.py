"""Just enough HTTP/1.1 over asyncio to load a server without loading the machine: keep-alive, Content-Length bodies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handle = Callable[[str, str, bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class HttpClient:
    """One server; as many connections as requests at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Streams] = []

    async def request(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        reader, writer = await self._streams()
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        start, body = await _message(reader)
        self._idle.append((reader, writer))
        return Answer(int(start.split()[1]), body)

    async def _streams(self) -> Streams:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():  # else the server closed it, as it may after some idle seconds
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


@asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[int]:
    """Answers 200 with the JSON that `handle(method, target, body)` returns, on a free port of loopback."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                start, body = await _message(reader)
                method, target, _ = start.split(" ", 2)
                content = await handle(method, target, body)
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
                writer.write(head.encode() + content)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _message(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return start, await reader.readexactly(int(headers.get("content-length", "0")))
