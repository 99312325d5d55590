"""One request to a token endpoint: OAuth 2.0 client credentials (RFC 6749 sections 4.4, 5.1 and 5.2).

One form out and one JSON object back: a library would add its own rules about scopes and its own error texts, which
quote answers, to what is guarded here anyway.
"""

import base64
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

from ocpi import client
from ocpi.authorizers import TIMEOUT_S
from ocpi.client import AddressPolicy, DeliveryFailed, FailureKind, OutboundResponse

UNSAID_LIFETIME_S = 300.0
LONGEST_LIFETIME_S = 86_400.0
_ACCESS_TOKEN = re.compile(r"[!-~]{1,8192}")
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
_MAX_DESCRIPTION = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2Client:
    """Who we are to a token endpoint. `in_body`: id and secret in the form, else in HTTP Basic (section 2.3.1)."""

    token_url: str
    client_id: str
    secret: str = field(repr=False)
    in_body: bool = True
    audience: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    token: str = field(repr=False)
    lifetime_s: float


@dataclass(frozen=True, slots=True)
class _ClientAuthentication:
    headers_: dict[str, str] = field(repr=False)

    def headers(self, *, timeout_s: float = TIMEOUT_S) -> dict[str, str]:  # noqa: ARG002
        return self.headers_

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        return False


def request_token(who: OAuth2Client, *, policy: AddressPolicy, timeout_s: float) -> Grant:
    """Raises DeliveryFailed, in words that hold neither secret nor token."""
    request = client.OutboundRequest(
        method="POST", url=who.token_url, form=_form(who), correlation_id=str(uuid.uuid4()), timeout_s=timeout_s
    )
    try:
        response = client.send(request, authorization=_ClientAuthentication(_basic(who)), policy=policy)
    except DeliveryFailed as failure:
        raise _not_reached(failure) from None
    if not response.ok:
        raise _failed(f"says {_refusal(response, who)}", retryable=response.retryable)
    return _grant(response.body)


def _not_reached(failure: DeliveryFailed) -> DeliveryFailed:
    """What only a change of settings heals, on either side, is a matter of authorisation."""
    if failure.retryable:
        return DeliveryFailed(failure.kind, f"token endpoint: {failure.detail}")
    return _failed(f"not usable: {failure}", retryable=False)


def _form(who: OAuth2Client) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "audience": who.audience, "scope": who.scope}
    if who.in_body:
        form |= {"client_id": who.client_id, "client_secret": who.secret}
    return {name: value for name, value in form.items() if value}


def _basic(who: OAuth2Client) -> dict[str, str]:
    """Id and secret are form-encoded before they are joined (section 2.3.1)."""
    if who.in_body:
        return {}
    pair = f"{quote_plus(who.client_id)}:{quote_plus(who.secret)}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _grant(body: Any) -> Grant:
    fields = body if isinstance(body, dict) else {}
    token, kind = fields.get("access_token"), fields.get("token_type", "Bearer")
    if not isinstance(token, str) or not _ACCESS_TOKEN.fullmatch(token):
        raise _failed("sends no access token that can be used", retryable=False)
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _failed("offers a token that is no bearer token", retryable=False)
    return Grant(token, _lifetime_s(fields.get("expires_in")))


def _lifetime_s(said: Any) -> float:
    """Some write it as a string, some leave it out. 0 for what has run out already."""
    if isinstance(said, str) and re.fullmatch(r"[0-9]{1,10}", said):
        said = int(said)
    if isinstance(said, bool) or not isinstance(said, int | float | Decimal):
        return UNSAID_LIFETIME_S
    return float(min(max(said, 0), LONGEST_LIFETIME_S))


def _failed(words: str, *, retryable: bool) -> DeliveryFailed:
    return DeliveryFailed(FailureKind.AUTHORISATION, f"token endpoint {words}", retryable=retryable)


def _refusal(response: OutboundResponse, who: OAuth2Client) -> str:
    """Status, error code and description (section 5.2)."""
    fields = response.body if isinstance(response.body, dict) else {}
    words = [f"HTTP {response.http_status}"]
    code, description = fields.get("error"), fields.get("error_description")
    if isinstance(code, str) and _ERROR_CODE.fullmatch(code):
        words.append(code)
    if isinstance(description, str) and description.isprintable():
        words.append(f"({description[:_MAX_DESCRIPTION]})")
    text = " ".join(words)
    secrets = {who.secret, quote_plus(who.secret), *_basic(who).values()}
    return words[0] if any(secret in text for secret in secrets) else text
