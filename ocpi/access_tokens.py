"""Access tokens of OAuth 2.0, shared by all threads and processes through the cache, encrypted there.

Constraints:
- one request at a time for each token: a lease in the cache says who asks; the others go on with the token that is
  valid for a little longer, or wait;
- a failed request is not repeated by everybody who waited for it;
- what a partner refuses is replaced once; a replacement that is refused too was not the reason.
"""

import hashlib
import logging
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from django.core.cache import cache
from django.utils import timezone
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from ocpi.client import AddressPolicy, DeliveryFailed, FailureKind
from ocpi.encryption import decrypt, encrypt
from ocpi.oauth2 import Grant, OAuth2Client, request_token

REQUEST_S = 10.0
RENEW_BEFORE_S = 60.0
EXPIRES_BEFORE_S = 5.0  # it must still be good when the partner reads it
LEASE_SLACK_S = 2.0
LOOK_AGAIN_S = 0.05
REFUSED_PAUSE_S = 10
FAILED_PAUSE_S = 2
HELPLESS_S = 60.0

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


def now_s() -> float:
    """Wall clock: several machines read what one wrote."""
    return timezone.now().timestamp()


@dataclass(frozen=True, slots=True)
class _Held:
    """Times in s since the epoch. `replaces_refused`: the partner did not want the one before."""

    token: str = field(repr=False)
    asked_at: float
    renew_at: float
    expires_at: float
    replaces_refused: bool

    def stored(self) -> dict[str, Any]:
        return {
            "token": encrypt(self.token), "asked_at": self.asked_at, "renew_at": self.renew_at,
            "expires_at": self.expires_at, "replaces_refused": self.replaces_refused,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    """What the cache says. `refused`: `held` is not wanted any more."""

    held: _Held | None
    refused: bool
    failure: DeliveryFailed | None

    def fresh(self) -> str:
        """Empty: it is time for another."""
        return self.held.token if self.held and not self.refused and now_s() < self.held.renew_at else ""

    def valid(self) -> str:
        """For a little longer, at least."""
        return self.held.token if self.held and not self.refused and now_s() < self.held.expires_at else ""


def _cache_may_be_away(function: Callable[P, T]) -> Callable[P, T]:
    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except RedisError as error:
            words = f"the cache of access tokens is away ({type(error).__name__})"
            raise DeliveryFailed(FailureKind.AUTHORISATION, words, retryable=True) from None

    return guarded


class AccessTokens:
    """Those of one client of one token endpoint. All methods may raise DeliveryFailed; none in a transaction."""

    def __init__(self, who: OAuth2Client, policy: AddressPolicy) -> None:
        self._who = who
        self._policy = policy
        parts = (who.token_url, who.client_id, who.secret, str(who.in_body), who.audience, who.scope)
        name = salted_hmac("ocpi.access_tokens", "\0".join(parts), algorithm="sha256").hexdigest()
        self._token, self._refused = f"access-token:{name}", f"access-token:{name}:refused"
        self._failure, self._lease = f"access-token:{name}:failure", f"access-token:{name}:lease"

    @_cache_may_be_away
    def current(self, *, timeout_s: float) -> str:
        """A token that is good for a request now."""
        until = time.monotonic() + timeout_s
        while True:
            known = self._known()
            if token := known.fresh():
                return token
            if known.failure is None and (token := self._renewed(until)):
                return token
            if token := known.valid():
                return token
            if known.failure:
                raise known.failure
            _wait(until)

    @_cache_may_be_away
    def refuse(self, token: str) -> bool:
        """The partner does not want this one. True: another can be had, or is there already."""
        held = self._known().held
        if held is None or held.token != token:
            return True
        if held.replaces_refused and now_s() < held.asked_at + HELPLESS_S:
            return False
        cache.set(self._refused, _digest(token), timeout=_whole(held.expires_at - now_s()))
        return True

    @_cache_may_be_away
    def check(self, *, timeout_s: float) -> float:
        """Asks for a new one, whatever is known. How long it will last, in s."""
        return self._fetched(timeout_s=timeout_s, replaces_refused=False).lifetime_s

    def _renewed(self, until: float) -> str:
        """Empty: somebody else is asking."""
        timeout_s = min(REQUEST_S, until - time.monotonic())
        mark = uuid.uuid4().hex
        if timeout_s <= 0 or not cache.add(self._lease, mark, timeout=_whole(timeout_s + LEASE_SLACK_S)):
            return ""
        try:
            return self._with_lease(timeout_s)
        finally:
            if cache.get(self._lease) == mark:
                cache.delete(self._lease)

    def _with_lease(self, timeout_s: float) -> str:
        known = self._known()  # somebody may have had it between our look and our lease
        if known.failure or (token := known.fresh()):
            return "" if known.failure else token
        try:
            return self._fetched(timeout_s=timeout_s, replaces_refused=known.refused).token
        except DeliveryFailed as failure:
            if token := known.valid():
                logger.warning("access token not renewed, the old one is still valid: %s", failure)
                return token
            raise

    def _fetched(self, *, timeout_s: float, replaces_refused: bool) -> Grant:
        asked_at = now_s()
        try:
            grant = request_token(self._who, policy=self._policy, timeout_s=timeout_s)
        except DeliveryFailed as failure:
            self._remember(failure)
            raise
        held = _held(grant, asked_at=asked_at, replaces_refused=replaces_refused)
        cache.set(self._token, held.stored(), timeout=_whole(grant.lifetime_s))
        cache.delete(self._failure)
        host = urlsplit(self._who.token_url).hostname
        logger.info("access token from host=%s client_id=%r lifetime_s=%d", host, self._who.client_id, grant.lifetime_s)
        return grant

    def _remember(self, failure: DeliveryFailed) -> None:
        """Not that the time was too short: others may have more."""
        if failure.kind is FailureKind.TIMEOUT:
            return
        pause_s = FAILED_PAUSE_S if failure.retryable else REFUSED_PAUSE_S
        cache.set(self._failure, [failure.kind.value, failure.detail, failure.retryable], timeout=pause_s)

    def _known(self) -> _Known:
        found = cache.get_many([self._token, self._refused, self._failure])
        stored, failed = found.get(self._token), found.get(self._failure)
        held = _Held(**{**stored, "token": decrypt(stored["token"])}) if stored else None
        failure = DeliveryFailed(FailureKind(failed[0]), failed[1], retryable=failed[2]) if failed else None
        refused = held is not None and found.get(self._refused) == _digest(held.token)
        return _Known(held, refused, failure)


def _held(grant: Grant, *, asked_at: float, replaces_refused: bool) -> _Held:
    """Of a short life, a quarter is left when it is renewed."""
    expires_at = asked_at + grant.lifetime_s
    return _Held(
        token=grant.token,
        asked_at=asked_at,
        renew_at=expires_at - min(RENEW_BEFORE_S, grant.lifetime_s / 4),
        expires_at=expires_at - min(EXPIRES_BEFORE_S, grant.lifetime_s / 10),
        replaces_refused=replaces_refused,
    )


def _wait(until: float) -> None:
    if time.monotonic() >= until:
        raise DeliveryFailed(FailureKind.TIMEOUT, "no access token in time")
    time.sleep(min(LOOK_AGAIN_S, max(0.0, until - time.monotonic())))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _whole(seconds: float) -> int:
    """The cache counts whole seconds, and takes 0 for over."""
    return max(1, math.ceil(seconds))
