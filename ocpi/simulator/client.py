"""The requests a simulated partner sends to a CPO: the credentials handshake, and calls whose answers are judged."""

import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from ocpi.simulator import answer_rules
from ocpi.simulator.answer_rules import Exchange
from ocpi.simulator.objects import CREDENTIALS, VERSION, VERSION_DETAILS
from ocpi.simulator.profile_calls import ProfileCall
from ocpi.simulator.tables import Table, findings
from ocpi.simulator.violations import Violation
from ocpi.simulator.wire import (
    CLIENT_API_UNUSABLE,
    NO_MATCHING_ENDPOINTS,
    OCPI_VERSION,
    SUCCESS,
    UNSUPPORTED_VERSION,
    authorization_header,
)

TIMEOUT_S = 10.0
MODULES = (("chargingprofiles", "RECEIVER"), ("sessions", "SENDER"), ("locations", "SENDER"))

Note = Callable[[list[Violation]], None]


class CpoUnreachable(Exception):
    """No answer, or nobody to ask yet."""


class HandshakeFailed(Exception):
    """`status_code`: 3001, 3002 or 3003 (OCPI 2.2.1 status_codes, 3xxx), or what the CPO answered to the POST."""

    def __init__(self, status_code: int, reason: str) -> None:
        super().__init__(reason)
        self.status_code = status_code


@dataclass(frozen=True, slots=True)
class CpoAccess:
    """How to call the CPO: URLs by module and interface role. `roles` as in its credentials, empty if it told none."""

    token: str
    endpoints: Mapping[tuple[str, str], str]
    roles: tuple[dict[str, Any], ...] = ()

    @property
    def chargingprofiles_url(self) -> str:
        return self.endpoints[("chargingprofiles", "RECEIVER")]

    @property
    def credentials_url(self) -> str | None:
        return next((url for (identifier, _), url in self.endpoints.items() if identifier == "credentials"), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is the parsed envelope, empty when the CPO sent none."""

    http_status: int
    body: dict[str, Any]
    exchange: Exchange

    @property
    def succeeded(self) -> bool:
        return self.http_status < 300 and self.body.get("status_code") == SUCCESS


def fixed_access(cpo_token: str | None, cpo_url: str | None, version: str = OCPI_VERSION) -> CpoAccess | None:
    """Without a handshake: the paths below the CPO's root `cpo_url` are agreed."""
    if (cpo_token is None) != (cpo_url is None):
        raise ValueError("cpo_token and cpo_url go together")
    if cpo_token is None or cpo_url is None:
        return None
    root = f"{cpo_url.rstrip('/')}/ocpi/{version}"
    return CpoAccess(cpo_token, {(module, role): f"{root}/{module}" for module, role in MODULES})


class CpoClient:
    """Calls the CPO and hands what is wrong with its answers to `note`. `version`: the one a handshake asks for."""

    def __init__(self, note: Note, *, version: str = OCPI_VERSION) -> None:
        self._note = note
        self._version = version

    def call(
        self,
        method: str,
        url: str,
        *,
        token: str,
        headers: dict[str, str] | None = None,
        body: Any = None,
        params: dict[str, Any] | None = None,
    ) -> Reply:
        """One attempt, no redirects, no proxies of the environment. Raises CpoUnreachable."""
        ids = {"X-Request-ID": str(uuid.uuid4()), "X-Correlation-ID": str(uuid.uuid4())}
        sent = {**ids, **(headers or {})}
        response = _send(method, url, headers={"Authorization": authorization_header(token), **sent},
                         json=body, params=params)  # fmt: skip
        parsed, malformed = _parsed(response)
        received = CaseInsensitiveDict(response.headers)
        exchange = Exchange(method, url, sent, response.status_code, received, parsed, malformed)
        self._note(answer_rules.answered(exchange))
        return Reply(response.status_code, parsed if isinstance(parsed, dict) else {}, exchange)

    def note(self, violations: list[Violation]) -> None:
        self._note(violations)

    def expect(self, reply: Reply, table: Table) -> None:
        """Judge the data of a successful answer."""
        self._note(answer_rules.data(reply.exchange, table))

    def discover(self, versions_url: str, token: str) -> dict[tuple[str, str], str]:
        """URLs by module and interface role, from the versions and the version details. Raises HandshakeFailed."""
        try:
            urls = {version["version"]: version["url"] for version in self._versions(versions_url, token)}
            if self._version not in urls:
                raise HandshakeFailed(UNSUPPORTED_VERSION, f"no version {self._version} at {versions_url}")
            reply = self._fetch(urls[self._version], token)
            self.expect(reply, VERSION_DETAILS)
            endpoints = reply.body["data"]["endpoints"]
            return {(endpoint["identifier"], endpoint["role"]): endpoint["url"] for endpoint in endpoints}
        except (KeyError, TypeError):
            raise HandshakeFailed(CLIENT_API_UNUSABLE, f"unusable version information at {versions_url}") from None

    def _versions(self, versions_url: str, token: str) -> Any:
        reply = self._fetch(versions_url, token)
        versions = reply.body["data"]
        wrong = [what for version in versions for what in findings(VERSION, version)]
        self._note([Violation(reply.exchange.where, f"data: {what}", VERSION.passage) for what in wrong])
        return versions

    def exchange_credentials(self, versions_url: str, *, token_a: str, credentials: dict[str, Any]) -> CpoAccess:
        """The registration as Sender: versions, details, POST with token A; the answer brings token C.

        Raises HandshakeFailed, before the POST when the endpoints do not do (OCPI 2.2.1 credentials, Required
        endpoints).
        """
        offered = access(self.discover(versions_url, token_a), token_a)
        if offered.credentials_url is None:
            raise HandshakeFailed(NO_MATCHING_ENDPOINTS, "no credentials endpoint")
        reply = self.call("POST", offered.credentials_url, token=token_a, body=credentials)
        self.expect(reply, CREDENTIALS)
        data = reply.body.get("data")
        if not reply.succeeded or not isinstance(data, dict) or not isinstance(data.get("token"), str):
            raise _refused(reply)
        return CpoAccess(data["token"], offered.endpoints, roles_of(data))

    def end_registration(self, cpo: CpoAccess) -> None:
        """DELETE of our credentials. Raises HandshakeFailed, CpoUnreachable."""
        if cpo.credentials_url is None:
            raise HandshakeFailed(NO_MATCHING_ENDPOINTS, "no credentials endpoint")
        reply = self.call("DELETE", cpo.credentials_url, token=cpo.token)
        if not reply.succeeded:
            raise _refused(reply)

    def _fetch(self, url: str, token: str) -> Reply:
        try:
            reply = self.call("GET", url, token=token)
        except CpoUnreachable as error:
            raise HandshakeFailed(CLIENT_API_UNUSABLE, str(error)) from error
        if not reply.succeeded or "data" not in reply.body:
            raise HandshakeFailed(CLIENT_API_UNUSABLE, f"GET {url}: HTTP {reply.http_status}")
        return reply


def access(endpoints: Mapping[tuple[str, str], str], token: str, roles: tuple[dict[str, Any], ...] = ()) -> CpoAccess:
    """Raises HandshakeFailed when the CPO takes no charging profiles: a SCSP has no use for it then."""
    if ("chargingprofiles", "RECEIVER") not in endpoints:
        raise HandshakeFailed(NO_MATCHING_ENDPOINTS, "no chargingprofiles RECEIVER endpoint")
    return CpoAccess(token, endpoints, roles)


def roles_of(credentials: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    roles = credentials.get("roles")
    return tuple(role for role in roles if isinstance(role, dict)) if isinstance(roles, list) else ()


def join_url(endpoint_url: str, session_id: str) -> str:
    """Exactly one slash between the endpoint and the id, whichever way the CPO publishes its endpoint."""
    return f"{endpoint_url.rstrip('/')}/{session_id}"


def profile_call_of(reply: Reply, *, request_id: str, sent_at: datetime) -> ProfileCall:
    """A ChargingProfileResponse counts only with HTTP 2xx and OCPI 1000."""
    data = reply.body.get("data")
    response = data if reply.succeeded and isinstance(data, dict) else {}
    result, timeout_s = response.get("result"), response.get("timeout")
    return ProfileCall(
        request_id=request_id,
        http_status=reply.http_status,
        result=result if isinstance(result, str) else None,
        timeout_s=timeout_s if isinstance(timeout_s, int) else None,
        sent_at=sent_at,
        status_code=reply.body.get("status_code"),
        status_message=str(reply.body.get("status_message", "")),
    )


def _refused(reply: Reply) -> HandshakeFailed:
    status_code = reply.body.get("status_code", CLIENT_API_UNUSABLE)
    said = f", {str(reply.body['status_message'])[:200]!r}" if reply.body.get("status_message") else ""
    return HandshakeFailed(status_code, f"credentials refused, HTTP {reply.http_status}, OCPI {status_code}{said}")


def _send(method: str, url: str, **options: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        try:
            return session.request(method, url, timeout=TIMEOUT_S, allow_redirects=False, **options)
        except requests.RequestException as error:
            raise CpoUnreachable(f"{method} {url}: {type(error).__name__}") from error


def _parsed(response: requests.Response) -> tuple[Any, bool]:
    try:
        return response.json(), False
    except ValueError:
        return None, True
