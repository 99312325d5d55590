# ruff: noqa: F401, F811 - fixtures are imported by name
"""Test connection says exactly what failed, over real HTTP, and changes nothing."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ocpi import client, discovery
from ocpi.models import Credentials, PartnerEndpoint, Party
from ocpi.probe import Report, Verdict, probe
from tests.ocpi.client.conftest import names, server, tls_server
from tests.ocpi.client.server import Handler, Server, hang_up
from tests.support import ocpi_factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.once]
OK, NOTE, FAILED = Verdict.OK, Verdict.NOTE, Verdict.FAILED
CLEAN = ("credentials", "SENDER"), ("sessions", "RECEIVER"), ("chargingprofiles", "SENDER")


@pytest.fixture
def party(server: Server, settings) -> Party:
    """Known at the server's address, its endpoints as the server lists them."""
    settings.DEBUG = True
    added = make.party(endpoints=False, allow_insecure_urls=True)
    at(f"http://127.0.0.1:{server.port}")
    PartnerEndpoint.objects.bulk_create(
        PartnerEndpoint(party=added, identifier=name, role=role, url=url(server, name)) for name, role in CLEAN
    )
    return added


def at(base: str) -> None:
    Credentials.objects.update(versions_url=f"{base}/versions?key=hidden")


def url(server: Server, name: str) -> str:
    return f"http://127.0.0.1:{server.port}/{name}"


def envelope(data: Any) -> bytes:
    return json.dumps({"data": data, "status_code": 1000, "timestamp": "2026-01-05T12:00:00Z"}).encode()


def speaking(server: Server, *endpoints: tuple[str, str], version: str = "2.2.1") -> Callable[[Handler], None]:
    listed = [{"identifier": name, "role": role, "url": url(server, name)} for name, role in endpoints]

    def answer(handler: Handler) -> None:
        if handler.path.startswith("/versions"):
            handler.reply(200, envelope([{"version": version, "url": url(server, "details")}]))
        else:
            handler.reply(200, envelope({"version": version, "endpoints": listed}))

    return answer


def found(report: Report) -> list[tuple[str, Verdict]]:
    return [(step.what, step.verdict) for step in report.steps]


def last(party: Party) -> tuple[str, Verdict, str]:
    step = probe(party).steps[-1]
    return step.what, step.verdict, step.words


def test_a_partner_that_works(party, server: Server):
    server.answer = speaking(server, *CLEAN)
    before = make.snapshot(Credentials, PartnerEndpoint)
    report = probe(party)
    assert report.ok
    assert found(report) == [
        ("authorisation", OK), ("versions", OK), ("version", OK), ("version details", OK),
        ("credentials SENDER", OK), ("sessions RECEIVER", OK), ("chargingprofiles SENDER", OK),
    ]  # fmt: skip
    assert [(seen.command, seen.headers["Authorization"]) for seen in server.seen] == [
        ("GET", "Token b3V0Ym91bmQtSkVE"), ("GET", "Token b3V0Ym91bmQtSkVE")
    ]  # fmt: skip
    assert make.snapshot(Credentials, PartnerEndpoint) == before
    assert Party.objects.get().reached_at is not None


ANSWERS: list[tuple[Any, str]] = [
    (lambda handler: handler.reply(401, b"{}"), "HTTP 401: the authorisation is not accepted"),
    (lambda handler: handler.reply(403), "HTTP 403: authorised, but not for this"),
    (lambda handler: handler.reply(404, b"<html>"), "HTTP 404: nothing is at this address"),
    (lambda handler: handler.reply(503), "HTTP 503"),
    (lambda handler: handler.reply(302, Location="https://other.example/"), "redirect: HTTP 302 is not followed"),
    (lambda handler: handler.reply(200, b"<html>"), "HTTP 200, but the answer is no JSON"),
    (lambda handler: handler.reply(200, b'{"versions": []}'), "JSON, but not OCPI: there is no status_code"),
    (lambda handler: handler.reply(200, b'{"status_code": 2000, "status_message": "go"}'), "OCPI status 2000: go"),
    (lambda handler: handler.reply(200, b'{"status_code": 1000}'), "an OCPI answer without data"),
    (lambda handler: handler.reply(200, b"x" * 70_000), "size: answer larger than 65536 bytes"),
    (hang_up, "connection: connection broke before the answer was complete"),
]


@pytest.mark.parametrize(("answer", "words"), ANSWERS)
def test_what_is_wrong_with_the_answer_is_said(party, server: Server, answer, words):
    server.answer = answer
    what, verdict, said = last(party)
    assert (what, verdict) == ("versions", FAILED)
    assert said.startswith(f"GET {url(server, 'versions')}: {words}")
    assert "hidden" not in said
    assert Party.objects.get().reached_at is None


def test_a_timeout_is_told(party, server: Server, monkeypatch):
    monkeypatch.setattr(discovery, "GET_TIMEOUT_S", 0.2)
    monkeypatch.setattr(discovery.Line.call, "__kwdefaults__", {"timeout_s": 0.2, "routing": None})
    server.answer = lambda handler: server.over.wait(5)
    assert last(party)[2].endswith("timeout: no complete answer in time")


def test_a_host_without_an_address_is_dns(party, monkeypatch):
    def no_answer(*_: Any, **__: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", no_answer)
    at("https://nowhere.example")
    assert last(party)[1:] == (FAILED, "GET https://nowhere.example/versions: DNS: nowhere.example did not resolve")


def test_a_closed_port_is_a_refused_connection(party):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    at(f"http://127.0.0.1:{port}")
    assert last(party)[2].endswith("connection refused: nobody listens at this address and port")


def test_a_certificate_that_nobody_vouches_for_is_tls(party, tls_server: Server, monkeypatch):
    monkeypatch.setattr(client, "CA_BUNDLE", True)
    at(f"https://127.0.0.1:{tls_server.port}")
    assert "TLS: self-signed certificate" in last(party)[2]


def test_plain_http_where_it_is_not_allowed_is_an_address_we_do_not_call(party, server: Server):
    Party.objects.update(allow_insecure_urls=False)
    assert "address: must be https" in last(Party.objects.get())[2]
    assert server.seen == []


def test_a_token_endpoint_that_cannot_be_reached_is_told_apart_from_the_party(party, server: Server):
    credentials = make.credentials(party)
    credentials.outbound_encoding, credentials.oauth_client_id = Credentials.Outbound.OAUTH2, "us"
    credentials.oauth_token_url, credentials.oauth_secret = "http://127.0.0.1:9/token", "planted-secret"
    credentials.save()
    said = last(party)[2]
    assert said.endswith("connection refused: token endpoint: nobody listens at this address and port")
    assert server.seen == []


def test_another_version_is_told_with_what_they_offer(party, server: Server):
    server.answer = speaking(server, *CLEAN, version="2.1.1")
    assert last(party) == ("version", FAILED, "the versions endpoint offers 2.1.1, and not 2.2.1")


def test_details_that_are_not_there_are_told_apart_from_versions(party, server: Server):
    speaks = speaking(server, *CLEAN)
    server.answer = lambda handler: speaks(handler) if "versions" in handler.path else handler.reply(404)
    report = probe(party)
    assert found(report)[1:] == [("versions", OK), ("version", OK), ("version details", FAILED)]
    assert report.steps[-1].words == f"GET {url(server, 'details')}: HTTP 404: nothing is at this address"


def test_a_module_that_is_missing_is_named(party, server: Server):
    server.answer = speaking(server, ("credentials", "SENDER"), ("chargingprofiles", "SENDER"))
    report = probe(party)
    assert not report.ok
    assert ("sessions RECEIVER", FAILED) in found(report)


def test_an_address_that_is_another_one_here_is_noted(party, server: Server):
    PartnerEndpoint.objects.filter(identifier="sessions").update(url="https://old.example/sessions")
    PartnerEndpoint.objects.filter(identifier="chargingprofiles").delete()
    PartnerEndpoint.objects.create(party=party, identifier="tariffs", role="RECEIVER", url="https://old.example/t")
    server.answer = speaking(server, *CLEAN)
    report = probe(party)
    words = {step.what: step.words for step in report.steps if step.verdict == NOTE}
    assert report.ok
    assert set(words) == {"sessions RECEIVER", "chargingprofiles SENDER", "tariffs RECEIVER"}
    assert "here is https://old.example/sessions" in words["sessions RECEIVER"]


@pytest.mark.parametrize("change", [{"enabled": False}, {"token": ""}])
def test_a_party_that_nothing_may_be_sent_to_is_not_called(party, server: Server, change):
    if "enabled" in change:
        Party.objects.update(enabled=False)
    else:
        Credentials.objects.update(outbound_encrypted="")
    report = probe(Party.objects.get())
    assert found(report) == [("authorisation", FAILED)]
    assert server.seen == []


# --- set up by hand, without a versions URL -------------------------------------------------------------------------


@pytest.fixture
def by_hand(party) -> Party:
    Credentials.objects.update(versions_url="")
    PartnerEndpoint.objects.filter(identifier="credentials").delete()
    return Party.objects.get()


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (404, b'{"status_code": 2003}', OK),
        (200, b'{"status_code": 2001}', OK),
        (405, b'{"status_code": 2000}', OK),
        (404, b"<html>", NOTE),
        (401, b'{"status_code": 2000}', FAILED),
        (403, b"", FAILED),
        (500, b"", FAILED),
    ],
)
def test_without_versions_the_endpoints_themselves_are_asked(by_hand, server: Server, status, body, verdict):
    server.answer = lambda handler: handler.reply(status, body)
    report = probe(by_hand)
    assert found(report)[1:] == [
        ("versions", NOTE),
        ("chargingprofiles SENDER", verdict),
        ("sessions RECEIVER", verdict),
    ]
    assert [seen.command for seen in server.seen] == ["GET", "GET"]
    assert server.seen[1].path.startswith("/sessions/NL/CPO/")
    assert server.seen[1].headers["OCPI-to-party-id"] == "JED"


def test_by_hand_a_module_without_an_address_is_named(by_hand):
    PartnerEndpoint.objects.all().delete()
    assert last(by_hand) == ("sessions RECEIVER", FAILED, "no address of it is set up")
