"""The floor for MeterValues: the `ocpp` package on `websockets`, no database, every message answered at once."""

import asyncio
import itertools
import logging
import sys
from contextlib import suppress

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.chargers import timestamp

_transaction_ids = itertools.count(1)


class BareChargePoint(ChargePoint):
    @on("BootNotification")
    def booted(self, **_: object) -> call_result.BootNotification:
        return call_result.BootNotification(current_time=timestamp(), interval=300, status="Accepted")

    @on("StartTransaction")
    def started(self, **_: object) -> call_result.StartTransaction:
        return call_result.StartTransaction(next(_transaction_ids), {"status": "Accepted"})

    @on("MeterValues")
    def metered(self, **_: object) -> call_result.MeterValues:
        return call_result.MeterValues()


async def connected(socket: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        await BareChargePoint(socket.request.path.rsplit("/", 1)[-1], socket).start()


async def main(port: int) -> None:
    async with serve(connected, "127.0.0.1", port, subprotocols=["ocpp1.6"], compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    asyncio.run(main(int(sys.argv[1])))
