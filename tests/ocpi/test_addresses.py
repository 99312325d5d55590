import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ocpi import addresses
from ocpi.addresses import AddressPolicy, LookupFailed, UrlRefused, check_url, forget_lookups, lookup

pytestmark = pytest.mark.pure

STRICT = AddressPolicy()
LAX = AddressPolicy(allow_insecure=True)
PUBLIC = "93.184.216.34"


class Resolver:
    """Answers for `socket.getaddrinfo`; counts what it is asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str]] = {}
        self.asked: list[str] = []

    def __call__(self, host: str, *args: Any, **kwargs: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.answers[host]]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    forget_lookups()
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    forget_lookups()


def refusal(url: str, *hosts: str, policy: AddressPolicy = STRICT) -> str | None:
    try:
        check_url(url, allowed_hosts=frozenset(hosts or {"scsp.example"}), policy=policy)
    except UrlRefused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "2002:808:808::1", "64:ff9b::808:808"])
def test_a_public_address_is_permitted(address: str) -> None:
    assert STRICT.permits(address)
    assert LAX.permits(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.0.2.1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "2001::1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "2002:a00:1::",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "100::1",
        "not an address",
        "",
    ],
)
def test_an_address_that_is_not_public_is_never_permitted(address: str) -> None:
    assert not STRICT.permits(address)
    assert not LAX.permits(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_permitted_for_local_work_only(address: str) -> None:
    assert not STRICT.permits(address)
    assert LAX.permits(address)


def test_an_https_url_of_a_named_host_with_a_public_address_is_good(resolver: Resolver) -> None:
    resolver.answers["scsp.example"] = [PUBLIC]
    assert refusal("https://scsp.example/ocpi/response?id=1&x=a@b") is None
    assert refusal("HTTPS://SCSP.Example:443/") is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://scsp.example/", "must be https"),
        ("ftp://scsp.example/", "must be https"),
        ("//scsp.example/", "must be https"),
        ("scsp.example", "must be https"),
        ("", "has a fragment or characters no URL may hold"),
        ("https://scsp.example/#top", "has a fragment or characters no URL may hold"),
        ("https://scsp.example/\n", "has a fragment or characters no URL may hold"),
        ("https://scsp.example/ x", "has a fragment or characters no URL may hold"),
        ("https://scsp.example\\@evil.example/", "has a fragment or characters no URL may hold"),
        ("https://scsp.éxample/", "has a fragment or characters no URL may hold"),
        ("https://scsp.example/" + "x" * 235, "longer than 255 characters"),
        ("https://user:word@scsp.example/", "has userinfo"),
        ("https://scsp.example@evil.example/", "has userinfo"),
        ("https://scsp.example:99999/", "is malformed"),
        ("https://scsp.example:x/", "is malformed"),
        ("https://[::1/", "is malformed"),
        ("https://scsp.example:0/", "has no valid host"),
        ("https:///path", "has no valid host"),
        ("https://scsp%2eexample/", "has no valid host"),
        ("https://scsp.example;evil.example/", "has no valid host"),
        ("https://.scsp.example/", "has no valid host"),
        ("https://scsp.example./", "has no valid host"),
        ("https://evil.example/", "host is not one this party may name"),
        ("https://evil.scsp.example/", "host is not one this party may name"),
    ],
)
def test_a_refused_url_has_a_reason_and_costs_no_look_up(resolver: Resolver, url: str, reason: str) -> None:
    resolver.answers["scsp.example"] = [PUBLIC]
    assert refusal(url) == reason
    assert resolver.asked == []


def test_an_allowed_host_may_be_bound_to_a_port(resolver: Resolver) -> None:
    resolver.answers["scsp.example"] = [PUBLIC]
    assert refusal("https://scsp.example:8443/", "SCSP.example:8443") is None
    assert refusal("https://scsp.example/", "scsp.example:443") is None
    assert refusal("https://scsp.example:9443/", "scsp.example:8443") == "host is not one this party may name"
    assert refusal("https://scsp.example:9443/", "scsp.example") is None


@pytest.mark.parametrize("host", ["::1", "[::1]", "[::1]:8443"])
def test_an_ipv6_host_may_be_named_with_or_without_brackets(host: str) -> None:
    forget_lookups()
    assert refusal("https://[::1]:8443/", host, policy=LAX) is None
    assert refusal("https://[::1]:8443/", host) == "host has a forbidden address"


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "2130706433", "0x7f.1", "127.1", "169.254.169.254"])
def test_a_literal_address_is_judged_however_it_is_spelled(host: str) -> None:
    forget_lookups()
    assert refusal(f"https://{host}/", host) == "host has a forbidden address"


def test_one_forbidden_address_among_many_is_enough(resolver: Resolver) -> None:
    resolver.answers["scsp.example"] = [PUBLIC, "10.0.0.1"]
    assert refusal("https://scsp.example/") == "host has a forbidden address"


def test_plain_http_and_loopback_are_for_local_work_only(resolver: Resolver) -> None:
    resolver.answers["localhost"] = ["127.0.0.1"]
    assert refusal("http://localhost:9000/x", "localhost", policy=LAX) is None
    assert refusal("http://localhost:9000/x", "localhost") == "must be https"
    resolver.answers["inner"] = ["10.0.0.1"]
    assert refusal("http://inner/x", "inner", policy=LAX) == "host has a forbidden address"


def test_a_name_that_does_not_resolve_now_is_not_refused(resolver: Resolver) -> None:
    assert refusal("https://scsp.example/") is None
    resolver.answers["scsp.example"] = ["10.0.0.1"]
    assert refusal("https://scsp.example/") == "host has a forbidden address"


def test_look_ups_are_remembered_for_a_minute(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver.answers["scsp.example"] = [PUBLIC]
    now = 1000.0
    monkeypatch.setattr(addresses.time, "monotonic", lambda: now)
    for _ in range(3):
        refusal("https://scsp.example/")
    assert resolver.asked == ["scsp.example"]
    now += 61
    refusal("https://scsp.example/")
    assert resolver.asked == ["scsp.example"] * 2


def test_the_memory_of_look_ups_is_bounded(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "CACHE_SIZE", 2)
    for host in ("a.example", "b.example", "c.example"):
        resolver.answers[host] = [PUBLIC]
        assert refusal(f"https://{host}/", host) is None
    assert list(addresses._cache) == ["b.example", "c.example"]


def test_a_resolver_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def stuck(*args: Any, **kwargs: Any) -> Callable[[], None]:
        released.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    started = time.monotonic()
    with pytest.raises(LookupFailed):
        lookup("slow.example", 0.05)
    assert time.monotonic() - started < 5
    released.set()


def test_a_label_too_long_for_dns_does_not_resolve() -> None:
    with pytest.raises(LookupFailed):
        lookup("a" * 64 + ".example", 5)
