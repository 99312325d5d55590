"""What a charge point says in OCPP 1.6."""

from functools import partial
from typing import TYPE_CHECKING, Any

from ..connector import Connector, MeterReading, RemoteStart, Sample, Transaction, samples
from ..dialect import Reply, Settled, Setup, handle
from ..profiles import Profile, ProfileStack
from ..transaction_queue import Answered
from ..wire import Schemas
from .answers import HANDLERS, SMART_CHARGING
from .configuration import Configuration
from .profiles import parse_profile

if TYPE_CHECKING:
    from ..simulation import Simulation


class Dialect:
    subprotocol = "ocpp1.6"
    schemas = Schemas("ocpp.v16")

    def __init__(self, charge_point: "Simulation", setup: Setup) -> None:
        self.cp = charge_point
        self.settings = Configuration(setup)

    # --- without a transaction ----------------------------------------------------------------------------------------

    def boot_payload(self, reason: str) -> dict[str, Any]:  # noqa: ARG002
        return {"chargePointVendor": "Simulated", "chargePointModel": "OCPP 1.6", "firmwareVersion": "1.0"}

    async def authorize(self, id_tag: str) -> str:
        answer = await self.cp.call("Authorize", {"idTag": id_tag})
        return _status_of_tag(answer)

    def status(self, connector: Connector) -> str:
        return connector.status

    async def notify_status(self, number: int, status: str) -> None:
        await self.cp.call("StatusNotification", {
            "connectorId": number, "errorCode": "NoError", "status": status,
            "timestamp": self.cp.stamp(self.cp.now()),
        })  # fmt: skip

    async def notify_station_status(self) -> None:
        """Connector 0 is the charge point itself (section 4.9)."""
        await self.notify_status(0, "Available")

    async def notify_external_limit(self) -> None:
        """OCPP 1.6 has no words for it."""

    # --- a transaction ------------------------------------------------------------------------------------------------

    def new_transaction_id(self) -> None:
        """StartTransaction.conf brings it."""

    async def plugged_in(self, connector: Connector, remote: RemoteStart | None) -> None:
        """The cable alone is a status."""

    def say_start(
        self, connector: Connector, transaction: Transaction, remote: RemoteStart | None, on_answer: Settled,  # noqa: ARG002
    ) -> Answered:  # fmt: skip
        def settle(answer: dict[str, Any]) -> None:
            transaction.transaction_id = answer.get("transactionId")
            on_answer(_status_of_tag(answer))

        return self.cp.say("StartTransaction", lambda: {
            "connectorId": connector.number, "idTag": transaction.id_tag, "meterStart": transaction.meter_start_wh,
            "timestamp": self.cp.stamp(transaction.started_at),
        }, on_answer=settle)  # fmt: skip

    def say_charging_changes(self, connector: Connector) -> None:
        """The status says it."""

    def say_meter_values(
        self, connector: Connector, transaction: Transaction | None, reading: MeterReading, *, trigger: bool
    ) -> Answered:
        context = "Trigger" if trigger else "Sample.Periodic"

        def payload() -> dict[str, Any]:
            known = transaction and transaction.transaction_id is not None
            return {"connectorId": connector.number, "meterValue": [self._meter_value(reading, context)]} | (
                {"transactionId": transaction.transaction_id} if transaction and known else {}
            )

        return self.cp.say("MeterValues", payload, metering=True)

    def ends_with(self, reason: str) -> bool:  # noqa: ARG002
        return True

    def say_no_longer_authorized(self, *_: Any) -> Answered:
        raise NotImplementedError  # transactions of 1.6 end with their authorization

    def say_stop(
        self, connector: Connector, transaction: Transaction, reading: MeterReading, reason: str,  # noqa: ARG002
    ) -> Answered:  # fmt: skip
        return self.cp.say("StopTransaction", lambda: self._stop_payload(transaction, reading, reason))

    def _stop_payload(self, transaction: Transaction, reading: MeterReading, reason: str) -> dict[str, Any]:
        """-1 when StartTransaction was never answered, as firmware in that need does."""
        known = transaction.transaction_id
        payload: dict[str, Any] = {
            "transactionId": -1 if known is None else known, "idTag": transaction.id_tag, "reason": reason,
            "meterStop": reading.energy_wh, "timestamp": self.cp.stamp(reading.taken_at),
        }  # fmt: skip
        if self.settings["StopTxnSampledData"]:
            payload["transactionData"] = [self._meter_value(reading, "Transaction.End")]
        return payload

    def _meter_value(self, reading: MeterReading, context: str) -> dict[str, Any]:
        """MeterValue (section 7.43)."""
        knobs = self.cp.knobs
        render = partial(_sampled_value, context=context, units=not knobs.omit_meter_units)
        values = [render(sample) for sample in samples(reading, kwh=knobs.energy_in_kwh)]
        return {"timestamp": self.cp.stamp(reading.taken_at), "sampledValue": values}

    # --- profiles and answers -----------------------------------------------------------------------------------------

    def parse_profile(self, number: int, wire: dict[str, Any]) -> Profile:
        return parse_profile(number, wire)

    def installed(self, stack: ProfileStack, profile: Profile) -> ProfileStack:
        return stack.install(profile, self.settings.stack_limits)

    def answer(self, action: str, payload: Any) -> Reply:
        return handle(self, HANDLERS, SMART_CHARGING, action, payload, malformed="FormationViolation")


def _status_of_tag(answer: dict[str, Any]) -> str:
    return str(answer.get("idTagInfo", {}).get("status"))


def _sampled_value(sample: Sample, *, context: str, units: bool) -> dict[str, Any]:
    phase = {"phase": sample.phase} if sample.phase else {}
    unit = {"unit": sample.unit} if units else {}
    return {"value": sample.value, "context": context, "measurand": sample.measurand} | phase | unit
