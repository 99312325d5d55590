"""Where a party may call us from: networks in CIDR notation, and the address that a request came from."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

MAX_NETWORKS = 100

IPAddress = IPv4Address | IPv6Address


def parse_networks(texts: Iterable[str]) -> list[str]:
    """Normalised and once each; an address alone is a network of one. Raises ValueError that names the wrong one."""
    found = list(dict.fromkeys(_network(text.strip()) for text in texts if text.strip()))
    if len(found) > MAX_NETWORKS:
        raise ValueError(f"more than {MAX_NETWORKS} networks")
    return found


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no network, such as 192.0.2.0/24 with no bits beyond the mask") from None


def caller_address(meta: Mapping[str, str], *, trust_proxy: bool) -> IPAddress | None:
    """Of a WSGI environ: what the nearest proxy saw, if there is one to be trusted, else the other end of the socket.

    Only the right-most entry of X-Forwarded-For is the proxy's own: the others are what its client claimed.
    """
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "") if trust_proxy else ""
    return _address(forwarded.rpartition(",")[2].strip() or meta.get("REMOTE_ADDR", ""))


def is_within(address: IPAddress | None, networks: Iterable[str]) -> bool:
    if address is None:
        return False
    return any(address in ip_network(network) for network in networks)


def _address(text: str) -> IPAddress | None:
    """Some proxies add the port; a socket for both families writes IPv4 as ::ffff:192.0.2.1."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
