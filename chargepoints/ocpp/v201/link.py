"""A connected OCPP 2.0.1 charge point: its messages become facts, our commands become its messages."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from chargepoints import inventory, metering, observation, sessions, transaction_events
from chargepoints.ocpp.link import Handler, Link, Payload
from chargepoints.ocpp.v201 import device_model, facts, translation
from chargepoints.ocpp.wire import clean_text, whole
from chargepoints.values import AuthorizationStatus, CommandOutcome, CommandRequest, RawCall, StatusFacts

logger = logging.getLogger(__name__)
MOST_VARIABLES = 5000


class V201Link(Link):
    version = "2.0.1"
    life_question = device_model.LIFE_QUESTION

    def __init__(self, **wiring: Any) -> None:
        super().__init__(**wiring)
        self._variables: dict[str, str] = {}  # a full inventory comes in parts, which may cut a component in two

    def _to_call(self, request: CommandRequest) -> tuple[str, Payload]:
        return translation.to_call(request)

    def _to_outcome(self, request: CommandRequest, answer: Payload) -> CommandOutcome:
        return translation.to_outcome(request, answer, received_at=self._clock())

    def _handler_of(self, action: str) -> Handler | None:
        handler = HANDLERS.get(action)
        return handler and partial(handler, self)

    # --- capabilities -----------------------------------------------------------------------------------------------

    async def _learn_from(self, request: CommandRequest, answer: Payload | None) -> None:
        """If our question is refused or half answered, everything is asked for (use case B07)."""
        if not isinstance(request, RawCall) or request.action != "GetVariables":
            return
        if answer is not None:
            lacks = device_model.lacks_smart_charging(answer)
            await self._take_variables(device_model.answered_variables(answer), lacks_smart_charging=lacks)
        if request in device_model.CAPABILITY_QUESTIONS:
            await self._ask_for_the_rest()

    async def _take_variables(self, variables: dict[str, str], *, lacks_smart_charging: bool = False) -> None:
        self._variables = dict(list({**self._variables, **variables}.items())[:MOST_VARIABLES])
        learned = device_model.to_capabilities(self._variables)
        if lacks_smart_charging and learned.supported is None:
            learned = replace(learned, supported=False)
        if variables or lacks_smart_charging:
            await self._learn(variables, learned)

    async def _ask_for_the_rest(self) -> None:
        if not device_model.is_complete(device_model.to_capabilities(self._variables)):
            now = self._clock()
            questions = (device_model.full_report(now),)
            await self._submit(inventory.ask_again, self._charge_point_id, questions, now=now)

    async def _report(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        """Whoever asked for it, and whichever part of it: what it says is so."""
        await self._take_variables(device_model.reported_variables(payload))
        return {}

    # --- provisioning, authorisation --------------------------------------------------------------------------------

    async def _boot(self, payload: Payload, now: datetime) -> Payload:
        self._variables = {}
        interval_s = await self._submit(
            inventory.boot, self._charge_point_id, facts.boot_facts(payload),
            questions=device_model.CAPABILITY_QUESTIONS, now=now,
        )  # fmt: skip
        return translation.boot_answer(interval_s, self._clock())

    async def _authorize(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        if payload.get("certificate") or payload.get("iso15118CertificateHashData"):
            return translation.CERTIFICATE_REFUSED
        token = payload.get("idToken")
        if facts.needs_no_token(token):
            return translation.token_answer(AuthorizationStatus.ACCEPTED)
        return translation.token_answer(await self._submit(sessions.authorize, facts.id_token(token)))

    # --- transactions, meter values, availability -------------------------------------------------------------------

    async def _transaction(self, payload: Payload, now: datetime) -> Payload:
        said = facts.transaction_facts(payload, now)
        status = await self._submit(transaction_events.take, self._charge_point_id, said, now=now)
        return translation.token_answer(status) if status else {}

    async def _meter(self, payload: Payload, now: datetime) -> Payload:
        await self._submit(metering.meter, self._charge_point_id, facts.meter_facts(payload, now), now=now)
        return {}

    async def _status(self, payload: Payload, now: datetime) -> Payload:
        await self._submit(inventory.status, self._charge_point_id, facts.status_facts(payload, now), now=now)
        return {}

    async def _event(self, payload: Payload, now: datetime) -> Payload:
        for said in facts.event_facts(payload, now):
            take = inventory.status if isinstance(said, StatusFacts) else inventory.problem
            await self._submit(take, self._charge_point_id, said, now=now)
        return {}

    # --- smart charging ---------------------------------------------------------------------------------------------

    async def _plan_changed(self, payload: Payload, now: datetime) -> Payload:
        """No EVSE, or 0, is the whole charge point (use cases K11 to K14; ReportChargingProfilesRequest)."""
        evse_id = max(0, whole(payload.get("evseId")) or 0)
        await self._submit(observation.look_again, self._charge_point_id, ocpp_evse_id=evse_id, now=now)
        return {}

    async def _profiles_reported(self, payload: Payload, now: datetime) -> Payload:
        """One look when the last part is there."""
        return {} if payload.get("tbc") is True else await self._plan_changed(payload, now)

    async def _ev_schedule(self, payload: Payload, now: datetime) -> Payload:
        """The EV's own plan within the limits (use case K15): nothing of ours to object to."""
        return await self._plan_changed(payload, now) | {"status": "Accepted"}

    async def _ev_needs(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        """Use case K15: no schedule is made here from an EV's needs, so none may be waited for."""
        logger.info("EV charging needs identity=%s evse=%s", self._identity, whole(payload.get("evseId")))
        return {"status": "Rejected"}

    # --- what is only acknowledged ----------------------------------------------------------------------------------

    async def _noted(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        return {}

    async def _reservation(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        what, number = clean_text(payload.get("reservationUpdateStatus")), whole(payload.get("reservationId"))
        logger.info("reservation identity=%s id=%s status=%r", self._identity, number, what)
        return {}

    async def _ev_certificate(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        return {"status": "Failed", "exiResponse": ""}

    async def _certificate_status(self, payload: Payload, now: datetime) -> Payload:  # noqa: ARG002
        return {"status": "Failed"}


HANDLERS: dict[str, Callable[[V201Link, Payload, datetime], Awaitable[Payload]]] = {
    "BootNotification": V201Link._boot,
    "Heartbeat": V201Link._heartbeat,
    "StatusNotification": V201Link._status,
    "NotifyEvent": V201Link._event,
    "NotifyReport": V201Link._report,
    "Authorize": V201Link._authorize,
    "TransactionEvent": V201Link._transaction,
    "MeterValues": V201Link._meter,
    "NotifyChargingLimit": V201Link._plan_changed,
    "ClearedChargingLimit": V201Link._plan_changed,
    "NotifyEVChargingNeeds": V201Link._ev_needs,
    "NotifyEVChargingSchedule": V201Link._ev_schedule,
    "ReportChargingProfiles": V201Link._profiles_reported,
    "DataTransfer": V201Link._data_transfer,
    "FirmwareStatusNotification": V201Link._firmware,
    "PublishFirmwareStatusNotification": V201Link._firmware,
    "LogStatusNotification": V201Link._diagnostics,
    "SecurityEventNotification": V201Link._security_event,
    "NotifyMonitoringReport": V201Link._noted,
    "NotifyCustomerInformation": V201Link._noted,
    "NotifyDisplayMessages": V201Link._noted,
    "ReservationStatusUpdate": V201Link._reservation,
    "SignCertificate": V201Link._sign_certificate,
    "Get15118EVCertificate": V201Link._ev_certificate,
    "GetCertificateStatus": V201Link._certificate_status,
}
