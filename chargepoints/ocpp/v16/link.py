"""A connected OCPP 1.6 charge point: its messages become facts, our commands become its messages."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from chargepoints import commands, inventory, metering, sessions
from chargepoints.ocpp.background import remember
from chargepoints.ocpp.base import Send, Submit
from chargepoints.ocpp.rpc import (
    CallError,
    CallFailure,
    CallTimeout,
    ConnectionClosed,
    InvalidRequest,
    LateReply,
    RpcConnection,
    RpcError,
    Schemas,
)
from chargepoints.ocpp.v16 import facts, translation
from chargepoints.ocpp.wire import clean_text, id_token_text, parse_time, storable
from chargepoints.values import CommandCall, CommandOutcome, CommandRequest, OutcomeStatus, RawCall

logger = logging.getLogger(__name__)
Payload = dict[str, Any]
REMEMBERED_CALLS = 100


class V16Link:
    """Every answer to the charge point is given after the COMMIT of what it reported."""

    def __init__(
        self,
        *,
        charge_point_id: int,
        identity: str,
        send: Send,
        submit: Submit,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._charge_point_id = charge_point_id
        self._identity = identity
        self._submit = submit
        self._clock = clock
        self._asked: dict[str, CommandRequest] = {}
        self.clock_skew_s: int | None = None
        self._rpc = RpcConnection(
            identity=identity, schemas=Schemas.for_version("1.6"), send=send, handle=self._handle, on_late=self._late
        )

    async def receive(self, text: str) -> None:
        await self._rpc.receive(text)

    async def close(self) -> None:
        await self._rpc.close()

    # --- commands ---------------------------------------------------------------------------------------------------

    async def perform(self, call: CommandCall) -> CommandOutcome:
        tag = str(call.command_id)
        remember(self._asked, tag, call.request, limit=REMEMBERED_CALLS)
        try:
            action, payload = translation.to_call(call.request, now=self._clock())
            answer = await self._rpc.call(action, payload, timeout_s=call.timeout_s, tag=tag)
        except (CallFailure, ValueError) as failure:
            return failed(failure)
        return await self._answered(call.request, answer)

    async def _answered(self, request: CommandRequest, answer: Payload) -> CommandOutcome:
        outcome = translation.to_outcome(request, storable(answer), received_at=self._clock())
        if isinstance(request, RawCall) and request.action == "GetConfiguration":
            await self._learn(answer)
        return outcome

    async def _late(self, tag: str, reply: LateReply) -> None:
        request = self._asked.get(tag)
        if request is None:
            return
        if reply.payload is None:
            outcome = failed(reply.error or CallFailure("no answer"))
        else:
            outcome = await self._answered(request, reply.payload)
        await self._submit(commands.record_outcome, int(tag), outcome, now=self._clock())

    async def _learn(self, answer: Payload) -> None:
        configuration = translation.configuration_of(storable(answer))
        learned = translation.to_capabilities(configuration)
        await self._submit(
            inventory.learn, self._charge_point_id, configuration=configuration, supported=learned.supported,
            units=learned.units, max_periods=learned.max_periods, max_stack_level=learned.max_stack_level,
            max_profiles=learned.max_profiles, now=self._clock(),
        )  # fmt: skip

    # --- messages ---------------------------------------------------------------------------------------------------

    async def _handle(self, action: str, payload: Payload) -> Payload:
        handler = HANDLERS.get(action)
        if handler is None:
            raise RpcError("NotSupported", f"{action} is not a message of a charge point")
        now = self._clock()
        self._measure_skew(payload, now)
        try:
            return await handler(self, payload, now)
        except ValueError as error:
            raise RpcError("PropertyConstraintViolation", str(error)) from error

    def _measure_skew(self, payload: Payload, now: datetime) -> None:
        """The charge point's clock minus ours. Late messages only lower it, so the highest of a connection counts."""
        stamp = parse_time(payload.get("timestamp"))
        if stamp:
            skew = round((stamp - now).total_seconds())
            if abs(skew) < 2**31:
                self.clock_skew_s = skew if self.clock_skew_s is None else max(self.clock_skew_s, skew)

    async def _boot(self, payload: Payload, now: datetime) -> Payload:
        interval_s = await self._submit(
            inventory.boot, self._charge_point_id, facts.boot_facts(payload),
            capability_keys=translation.SMART_CHARGING_KEYS, now=now,
        )  # fmt: skip
        return translation.boot_answer("Accepted", interval_s, self._clock())

    async def _heartbeat(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        return translation.heartbeat_answer(now)

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

    async def _data_transfer(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        logger.info("data transfer identity=%s vendor=%r", self._identity, clean_text(payload.get("vendorId")))
        return {"status": "UnknownVendorId"}

    async def _firmware(self, payload: Payload, now: datetime) -> Payload:
        text = clean_text(payload.get("status"))
        await self._submit(inventory.firmware_status, self._charge_point_id, text, now=now)
        return {}

    async def _diagnostics(self, payload: Payload, now: datetime) -> Payload:
        text = clean_text(payload.get("status"))
        await self._submit(inventory.diagnostics_status, self._charge_point_id, text, now=now)
        return {}

    async def _security_event(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        kind, info = clean_text(payload.get("type")), clean_text(payload.get("techInfo"))
        logger.warning("security event identity=%s type=%r info=%r", self._identity, kind, info)
        return {}

    async def _sign_certificate(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        return {"status": "Rejected"}  # this product runs no certificate authority


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


def failed(failure: Exception) -> CommandOutcome:
    """A CALL without its confirmation, as an outcome. A CALLERROR or nonsense is a refusal; silence is not."""
    match failure:
        case CallTimeout():
            return CommandOutcome(OutcomeStatus.EXPIRED, str(failure))
        case ConnectionClosed():
            return CommandOutcome(OutcomeStatus.FAILED, "the connection closed before the charge point answered")
        case InvalidRequest() | ValueError():
            return CommandOutcome(OutcomeStatus.FAILED, f"nothing was sent: {failure}")
        case CallError():
            answer = {"errorCode": failure.code, "errorDescription": failure.description}
            return CommandOutcome(
                OutcomeStatus.REJECTED, clean_text(f"charge point answered CALLERROR {failure}", 500), storable(answer)
            )
        case _:
            return CommandOutcome(OutcomeStatus.REJECTED, clean_text(f"charge point answered nonsense: {failure}", 500))
