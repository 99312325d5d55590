"""The floor for profiles: in memory, no checks. PUT -> the socket of the charge point; its answer -> response_url.

On the server, loop and websocket protocol of the product.
"""

import asyncio
import itertools
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from bench.chargers import timestamp
from bench.http1 import HttpClient

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_numbers = itertools.count(1)
_sockets: dict[str, Send] = {}
_response_urls: dict[str, str] = {}
_clients: dict[int, HttpClient] = {}
_callbacks: set[asyncio.Task[None]] = set()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await _charge_point(scope, receive, send)
    elif scope["type"] == "http":
        await _put(scope, receive, send)


async def _charge_point(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
    _sockets[scope["path"].rsplit("/", 1)[-1]] = send
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.receive":
            await _frame(json.loads(message["text"]), send)


async def _frame(frame: list[Any], send: Send) -> None:
    if frame[0] == 2:
        await send({"type": "websocket.send", "text": json.dumps([3, frame[1], _answer(frame[2])])})
    else:
        callback = asyncio.create_task(_call_back(_response_urls.pop(frame[1]), frame[2]["status"]))
        _callbacks.add(callback)
        callback.add_done_callback(_callbacks.discard)


def _answer(action: str) -> dict[str, Any]:
    if action == "StartTransaction":
        return {"transactionId": next(_numbers), "idTagInfo": {"status": "Accepted"}}
    return {"currentTime": timestamp(), "interval": 300, "status": "Accepted"}


async def _put(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    asked, identity = json.loads((await receive())["body"]), scope["path"].rsplit("/", 1)[-1]
    message_id = str(next(_numbers))
    _response_urls[message_id] = asked["response_url"]
    frame = [2, message_id, "SetChargingProfile", _call(asked["charging_profile"])]
    await _sockets[identity]({"type": "websocket.send", "text": json.dumps(frame)})
    body = json.dumps({"data": {"result": "ACCEPTED", "timeout": 30}, "status_code": 1000, "timestamp": timestamp()})
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


def _call(profile: dict[str, Any]) -> dict[str, Any]:
    periods = [
        {"startPeriod": period["start_period"], "limit": period["limit"]}
        for period in profile["charging_profile_period"]
    ]
    schedule = {"chargingRateUnit": profile["charging_rate_unit"], "chargingSchedulePeriod": periods}
    return {"connectorId": 1, "csChargingProfiles": {"chargingProfileId": 1, "chargingSchedule": schedule}}


async def _call_back(url: str, status: str) -> None:
    parts = urlsplit(url)
    assert parts.port is not None
    client = _clients.setdefault(parts.port, HttpClient(parts.port))
    result = json.dumps({"result": status.upper()}).encode()
    await client.request("POST", f"{parts.path}?{parts.query}", body=result)


if __name__ == "__main__":
    uvicorn.run(
        application, port=int(sys.argv[1]), loop="uvloop", ws="websockets-sansio", ws_per_message_deflate=False,
        lifespan="off", log_config=None, access_log=False,
    )  # fmt: skip
