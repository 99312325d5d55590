"""We register with a partner, renew, refresh and unregister: whole or not at all (OCPI 2.2.1 credentials)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chargepoints.models import Location
from ocpi import handshake, registration
from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party, token_hash
from ocpi.protocol.tokens import encode_base64
from ocpi.registration import RegistrationFailed
from tests.ocpi.registration_steps import (
    CREDENTIALS,
    DETAILS,
    PROFILES,
    ROLE,
    SESSIONS,
    TIMEOUT,
    VERSIONS,
    connected,
    details,
    found,
    new,
    theirs,
    versions,
)
from tests.support import factories
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api, Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names")]


def register(party: Party, **changes: Any) -> registration.Registered:
    return registration.register(party, **({"token": "token-a", "versions_url": VERSIONS} | changes))


def refused(party: Party, **changes: Any) -> RegistrationFailed:
    with pytest.raises(RegistrationFailed) as caught:
        register(party, **changes)
    return caught.value


def pending() -> Credentials:
    return Credentials.objects.get()


# --- POST -----------------------------------------------------------------------------------------------------------


def test_a_registration_stores_their_token_endpoints_and_roles_and_our_token_for_them(partner: Partner):
    party = new()
    partner.answers = [*found(), theirs()]
    registered = register(party)
    credentials, token = make.credentials(party), partner.bodies[2]["token"]
    assert (credentials.inbound_hash, credentials.inbound_kind) == (token_hash(token), "C")
    assert (credentials.outbound_token, credentials.versions_url) == ("token-c", VERSIONS)
    assert (credentials.pending_hash, credentials.pending_until) == (None, None)
    assert credentials.roles == [{"role": "SCSP", "country_code": "NL", "party_id": "NEW", "name": "New B.V."}]
    assert timezone.now() - credentials.registered_at < timedelta(seconds=30)
    assert list(party.endpoints.values("identifier", "role", "url")) == [PROFILES, CREDENTIALS, SESSIONS]
    party.refresh_from_db()
    assert (party.name, party.version, party.reached_at is not None) == ("New B.V.", "2.2.1", True)
    assert (registered.notes, registered.offer.version) == ((), "2.2.1")


def test_it_asks_versions_and_details_then_posts_our_credentials_all_with_token_a(partner: Partner, settings):
    settings.PUBLIC_URL = "https://cpo.example"
    partner.answers = [*found(), theirs()]
    register(new())
    assert partner.calls == [("GET", VERSIONS), ("GET", DETAILS), ("POST", CREDENTIALS["url"])]
    assert partner.authorizations == [f"Token {encode_base64('token-a')}"] * 3
    assert [dict(request.routing) for request in partner.requests] == [{}] * 3
    assert partner.bodies[2]["url"] == "https://cpo.example/ocpi/versions"
    assert [role["role"] for role in partner.bodies[2]["roles"]] == ["CPO"]


def test_a_partner_that_cannot_decode_is_asked_with_a_raw_token(partner: Partner):
    party = make.unregistered()
    Credentials.objects.update(outbound_encoding="raw")
    partner.answers = [*found(), theirs()]
    register(party)
    assert partner.authorizations == ["Token token-a"] * 3


def test_every_cpo_we_speak_for_is_a_role_of_our_credentials(partner: Partner):
    factories.evse(factories.charge_point(identity="CP1"))
    Location.objects.update(country_code="DE", party_id="WHT")
    partner.answers = [*found(), theirs()]
    register(new())
    named = [(role["country_code"], role["party_id"]) for role in partner.bodies[2]["roles"]]
    assert named == [("NL", "CPO"), ("DE", "WHT")]
    assert all(role["business_details"]["name"] for role in partner.bodies[2]["roles"])


def opened(token: str) -> list[int]:
    return [Api(token)("get", path).status_code for path in ("/ocpi/versions", "/ocpi/2.2.1", "/ocpi/2.2.1/sessions")]


def test_during_the_post_the_new_token_opens_versions_and_credentials_and_nothing_else(partner: Partner):
    """OCPI 2.2.1 credentials, Registration: the Receiver uses TOKEN_B for versions and details."""
    seen = []

    def answer(request: Any) -> Any:
        seen.append(opened(request.body["token"]))
        return theirs()

    partner.answers = [*found(), answer]
    register(make.unregistered())
    assert seen == [[200, 200, 401]]
    assert opened(partner.bodies[2]["token"]) == [200, 200, 200]
    assert opened("first-NEW") == [401, 401, 401]


def test_the_new_token_is_good_before_the_request_leaves(partner: Partner):
    seen: list[Any] = []
    partner.before_connecting = lambda: seen.append(Credentials.objects.get().pending_hash is not None)
    partner.answers = [*found(), theirs()]
    register(new())
    assert seen == [False, False, True]


# --- before the POST: nothing has been sent, nothing has changed -----------------------------------------------------


def everything() -> Any:
    return make.snapshot(Party, Credentials, PartnerEndpoint, OutboxMessage)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([DeliveryFailed(FailureKind.DNS, "x")], f"GET {VERSIONS}: DNS: x"),
        ([DeliveryFailed(FailureKind.REFUSED, "x")], "connection refused"),
        ([DeliveryFailed(FailureKind.TLS, "self-signed certificate")], "TLS: self-signed certificate"),
        ([answered(401, ocpi=2000)], "HTTP 401: the authorisation is not accepted"),
        ([answered(404, ocpi=None)], "HTTP 404: nothing is at this address"),
        ([answered(200, ocpi=None)], "the answer is no JSON"),
        ([answered(200, ocpi=3000)], "OCPI status 3000"),
        ([versions("2.1.1", "3.0")], "the versions endpoint offers 2.1.1, 3.0, and not 2.2.1"),
        ([versions()], "the versions endpoint offers none, and not 2.2.1"),
        ([versions("2.2.1"), answered(404, ocpi=None)], f"GET {DETAILS}: HTTP 404"),
        ([versions("2.2.1"), answered(data=[])], "the version details list no endpoints"),
        ([versions("2.2.1"), details(CREDENTIALS, PROFILES)], "the version details lack sessions RECEIVER"),
        ([versions("2.2.1"), details(SESSIONS)], "the version details of NL*NEW list no credentials endpoint"),
    ],
)
def test_what_keeps_us_from_posting_is_told_and_nothing_is_sent_or_changed(partner: Partner, answers, words):
    """OCPI 2.2.1 credentials, Required endpoints not available: the Sender is expected not to send the POST."""
    party = make.unregistered()
    before = everything()
    partner.answers = list(answers)
    failed = refused(party)
    assert words in str(failed)
    assert (failed.in_doubt, failed.other_method) == (False, "")
    assert {request.method for request in partner.requests} <= {"GET"}
    assert everything() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "two words"}, "1 to 64 characters"),
        ({"versions_url": "http://new.example/versions"}, "versions URL: must be https"),
        ({"versions_url": "nonsense"}, "versions URL: must be https"),
        ({"versions_url": "https://new.example:99999/"}, "versions URL: is"),
    ],
)
def test_bad_input_calls_nobody(partner: Partner, changes, words):
    assert words in str(refused(new(), **changes))
    assert partner.requests == []


def test_a_party_that_is_switched_off_could_not_call_us_back_and_is_not_called(partner: Partner):
    assert "switched off" in str(refused(new(enabled=False)))
    assert partner.requests == []


# --- the POST is refused: our new token is dead ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words", "other_method"),
    [
        (answered(405, ocpi=2000), "They hold a registration of ours already: renew it (PUT)", "PUT"),
        (answered(401, ocpi=2000), "HTTP 401", ""),
        (answered(200, ocpi=2001), "OCPI status 2001", ""),
        (answered(200, ocpi=3001), "They could not call us at", ""),
        (answered(200, ocpi=3002), "We speak 2.2.1", ""),
        (answered(200, ocpi=3003), "They miss a module that we do not have", ""),
        (DeliveryFailed(FailureKind.CONNECT, "no connection in time"), "connection: no connection in time", ""),
    ],
)
@pytest.mark.parametrize("make_party", [make.unregistered, connected], ids=["first", "again"])
def test_a_refusal_is_told_and_leaves_everything_as_it_was(partner: Partner, make_party, answer, words, other_method):
    party = make_party()
    before = everything()
    partner.answers = [*found(), answer]
    failed = refused(party)
    assert words in str(failed)
    assert (failed.in_doubt, failed.other_method) == (False, other_method)
    after = everything()
    for rows in (before, after):
        rows[1][0].pop("updated_at")
    assert after == before
    assert opened(partner.bodies[2]["token"]) == [401, 401, 401]


# --- nobody knows: both tokens are good -----------------------------------------------------------------------------

DOUBTFUL = [TIMEOUT, answered(500, ocpi=None), answered(502, ocpi=3000), answered(408, ocpi=None),
            answered(200, ocpi=None), answered(data=None), theirs(token=None), theirs(token="two words")]  # fmt: skip


@pytest.mark.parametrize("answer", DOUBTFUL)
def test_when_nobody_knows_the_old_token_and_the_new_one_are_good(partner: Partner, answer):
    party = connected()
    partner.answers = [*found(), answer]
    with pytest.raises(RegistrationFailed) as caught:
        registration.rotate(party)
    assert caught.value.in_doubt
    assert "stays good until the next handshake" in str(caught.value)
    assert opened(partner.bodies[2]["token"]) == opened("inbound-NEW") == [200, 200, 200]
    assert make.credentials(party).outbound_token == "outbound-NEW"


def test_in_doubt_about_a_first_registration_the_new_token_opens_what_token_a_does(partner: Partner):
    partner.answers = [*found(), TIMEOUT]
    assert refused(make.unregistered()).in_doubt
    assert opened(partner.bodies[2]["token"]) == opened("first-NEW") == [200, 200, 401]


def test_a_process_that_dies_after_they_accepted_locks_nobody_out_and_their_put_settles_it(
    partner: Partner, monkeypatch
):
    party = connected()
    monkeypatch.setattr(registration, "_complete", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    partner.answers = [*found(), theirs()]
    with pytest.raises(KeyboardInterrupt):
        registration.rotate(party)
    token = partner.bodies[2]["token"]
    assert opened(token) == opened("inbound-NEW") == [200, 200, 200]
    partner.answers = found()
    body = {"token": "token-d", "url": VERSIONS, "roles": [ROLE]}
    answer = Api(token)("put", "/ocpi/2.2.1/credentials", body).json()
    assert answer["status_code"] == 1000
    assert opened(token) == opened("inbound-NEW") == [401, 401, 401]
    assert opened(answer["data"]["token"]) == [200, 200, 200]
    assert (make.credentials(party).outbound_token, pending().pending_hash) == ("token-d", None)


def test_a_refusal_leaves_a_token_of_an_earlier_handshake_in_doubt_as_it_was(partner: Partner):
    party = connected()
    for answer in (TIMEOUT, answered(200, ocpi=3001), answered(405, ocpi=2000)):
        partner.answers = [*found(), answer]
        with pytest.raises(RegistrationFailed):
            registration.rotate(party)
    in_doubt, *refused_ones = [body["token"] for body in partner.bodies if body]
    assert opened(in_doubt) == opened("inbound-NEW") == [200, 200, 200]
    assert [opened(token) for token in refused_ones] == [[401, 401, 401]] * 2


def test_the_token_in_doubt_is_read_back_by_a_get_of_credentials(partner: Partner):
    party = connected()
    partner.answers = [*found(), TIMEOUT]
    with pytest.raises(RegistrationFailed):
        registration.rotate(party)
    token = partner.bodies[2]["token"]
    assert Api(token)("get", "/ocpi/2.2.1/credentials").json()["data"]["token"] == token


def test_one_handshake_at_a_time(partner: Partner):
    party = new()
    inner: list[RegistrationFailed] = []

    def meanwhile(_: Any) -> Any:
        partner.answers = [*found(), theirs()]
        inner.append(refused(party))
        partner.answers = []
        return theirs()

    partner.answers = [*found(), meanwhile]
    register(party)
    assert "another handshake with NL*NEW is under way" in str(inner[0])
    assert [method for method, _ in partner.calls].count("POST") == 1
    assert make.credentials(party).inbound_hash == token_hash(partner.bodies[2]["token"])


def test_a_handshake_whose_process_died_blocks_the_next_one_for_a_moment_only(partner: Partner):
    party = make.unregistered()
    long_ago = timezone.now() - timedelta(seconds=1)
    Credentials.objects.update(pending_hash="0" * 64, pending_until=long_ago)
    partner.answers = [*found(), theirs()]
    register(party)
    assert make.credentials(party).inbound_kind == "C"


@pytest.mark.parametrize("meanwhile", ["unregistered", "registered the other way"])
def test_what_came_between_stands_and_is_told(partner: Partner, meanwhile):
    party = connected()

    def overtake(_: Any) -> Any:
        if meanwhile == "unregistered":
            handshake.unregister(party)
        else:
            partner.answers = found()
            body = {"token": "token-x", "url": VERSIONS, "roles": [ROLE]}
            handshake.exchange(party, body, correlation_id="co-1", now=timezone.now())
        return theirs()

    partner.answers = [*found(), overtake]
    with pytest.raises(RegistrationFailed, match="that stands") as caught:
        registration.rotate(party)
    assert caught.value.in_doubt
    assert make.credentials(party).outbound_token == ("" if meanwhile == "unregistered" else "token-x")
    assert opened(partner.bodies[2]["token"]) == [401, 401, 401]


# --- what is odd in an object they answered with is noted, and no reason to lose their token --------------------------


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"roles": [{**ROLE, "party_id": "OLD"}]}, "their credentials name SCSP NL*OLD, not NL*NEW"),
        ({"roles": None}, "their credentials name no role, not NL*NEW"),
        ({"url": "http://inner/"}, "their credentials name no usable versions URL: the one that was called is kept"),
        ({"url": 5}, "their credentials name no usable versions URL: the one that was called is kept"),
    ],
)
def test_an_odd_object_registers_with_a_note(partner: Partner, changes, note):
    party = new()
    partner.answers = [*found(), theirs(**changes)]
    assert register(party).notes == (note,)
    assert (make.credentials(party).outbound_token, make.credentials(party).versions_url) == ("token-c", VERSIONS)


def test_hostile_roles_are_cut_to_their_lengths():
    roles = [{"role": "X" * 99, "country_code": 7, "party_id": "A\n\0B", "business_details": {"name": "n" * 999}}, "no"]
    (shown,) = handshake.read_roles(roles * 50)[:1]
    assert shown == {"role": "XXXXX", "country_code": "", "party_id": "A", "name": "n" * 100}
    assert len(handshake.read_roles(roles * 50)) == 25


# --- PUT, refresh, DELETE -------------------------------------------------------------------------------------------


def test_rotating_renews_both_tokens_and_all_endpoints(partner: Partner):
    party = connected()
    partner.answers = [versions("2.2.1"), details(CREDENTIALS, SESSIONS), theirs()]
    registration.rotate(party)
    assert partner.calls[2] == ("PUT", CREDENTIALS["url"])
    assert partner.authorizations == [f"Token {encode_base64('outbound-NEW')}"] * 3
    assert make.credentials(party).outbound_token == "token-c"
    assert opened(partner.bodies[2]["token"]) == [200, 200, 200]
    assert opened("inbound-NEW") == [401, 401, 401]
    assert [endpoint.identifier for endpoint in party.endpoints.all()] == ["credentials", "sessions"]


def test_rotating_where_they_know_no_registration_asks_to_connect_anew(partner: Partner):
    partner.answers = [*found(), answered(405, ocpi=2000)]
    with pytest.raises(RegistrationFailed, match="connect anew") as caught:
        registration.rotate(connected())
    assert caught.value.other_method == "POST"


def test_after_405_a_renewal_puts_with_the_token_given(partner: Partner):
    party = new()
    partner.answers = [*found(), theirs()]
    register(party, token="old-token-c", renew=True)
    assert (partner.calls[2][0], partner.authorizations[2]) == ("PUT", f"Token {encode_base64('old-token-c')}")
    assert make.credentials(party).outbound_token == "token-c"


def test_refreshing_replaces_the_endpoints_and_no_token(partner: Partner):
    party = connected()
    before = Credentials.objects.values().get()
    moved = {**SESSIONS, "url": f"{DETAILS}/moved"}
    partner.answers = [versions("2.2.1"), details(CREDENTIALS, moved)]
    notes = registration.refresh(party).notes
    assert notes == ("chargingprofiles SENDER is gone", "sessions RECEIVER has moved")
    assert list(party.endpoints.values("identifier", "role", "url")) == [CREDENTIALS, moved]
    assert Credentials.objects.values().get() == before
    partner.answers = [versions("2.2.1"), details(CREDENTIALS, moved)]
    assert registration.refresh(party).notes == ("nothing has changed",)
    assert {method for method, _ in partner.calls} == {"GET"}


@pytest.mark.parametrize("answers", [[TIMEOUT], [versions("2.1.1")], [versions("2.2.1"), details(PROFILES)]])
def test_a_refresh_that_fails_leaves_everything_as_it_was(partner: Partner, answers):
    party = connected()
    before = everything()
    partner.answers = list(answers)
    with pytest.raises(RegistrationFailed):
        registration.refresh(party)
    assert everything() == before


@pytest.mark.parametrize("act", [registration.rotate, registration.refresh])
def test_a_party_without_token_or_versions_url_is_told_apart_and_not_called(partner: Partner, act):
    with pytest.raises(RegistrationFailed, match=r"NL\*NEW cannot be called: no outbound token"):
        act(make.unregistered())
    by_hand = make.party("HND")
    Credentials.objects.filter(party=by_hand).update(versions_url="")
    with pytest.raises(RegistrationFailed, match=r"no versions URL of NL\*HND is known"):
        act(by_hand)
    assert partner.requests == []


def test_disconnecting_tells_them_and_then_forgets(partner: Partner):
    party = connected()
    partner.before_connecting = lambda: seen.append(make.credentials(party).inbound_kind)
    seen: list[str] = []
    ended = registration.disconnect(party)
    assert (ended.told, ended.words) == (True, f"DELETE {CREDENTIALS['url']}: done")
    assert (partner.calls, seen) == ([("DELETE", CREDENTIALS["url"])], ["C"])
    credentials = make.credentials(party)
    assert (credentials.inbound_hash, credentials.outbound_encrypted, party.endpoints.count()) == (None, "", 0)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (TIMEOUT, "timeout"),
        (DeliveryFailed(FailureKind.REFUSED, "x"), "connection refused"),
        (answered(401, ocpi=2000), "HTTP 401"),
        (answered(405, ocpi=2000), "by their account we are not registered"),
        (answered(500, ocpi=None), "HTTP 500"),
    ],
)
def test_who_cannot_be_told_is_forgotten_here_and_that_is_said(partner: Partner, answer, words):
    party = connected()
    partner.answers = [answer]
    ended = registration.disconnect(party)
    assert ended.told is False
    assert words in ended.words
    assert opened("inbound-NEW") == [401, 401, 401]


def test_one_without_a_credentials_endpoint_is_forgotten_here(partner: Partner):
    ended = registration.disconnect(make.party("NEW"))
    assert (ended.told, ended.words) == (False, "no credentials endpoint of theirs is known")
    assert partner.requests == []


def test_disconnecting_ends_a_handshake_in_doubt(partner: Partner):
    party = connected()
    partner.answers = [*found(), TIMEOUT]
    with pytest.raises(RegistrationFailed):
        registration.rotate(party)
    registration.disconnect(party)
    assert opened(partner.bodies[2]["token"]) == [401, 401, 401]


def test_no_token_is_in_a_message_or_a_log_line(partner: Partner, caplog):
    caplog.set_level("DEBUG")
    party = new()
    partner.answers = [*found(), answered(401, ocpi=2000)]
    told = str(refused(party))
    partner.answers = [*found(), theirs()]
    registered = register(party)
    told += repr(registered) + caplog.text
    for secret in ("token-a", "token-c", partner.bodies[2]["token"], partner.bodies[5]["token"]):
        assert secret not in told
