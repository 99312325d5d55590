"""Who holds which credentials token between a simulated partner and its CPO, and the credentials endpoint."""

import secrets
from collections.abc import Callable
from typing import Any

from ocpi.simulator.client import CpoAccess, CpoClient, HandshakeFailed, access, roles_of
from ocpi.simulator.objects import CREDENTIALS
from ocpi.simulator.tables import findings
from ocpi.simulator.violations import all_of
from ocpi.simulator.wire import Answer, presents_raw, presents_token, refusal, success


class Registration:
    """`token` is what the CPO calls us with; None after it unregistered. `cpo` is how we call it; None before.

    Without `cpo` the token serves as CREDENTIALS_TOKEN_A of a POST (OCPI 2.2.1 credentials, Registration).
    """

    def __init__(
        self,
        *,
        token: str,
        cpo: CpoAccess | None,
        role: dict[str, Any],
        versions_url: Callable[[], str],
        client: CpoClient,
    ) -> None:
        self.token: str | None = token
        self.cpo = cpo
        self._role = role
        self._versions_url = versions_url
        self._client = client

    def authorized(self, authorization: str) -> bool:
        token = self.token
        return token is not None and presents_token(authorization, token)

    def sent_raw(self, authorization: str) -> bool:
        """Whether the token came as it is, not in Base64."""
        token = self.token
        return token is not None and presents_raw(authorization, token)

    def register(self, versions_url: str, token_a: str) -> None:
        """We are the Sender; the CPO calls our versions while it answers. Raises HandshakeFailed, CpoUnreachable."""
        self.token = self.token or secrets.token_urlsafe(32)
        self.cpo = self._client.exchange_credentials(versions_url, token_a=token_a, credentials=self._credentials())

    def end(self) -> None:
        """DELETE at the CPO, then here. Raises HandshakeFailed, CpoUnreachable."""
        if self.cpo is not None:
            self._client.end_registration(self.cpo)
            self.cpo = self.token = None

    def answer_get(self) -> Answer:
        return success(self._credentials())

    def answer_post(self, body: Any) -> Answer:
        return self._take(body, allowed=self.cpo is None)

    def answer_put(self, body: Any) -> Answer:
        return self._take(body, allowed=self.cpo is not None)

    def answer_delete(self) -> Answer:
        if self.cpo is None:
            return _not_allowed()
        self.cpo = self.token = None
        return success()

    def _take(self, body: Any, *, allowed: bool) -> Answer:
        """Fetch the CPO's endpoints with its token, then give it a new one (OCPI 2.2.1 credentials, POST and PUT)."""
        if not allowed:
            return _not_allowed()
        self._client.note(all_of("credentials", findings(CREDENTIALS, body), CREDENTIALS.passage))
        if not isinstance(body, dict) or not all(body.get(name) for name in ("token", "url", "roles")):
            return refusal("credentials need token, url and roles")
        try:
            cpo = access(self._client.discover(body["url"], body["token"]), body["token"], roles_of(body))
        except HandshakeFailed as failure:
            return refusal(str(failure), status_code=failure.status_code)
        self.cpo, self.token = cpo, secrets.token_urlsafe(32)
        return success(self._credentials())

    def _credentials(self) -> dict[str, Any]:
        return {"token": self.token, "url": self._versions_url(), "roles": [self._role]}


def _not_allowed() -> Answer:
    return refusal("not in this state of registration", http_status=405)
