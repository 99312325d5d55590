"""TransactionEvents: what happens to a transaction, numbered, and kept while nobody listens (OCPP 2.0.1 section E)."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..connector import Connector, MeterReading, Sample, Transaction, samples
from ..transaction_queue import Answered
from .device_model import DeviceModel

if TYPE_CHECKING:
    from ..simulation import Simulation

STOPPED = {
    "Local": ("StopAuthorized", "Local"),
    "Remote": ("RemoteStop", "Remote"),
    "EVDisconnected": ("EVCommunicationLost", "EVDisconnected"),
    "DeAuthorized": ("Deauthorized", "DeAuthorized"),
    "Reset": ("ResetCommand", "ImmediateReset"),
    "Timeout": ("EVConnectTimeout", "Timeout"),
    "PowerLoss": ("AbnormalCondition", "PowerLoss"),
    "Reboot": ("AbnormalCondition", "Reboot"),
    "Other": ("AbnormalCondition", "Other"),
}


METERING = "MeterValuePeriodic"


@dataclass
class Told:
    """What the central system knows of one transaction."""

    charging_state: str
    offered_amps: Decimal = Decimal(0)
    seq_no: int = -1


def charging_state(connector: Connector) -> str:
    """ChargingStateEnumType."""
    if connector.car is None:
        return "Idle"
    return connector.status if connector.status in ("Charging", "SuspendedEV", "SuspendedEVSE") else "EVConnected"


class TransactionEvents:
    def __init__(self, charge_point: "Simulation", settings: DeviceModel) -> None:
        self._cp = charge_point
        self._settings = settings
        self._told: dict[str, Told] = {}

    def knows(self, transaction: Transaction) -> bool:
        return str(transaction.transaction_id) in self._told

    def say(
        self, connector: Connector, transaction: Transaction, kind: str, trigger: str, *,
        reading: MeterReading | None = None, context: str = "Sample.Periodic", state: str | None = None,
        info: dict[str, Any] | None = None, on_answer: Callable[[dict[str, Any]], None] = lambda _: None,
        **more: Any,
    ) -> Answered:  # fmt: skip
        """`info` goes into transactionInfo, `more` beside it."""
        state = state or charging_state(connector)
        told = self._told.setdefault(str(transaction.transaction_id), Told(state))
        told.charging_state, told.offered_amps = state, connector.offered_amps
        told.seq_no += 1
        at = reading.taken_at if reading else self._cp.now()
        payload = {
            "eventType": kind, "timestamp": self._cp.stamp(at), "triggerReason": trigger, "seqNo": told.seq_no,
            "transactionInfo": {"transactionId": transaction.transaction_id, "chargingState": state} | (info or {}),
        } | more  # fmt: skip
        if not self._cp.online:
            payload["offline"] = True
        if state == "Charging":
            payload["numberOfPhasesUsed"] = connector.drawing_phases
        if reading and (values := self.meter_value(reading, context, f"Tx{kind}Measurands")):
            payload["meterValue"] = [values]
        metering = trigger == METERING
        return self._cp.say("TransactionEvent", lambda: payload, on_answer=on_answer, metering=metering)

    def say_changes(self, connector: Connector, transaction: Transaction) -> None:
        """Of the charging state (E02.FR.03), or else of what is offered (K11.FR.04, K13.FR.03)."""
        told = self._told[str(transaction.transaction_id)]
        if charging_state(connector) != told.charging_state:
            self.say(connector, transaction, "Updated", "ChargingStateChanged")
        elif connector.offered_amps != told.offered_amps:
            self.say(connector, transaction, "Updated", "ChargingRateChanged")

    def end(
        self, connector: Connector, transaction: Transaction, reading: MeterReading, reason: str, id_token: Any
    ) -> Answered:
        """After the connector has let go of it; nothing is said of it from now on."""
        reason = reason if reason in STOPPED else "Other"
        trigger, stopped_reason = STOPPED[reason][0], STOPPED[transaction.stopped or reason][1]
        more = {"idToken": id_token} if id_token and reason == "Local" else {}
        answered = self.say(
            connector, transaction, "Ended", trigger, reading=reading, context="Transaction.End",
            state="Idle" if reason == "EVDisconnected" else None, info={"stoppedReason": stopped_reason}, **more,
        )  # fmt: skip
        del self._told[str(transaction.transaction_id)]
        return answered

    def meter_value(self, reading: MeterReading, context: str, measurands: str) -> dict[str, Any] | None:
        """MeterValueType with what the variable `measurands` of SampledDataCtrlr asks for; None for nothing."""
        knobs, wanted = self._cp.knobs, self._settings.text("SampledDataCtrlr", measurands).split(",")
        values = [
            _sampled_value(sample, context, units=not knobs.omit_meter_units, multiplier=knobs.unit_multiplier)
            for sample in samples(reading, kwh=knobs.energy_in_kwh) if sample.measurand in wanted
        ]  # fmt: skip
        return {"timestamp": self._cp.stamp(reading.taken_at), "sampledValue": values} if values else None


def _sampled_value(sample: Sample, context: str, *, units: bool, multiplier: int) -> dict[str, Any]:
    """SampledValueType: value times ten to the multiplier is the truth."""
    value = Decimal(sample.value).scaleb(-multiplier)
    unit = {"unit": sample.unit} | ({"multiplier": multiplier} if multiplier else {})
    return (
        {"value": float(value), "context": context, "measurand": sample.measurand}
        | ({"phase": sample.phase} if sample.phase else {})
        | ({"unitOfMeasure": unit} if units else {})
    )
