"""Where a party may call us from."""

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.networks import caller_address, is_within, parse_networks

pytestmark = pytest.mark.pure


def test_networks_are_normalised_and_kept_once():
    given = [" 192.0.2.0/24", "192.0.2.7", "", "2001:DB8::/48", "192.0.2.7/32", "0.0.0.0/0"]
    assert parse_networks(given) == ["192.0.2.0/24", "192.0.2.7/32", "2001:db8::/48", "0.0.0.0/0"]


@pytest.mark.parametrize(
    "text", ["192.0.2.1/24", "x", "192.0.2.0/33", "a.example", "192.0.2.0/24 x", "1" * 99, "[::1]"]
)
def test_what_is_no_network_is_named(text: str):
    with pytest.raises(ValueError, match="is no network") as caught:
        parse_networks(["192.0.2.0/24", text])
    assert text[:50] in str(caught.value)


def test_there_are_at_most_a_hundred():
    with pytest.raises(ValueError, match="more than 100"):
        parse_networks(f"10.0.{number}.0/24" for number in range(101))


META = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.7"}


def test_without_a_proxy_to_be_trusted_only_the_socket_counts():
    assert caller_address(META, trust_proxy=False) == IPv4Address("192.0.2.1")


def test_behind_one_the_last_entry_is_what_it_saw():
    assert caller_address(META, trust_proxy=True) == IPv4Address("198.51.100.7")
    assert caller_address({"REMOTE_ADDR": "192.0.2.1"}, trust_proxy=True) == IPv4Address("192.0.2.1")
    assert caller_address(META | {"HTTP_X_FORWARDED_FOR": "1.2.3.4, "}, trust_proxy=True) == IPv4Address("192.0.2.1")


@pytest.mark.parametrize(
    ("written", "address"),
    [("198.51.100.7:4711", "198.51.100.7"), ("[2001:db8::1]:4711", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"),
     ("::ffff:198.51.100.7", "198.51.100.7"), ("unknown", None), ("a.example", None), ("1.2.3", None)],
)  # fmt: skip
def test_an_address_may_come_with_a_port_or_in_the_clothes_of_ipv6(written: str, address: str | None):
    expected = ip_address(address) if address else None
    assert caller_address({"HTTP_X_FORWARDED_FOR": f"1.1.1.1, {written}"}, trust_proxy=True) == expected


def test_an_address_nobody_knows_is_nowhere():
    assert caller_address({}, trust_proxy=False) is None
    assert not is_within(None, ["0.0.0.0/0", "::/0"])


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 32))
def test_an_address_is_within_exactly_its_networks(address, base, bits):
    network = ip_network(f"{base}/{bits}", strict=False)
    inside = address.version == base.version and int(address) >> (address.max_prefixlen - bits) == int(base) >> (
        base.max_prefixlen - bits
    )
    assert is_within(address, parse_networks([str(network)])) == inside
