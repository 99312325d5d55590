"""The OCPI interfaces of a simulated SCSP: sessions and locations RECEIVER, chargingprofiles SENDER, handshake."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from ocpi.simulator import request_rules
from ocpi.simulator.faults import EndpointKind, Fault
from ocpi.simulator.location_rules import LocationRefused, Target, capable
from ocpi.simulator.profile_rules import active_profile
from ocpi.simulator.records import ReceivedRequest, Records
from ocpi.simulator.registration import Registration
from ocpi.simulator.request_rules import Parties
from ocpi.simulator.session_rules import SessionKey, SessionRefused
from ocpi.simulator.violations import Violation
from ocpi.simulator.wire import OCPI_VERSION, Answer, refusal, success

_VERSION = r"/ocpi/(?:2\.2\.1|2\.2)"
_ROUTES = {
    "versions": re.compile(r"/ocpi/versions/?"),
    "details": re.compile(rf"{_VERSION}/?"),
    "credentials": re.compile(rf"{_VERSION}/credentials/?"),
    "sessions": re.compile(rf"{_VERSION}/sessions/([^/]+)/([^/]+)/([^/]+)/?"),
    "locations": re.compile(rf"{_VERSION}/locations/([^/]+)/([^/]+)/([^/]+)(?:/([^/]+))?(?:/([^/]+))?/?"),
    "result": re.compile(rf"{_VERSION}/chargingprofiles/response/([^/]+)/?"),
    "push": re.compile(rf"{_VERSION}/chargingprofiles/([^/]+)/?"),
}
_OWNED = frozenset({"sessions", "locations"})


@dataclass(frozen=True, slots=True)
class Urls:
    """Absolute URLs below one base."""

    base: str
    version: str = OCPI_VERSION

    @property
    def versions(self) -> str:
        return f"{self.base}/ocpi/versions"

    @property
    def details(self) -> str:
        return f"{self.base}/ocpi/{self.version}"

    @property
    def credentials(self) -> str:
        return f"{self.details}/credentials"

    @property
    def sessions(self) -> str:
        return f"{self.details}/sessions"

    @property
    def locations(self) -> str:
        return f"{self.details}/locations"

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
        us: tuple[str, str],
        emit: Callable[[str, dict[str, Any]], None],
        session_received: Callable[[dict[str, Any]], None],
        location_received: Callable[[dict[str, Any]], None],
    ) -> None:
        self._records = records
        self._registration = registration
        self._urls = urls
        self._us = us
        self._emit = emit
        self._session_received = session_received
        self._location_received = location_received

    def admit(self, request: ReceivedRequest, authorization: str) -> bool:
        """Keep the request, and what is wrong with it whatever it is about; whether its token is ours."""
        new = self._records.add_request(replace(request, body=_without_token(request)))
        known = self._registration.authorized(authorization)
        if _route(request.path)[0] is not None:  # what else calls is no OCPI
            raw = self._registration.sent_raw(authorization)
            self._records.add_violations(request_rules.authorization(request.named, known=known, raw=raw))
        if known:
            self._records.add_violations(self._unsound(request, new=new))
        return known

    def fault_met(self, request: ReceivedRequest, fault: Fault) -> None:
        """Said before it happens, so that what follows can be told from it."""
        self._emit("fault", {"request": request.named, "mode": fault.mode.value})

    def _unsound(self, request: ReceivedRequest, *, new: bool) -> list[Violation]:
        where, (module, ids) = request.named, _route(request.path)
        found = request_rules.headers(where, request.headers, has_body=request.body is not None)
        found += [] if new else [request_rules.repeated_id(where, request.headers["X-Request-ID"])]
        if module is None:
            return found
        functional, parties = endpoint_kind(request.path) is not None, self._parties()
        found += request_rules.routing(where, request.headers, parties, functional=functional)
        return found + (request_rules.owner(where, (ids[0], ids[1]), parties) if module in _OWNED else [])

    def _parties(self) -> Parties:
        cpo = self._registration.cpo
        roles = cpo.roles if cpo else ()
        named = ((str(role.get("country_code")), str(role.get("party_id"))) for role in roles)
        return Parties(self._us, frozenset(request_rules.folded(party) for party in named))

    def answer(self, request: ReceivedRequest) -> Answer:
        module, ids = _route(request.path)
        if module is None:
            self._refused(request, "an address that our version details do not have")
            return refusal("no such endpoint", http_status=404)
        handler = getattr(self, f"_{request.method.lower()}_{module}", None)
        if handler is None:
            self._refused(request, "a method that this interface does not have")
            return refusal("method not allowed", http_status=405)
        return handler(*ids, *(() if request.method in ("GET", "DELETE") else (request.body,)))

    def _refused(self, request: ReceivedRequest, what: str) -> None:
        passage = "transport_and_format, Interface endpoints"
        self._records.add_violations([Violation(request.named, what, passage)])

    def _get_versions(self) -> Answer:
        return success([{"version": self._urls().version, "url": self._urls().details}])

    def _get_details(self) -> Answer:
        urls = self._urls()
        endpoints = [
            {"identifier": "credentials", "role": "SENDER", "url": urls.credentials},
            {"identifier": "sessions", "role": "RECEIVER", "url": urls.sessions},
            {"identifier": "locations", "role": "RECEIVER", "url": urls.locations},
            {"identifier": "chargingprofiles", "role": "SENDER", "url": urls.chargingprofiles},
        ]
        return success({"version": urls.version, "endpoints": endpoints})

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

    def _get_locations(self, *ids: str) -> Answer:
        part = self._records.part_of_location(_target(ids))
        return success(part) if part else refusal("no such object", http_status=404)

    def _put_locations(self, *ids_and_body: Any) -> Answer:
        return self._store_location("PUT", _target(ids_and_body[:-1]), ids_and_body[-1])

    def _patch_locations(self, *ids_and_body: Any) -> Answer:
        return self._store_location("PATCH", _target(ids_and_body[:-1]), ids_and_body[-1])

    def _store_location(self, method: str, target: Target, body: Any) -> Answer:
        try:
            location = self._records.store_location(method, target, body)
        except LocationRefused as refused:
            return refusal(str(refused))
        self._emit(
            "location_received", {"method": method, "location": str(target), **location_fields(location, target)}
        )
        return replace(success(), afterwards=lambda: self._location_received(location))

    def _post_result(self, request_id: str, body: Any) -> Answer:
        if not isinstance(body, dict):
            passage = "mod_charging_profiles, POST Method"
            self._records.add_violations([Violation(f"result of {request_id}", "is not an object", passage)])
            return refusal("body is not an object")
        result, refusals = self._records.add_result(request_id, body)
        session_id = self._records.session_of_call(request_id)
        told = {name: body.get(name) for name in ("result", "profile") if name in body}
        fields = {"request_id": request_id, "session_id": session_id, "result": None, **told}
        self._emit("result_received", fields)
        if refusals:
            return refusal("; ".join(violation.what for violation in refusals))
        return replace(success(), before_sending=lambda: self._records.confirm(result))

    def _put_push(self, session_id: str, body: Any) -> Answer:
        if found := active_profile(f"ActiveChargingProfile of {session_id}", body):
            self._records.add_violations(found)
            return refusal("; ".join(violation.what for violation in found))
        if not self._records.add_push(session_id, body):
            return refusal("no profile was set on this session")
        self._emit("active_profile_received", {"session_id": session_id, **body})
        return success()


def location_fields(location: dict[str, Any], target: Target) -> dict[str, Any]:
    """What a line says of a Location or a part: how many EVSEs, or the status of one and whether it can be steered."""
    if len(target.ids) == 1:
        evses = location.get("evses") or ()
        return {"evses": len(evses), "capable": sum(capable(evse) for evse in evses if isinstance(evse, dict))}
    evse = next(e for e in location["evses"] if str(e["uid"]).lower() == target.ids[1].lower())
    return {"status": evse.get("status"), "capable": capable(evse), "last_updated": evse["last_updated"]}


def _target(ids: tuple[Any, ...]) -> Target:
    return Target(ids[0], ids[1], tuple(segment for segment in ids[2:] if segment))


def _route(path: str) -> tuple[str | None, list[str]]:
    """Whatever stands before `/ocpi/` is a proxy's business."""
    path = urlsplit(path).path
    path = path[max(path.find("/ocpi/"), 0) :]
    for module, pattern in _ROUTES.items():
        if match := pattern.fullmatch(path):
            return module, [unquote(segment) for segment in match.groups(default="")]
    return None, []


def _without_token(request: ReceivedRequest) -> Any:
    """The body as it may be kept: a credentials object carries a secret."""
    if _route(request.path)[0] != "credentials" or not isinstance(request.body, dict):
        return request.body
    return {name: value for name, value in request.body.items() if name != "token"}
