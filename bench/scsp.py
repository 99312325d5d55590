"""The partner: PUTs charging profiles at a fixed rate, whatever comes back, and hears the results."""

import asyncio
import base64
import collections
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from bench.chargers import timestamp
from bench.http1 import HttpClient, serving

TOKEN = "bench-token"
SETTLE_S = 2.0
LOST_S = 30.0
PUT_OFF = ("TOO_OFTEN", "HTTP 503")


@dataclass(slots=True)
class Journeys:
    """Seconds by number of the request."""

    refused: collections.Counter[str] = field(default_factory=collections.Counter)
    sent_at: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    called_back: dict[int, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    results: collections.Counter[str] = field(default_factory=collections.Counter)

    @property
    def lost(self) -> list[int]:
        return [number for number in self.answered if number not in self.called_back]

    @property
    def duplicates(self) -> list[int]:
        return [number for number, times in self.called_back.items() if len(times) > 1]

    @property
    def unasked(self) -> list[int]:
        return [number for number in self.called_back if number not in self.answered]

    @property
    def failed(self) -> dict[str, int]:
        """Requests by their answer, neither ACCEPTED nor put off by a product that is behind."""
        return {answer: count for answer, count in self.refused.items() if answer not in PUT_OFF}

    def answer_times(self) -> list[float]:
        return list(self.answered.values())

    def callback_times(self) -> list[float]:
        return [times[0] - self.sent_at[number] for number, times in self.called_back.items()]


class Scsp:
    """`targets` are URL paths, one for each session; they are used in turn."""

    def __init__(self) -> None:
        self.journeys = Journeys()
        self.port = 0
        self._heard = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async with serving(self._handle) as self.port:
            yield

    async def put_profiles(self, cpo_port: int, targets: list[str], *, per_second: float, seconds: float) -> None:
        client = HttpClient(cpo_port)
        began = asyncio.get_running_loop().time()
        puts = []
        for number in range(round(per_second * seconds)):
            await asyncio.sleep(began + number / per_second - asyncio.get_running_loop().time())
            puts.append(asyncio.create_task(self._put(client, targets[number % len(targets)], number)))
        await asyncio.gather(*puts)
        await self._all_results()
        client.close()

    async def _put(self, client: HttpClient, target: str, number: int) -> None:
        body = json.dumps(self._body(number)).encode()
        self.journeys.sent_at[number] = time.perf_counter()
        answer = await client.request("PUT", target, headers=headers(), body=body)
        took = time.perf_counter() - self.journeys.sent_at[number]
        result = json.loads(answer.body)["data"]["result"] if answer.status == 200 else f"HTTP {answer.status}"
        if result == "ACCEPTED":
            self.journeys.answered[number] = took
        else:
            self.journeys.refused[result] += 1

    def _body(self, number: int) -> dict[str, object]:
        """Never the same limit twice in a row for a session: an identical profile is not sent to the charge point."""
        limits = (22000, 0, 4140 + number % 8000)
        periods = [{"start_period": index * 1800, "limit": limit} for index, limit in enumerate(limits)]
        profile = {"start_date_time": timestamp(), "charging_rate_unit": "W", "charging_profile_period": periods}
        return {"charging_profile": profile, "response_url": f"http://127.0.0.1:{self.port}/result?number={number}"}

    async def _all_results(self) -> None:
        """Until each has come or cannot come any more; and a little longer, for those that come twice."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOST_S):
                while self.journeys.lost:
                    self._heard.clear()
                    await self._heard.wait()
        await asyncio.sleep(SETTLE_S)

    async def _handle(self, method: str, target: str, body: bytes) -> bytes:  # noqa: ARG002
        parts = urlsplit(target)
        if parts.path == "/result":
            self.journeys.called_back[int(parse_qs(parts.query)["number"][0])].append(time.perf_counter())
            self.journeys.results[json.loads(body)["result"]] += 1
            self._heard.set()
        return json.dumps({"status_code": 1000, "timestamp": timestamp()}).encode()


def headers() -> dict[str, str]:
    token = base64.b64encode(TOKEN.encode()).decode()
    return {"Authorization": f"Token {token}", "Content-Type": "application/json"}


async def session_targets(cpo_port: int) -> list[str]:
    """Of all active sessions, as a partner finds them."""
    client, targets = HttpClient(cpo_port), []
    while True:
        query = f"date_from=2020-01-01T00:00:00Z&limit=100&offset={len(targets)}"
        page = json.loads((await client.request("GET", f"/ocpi/2.2.1/sessions?{query}", headers=headers())).body)
        if not page["data"]:
            client.close()
            return targets
        targets += [f"/ocpi/2.2.1/chargingprofiles/{session['id']}" for session in page["data"]]
