"""What a charging station says in OCPP 2.0.1."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..connector import Connector, MeterReading, RemoteStart, Transaction
from ..dialect import Reply, Settled, Setup, handle
from ..profiles import Profile, ProfileStack
from ..transaction_queue import Answered, nothing_said
from ..wire import Schemas
from .answers import HANDLERS, SMART_CHARGING
from .device_model import DeviceModel
from .events import METERING, STOPPED, TransactionEvents
from .profiles import check_conflicts, parse_profile
from .variables import variables_of

if TYPE_CHECKING:
    from ..simulation import Simulation

CARD = "ISO14443"
STOPS_BY_TOKEN = frozenset({"Local", "Remote", "DeAuthorized"})
CONNECTOR = 1  # of each EVSE


class Dialect:
    subprotocol = "ocpp2.0.1"
    schemas = Schemas("ocpp.v201", request_suffix="Request")

    def __init__(self, charge_point: "Simulation", setup: Setup) -> None:
        self.cp = charge_point
        self.settings = DeviceModel(variables_of(self, setup), setup.overrides)
        self.events = TransactionEvents(charge_point, self.settings)
        self.reset_when_idle = False
        self._transactions = 0

    # --- without a transaction ----------------------------------------------------------------------------------------

    def boot_payload(self, reason: str) -> dict[str, Any]:
        station = {"vendorName": "Simulated", "model": "OCPP 2.0.1", "firmwareVersion": "1.0"}
        return {"reason": reason, "chargingStation": station}

    async def authorize(self, id_tag: str) -> str:
        answer = await self.cp.call("Authorize", {"idToken": _card(id_tag)})
        return _status_of_token(answer, "Invalid")

    def status(self, connector: Connector) -> str:
        """ConnectorStatusEnumType."""
        return connector.status if connector.status in ("Available", "Unavailable") else "Occupied"

    async def notify_status(self, number: int, status: str) -> None:
        await self.cp.call("StatusNotification", {
            "timestamp": self.cp.stamp(self.cp.now()), "connectorStatus": status, "evseId": number,
            "connectorId": CONNECTOR,
        })  # fmt: skip

    async def notify_station_status(self) -> None:
        """Only connectors have a StatusNotification (B01.FR.05)."""

    async def notify_external_limit(self) -> None:
        """K11 to K13. The limit holds for the whole station, so no evseId."""
        amps = self.cp.external_amps
        if not self.cp.knobs.smart_charging:
            return
        if amps is None:
            await self.cp.call("ClearedChargingLimit", {"chargingLimitSource": "EMS"})
            return
        payload: dict[str, Any] = {"chargingLimit": {"chargingLimitSource": "EMS"}}
        if self.settings.text("SmartChargingCtrlr", "NotifyChargingLimitWithSchedules") == "true":
            period = {"startPeriod": 0, "limit": float(amps)}
            payload["chargingSchedule"] = [{"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [period]}]
        await self.cp.call("NotifyChargingLimit", payload)

    def ends_with(self, reason: str) -> bool:
        """A stop by the driver or the CSMS ends the transaction where TxStopPoint has Authorized (E06.FR.03)."""
        return reason not in STOPS_BY_TOKEN or "Authorized" in self.cp.knobs.tx_stop_point

    # --- a transaction ------------------------------------------------------------------------------------------------

    def new_transaction_id(self) -> str:
        self._transactions += 1
        return str(self._transactions) if self.cp.knobs.count_transaction_ids else str(uuid4())

    async def plugged_in(self, connector: Connector, remote: RemoteStart | None) -> None:
        """Where TxStartPoint is EVConnected, the cable starts the transaction (E02)."""
        if self.cp.knobs.tx_start_point != "EVConnected" or not connector.operative:
            return
        transaction = self.cp.charging.open_transaction(connector)
        info = {} if remote is None else {"remoteStartId": remote.remote_start_id}
        await self.cp.patiently(self._say_started(connector, transaction, "CablePluggedIn", info=info))

    def say_start(
        self, connector: Connector, transaction: Transaction, remote: RemoteStart | None, on_answer: Settled
    ) -> Answered:
        """Started or, where the cable has done that, Updated."""
        token_type = (remote and remote.token_type) or CARD
        more: dict[str, Any] = {
            "idToken": {"idToken": transaction.id_tag, "type": token_type},
            "info": {"remoteStartId": remote.remote_start_id} if remote else {},
            "on_answer": lambda answer: on_answer(_status_of_token(answer, "Accepted")),
        }
        trigger = "RemoteStart" if remote else "Authorized"
        if self.events.knows(transaction):
            return self.events.say(connector, transaction, "Updated", trigger, **more)
        return self._say_started(connector, transaction, trigger, **more)

    def _say_started(self, connector: Connector, transaction: Transaction, trigger: str, **more: Any) -> Answered:
        """The EVSE is named here and nowhere else (E02.FR.01)."""
        return self.events.say(
            connector, transaction, "Started", trigger, reading=connector.read_meter(self.cp.now()),
            context="Transaction.Begin", evse={"id": connector.number, "connectorId": CONNECTOR}, **more,
        )  # fmt: skip

    def say_charging_changes(self, connector: Connector) -> None:
        if connector.transaction and self.events.knows(connector.transaction):
            self.events.say_changes(connector, connector.transaction)

    def say_meter_values(
        self, connector: Connector, transaction: Transaction | None, reading: MeterReading, *, trigger: bool
    ) -> Answered:
        """MeterValues only outside transactions (J02.FR.01)."""
        context = "Trigger" if trigger else "Sample.Periodic"
        if transaction:
            reason = "Trigger" if trigger else METERING
            return self.events.say(connector, transaction, "Updated", reason, reading=reading, context=context)
        return self.say_plain_meter_values(connector, reading, context)

    def say_plain_meter_values(self, connector: Connector, reading: MeterReading, context: str) -> Answered:
        value = self.events.meter_value(reading, context, "TxUpdatedMeasurands")
        if value is None:
            return nothing_said()
        payload = {"evseId": connector.number, "meterValue": [value]}
        return self.cp.say("MeterValues", lambda: payload, metering=True)

    def say_no_longer_authorized(
        self, connector: Connector, transaction: Transaction, reading: MeterReading, reason: str
    ) -> Answered:
        trigger, id_token = STOPPED[reason][0], _card(transaction.id_tag or "")
        return self.events.say(connector, transaction, "Updated", trigger, reading=reading, idToken=id_token)

    def say_stop(self, connector: Connector, transaction: Transaction, reading: MeterReading, reason: str) -> Answered:
        id_token = _card(transaction.id_tag) if transaction.id_tag else None
        answered = self.events.end(connector, transaction, reading, reason, id_token)
        answered.add_done_callback(lambda _: self._reset_if_idle())
        return answered

    def _reset_if_idle(self) -> None:
        """What Reset OnIdle waited for (B12)."""
        if self.reset_when_idle and not self.cp.charging.running():
            self.reset_when_idle = False
            self.cp.spawn(self.cp.attempt(self.cp.reset("Reset")))

    # --- profiles and answers -----------------------------------------------------------------------------------------

    def parse_profile(self, number: int, wire: dict[str, Any]) -> Profile:
        return parse_profile(number, wire)

    def installed(self, stack: ProfileStack, profile: Profile) -> ProfileStack:
        check_conflicts(profile, stack.profiles)
        return stack.add(profile, self.settings.stack_limits)

    def answer(self, action: str, payload: Any) -> Reply:
        return handle(self, HANDLERS, SMART_CHARGING, action, payload, malformed="FormatViolation")


def _card(id_tag: str) -> dict[str, str]:
    return {"idToken": id_tag, "type": CARD}


def _status_of_token(answer: dict[str, Any], otherwise: str) -> str:
    """AuthorizationStatus; `otherwise` when the answer does not speak of it."""
    return str(answer.get("idTokenInfo", {}).get("status", otherwise))
