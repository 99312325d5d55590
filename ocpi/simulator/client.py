"""The requests a simulated partner sends to a CPO: the credentials handshake and the charging profile calls."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from ocpi.simulator.profile_calls import ProfileCall
from ocpi.simulator.wire import (
    CLIENT_API_UNUSABLE,
    NO_MATCHING_ENDPOINTS,
    OCPI_VERSION,
    SUCCESS,
    UNSUPPORTED_VERSION,
    authorization_header,
)

TIMEOUT_S = 10.0


class CpoUnreachable(Exception):
    """No answer, or nobody to ask yet."""


class HandshakeFailed(Exception):
    """`status_code`: 3001, 3002 or 3003 (OCPI 2.2.1 status_codes, 3xxx), or what the CPO answered to the POST."""

    def __init__(self, status_code: int, reason: str) -> None:
        super().__init__(reason)
        self.status_code = status_code


@dataclass(frozen=True, slots=True)
class CpoAccess:
    """How to call the CPO."""

    token: str
    chargingprofiles_url: str


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is the parsed envelope, empty when the CPO sent none."""

    http_status: int
    body: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        return self.http_status < 300 and self.body.get("status_code") == SUCCESS


def fixed_access(cpo_token: str | None, cpo_url: str | None) -> CpoAccess | None:
    """Without a handshake: the path below the CPO's root `cpo_url` is agreed."""
    if (cpo_token is None) != (cpo_url is None):
        raise ValueError("cpo_token and cpo_url go together")
    if cpo_token is None or cpo_url is None:
        return None
    return CpoAccess(cpo_token, f"{cpo_url.rstrip('/')}/ocpi/{OCPI_VERSION}/chargingprofiles")


def call(
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
    all_headers = {"Authorization": authorization_header(token), **ids, **(headers or {})}
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.request(
                method, url, headers=all_headers, json=body, params=params, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException as error:
            raise CpoUnreachable(f"{method} {url}: {type(error).__name__}") from error
    return Reply(response.status_code, _envelope_of(response))


def _envelope_of(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def join_url(endpoint_url: str, session_id: str) -> str:
    """Exactly one slash between the endpoint and the id, whichever way the CPO publishes its endpoint."""
    return f"{endpoint_url.rstrip('/')}/{session_id}"


def profile_call_of(reply: Reply, *, request_id: str, sent_at: datetime) -> ProfileCall:
    """A ChargingProfileResponse counts only with HTTP 2xx and OCPI 1000."""
    data = reply.body.get("data")
    response = data if reply.succeeded and isinstance(data, dict) else {}
    return ProfileCall(
        request_id=request_id,
        http_status=reply.http_status,
        result=response.get("result"),
        timeout_s=response.get("timeout"),
        sent_at=sent_at,
        status_code=reply.body.get("status_code"),
        status_message=reply.body.get("status_message", ""),
    )


def discover(versions_url: str, token: str) -> dict[tuple[str, str], str]:
    """URLs by module and interface role, from the versions and the version details. Raises HandshakeFailed."""
    try:
        urls = {version["version"]: version["url"] for version in _fetch(versions_url, token)}
        if OCPI_VERSION not in urls:
            raise HandshakeFailed(UNSUPPORTED_VERSION, f"no version {OCPI_VERSION} at {versions_url}")
        endpoints = _fetch(urls[OCPI_VERSION], token)["endpoints"]
        return {(endpoint["identifier"], endpoint["role"]): endpoint["url"] for endpoint in endpoints}
    except (KeyError, TypeError):
        raise HandshakeFailed(CLIENT_API_UNUSABLE, f"unusable version information at {versions_url}") from None


def access(endpoints: dict[tuple[str, str], str], token: str) -> CpoAccess:
    """Raises HandshakeFailed when the CPO takes no charging profiles: a SCSP has no use for it then."""
    url = endpoints.get(("chargingprofiles", "RECEIVER"))
    if url is None:
        raise HandshakeFailed(NO_MATCHING_ENDPOINTS, "no chargingprofiles RECEIVER endpoint")
    return CpoAccess(token, url)


def exchange_credentials(versions_url: str, *, token_a: str, credentials: dict[str, Any]) -> CpoAccess:
    """The registration as Sender: versions, details, POST with token A; the answer brings token C.

    Raises HandshakeFailed before the POST when the endpoints do not do (OCPI 2.2.1 credentials, Required endpoints).
    """
    endpoints = discover(versions_url, token_a)
    access(endpoints, token_a)
    url = next((url for (identifier, _), url in endpoints.items() if identifier == "credentials"), None)
    if url is None:
        raise HandshakeFailed(NO_MATCHING_ENDPOINTS, "no credentials endpoint")
    reply = call("POST", url, token=token_a, body=credentials)
    data = reply.body.get("data")
    if not reply.succeeded or not isinstance(data, dict) or not data.get("token"):
        status_code = reply.body.get("status_code", CLIENT_API_UNUSABLE)
        raise HandshakeFailed(status_code, f"credentials refused, HTTP {reply.http_status}, OCPI {status_code}")
    return access(endpoints, data["token"])


def _fetch(url: str, token: str) -> Any:
    try:
        reply = call("GET", url, token=token)
    except CpoUnreachable as error:
        raise HandshakeFailed(CLIENT_API_UNUSABLE, str(error)) from error
    if not reply.succeeded or "data" not in reply.body:
        raise HandshakeFailed(CLIENT_API_UNUSABLE, f"GET {url}: HTTP {reply.http_status}")
    return reply.body["data"]
