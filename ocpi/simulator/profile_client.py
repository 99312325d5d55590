"""What a simulated partner asks of the CPO about charging profiles, and what it keeps of the asking."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ocpi.simulator.client import CpoClient, CpoUnreachable, join_url, profile_call_of
from ocpi.simulator.objects import PROFILE_RESPONSE
from ocpi.simulator.profile_calls import CallKind, ProfileCall
from ocpi.simulator.records import Records
from ocpi.simulator.registration import Registration
from ocpi.simulator.strategies import Period
from ocpi.simulator.wire import format_datetime


@dataclass(frozen=True, slots=True)
class ProfileClient:
    """`response_url` makes one of a request id. All methods raise CpoUnreachable."""

    client: CpoClient
    records: Records
    registration: Registration
    party: tuple[str, str]
    response_url: Callable[[str], str]
    emit: Callable[[str, dict[str, Any]], None]

    def put(
        self,
        session_id: str,
        periods: Sequence[Period],
        *,
        unit: str,
        start: datetime | None,
        duration_s: int | None,
        request_id: str | None,
    ) -> ProfileCall:
        request_id = request_id or str(uuid.uuid4())
        profile: dict[str, Any] = {"charging_rate_unit": unit}
        if start is not None:
            profile["start_date_time"] = format_datetime(start)
        if duration_s is not None:
            profile["duration"] = duration_s
        profile["charging_profile_period"] = [{"start_period": at, "limit": limit} for at, limit in periods]
        body = {"charging_profile": profile, "response_url": self.response_url(request_id)}
        call = self._call(CallKind.PUT, session_id, request_id, body=body)
        self.emit("profile_sent", _told(session_id, call) | {"unit": unit, "periods": list(periods)})
        return call

    def delete(self, session_id: str, request_id: str | None) -> ProfileCall:
        request_id = request_id or str(uuid.uuid4())
        params = {"response_url": self.response_url(request_id)}
        call = self._call(CallKind.DELETE, session_id, request_id, params=params)
        self.emit("profile_cleared", _told(session_id, call))
        return call

    def get(self, session_id: str, duration_s: int, request_id: str | None) -> ProfileCall:
        request_id = request_id or str(uuid.uuid4())
        params = {"duration": duration_s, "response_url": self.response_url(request_id)}
        call = self._call(CallKind.GET, session_id, request_id, params=params)
        self.emit("plan_asked", _told(session_id, call))
        return call

    def routing(self, owner: tuple[str, str] | None = None) -> dict[str, str]:
        """From us, to that party if it is known (OCPI 2.2.1 transport_and_format, Message Routing Headers)."""
        headers = {"OCPI-from-country-code": self.party[0], "OCPI-from-party-id": self.party[1]}
        if owner is not None:
            headers |= {"OCPI-to-country-code": owner[0], "OCPI-to-party-id": owner[1]}
        return headers

    def _call(
        self,
        kind: CallKind,
        session_id: str,
        request_id: str,
        *,
        body: Any = None,
        params: dict[str, Any] | None = None,
    ) -> ProfileCall:
        """The request is known before it is sent, since its result may come before its answer."""
        cpo = self.registration.cpo
        if cpo is None:
            raise CpoUnreachable("not connected to a CPO")
        profile = body["charging_profile"] if body else None
        self.records.open_call(request_id, session_id=session_id, kind=kind, profile=profile)
        sent_at = datetime.now(UTC)
        url = join_url(cpo.chargingprofiles_url, session_id)
        headers = self.routing(self.records.owner_of(session_id)) | {"X-Request-ID": request_id}
        try:
            reply = self.client.call(kind.value, url, token=cpo.token, headers=headers, body=body, params=params)
        except CpoUnreachable:
            self.records.abandon_call(request_id)
            raise
        self.client.expect(reply, PROFILE_RESPONSE)
        call = profile_call_of(reply, request_id=request_id, sent_at=sent_at)
        self.records.settle_call(call)
        return call


def _told(session_id: str, call: ProfileCall) -> dict[str, Any]:
    told = {"session_id": session_id, "request_id": call.request_id, "http_status": call.http_status,
            "result": call.result, "timeout_s": call.timeout_s}  # fmt: skip
    return told | ({"status_message": call.status_message} if call.status_message else {})
