"""A small SCSP (smart charging service provider) over real HTTP: partner of the demo, the flow tests and developers."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from ocpi.simulator.client import CpoAccess, CpoClient, CpoUnreachable, fixed_access
from ocpi.simulator.endpoints import Endpoints, Urls
from ocpi.simulator.faults import FaultPlan
from ocpi.simulator.location_rules import capable
from ocpi.simulator.profile_calls import ProfileCall, ReceivedResult, Tally
from ocpi.simulator.profile_client import ProfileClient
from ocpi.simulator.pulling import Puller
from ocpi.simulator.records import ReceivedPush, ReceivedRequest, Records
from ocpi.simulator.registration import Registration
from ocpi.simulator.server import ScspServer
from ocpi.simulator.steering import StrategyRunner
from ocpi.simulator.strategies import Period, PlannedProfile, Strategy
from ocpi.simulator.violations import Violation
from ocpi.simulator.wire import OCPI_VERSION

logger = logging.getLogger(__name__)


class SimulatedScsp:
    """Connected by fixed tokens (`token`, `cpo_token`, `cpo_url`) or by a credentials handshake in either direction.

    `host` is the address to listen on and the one in our URLs, unless `public_url` says otherwise (the root, without
    `/ocpi`: another host, a proxy, a tunnel). `strategy` sends profiles to active sessions by itself, and again after
    `retry_s` one that the CPO did not take. `token` is what the CPO calls us with; without
    `cpo_token` it also serves as the token A of a registration that the CPO starts. `cpo_url` is the CPO's root,
    without `/ocpi`. `on_event(name, fields)` is called from the thread that does the work, before the answer leaves.
    A stopped simulator keeps what it received and may be started again, on the same port: a partner's outage.
    """

    def __init__(
        self,
        *,
        token: str,
        host: str = "127.0.0.1",
        port: int = 0,
        country_code: str = "NL",
        party_id: str = "JED",
        cpo_token: str | None = None,
        cpo_url: str | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        strategy: Strategy | None = None,
        retry_s: float | None = None,
        public_url: str | None = None,
        version: str = OCPI_VERSION,
    ) -> None:
        self.country_code = country_code
        self.party_id = party_id
        self.faults = FaultPlan()
        self._address = (host, port)
        self._public_url = public_url
        self._version = version
        self._on_event = on_event
        self._strategy, self._retry_s = strategy, retry_s
        self._records = Records(version)
        self._client = CpoClient(self._records.add_violations, version=version)
        self._registration = Registration(
            token=token,
            cpo=fixed_access(cpo_token, cpo_url, version),
            role=self._role(),
            versions_url=lambda: self.versions_url,
            client=self._client,
        )
        self._profiles = ProfileClient(
            client=self._client, records=self._records, registration=self._registration,
            party=(country_code, party_id), response_url=self._response_url,
            emit=self._emit,
        )  # fmt: skip
        self._server: ScspServer | None = None
        self._runner: StrategyRunner | None = None

    def start(self) -> None:
        if self._server is not None:
            raise RuntimeError("already started")
        party = (self.country_code, self.party_id)
        endpoints = Endpoints(
            records=self._records,
            registration=self._registration,
            urls=lambda: self._urls,
            us=party,
            emit=self._emit,
            session_received=self._session_received,
            location_received=self._location_received,
        )
        self._server = ScspServer(self._address, endpoints=endpoints, faults=self.faults, party=party)
        self._address = (self._address[0], self._server.server_address[1])
        if self._strategy is not None:
            self._runner = StrategyRunner(self._strategy, self._send_planned, retry_s=self._retry_s)
            self._runner.start()

    def stop(self) -> None:
        """Ends every thread; returns when they are gone. Harmless when not started."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.stop()

    def __enter__(self) -> "SimulatedScsp":
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # --- where we are ---------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        host, port = self._address
        if not port:
            raise RuntimeError("the port is known once started")
        return (self._public_url or f"http://{host}:{port}").rstrip("/")

    @property
    def versions_url(self) -> str:
        return self._urls.versions

    @property
    def sessions_url(self) -> str:
        return self._urls.sessions

    @property
    def chargingprofiles_url(self) -> str:
        return self._urls.chargingprofiles

    @property
    def locations_url(self) -> str:
        return self._urls.locations

    @property
    def _urls(self) -> Urls:
        return Urls(self.base_url, self._version)

    # --- what we received -----------------------------------------------------------------------------------------

    @property
    def sessions(self) -> dict[str, dict[str, Any]]:
        """The state of every Session, by its id."""
        return self._records.sessions

    @property
    def locations(self) -> list[dict[str, Any]]:
        return self._records.locations

    @property
    def results(self) -> list[ReceivedResult]:
        return self._records.results

    @property
    def pushes(self) -> list[ReceivedPush]:
        return self._records.pushes

    @property
    def requests_received(self) -> list[ReceivedRequest]:
        return self._records.requests

    @property
    def violations(self) -> list[Violation]:
        """What the CPO did against the specification, each once, in the order it was noticed."""
        return self._records.violations

    @property
    def notes(self) -> list[str]:
        """What is worth knowing and breaks nothing."""
        return self._records.notes

    @property
    def tally(self) -> Tally:
        return self._records.tally()

    @property
    def overdue_requests(self) -> list[str]:
        """Ids of accepted requests whose timeout is over without a result."""
        return self._records.overdue_calls()

    @property
    def profiles_taken(self) -> dict[str, str]:
        """Session ids by the ids of the requests that the charge point took."""
        return self._records.profiles_taken()

    @property
    def steered_sessions(self) -> list[str]:
        """Those ACTIVE with a profile of ours in force."""
        return self._records.steered()

    @property
    def registered(self) -> bool:
        return self._registration.cpo is not None

    @property
    def cpo(self) -> CpoAccess | None:
        """Another object after every handshake."""
        return self._registration.cpo

    def wait_for(self, predicate: Callable[[], Any], timeout: float = 5.0) -> Any:
        """Until `predicate()` is true; its last value, false after `timeout` seconds. Asked again at every change."""
        return self._records.wait_for(predicate, timeout)

    def wait_result(self, request_id: str, timeout: float = 5.0) -> dict[str, Any]:
        """The body of the first result of that request; raises TimeoutError."""
        return self._records.wait_result(request_id, timeout)

    # --- what we ask of the CPO -----------------------------------------------------------------------------------

    def register(self, versions_url: str, token_a: str) -> None:
        """The handshake as Sender, once started: the CPO calls back. Raises HandshakeFailed, CpoUnreachable."""
        self._registration.register(versions_url, token_a)

    def unregister(self) -> None:
        """Ends a registration at the CPO and here. Raises HandshakeFailed, CpoUnreachable."""
        self._registration.end()

    def pull(self) -> dict[str, int]:
        """Read what Locations and Sessions the CPO has for us, as far as it lists them; how many objects of each.

        Raises CpoUnreachable, PullFailed.
        """
        return Puller(
            client=self._client, records=self._records, routing=self._profiles.routing(), version=self._version,
            emit=self._emit, session_received=self._session_received, location_received=self._location_received,
        ).pull(self._registration.cpo)  # fmt: skip

    def put_profile(
        self,
        session_id: str,
        periods: Sequence[Period],
        *,
        unit: str = "W",
        start: datetime | None = None,
        duration: int | None = None,
        request_id: str | None = None,
    ) -> ProfileCall:
        """`periods` are (start in seconds, limit in `unit`); `start` None: relative to the start of charging.

        The same `request_id` again is the same request again: same X-Request-ID, same response URL.
        Raises CpoUnreachable.
        """
        return self._profiles.put(
            session_id, periods, unit=unit, start=start, duration_s=duration, request_id=request_id
        )

    def delete_profile(self, session_id: str, *, request_id: str | None = None) -> ProfileCall:
        return self._profiles.delete(session_id, request_id)

    def get_active_profile(self, session_id: str, duration_s: int, *, request_id: str | None = None) -> ProfileCall:
        return self._profiles.get(session_id, duration_s, request_id)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _session_received(self, session: dict[str, Any]) -> None:
        runner = self._runner
        if runner is not None and (session["status"] != "ACTIVE" or self._may_steer(session)):
            runner.session_received(session)

    def _location_received(self, location: dict[str, Any]) -> None:
        """An EVSE may have become one that takes profiles."""
        uids = {str(evse.get("uid")) for evse in location.get("evses") or () if isinstance(evse, dict)}
        for session in self._records.sessions.values():
            if session["status"] == "ACTIVE" and session["evse_uid"] in uids:
                self._session_received(session)

    def _may_steer(self, session: dict[str, Any]) -> bool:
        """Only an EVSE with the capability, where the CPO tells of it (OCPI 2.2.1 mod_locations, Capability)."""
        evse = self._records.evse(str(session["evse_uid"]))
        if evse is None or capable(evse):
            return True
        self._records.add_note(f"session {session['id']}: not steered while its EVSE has no CHARGING_PROFILE_CAPABLE")
        return False

    def _response_url(self, request_id: str) -> str:
        return self._urls.response(request_id)

    def _send_planned(self, session_id: str, planned: PlannedProfile) -> bool:
        start = planned.start or datetime.now(UTC)
        try:
            call = self.put_profile(
                session_id, planned.periods, unit=planned.unit, start=start, duration=planned.duration_s
            )
        except CpoUnreachable as error:
            self._emit("profile_not_sent", {"session_id": session_id, "reason": str(error)})
            return False
        return call.result == "ACCEPTED"

    def _emit(self, name: str, fields: dict[str, Any]) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(name, fields)
        except Exception:
            logger.exception("on_event failed for %s", name)

    def _role(self) -> dict[str, Any]:
        return {
            "role": "SCSP",
            "business_details": {"name": "Simulated SCSP"},
            "party_id": self.party_id,
            "country_code": self.country_code,
        }
