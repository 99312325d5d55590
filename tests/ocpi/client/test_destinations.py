"""Where a request may go, and to whom TLS lets it."""

import socket

import pytest

from ocpi import client
from ocpi.client import FailureKind, OutboundRequest, check_url
from tests.ocpi.client.server import STRICT, Server, deliver, drip, failure, post

pytestmark = pytest.mark.once


def test_a_private_address_is_refused_before_anything_leaves(server: Server) -> None:
    request = post(server, url=f"https://127.0.0.1:{server.port}/")
    failed = failure(request, STRICT)
    assert (failed.kind, failed.maybe_sent, failed.retryable) == (FailureKind.ADDRESS_REFUSED, False, False)
    assert server.connections == 0


def test_a_name_that_changes_its_mind_gains_nothing(server: Server, names: dict[str, list[str]]) -> None:
    names["scsp.example"] = ["93.184.216.34", "127.0.0.1"]
    url = f"https://scsp.example:{server.port}/"
    check_url(url, allowed_hosts=frozenset({"scsp.example"}), policy=STRICT)
    assert failure(post(server, url=url), STRICT).kind == FailureKind.ADDRESS_REFUSED
    assert server.connections == 0


def test_the_connection_goes_to_the_judged_address_without_another_look_up(
    server: Server, names: dict[str, list[str]]
) -> None:
    names["scsp.example"] = ["127.0.0.1", "10.0.0.1", "10.0.0.1"]
    assert deliver(post(server, url=f"http://scsp.example:{server.port}/")).ok
    assert server.seen[0].headers["Host"] == f"scsp.example:{server.port}"
    assert len(names["scsp.example"]) == 2


def test_a_connection_made_for_local_work_is_not_used_under_a_strict_policy(
    tls_server: Server, names: dict[str, list[str]]
) -> None:
    names["scsp.example"] = ["127.0.0.1"]
    request = post(tls_server, url=f"https://scsp.example:{tls_server.port}/")
    assert deliver(request).ok
    assert failure(request, STRICT).kind == FailureKind.ADDRESS_REFUSED
    assert len(tls_server.seen) == 1


@pytest.mark.parametrize(
    "url", ["http://scsp.example/", "https://a@scsp.example/", "https://scsp.example/#x", "nowhere"]
)
def test_a_url_no_one_checked_is_checked_here(url: str) -> None:
    failed = failure(OutboundRequest(method="GET", url=url, correlation_id="c-1"), STRICT)
    assert (failed.kind, failed.maybe_sent, failed.retryable) == (FailureKind.URL, False, False)


def test_a_name_without_an_address_is_a_dns_failure() -> None:
    request = OutboundRequest(method="GET", url="https://" + "a" * 64 + ".example/", correlation_id="c-1")
    failed = failure(request, STRICT)
    assert (failed.kind, failed.maybe_sent, failed.retryable) == (FailureKind.DNS, False, True)


def test_a_closed_port_is_a_refused_connection(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    called: list[str] = []
    failed = failure(post(server, url=f"http://127.0.0.1:{port}/"), before_send=lambda: called.append("sent"))
    assert (failed.kind, failed.maybe_sent, failed.retryable) == (FailureKind.REFUSED, False, True)
    assert called == []


def test_tls_verifies_the_name_of_the_url_not_the_address(tls_server: Server, names: dict[str, list[str]]) -> None:
    names["scsp.example"] = names["other.example"] = ["127.0.0.1"]
    assert deliver(post(tls_server, url=f"https://scsp.example:{tls_server.port}/")).ok
    called: list[str] = []
    request = post(tls_server, url=f"https://other.example:{tls_server.port}/")
    failed = failure(request, before_send=lambda: called.append("sent"))
    assert (failed.kind, failed.maybe_sent, failed.retryable) == (FailureKind.TLS, False, True)
    assert called == []
    assert len(tls_server.seen) == 1


def test_a_certificate_of_an_unknown_authority_is_refused(
    tls_server: Server, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["scsp.example"] = ["127.0.0.1"]
    monkeypatch.setattr(client, "CA_BUNDLE", True)
    failed = failure(post(tls_server, url=f"https://scsp.example:{tls_server.port}/"))
    assert (failed.kind, failed.detail, failed.maybe_sent) == (FailureKind.TLS, "self-signed certificate", False)
    assert tls_server.seen == []


def test_a_server_that_does_not_speak_tls_is_a_tls_failure(server: Server) -> None:
    failed = failure(post(server, url=f"https://127.0.0.1:{server.port}/"))
    assert (failed.kind, failed.maybe_sent) == (FailureKind.TLS, False)


def test_a_handshake_that_never_ends_does_not_hold_us() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        failed = failure(OutboundRequest(method="GET", url=url, correlation_id="c-1", timeout_s=0.2))
    assert (failed.kind, failed.maybe_sent, failed.retryable) == (FailureKind.TIMEOUT, False, True)


def test_a_tls_server_that_answers_byte_by_byte_does_not_hold_us(
    tls_server: Server, names: dict[str, list[str]]
) -> None:
    names["scsp.example"] = ["127.0.0.1"]
    tls_server.answer = lambda handler: drip(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    failed = failure(post(tls_server, url=f"https://scsp.example:{tls_server.port}/", timeout_s=0.6))
    assert (failed.kind, failed.http_status) == (FailureKind.TIMEOUT, 200)
