"""The OCPI 2.2.1 interfaces of a simulated SCSP: sessions RECEIVER, chargingprofiles SENDER, versions, credentials."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from ocpi.simulator.faults import EndpointKind
from ocpi.simulator.records import ReceivedRequest, Records
from ocpi.simulator.registration import Registration
from ocpi.simulator.session_rules import SessionKey, SessionRefused
from ocpi.simulator.wire import OCPI_VERSION, Answer, refusal, success

_ROUTES = {
    "versions": re.compile(r"/ocpi/versions/?"),
    "details": re.compile(r"/ocpi/2\.2\.1/?"),
    "credentials": re.compile(r"/ocpi/2\.2\.1/credentials/?"),
    "sessions": re.compile(r"/ocpi/2\.2\.1/sessions/([^/]+)/([^/]+)/([^/]+)/?"),
    "result": re.compile(r"/ocpi/2\.2\.1/chargingprofiles/response/([^/]+)/?"),
    "push": re.compile(r"/ocpi/2\.2\.1/chargingprofiles/([^/]+)/?"),
}
_REQUIRED_HEADERS = ("X-Request-ID", "X-Correlation-ID")


@dataclass(frozen=True, slots=True)
class Urls:
    """Absolute URLs below one base."""

    base: str

    @property
    def versions(self) -> str:
        return f"{self.base}/ocpi/versions"

    @property
    def details(self) -> str:
        return f"{self.base}/ocpi/{OCPI_VERSION}"

    @property
    def credentials(self) -> str:
        return f"{self.details}/credentials"

    @property
    def sessions(self) -> str:
        return f"{self.details}/sessions"

    @property
    def chargingprofiles(self) -> str:
        return f"{self.details}/chargingprofiles"

    def response(self, request_id: str) -> str:
        return f"{self.chargingprofiles}/response/{request_id}"


def endpoint_kind(path: str) -> EndpointKind | None:
    """None for versions and credentials, which are not routed and meet no faults."""
    module, _ = _route(path)
    return EndpointKind(module) if module in set(EndpointKind) else None


class Endpoints:
    """Answers a request that is authorised and has valid JSON. Called from many threads."""

    def __init__(
        self,
        *,
        records: Records,
        registration: Registration,
        urls: Callable[[], Urls],
        emit: Callable[[str, dict[str, Any]], None],
        session_received: Callable[[dict[str, Any]], None],
    ) -> None:
        self._records = records
        self._registration = registration
        self._urls = urls
        self._emit = emit
        self._session_received = session_received

    def authorized(self, authorization: str) -> bool:
        return self._registration.authorized(authorization)

    def note(self, request: ReceivedRequest) -> None:
        """Keep the request, and what its headers lack (OCPI 2.2.1 transport_and_format, Request format, Unique IDs)."""
        self._records.add_request(replace(request, body=_without_token(request)))
        missing = [name for name in _REQUIRED_HEADERS if not request.headers.get(name)]
        if request.body is not None and not request.headers.get("Content-Type", "").startswith("application/json"):
            missing.append("Content-Type: application/json")
        named = f"{request.method} {urlsplit(request.path).path}"
        self._records.add_violations([f"{named}: missing header {name}" for name in missing])

    def answer(self, request: ReceivedRequest) -> Answer:
        module, ids = _route(request.path)
        if module is None:
            return refusal("no such endpoint", http_status=404)
        handler = getattr(self, f"_{request.method.lower()}_{module}", None)
        if handler is None:
            return refusal("method not allowed", http_status=405)
        return handler(*ids, *(() if request.method in ("GET", "DELETE") else (request.body,)))

    def _get_versions(self) -> Answer:
        return success([{"version": OCPI_VERSION, "url": self._urls().details}])

    def _get_details(self) -> Answer:
        urls = self._urls()
        endpoints = [
            {"identifier": "credentials", "role": "SENDER", "url": urls.credentials},
            {"identifier": "sessions", "role": "RECEIVER", "url": urls.sessions},
            {"identifier": "chargingprofiles", "role": "SENDER", "url": urls.chargingprofiles},
        ]
        return success({"version": OCPI_VERSION, "endpoints": endpoints})

    def _get_credentials(self) -> Answer:
        return self._registration.answer_get()

    def _post_credentials(self, body: Any) -> Answer:
        return self._registration.answer_post(body)

    def _put_credentials(self, body: Any) -> Answer:
        return self._registration.answer_put(body)

    def _delete_credentials(self) -> Answer:
        return self._registration.answer_delete()

    def _get_sessions(self, country_code: str, party_id: str, session_id: str) -> Answer:
        session = self._records.session(SessionKey(country_code, party_id, session_id))
        return success(session) if session else refusal("no such session", http_status=404)

    def _put_sessions(self, country_code: str, party_id: str, session_id: str, body: Any) -> Answer:
        return self._store_session("PUT", SessionKey(country_code, party_id, session_id), body)

    def _patch_sessions(self, country_code: str, party_id: str, session_id: str, body: Any) -> Answer:
        return self._store_session("PATCH", SessionKey(country_code, party_id, session_id), body)

    def _store_session(self, method: str, key: SessionKey, body: Any) -> Answer:
        try:
            session, created = self._records.store_session(method, key, body)
        except SessionRefused as refused:
            return refusal(str(refused))
        fields = {name: session[name] for name in ("status", "kwh", "last_updated")}
        self._emit("session_received", {"method": method, "session_id": session["id"], "new": created, **fields})
        answer = success(http_status=201 if created else 200)
        return replace(answer, afterwards=lambda: self._session_received(session))

    def _post_result(self, request_id: str, body: Any) -> Answer:
        if not isinstance(body, dict):
            self._records.add_violations([f"result of {request_id} is not an object"])
            return refusal("body is not an object")
        result, refusals = self._records.add_result(request_id, body)
        session_id = self._records.session_of_call(request_id)
        fields = {"request_id": request_id, "session_id": session_id, "result": body.get("result")}
        self._emit("result_received", fields)
        if refusals:
            return refusal("; ".join(refusals))
        return replace(success(), before_sending=lambda: self._records.confirm(result))

    def _put_push(self, session_id: str, body: Any) -> Answer:
        if not _is_active_charging_profile(body):
            self._records.add_violations([f"push of {session_id} is not an ActiveChargingProfile"])
            return refusal("not an ActiveChargingProfile")
        if not self._records.add_push(session_id, body):
            return refusal("no profile was set on this session")
        self._emit("active_profile_received", {"session_id": session_id, **body})
        return success()


def _route(path: str) -> tuple[str | None, list[str]]:
    for module, pattern in _ROUTES.items():
        if match := pattern.fullmatch(urlsplit(path).path):
            return module, [unquote(segment) for segment in match.groups()]
    return None, []


def _without_token(request: ReceivedRequest) -> Any:
    """The body as it may be kept: a credentials object carries a secret."""
    if _route(request.path)[0] != "credentials" or not isinstance(request.body, dict):
        return request.body
    return {name: value for name, value in request.body.items() if name != "token"}


def _is_active_charging_profile(body: Any) -> bool:
    """OCPI 2.2.1 mod_charging_profiles, ActiveChargingProfile: both properties are required."""
    profile = body.get("charging_profile") if isinstance(body, dict) else None
    if not isinstance(profile, dict) or not body.get("start_date_time"):
        return False
    return profile.get("charging_rate_unit") in ("A", "W") and isinstance(profile.get("charging_profile_period"), list)
