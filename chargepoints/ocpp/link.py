"""What the links of all OCPP versions do alike: commands to outcomes, late answers, the clock, common messages."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from chargepoints import commands, inventory
from chargepoints.ocpp.background import remember
from chargepoints.ocpp.base import Send, Submit
from chargepoints.ocpp.capabilities import LearnedCapabilities
from chargepoints.ocpp.exchanges import Record
from chargepoints.ocpp.outcomes import failed
from chargepoints.ocpp.rpc import CallFailure, LateReply, RpcConnection, RpcError, Schemas
from chargepoints.ocpp.wire import clean_text, parse_time, storable, wire_time
from chargepoints.values import CommandCall, CommandOutcome, CommandRequest, OutcomeStatus, RawCall

logger = logging.getLogger(__name__)
Payload = dict[str, Any]
Handler = Callable[[Payload, datetime], Awaitable[Payload]]
REMEMBERED_CALLS = 100


class Link:
    """Every answer to the charge point is given after the COMMIT of what it reported.

    A version names its schemas and a question that every charge point answers, and gives the methods that raise here.
    """

    version: ClassVar[str]
    life_question: ClassVar[RawCall]

    def __init__(
        self,
        *,
        charge_point_id: int,
        identity: str,
        send: Send,
        submit: Submit,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        record: Record | None = None,
    ) -> None:
        self._charge_point_id = charge_point_id
        self._identity = identity
        self._submit = submit
        self._clock = clock
        self._asked: dict[str, CommandRequest] = {}
        self.clock_skew_s: int | None = None
        self._rpc = RpcConnection(
            identity=identity,
            schemas=Schemas.for_version(self.version),
            send=send,
            handle=self._handle,
            on_late=self._late,
            record=record,
        )

    def _to_call(self, request: CommandRequest) -> tuple[str, Payload]:
        """Action and payload. ValueError for what the version cannot express."""
        raise NotImplementedError

    def _to_outcome(self, request: CommandRequest, answer: Payload) -> CommandOutcome:
        raise NotImplementedError

    def _handler_of(self, action: str) -> Handler | None:
        """None for what is not a message of a charge point."""
        raise NotImplementedError

    async def _learn_from(self, request: CommandRequest, answer: Payload | None) -> None:
        """What a raw answer teaches about the charge point. None: it refused, or answered nonsense."""

    async def receive(self, text: str) -> None:
        await self._rpc.receive(text)

    async def close(self) -> None:
        await self._rpc.close()

    # --- commands ---------------------------------------------------------------------------------------------------

    async def perform(self, call: CommandCall) -> CommandOutcome:
        tag = str(call.command_id)
        remember(self._asked, tag, call.request, limit=REMEMBERED_CALLS)
        try:
            action, payload = self._to_call(call.request)
            answer = await self._rpc.call(action, payload, timeout_s=call.timeout_s, tag=tag)
        except (CallFailure, ValueError) as failure:
            return await self._refused(call.request, failure)
        return await self._answered(call.request, answer)

    async def is_alive(self, *, timeout_s: float) -> bool:
        """Whether anybody at the other end still answers anything at all."""
        outcome = await self.perform(CommandCall(command_id=0, request=self.life_question, timeout_s=timeout_s))
        return outcome.status not in {OutcomeStatus.EXPIRED, OutcomeStatus.FAILED}

    async def _answered(self, request: CommandRequest, answer: Payload) -> CommandOutcome:
        answer = storable(answer)
        outcome = self._to_outcome(request, answer)
        await self._learn_from(request, answer)
        return outcome

    async def _refused(self, request: CommandRequest, failure: Exception) -> CommandOutcome:
        outcome = failed(failure)
        if outcome.status is OutcomeStatus.REJECTED:
            await self._learn_from(request, None)
        return outcome

    async def _late(self, tag: str, reply: LateReply) -> None:
        request = self._asked.get(tag)
        if request is None:
            return
        if reply.payload is None:
            outcome = await self._refused(request, reply.error or CallFailure("no answer"))
        else:
            outcome = await self._answered(request, reply.payload)
        await self._submit(commands.record_outcome, int(tag), outcome, now=self._clock())

    async def _learn(self, configuration: dict[str, str], learned: LearnedCapabilities) -> None:
        await self._submit(
            inventory.learn, self._charge_point_id, configuration=configuration, supported=learned.supported,
            units=learned.units, max_periods=learned.max_periods, max_stack_level=learned.max_stack_level,
            max_profiles=learned.max_profiles, now=self._clock(),
        )  # fmt: skip

    # --- messages ---------------------------------------------------------------------------------------------------

    async def _handle(self, action: str, payload: Payload) -> Payload:
        handler = self._handler_of(action)
        if handler is None:
            raise RpcError("NotSupported", f"{action} is not a message of a charge point")
        now = self._clock()
        self._measure_skew(payload, now)
        try:
            return await handler(payload, now)
        except ValueError as error:
            raise RpcError("PropertyConstraintViolation", str(error)) from error

    def _measure_skew(self, payload: Payload, now: datetime) -> None:
        """The charge point's clock minus ours. Late messages only lower it, so the highest of a connection counts."""
        stamp = parse_time(payload.get("timestamp")) or parse_time(payload.get("generatedAt"))
        if stamp:
            skew = round((stamp - now).total_seconds())
            if abs(skew) < 2**31:
                self.clock_skew_s = skew if self.clock_skew_s is None else max(self.clock_skew_s, skew)

    async def _heartbeat(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        return {"currentTime": wire_time(now)}

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

    async def _data_transfer(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        logger.info("data transfer identity=%s vendor=%r", self._identity, clean_text(payload.get("vendorId")))
        return {"status": "UnknownVendorId"}

    async def _sign_certificate(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        return {"status": "Rejected"}  # this product runs no certificate authority
