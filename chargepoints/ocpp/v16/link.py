"""A connected OCPP 1.6 charge point: its messages become facts, our commands become its messages."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from chargepoints import inventory, metering, sessions
from chargepoints.ocpp.link import Handler, Link, Payload
from chargepoints.ocpp.v16 import facts, translation
from chargepoints.ocpp.wire import id_token_text
from chargepoints.values import CommandOutcome, CommandRequest, RawCall


class V16Link(Link):
    version = "1.6"
    life_question = translation.LIFE_QUESTION

    def _to_call(self, request: CommandRequest) -> tuple[str, Payload]:
        return translation.to_call(request)

    def _to_outcome(self, request: CommandRequest, answer: Payload) -> CommandOutcome:
        return translation.to_outcome(request, answer, received_at=self._clock())

    def _handler_of(self, action: str) -> Handler | None:
        handler = HANDLERS.get(action)
        return handler and partial(handler, self)

    async def _learn_from(self, request: CommandRequest, answer: Payload | None) -> None:
        if answer is not None and isinstance(request, RawCall) and request.action == "GetConfiguration":
            configuration = translation.configuration_of(answer)
            await self._learn(configuration, translation.to_capabilities(configuration))

    async def _boot(self, payload: Payload, now: datetime) -> Payload:
        interval_s = await self._submit(
            inventory.boot, self._charge_point_id, facts.boot_facts(payload),
            questions=translation.CAPABILITY_QUESTIONS, now=now,
        )  # fmt: skip
        return translation.boot_answer("Accepted", interval_s, self._clock())

    async def _status(self, payload: Payload, now: datetime) -> Payload:
        await self._submit(inventory.status, self._charge_point_id, facts.status_facts(payload, now), now=now)
        return {}

    async def _authorize(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        status = await self._submit(sessions.authorize, id_token_text(payload.get("idTag")))
        return translation.authorize_answer(status)

    async def _start(self, payload: Payload, now: datetime) -> Payload:
        answer = await self._submit(sessions.start, self._charge_point_id, facts.start_facts(payload, now), now=now)
        return translation.start_answer(answer)

    async def _meter(self, payload: Payload, now: datetime) -> Payload:
        await self._submit(metering.meter, self._charge_point_id, facts.meter_facts(payload, now), now=now)
        return {}

    async def _stop(self, payload: Payload, now: datetime) -> Payload:
        status = await self._submit(sessions.stop, self._charge_point_id, facts.stop_facts(payload, now), now=now)
        return translation.authorize_answer(status) if status else {}


HANDLERS: dict[str, Callable[[V16Link, Payload, datetime], Awaitable[Payload]]] = {
    "BootNotification": V16Link._boot,
    "Heartbeat": V16Link._heartbeat,
    "StatusNotification": V16Link._status,
    "Authorize": V16Link._authorize,
    "StartTransaction": V16Link._start,
    "MeterValues": V16Link._meter,
    "StopTransaction": V16Link._stop,
    "DataTransfer": V16Link._data_transfer,
    "FirmwareStatusNotification": V16Link._firmware,
    "SignedFirmwareStatusNotification": V16Link._firmware,
    "DiagnosticsStatusNotification": V16Link._diagnostics,
    "LogStatusNotification": V16Link._diagnostics,
    "SecurityEventNotification": V16Link._security_event,
    "SignCertificate": V16Link._sign_certificate,
}
