"""Which URLs and network addresses we may call. A partner chooses its URLs; it must not choose our inner network.

Names are resolved here once per connection, every address they resolve to is judged, and the connection is made to
a judged address: a name that changes its mind in between (DNS rebinding) gains nothing.
"""

import ipaddress
import re
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

MAX_URL_CHARS = 255
CACHE_S = 60.0
CACHE_SIZE = 512
LOOKUP_TIMEOUT_S = 2.0

_URL = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
_HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class UrlRefused(Exception):
    """A URL we do not call. `reason` names no part of it that may be secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LookupFailed(Exception):
    """The name has no address right now, or the resolver did not answer in time."""


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """`allow_insecure`: loopback and plain http too. For local work only; the caller sees to that."""

    allow_insecure: bool = False

    def permits(self, address: str) -> bool:
        ip = _parsed(address)
        if ip is None:
            return False
        return _is_public(ip) or (self.allow_insecure and ip.is_loopback)


def check_url(url: str, *, allowed_hosts: frozenset[str], policy: AddressPolicy) -> None:
    """Raises UrlRefused. `allowed_hosts` holds `host` (any port) or `host:port`, compared exactly but for case.

    A name that cannot be resolved right now is not refused: delivery tries again, and the connection judges anew.
    """
    parts = split_url(url, policy)
    if not _names(parts) & {host.lower() for host in allowed_hosts}:
        raise UrlRefused("host is not one this party may name")
    try:
        addresses = _cached_lookup(parts.hostname or "")
    except LookupFailed:
        return
    if not all(policy.permits(address) for address in addresses):
        raise UrlRefused("host has a forbidden address")


def split_url(url: str, policy: AddressPolicy) -> SplitResult:
    """The parts of an absolute URL that every parser reads in the same way. Raises UrlRefused, without any look-up."""
    if len(url) > MAX_URL_CHARS:
        raise UrlRefused(f"longer than {MAX_URL_CHARS} characters")
    if not _URL.fullmatch(url):
        raise UrlRefused("has a fragment or characters no URL may hold")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlRefused("is malformed") from None
    if parts.scheme != "https" and not (policy.allow_insecure and parts.scheme == "http"):
        raise UrlRefused("must be https")
    if "@" in parts.netloc:
        raise UrlRefused("has userinfo")
    if port == 0 or not _is_host(parts):
        raise UrlRefused("has no valid host")
    return parts


def lookup(host: str, timeout_s: float) -> tuple[str, ...]:
    """Every address of a host. Raises LookupFailed. In a thread of its own: resolvers know no deadline."""
    found: list[str] = []

    def resolve() -> None:
        try:
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))

    thread = threading.Thread(target=resolve, name="lookup", daemon=True)
    thread.start()
    thread.join(max(timeout_s, 0.0))
    addresses = tuple(found)
    if not addresses:
        raise LookupFailed(f"{host} did not resolve")
    return addresses


_cache: dict[str, tuple[float, tuple[str, ...]]] = {}
_cache_lock = threading.Lock()


def forget_lookups() -> None:
    with _cache_lock:
        _cache.clear()


def _cached_lookup(host: str) -> tuple[str, ...]:
    now = time.monotonic()
    with _cache_lock:
        found_at, addresses = _cache.get(host, (0.0, ()))
    if addresses and now - found_at < CACHE_S:
        return addresses
    addresses = lookup(host, LOOKUP_TIMEOUT_S)
    with _cache_lock:
        _cache.pop(host, None)
        while len(_cache) >= CACHE_SIZE:
            _cache.pop(next(iter(_cache)))
        _cache[host] = (now, addresses)
    return addresses


def _names(parts: SplitResult) -> set[str]:
    """How an entry of allowed_hosts may name this host."""
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {host, bracketed, f"{bracketed}:{port}"}


def _is_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        return "%" not in host and _parsed(host) is not None
    return _HOST_NAME.fullmatch(host) is not None


def _parsed(address: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _is_public(ip: IPAddress) -> bool:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved
    inner = _wrapped(ip)
    if inner is not None:
        return _is_public(inner)
    return ip.is_global and ip in _GLOBAL_UNICAST and ip.teredo is None


def _wrapped(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end up at: mapped, 6to4 (RFC 3056), NAT64 (RFC 6052)."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour
