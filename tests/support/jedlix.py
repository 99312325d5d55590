"""A partner behind OAuth 2.0 and an API key, as the first one is: a token endpoint and a receiver that checks both."""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from ocpi.addresses import AddressPolicy
from ocpi.oauth2 import OAuth2Client
from tests.support.recorder import Recorded, Recorder

AUDIENCE = "https://ocpi.partner.example"
API_KEY_HEADER = "ApiKey"
LAX = AddressPolicy(allow_insecure=True)
UNAUTHORISED = {"message": "unauthorised"}


class Jedlix(Recorder):
    """`requests` and `wait` know only what it let in; what it turned away is in `turned_away`.

    `token_answers` are answers of the token endpoint in place of tokens; `before_token` runs before each.
    """

    def __init__(self, *, lifetime_s: float = 3600.0) -> None:
        self.lifetime_s = lifetime_s
        self.client_id, self.secret, self.api_key = (secrets.token_urlsafe(24) for _ in range(3))
        self.token_requests: list[dict[str, str]] = []
        self.token_headers: list[dict[str, str]] = []
        self.token_answers: list[tuple[int, Any]] = []
        self.before_token: Callable[[], object] = lambda: None
        self.turned_away: list[Recorded] = []
        self.issued: dict[str, float] = {}
        self._good: set[str] = set()
        self._lock = threading.Lock()
        super().__init__()

    @property
    def token_url(self) -> str:
        return f"{self.url}/oauth/token"

    def client(self, **changes: Any) -> OAuth2Client:
        fields = {"token_url": self.token_url, "client_id": self.client_id, "secret": self.secret, "audience": AUDIENCE}
        return OAuth2Client(**(fields | changes))

    def revoke_all(self) -> None:
        with self._lock:
            self._good.clear()

    def answer(self, request: Recorded) -> tuple[int, Any]:
        if request.path == "/oauth/token":
            return self._token(request)
        if not self._lets_in(request):
            self.turned_away.append(request)
            return 401, UNAUTHORISED
        return super().answer(request)

    def _token(self, request: Recorded) -> tuple[int, Any]:
        form = dict(parse_qsl(request.text, strict_parsing=True))
        with self._lock:
            self.token_requests.append(form)
            self.token_headers.append(request.headers)
        self.before_token()
        with self._lock:
            if self.token_answers:
                return self.token_answers.pop(0)
            if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.secret):
                return 401, {"error": "invalid_client"}
            if (form.get("grant_type"), form.get("audience")) != ("client_credentials", AUDIENCE):
                return 403, {"error": "access_denied"}
            return 200, self._issue()

    def _issue(self) -> dict[str, Any]:
        token = secrets.token_urlsafe(32)
        self.issued[token] = time.monotonic() + self.lifetime_s
        self._good.add(token)
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime_s}

    def _lets_in(self, request: Recorded) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        with self._lock:
            good = token in self._good and time.monotonic() < self.issued[token]
        return scheme == "Bearer" and good and request.headers.get(API_KEY_HEADER) == self.api_key
