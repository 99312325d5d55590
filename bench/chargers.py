"""Charge points reduced to frames: raw websockets that say what a 1.6 charge point says and answer at once."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

CONFIGURATION = {
    "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
    "ChargingScheduleMaxPeriods": "24",
    "ChargeProfileMaxStackLevel": "8",
    "MaxChargingProfilesInstalled": "8",
    "SupportedFeatureProfiles": "Core,SmartCharging,RemoteTrigger",
}


def timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class RawCharger:
    """One socket. A task reads it: answers CALLs, and hands CALLRESULTs to whoever waits."""

    def __init__(self, identity: str, socket: ClientConnection) -> None:
        self.identity = identity
        self.transaction_id = 0
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._schedule: dict[str, Any] | None = None

    async def close(self) -> None:
        await self._socket.close()

    async def read(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            if frame[0] == 2:
                await self._socket.send(json.dumps([3, frame[1], self._answer(frame[2], frame[3])]))
            elif frame[0] == 3:
                self._waiting.pop(frame[1]).set_result(frame[2])
            else:
                raise RuntimeError(f"CALLERROR: {text!r}")

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        message_id = f"{self.identity}-{next(self._ids)}"
        self._waiting[message_id] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps([2, message_id, action, payload]))
        return await self._waiting[message_id]

    async def begin(self) -> None:
        """Boots and starts a transaction."""
        await self.call("BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "Raw"})
        started = await self.call(
            "StartTransaction", {"connectorId": 1, "idTag": "BENCH", "meterStart": 1000, "timestamp": timestamp()}
        )
        self.transaction_id = started["transactionId"]

    async def meter(self, seconds: float) -> int:
        """MeterValues, each after the answer to the one before it. How many were answered."""
        stop = asyncio.get_running_loop().time() + seconds
        for answered in itertools.count():
            if asyncio.get_running_loop().time() >= stop:
                return answered
            await self.call("MeterValues", meter_values(self.transaction_id, energy_wh=2000 + answered))
        raise AssertionError

    def _answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if action == "GetConfiguration":
            known = [{"key": key, "readonly": True, "value": value} for key, value in CONFIGURATION.items()]
            return {"configurationKey": known}
        if action == "SetChargingProfile":
            self._schedule = payload["csChargingProfiles"]["chargingSchedule"]
        if action == "GetCompositeSchedule" and self._schedule:
            return {"status": "Accepted", "connectorId": 1, "scheduleStart": timestamp(),
                    "chargingSchedule": self._schedule | {"duration": payload["duration"]}}  # fmt: skip
        return {"status": "Accepted"}


def meter_values(transaction_id: int, *, energy_wh: int) -> dict[str, Any]:
    """What a three-phase charge point sends every minute or so."""
    periodic = {"context": "Sample.Periodic", "location": "Outlet"}
    currents = [
        periodic | {"value": value, "measurand": "Current.Import", "phase": phase, "unit": "A"}
        for phase, value in (("L1", "15.9"), ("L2", "16.1"), ("L3", "15.8"))
    ]
    sampled = [
        periodic | {"value": str(energy_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        periodic | {"value": "10983.5", "measurand": "Power.Active.Import", "unit": "W"},
        *currents,
        {"value": "16.0", "measurand": "Current.Offered", "unit": "A"},
    ]
    element = {"timestamp": timestamp(), "sampledValue": sampled}
    return {"connectorId": 1, "transactionId": transaction_id, "meterValue": [element]}


@asynccontextmanager
async def charging(port: int, count: int) -> AsyncIterator[list[RawCharger]]:
    """`count` charge points with an open transaction each, their sockets read by tasks."""
    chargers = [await connected(port, f"BENCH{number:05}") for number in range(count)]
    readers = [asyncio.create_task(charger.read()) for charger in chargers]
    try:
        for charger in chargers:
            await charger.begin()
        yield chargers
    finally:
        for reader in readers:
            reader.cancel()
        for charger in chargers:
            await charger.close()


async def connected(port: int, identity: str) -> RawCharger:
    url = f"ws://127.0.0.1:{port}/ocpp/{identity}"
    socket = await connect(url, subprotocols=["ocpp1.6"], compression=None, ping_interval=None, open_timeout=30)
    return RawCharger(identity, socket)
