"""The credentials handshake: whole or not at all (OCPI 2.2.1 credentials)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from ocpi import handshake, outbox, pushes
from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party, token_hash
from ocpi.protocol import tokens
from ocpi.protocol.errors import InvalidField, OcpiError
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names")]

VERSIONS = "https://new.example/ocpi/versions"
DETAILS = "https://new.example/ocpi/2.2.1"
SESSIONS = {"identifier": "sessions", "role": "RECEIVER", "url": "https://new.example/ocpi/2.2.1/sessions"}
PROFILES = {"identifier": "chargingprofiles", "role": "SENDER", "url": "https://new.example/ocpi/2.2.1/profiles"}
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=make.UTC)


def body(**changes: Any) -> dict[str, Any]:
    role = {"role": "SCSP", "country_code": "NL", "party_id": "NEW", "business_details": {"name": "New B.V."}}
    return {"token": "token-b", "url": VERSIONS, "roles": [role], **changes}


def versions(*names: str) -> Any:
    return answered(data=[{"version": name, "url": f"https://new.example/ocpi/{name}"} for name in names])


def details(*endpoints: Any) -> Any:
    return answered(data={"version": "2.2.1", "endpoints": list(endpoints)})


def exchange(party: Party, document: dict[str, Any] | None = None) -> str:
    return handshake.exchange(party, document or body(), correlation_id="co-1", now=NOW)


def registered(partner: Partner, party: Party) -> str:
    partner.answers = [versions("2.2.1"), details(SESSIONS, PROFILES)]
    return exchange(party)


# --- it works -------------------------------------------------------------------------------------------------------


def test_a_registration_stores_their_token_and_endpoints_and_returns_a_new_token_for_them(partner: Partner):
    party = make.unregistered()
    token = registered(partner, party)
    credentials = make.credentials(party)
    assert tokens.valid_token(token)
    assert (credentials.inbound_hash, credentials.inbound_kind) == (token_hash(token), "C")
    assert (credentials.outbound_token, credentials.versions_url) == ("token-b", VERSIONS)
    assert credentials.registered_at == NOW
    assert list(party.endpoints.values("identifier", "role", "url")) == [PROFILES, SESSIONS]
    assert Party.objects.get().name == "New B.V."


def test_the_versions_and_details_of_the_caller_are_fetched_with_its_own_token(partner: Partner):
    registered(partner, make.unregistered())
    assert partner.calls == [("GET", VERSIONS), ("GET", DETAILS)]
    assert partner.authorizations == [f"Token {tokens.encode_base64('token-b')}"] * 2
    assert [(r.correlation_id, r.body, dict(r.routing)) for r in partner.requests] == [("co-1", None, {})] * 2


def test_a_peer_that_cannot_decode_is_asked_with_a_raw_token(partner: Partner):
    party = make.unregistered()
    Credentials.objects.update(outbound_encoding="raw")
    registered(partner, party)
    assert partner.authorizations == ["Token token-b"] * 2


def test_each_registration_issues_another_token(partner: Partner):
    party = make.unregistered()
    first = registered(partner, party)
    second = registered(partner, party)
    assert first != second
    assert make.credentials(party).inbound_hash == token_hash(second)


def test_an_update_replaces_all_endpoints(partner: Partner):
    party = make.party("NEW")
    other = {**SESSIONS, "url": "https://other.example/sessions"}
    partner.answers = [versions("2.2.1"), details(other)]
    exchange(party)
    assert list(party.endpoints.values("identifier", "role", "url")) == [other]


def test_a_name_that_an_operator_gave_is_kept(partner: Partner):
    party = make.unregistered(name="Ours")
    registered(partner, party)
    assert Party.objects.get().name == "Ours"


@pytest.mark.parametrize(("country", "party_id"), [("nl", "new"), ("NL", "NEW"), ("Nl", "nEw")])
def test_the_party_among_the_roles_is_found_whatever_its_case(partner: Partner, country, party_id):
    other = {"role": "EMSP", "country_code": "BE", "party_id": "XYZ", "business_details": {"name": "no"}}
    role = {"role": "SCSP", "country_code": country, "party_id": party_id}
    partner.answers = [versions("2.2.1"), details(SESSIONS)]
    exchange(make.unregistered(), body(roles=[other, role]))
    assert Party.objects.get().name == ""


def test_versions_we_do_not_speak_and_modules_we_do_not_use_do_no_harm(partner: Partner):
    party = make.unregistered()
    locations = {"identifier": "locations", "role": "RECEIVER", "url": "https://new.example/locations", "more": 1}
    custom = {"identifier": "nlnew-things", "role": "SENDER", "url": "https://new.example/things"}
    partner.answers = [versions("2.1.1", "2.2.1", "3.0"), details(SESSIONS, locations, custom)]
    exchange(party)
    assert [e.identifier for e in party.endpoints.all()] == ["locations", "nlnew-things", "sessions"]


def test_a_party_of_another_role_needs_no_sessions_endpoint(partner: Partner):
    partner.answers = [versions("2.2.1"), details(PROFILES)]
    assert exchange(make.unregistered(role="OTHER"))


# --- it fails: everything stays as it was ---------------------------------------------------------------------------

UNUSABLE: list[Any] = [
    [DeliveryFailed(FailureKind.CONNECT, "no connection")],
    [DeliveryFailed(FailureKind.TIMEOUT, "no complete answer in time")],
    [answered(500, ocpi=None)],
    [answered(401, ocpi=2000)],
    [answered(200, ocpi=2000, data=[])],
    [answered(200, ocpi=None)],
    [versions("2.2.1"), DeliveryFailed(FailureKind.TLS, "certificate")],
    [versions("2.2.1"), answered(404, ocpi=2000)],
    [versions("2.2.1"), answered(data=[])],
    [versions("2.2.1"), answered(data={"endpoints": "none"})],
    [versions("2.2.1"), details("sessions")],
    [versions("2.2.1"), details({"identifier": "sessions", "role": "RECEIVER"})],
    [versions("2.2.1"), details({**SESSIONS, "role": "BOTH"})],
    [versions("2.2.1"), details({**SESSIONS, "url": 7})],
]
WRONG_VERSION: list[Any] = [
    [versions()],
    [versions("2.1.1", "2.2")],
    [answered(data={"version": "2.2.1"})],
    [answered(data=["2.2.1"])],
    [answered(data=[{"version": "2.2.1"}])],
]
MISSING: list[Any] = [
    [versions("2.2.1"), details()],
    [versions("2.2.1"), details(PROFILES)],
    [versions("2.2.1"), details({**SESSIONS, "role": "SENDER"})],
    [versions("2.2.1"), details({**SESSIONS, "identifier": "x" * 65})],
]
FAILURES = [(3001, answers) for answers in UNUSABLE]
FAILURES += [(3002, answers) for answers in WRONG_VERSION] + [(3003, answers) for answers in MISSING]


def everything() -> Any:
    return make.snapshot(Party, Credentials, PartnerEndpoint, OutboxMessage)


@pytest.mark.parametrize(("code", "answers"), FAILURES)
@pytest.mark.parametrize("make_party", [make.unregistered, lambda: make.party("NEW")], ids=["first", "update"])
def test_a_failed_handshake_says_why_and_leaves_everything_as_it_was(partner: Partner, make_party, code, answers):
    """OCPI 2.2.1 status_codes, 3xxx; credentials, Errors during registration."""
    party = make_party()
    before = everything()
    partner.answers = list(answers)
    with pytest.raises(OcpiError) as caught:
        exchange(party)
    assert (caught.value.status_code, caught.value.http_status) == (code, 200)
    assert everything() == before


BAD_BODIES = [
    ("token", {"token": None}),
    ("token", {"token": ""}),
    ("token", {"token": "x" * 65}),
    ("token", {"token": "with blank"}),
    ("token", {"token": "tökén"}),
    ("token", {"token": 7}),
    ("url", {"url": None}),
    ("url", {"url": ""}),
    ("url", {"url": "versions"}),
    ("url", {"url": "http://new.example/ocpi/versions"}),
    ("url", {"url": "https://127.0.0.1/ocpi/versions"}),
    ("url", {"url": "https://user:secret@new.example/"}),
    ("url", {"url": "https://new.example:99999/"}),
    ("roles", {"roles": None}),
    ("roles", {"roles": []}),
    ("roles", {"roles": {"role": "SCSP"}}),
    ("roles[0]", {"roles": ["SCSP"]}),
    ("roles[0].party_id", {"roles": [{"role": "SCSP", "country_code": "NL"}]}),
    ("roles[0].country_code", {"roles": [{"role": "SCSP", "party_id": "NEW", "country_code": 31}]}),
    ("roles", {"roles": [{"role": "SCSP", "country_code": "NL", "party_id": "OLD"}]}),
]


@pytest.mark.parametrize(("path", "change"), BAD_BODIES)
def test_a_wrong_field_is_named_and_nobody_is_called(monkeypatch, partner: Partner, path, change):
    if "127" in str(change):
        monkeypatch.setattr("ocpi.addresses.lookup", lambda host, timeout_s: (host,))
    party = make.unregistered()
    before = everything()
    with pytest.raises(InvalidField) as caught:
        exchange(party, body(**change))
    assert (caught.value.path, partner.requests) == (path, [])
    assert everything() == before


def test_an_endpoint_in_our_inner_network_is_refused(monkeypatch, partner: Partner):
    addresses = {"new.example": "93.184.215.14", "inner.example": "10.0.0.7"}
    monkeypatch.setattr("ocpi.addresses.lookup", lambda host, timeout_s: (addresses[host],))
    monkeypatch.setattr("ocpi.addresses._cache", {})
    party = make.unregistered()
    before = everything()
    partner.answers = [versions("2.2.1"), details({**SESSIONS, "url": "https://inner.example/sessions"})]
    with pytest.raises(InvalidField, match="endpoint sessions RECEIVER: host has a forbidden address"):
        exchange(party)
    assert everything() == before


def test_a_store_that_fails_half_way_leaves_everything_as_it_was(monkeypatch, partner: Partner):
    party = make.party("NEW")
    before = everything()

    def fail(*_: Any) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(PartnerEndpoint.objects, "bulk_create", fail)
    with pytest.raises(RuntimeError):
        registered(partner, party)
    assert everything() == before


@pytest.mark.parametrize("meanwhile", ["another registration", "unregistered"])
def test_a_registration_that_was_overtaken_is_refused(partner: Partner, meanwhile):
    """Token A is dead after its first success: the slower of two registrations must not win."""
    party = make.unregistered()

    def overtake(request: Any) -> Any:
        if meanwhile == "unregistered":
            handshake.unregister(party)
        else:
            winner = Credentials.objects.get()
            winner.set_inbound("winner", Credentials.Inbound.TOKEN_C)
            winner.save()
        return details(SESSIONS)

    partner.answers = [versions("2.2.1"), overtake]
    with pytest.raises(OcpiError) as caught:
        exchange(party)
    assert (caught.value.status_code, caught.value.http_status) == (2000, 405)
    expected = token_hash("winner") if meanwhile == "another registration" else None
    assert (make.credentials(party).inbound_hash, party.endpoints.count()) == (expected, 0)


# --- and ends -------------------------------------------------------------------------------------------------------


def test_unregistering_ends_all_traffic(partner: Partner, enqueued):
    """OCPI 2.2.1 credentials, DELETE Method: both parties must end any automated communication."""
    now = timezone.now()
    party, session = make.party(), make.session()
    request = make.accepted(party, session, now=now)
    pushes.session_changed(session, now=now)
    pushed = make.message(party, OutboxMessage.Kind.SESSION)
    handshake.unregister(party)
    pushed.refresh_from_db()
    assert (pushed.status, pushed.last_error) == ("FAILED", "the party has unregistered")
    make.finish(request.command, now=now)
    pushes.session_changed(session, now=now)
    outbox.watch(now=now)
    for message in OutboxMessage.objects.all():
        outbox.deliver(message.pk, now=now)
    assert partner.requests == []
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"FAILED"}


def test_unregistering_forgets_both_tokens_and_the_endpoints():
    party = make.party()
    handshake.unregister(party)
    credentials = make.credentials(party)
    assert (credentials.inbound_hash, credentials.inbound_kind) == (None, "A")
    assert (credentials.outbound_encrypted, credentials.registered_at) == ("", None)
    assert party.endpoints.count() == 0


def test_unregistering_ends_nothing_of_others(partner: Partner):
    gone, stays, session = make.party(), make.party("OTH"), make.session()
    pushes.session_changed(session, now=timezone.now())
    handshake.unregister(gone)
    outbox.deliver(make.message(stays, OutboxMessage.Kind.SESSION).pk, now=timezone.now())
    assert [request.method for request in partner.requests] == ["PUT"]
    assert make.credentials(stays).outbound_token == "outbound-OTH"


def test_after_a_new_registration_a_session_starts_with_put_again(partner: Partner):
    """No PATCH before a PUT confirmed under this registration: the partner may have begun anew."""
    now = timezone.now()
    party, session = make.party("NEW"), make.session()
    pushes.session_changed(session, now=now)
    message = make.message(party, OutboxMessage.Kind.SESSION)
    outbox.deliver(message.pk, now=now)
    handshake.unregister(party)
    registered(partner, party)
    session.kwh = Decimal(1)
    session.save()
    pushes.session_changed(session, now=now)
    outbox.deliver(message.pk, now=now)
    assert [request.method for request in partner.requests] == ["PUT", "GET", "GET", "PUT"]


# --- our own --------------------------------------------------------------------------------------------------------


def test_our_credentials_object(settings):
    """OCPI 2.2.1 credentials, Credentials object."""
    settings.PUBLIC_URL, settings.OCPI_PARTY_ID = "https://cpo.example", "TST"
    assert handshake.our_credentials(token="abc") == {
        "token": "abc",
        "url": "https://cpo.example/ocpi/versions",
        "roles": [
            {"role": "CPO", "country_code": "NL", "party_id": "TST", "business_details": {"name": "CPO back-office"}}
        ],
    }


@pytest.mark.parametrize(
    "header", ["Token inbound-JED", f"Token {tokens.encode_base64('inbound-JED')}", "token  aW5ib3VuZC1KRUQK"]
)
def test_the_token_of_a_caller_is_read_back_from_what_it_has_just_proven(header):
    """Raw, base64, and base64 with the line break of the specification's samples."""
    make.party()
    assert handshake.token_of({"Authorization": header}) == "inbound-JED"


@pytest.mark.once
def test_a_url_that_cannot_even_be_split_is_named_and_nothing_is_kept(partner: Partner):
    party = make.unregistered()
    for url in ("https://[", "https://[::1/x", "https://a]b/"):
        with pytest.raises(InvalidField, match=r"^url: "):
            exchange(party, body(url=url))
        partner.answers = [versions("2.2.1"), details({**SESSIONS, "url": url})]
        with pytest.raises(OcpiError):
            exchange(party)
    assert party.endpoints.count() == 0
