"""A small SCSP (smart charging service provider) over real HTTP: partner of the demo, the flow tests and developers."""

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from ocpi.simulator.client import CpoUnreachable, call, fixed_access, join_url, profile_call_of
from ocpi.simulator.endpoints import Endpoints, Urls
from ocpi.simulator.faults import FaultPlan
from ocpi.simulator.profile_calls import CallKind, ProfileCall, ReceivedResult
from ocpi.simulator.records import ReceivedPush, ReceivedRequest, Records
from ocpi.simulator.registration import Registration
from ocpi.simulator.server import ScspServer
from ocpi.simulator.strategies import DemoStrategy, Period, PlannedProfile, Strategy, StrategyRunner
from ocpi.simulator.wire import format_datetime

logger = logging.getLogger(__name__)


class SimulatedScsp:
    """Connected by fixed tokens (`token`, `cpo_token`, `cpo_url`) or by a credentials handshake in either direction.

    `host` is the address to listen on and the one in our URLs. `token` is what the CPO calls us with; without
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
        auto: bool = False,
        strategy: Strategy | None = None,
    ) -> None:
        self.country_code = country_code
        self.party_id = party_id
        self.faults = FaultPlan()
        self._address = (host, port)
        self._on_event = on_event
        self._strategy = (strategy or DemoStrategy()) if auto else None
        self._records = Records()
        self._registration = Registration(
            token=token,
            cpo=fixed_access(cpo_token, cpo_url),
            role=self._role(),
            versions_url=lambda: self.versions_url,
        )
        self._server: ScspServer | None = None
        self._runner: StrategyRunner | None = None

    def start(self) -> None:
        if self._server is not None:
            raise RuntimeError("already started")
        endpoints = Endpoints(
            records=self._records,
            registration=self._registration,
            urls=lambda: Urls(self.base_url),
            emit=self._emit,
            session_received=self._session_received,
        )
        party = (self.country_code, self.party_id)
        self._server = ScspServer(self._address, endpoints=endpoints, faults=self.faults, party=party)
        self._address = (self._address[0], self._server.server_address[1])
        if self._strategy is not None:
            self._runner = StrategyRunner(self._strategy, self._send_planned)
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
        return f"http://{host}:{port}"

    @property
    def versions_url(self) -> str:
        return Urls(self.base_url).versions

    @property
    def sessions_url(self) -> str:
        return Urls(self.base_url).sessions

    @property
    def chargingprofiles_url(self) -> str:
        return Urls(self.base_url).chargingprofiles

    # --- what we received -----------------------------------------------------------------------------------------

    @property
    def sessions(self) -> dict[str, dict[str, Any]]:
        """The state of every Session, by its id."""
        return self._records.sessions

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
    def violations(self) -> list[str]:
        """What the CPO did against the specification, in the order it was noticed."""
        return self._records.violations

    @property
    def overdue_requests(self) -> list[str]:
        """Ids of accepted requests whose timeout is over without a result."""
        return self._records.overdue_calls()

    @property
    def registered(self) -> bool:
        return self._registration.cpo is not None

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
        request_id = request_id or str(uuid.uuid4())
        profile: dict[str, Any] = {"charging_rate_unit": unit}
        if start is not None:
            profile["start_date_time"] = format_datetime(start)
        if duration is not None:
            profile["duration"] = duration
        profile["charging_profile_period"] = [{"start_period": at, "limit": limit} for at, limit in periods]
        body = {"charging_profile": profile, "response_url": self._response_url(request_id)}
        profile_call = self._call(CallKind.PUT, session_id, request_id=request_id, body=body)
        self._emit(
            "profile_sent",
            {
                "session_id": session_id,
                "request_id": request_id,
                "unit": unit,
                "periods": list(periods),
                "http_status": profile_call.http_status,
                "result": profile_call.result,
                "timeout_s": profile_call.timeout_s,
            },
        )
        return profile_call

    def delete_profile(self, session_id: str, *, request_id: str | None = None) -> ProfileCall:
        request_id = request_id or str(uuid.uuid4())
        params = {"response_url": self._response_url(request_id)}
        return self._call(CallKind.DELETE, session_id, request_id=request_id, params=params)

    def get_active_profile(self, session_id: str, duration_s: int, *, request_id: str | None = None) -> ProfileCall:
        request_id = request_id or str(uuid.uuid4())
        params = {"duration": duration_s, "response_url": self._response_url(request_id)}
        return self._call(CallKind.GET, session_id, request_id=request_id, params=params)

    def _response_url(self, request_id: str) -> str:
        return Urls(self.base_url).response(request_id)

    def _call(
        self,
        kind: CallKind,
        session_id: str,
        *,
        request_id: str,
        body: Any = None,
        params: dict[str, Any] | None = None,
    ) -> ProfileCall:
        """The request is known before it is sent, since its result may come before its answer."""
        cpo = self._registration.cpo
        if cpo is None:
            raise CpoUnreachable("not connected to a CPO")
        self._records.open_call(request_id, session_id=session_id, kind=kind)
        sent_at = datetime.now(UTC)
        url, headers = join_url(cpo.chargingprofiles_url, session_id), self._headers(request_id, session_id)
        try:
            reply = call(kind.value, url, token=cpo.token, headers=headers, body=body, params=params)
        except CpoUnreachable:
            self._records.abandon_call(request_id)
            raise
        profile_call = profile_call_of(reply, request_id=request_id, sent_at=sent_at)
        self._records.settle_call(profile_call)
        return profile_call

    def _headers(self, request_id: str, session_id: str) -> dict[str, str]:
        """Routing: to the party that pushed the Session, when it did (OCPI 2.2.1 transport_and_format, Routing)."""
        headers = {"X-Request-ID": request_id}
        headers |= {"OCPI-from-country-code": self.country_code, "OCPI-from-party-id": self.party_id}
        if owner := self._records.owner_of(session_id):
            headers |= {"OCPI-to-country-code": owner[0], "OCPI-to-party-id": owner[1]}
        return headers

    # --- inside ---------------------------------------------------------------------------------------------------

    def _session_received(self, session: dict[str, Any]) -> None:
        runner = self._runner
        if runner is not None:
            runner.session_received(session)

    def _send_planned(self, session_id: str, planned: PlannedProfile) -> None:
        start = datetime.now(UTC)
        self.put_profile(session_id, planned.periods, unit=planned.unit, start=start, duration=planned.duration_s)

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
