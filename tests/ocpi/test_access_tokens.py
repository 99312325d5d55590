"""Access tokens shared by threads and processes: one request for each, whoever needs it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisAway

from ocpi import access_tokens
from ocpi.access_tokens import AccessTokens
from ocpi.client import DeliveryFailed, FailureKind, close_connections
from tests.support.jedlix import LAX, Jedlix

THREADS = 50
DOWN = (503, {"error": "temporarily_unavailable"})


@pytest.fixture
def endpoint() -> Iterator[Jedlix]:
    with Jedlix() as server:
        yield server
        close_connections()


@pytest.fixture
def tokens(endpoint: Jedlix) -> AccessTokens:
    return AccessTokens(endpoint.client(), LAX)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of access tokens so many seconds ahead."""
    began = access_tokens.now_s()

    def go(seconds: float) -> None:
        monkeypatch.setattr(access_tokens, "now_s", lambda: began + seconds)

    go(0)
    return go


def current(tokens: AccessTokens, timeout_s: float = 5.0) -> str:
    return tokens.current(timeout_s=timeout_s)


def at_once(function: Callable[[], Any]) -> list[Any]:
    """What it returns to each of THREADS threads, or what it raises."""
    ready = threading.Barrier(THREADS)

    def one(_: int) -> Any:
        ready.wait()
        try:
            return function()
        except DeliveryFailed as failed:
            return failed
        finally:
            close_connections()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def test_a_token_is_asked_for_once_and_then_known_to_all(endpoint: Jedlix, tokens: AccessTokens):
    first = current(tokens)
    assert [current(tokens), current(AccessTokens(endpoint.client(), LAX))] == [first, first]
    assert list(endpoint.issued) == [first]


def test_another_secret_audience_or_style_is_another_token(endpoint: Jedlix, tokens: AccessTokens):
    endpoint.token_answers = [(200, {"access_token": text, "expires_in": 60}) for text in ("a", "b", "c", "d", "e")]
    who = [{}, {"secret": "x"}, {"audience": "x"}, {"in_body": False}, {"scope": "x"}]
    assert [current(AccessTokens(endpoint.client(**changes), LAX)) for changes in who] == ["a", "b", "c", "d", "e"]
    assert current(tokens) == "a"


def test_many_threads_without_a_token_make_one_request(endpoint: Jedlix, tokens: AccessTokens):
    got = at_once(lambda: current(tokens, 20.0))
    assert (set(got), len(endpoint.token_requests)) == (set(endpoint.issued), 1)


def test_many_threads_with_a_refused_token_make_one_request(endpoint: Jedlix, tokens: AccessTokens):
    old = current(tokens)

    def refused() -> str:
        assert tokens.refuse(old)
        return current(tokens, 20.0)

    got = at_once(refused)
    assert len(endpoint.token_requests) == 2
    assert set(got) == set(endpoint.issued) - {old}


def test_many_threads_share_one_failure(endpoint: Jedlix, tokens: AccessTokens):
    endpoint.token_answers = [(401, {"error": "invalid_client"})] * THREADS
    got = at_once(lambda: current(tokens, 20.0))
    assert {str(failed) for failed in got} == {"authorisation: token endpoint says HTTP 401 invalid_client"}
    assert {failed.retryable for failed in got} == {False}
    assert len(endpoint.token_requests) == 1


def test_it_is_renewed_before_it_expires(endpoint: Jedlix, tokens: AccessTokens, later):
    first = current(tokens)
    later(3539)
    assert current(tokens) == first
    later(3541)
    second = current(tokens)
    assert list(endpoint.issued) == [first, second]
    assert current(tokens) == second


def test_of_a_short_life_a_quarter_is_left(endpoint: Jedlix, tokens: AccessTokens, later):
    endpoint.lifetime_s = 8
    first = current(tokens)
    later(5.9)
    assert current(tokens) == first
    later(6.1)
    assert current(tokens) != first
    assert len(endpoint.token_requests) == 2


def test_while_one_renews_the_others_go_on_with_what_is_valid(endpoint: Jedlix, tokens: AccessTokens, later):
    first = current(tokens)
    later(3550)
    asked, over = threading.Event(), threading.Event()
    endpoint.before_token = lambda: (asked.set(), over.wait(10))
    renewing = threading.Thread(target=lambda: (current(tokens), close_connections()))
    renewing.start()
    assert asked.wait(10)
    assert [current(tokens) for _ in range(3)] == [first] * 3
    over.set()
    renewing.join()
    assert len(endpoint.token_requests) == 2


def test_a_valid_token_outlives_a_failed_renewal_and_one_that_has_run_out_does_not(endpoint, tokens, later):
    first = current(tokens)
    endpoint.token_answers = [DOWN, DOWN]
    later(3550)
    assert [current(tokens), current(tokens)] == [first, first]
    assert len(endpoint.token_requests) == 2
    later(3599)
    with pytest.raises(DeliveryFailed, match="HTTP 503 temporarily_unavailable") as caught:
        current(tokens)
    assert caught.value.retryable
    assert len(endpoint.token_requests) == 2


def test_a_failure_is_forgotten_after_a_while(endpoint: Jedlix, tokens: AccessTokens):
    endpoint.token_answers = [DOWN]
    for _ in range(3):
        with pytest.raises(DeliveryFailed):
            current(tokens)
    assert len(endpoint.token_requests) == 1
    cache.delete(tokens._failure)  # its time in the cache is over
    assert current(tokens) in endpoint.issued


def test_who_waits_gives_up_in_time(endpoint: Jedlix, tokens: AccessTokens):
    cache.add(tokens._lease, "another process", timeout=60)
    with pytest.raises(DeliveryFailed, match="no access token in time") as caught:
        current(tokens, 0.1)
    assert (caught.value.kind, caught.value.retryable) == (FailureKind.TIMEOUT, True)
    assert endpoint.token_requests == []
    cache.delete(tokens._lease)


def test_a_lease_is_given_back_and_only_by_its_holder(endpoint: Jedlix, tokens: AccessTokens):
    current(tokens)
    assert cache.get(tokens._lease) is None
    tokens.refuse(current(tokens))
    endpoint.before_token = lambda: cache.set(tokens._lease, "another process", timeout=60)
    current(tokens)
    assert cache.get(tokens._lease) == "another process"
    cache.delete(tokens._lease)


def test_a_replacement_that_is_refused_too_was_not_the_reason(endpoint: Jedlix, tokens: AccessTokens, later):
    first = current(tokens)
    assert tokens.refuse(first)
    second = current(tokens)
    later(30)
    assert not tokens.refuse(second)
    assert current(tokens) == second
    assert tokens.refuse(first)  # somebody who comes late has another already
    later(61)
    assert tokens.refuse(second)
    assert current(tokens) not in {first, second}
    assert len(endpoint.token_requests) == 3


def test_an_operator_asks_for_a_new_one_whatever_is_known(endpoint: Jedlix, tokens: AccessTokens):
    current(tokens)
    assert tokens.check(timeout_s=5) == 3600.0
    endpoint.token_answers = [DOWN]
    with pytest.raises(DeliveryFailed):
        tokens.check(timeout_s=5)
    assert tokens.check(timeout_s=5) == 3600.0
    assert (current(tokens), len(endpoint.token_requests)) == (list(endpoint.issued)[-1], 4)


def test_what_is_in_the_cache_is_encrypted(endpoint: Jedlix, tokens: AccessTokens):
    token = current(tokens)
    stored = str(cache.get_many([tokens._token, tokens._refused, tokens._failure]))
    assert "expires_at" in stored
    assert [text for text in (token, endpoint.secret) if text in stored + tokens._token] == []


def test_a_cache_that_is_away_is_a_failure_to_try_again(tokens: AccessTokens, monkeypatch):
    def away(*_: Any, **__: Any) -> None:
        raise RedisAway("redis://secret@host")

    monkeypatch.setattr(access_tokens.cache, "get_many", away)
    with pytest.raises(DeliveryFailed) as caught:
        current(tokens)
    assert str(caught.value) == "authorisation: the cache of access tokens is away (ConnectionError)"
    assert caught.value.retryable
