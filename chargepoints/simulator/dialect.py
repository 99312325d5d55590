"""What differs between the versions of OCPP: what a charge point says, and how it answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .connector import Connector, MeterReading, RemoteStart, Transaction, TransactionId
from .framing import CallRefused
from .hardware import Hardware
from .profiles import Profile, ProfileStack, StackLimits
from .transaction_queue import Answered
from .wire import Schemas

if TYPE_CHECKING:
    from .simulation import Simulation


@dataclass(frozen=True, slots=True)
class Setup:
    """What a charge point is configured with. `overrides`: settings by the names of its version."""

    evses: int
    hardware: Hardware
    smart_charging: bool
    meter_interval_s: int
    overrides: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """`then` runs after the answer is on its way."""

    payload: dict[str, Any]
    then: Callable[[], Awaitable[Any]] | None = None


Settled = Callable[[str], None]
D = TypeVar("D", bound="Dialect")


class Settings(Protocol):
    """Configuration keys (OCPP 1.6) or device model (OCPP 2.0.1), as far as the simulation follows them."""

    @property
    def heartbeat_s(self) -> int: ...
    @property
    def meter_interval_s(self) -> int: ...
    @property
    def message_attempts(self) -> int: ...
    @property
    def message_retry_s(self) -> int: ...
    @property
    def stack_limits(self) -> StackLimits: ...

    def adopt_heartbeat_interval(self, seconds: int) -> None:
        """BootNotification's answer sets the interval; 0 leaves the choice to the charge point."""


class Dialect(Protocol):
    """One version. `say_...` put a message into the transaction queue; their future is the answer, None: given up."""

    cp: "Simulation"
    subprotocol: str
    schemas: Schemas

    @property
    def settings(self) -> Settings: ...

    def boot_payload(self, reason: str) -> dict[str, Any]: ...

    async def authorize(self, id_tag: str) -> str:
        """The AuthorizationStatus. Raises TimeoutError, CallRefused, LinkLost."""

    def new_transaction_id(self) -> TransactionId | None:
        """None where the central system gives it."""

    async def plugged_in(self, connector: Connector, remote: RemoteStart | None) -> None:
        """What the cable alone begins. Raises TimeoutError."""

    def say_start(self, connector: Connector, transaction: Transaction, remote: RemoteStart | None,
                  on_answer: Settled) -> Answered: ...  # fmt: skip

    def ends_with(self, reason: str) -> bool:
        """Whether the transaction is over, or goes on without charging until the cable is out."""

    def say_no_longer_authorized(
        self, connector: Connector, transaction: Transaction, reading: MeterReading, reason: str
    ) -> Answered: ...

    def say_stop(
        self, connector: Connector, transaction: Transaction, reading: MeterReading, reason: str
    ) -> Answered: ...

    def say_meter_values(
        self, connector: Connector, transaction: Transaction | None, reading: MeterReading, *, trigger: bool
    ) -> Answered: ...

    def say_charging_changes(self, connector: Connector) -> None:
        """What the central system does not know yet of a running transaction, beside the status."""

    def status(self, connector: Connector) -> str:
        """As StatusNotification has it."""

    async def notify_status(self, number: int, status: str) -> None: ...

    async def notify_station_status(self) -> None: ...

    async def notify_external_limit(self) -> None:
        """Tells of `Simulation.external_amps`, where the version has words for it."""

    def installed(self, stack: ProfileStack, profile: Profile) -> ProfileStack:
        """The stack with the profile in it. Raises ProfileRefused."""

    def parse_profile(self, number: int, wire: dict[str, Any]) -> Profile:
        """Raises ProfileRefused."""

    def answer(self, action: str, payload: Any) -> Reply:
        """Takes effect and says so. Raises CallRefused for what belongs into a CALLERROR."""


def handle(
    dialect: D, handlers: Mapping[str, Callable[[D, dict[str, Any]], Reply]], smart_charging: frozenset[str],
    action: str, payload: Any, *, malformed: str,
) -> Reply:  # fmt: skip
    """`malformed` is the version's code for a payload that breaks the schema."""
    handler = handlers.get(action)
    if handler is None:
        raise CallRefused("NotImplemented", f"{action} is not implemented")
    if violation := dialect.schemas.request_violation(action, payload):
        raise CallRefused(malformed, violation)
    if action in smart_charging and not dialect.cp.knobs.smart_charging:
        raise CallRefused("NotSupported", "no smart charging here")
    return handler(dialect, payload)
