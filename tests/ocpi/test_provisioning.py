import json

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from chargepoints.provisioning import add_charge_point
from ocpi.models import Credentials, PartnerEndpoint, Party, token_hash
from ocpi.provisioning import OutboundProof, PartyUrls, Platform, add_party

pytestmark = pytest.mark.django_db

URLS = PartyUrls(
    versions="https://scsp.example/ocpi/versions",
    sessions="https://scsp.example/ocpi/2.2.1/sessions",
    chargingprofiles="https://scsp.example/ocpi/2.2.1/chargingprofiles",
)
JED = {"country_code": "NL", "party_id": "JED"}


@pytest.fixture
def run(capsys):
    def _run(*arguments: str):
        call_command("add_party", "NL", "JED", *arguments, "--json")
        return json.loads(capsys.readouterr().out)

    return _run


def credentials() -> Credentials:
    return Credentials.objects.get(party__party_id="JED")


def test_a_new_party_is_an_enabled_scsp_that_sees_everything():
    party = add_party(**JED).party
    party.refresh_from_db()
    assert (str(party), party.role, party.enabled, party.shares_all_evses) == ("NL*JED", "SCSP", True, True)
    assert (party.allow_insecure_urls, party.allowed_hosts) == (False, [])


def test_country_and_party_id_ignore_case():
    add_party(country_code="nl", party_id="jed")
    with pytest.raises(ValidationError, match=r"NL\*JED exists already"):
        add_party(**JED)


def test_a_registered_token_opens_everything():
    provisioned = add_party(**JED, token="theirs")
    assert provisioned.token == "theirs"
    assert (credentials().inbound_hash, credentials().inbound_kind) == (token_hash("theirs"), "C")
    assert credentials().registered_at is None


def test_a_token_a_opens_registration_only():
    add_party(**JED, token_a="first", urls=URLS)
    assert (credentials().inbound_hash, credentials().inbound_kind) == (token_hash("first"), "A")


def test_a_party_has_one_of_both_tokens():
    with pytest.raises(ValidationError, match="not both"):
        add_party(**JED, token="x", token_a="y")
    assert not Party.objects.exists()


@pytest.mark.parametrize(("urls", "kind"), [(PartyUrls(), "A"), (PartyUrls(versions=URLS.versions), "A"), (URLS, "C")])
def test_without_a_token_one_is_generated_registered_only_if_the_endpoints_are_given(urls, kind):
    token = add_party(**JED, urls=urls).token
    assert len(token) == 43
    assert (credentials().inbound_hash, credentials().inbound_kind) == (token_hash(token), kind)


def test_where_it_listens_for_locations_is_an_endpoint_of_its_own():
    url = "https://jed.example/locations"
    provisioned = add_party(**JED, urls=PartyUrls(locations=url))
    endpoints = provisioned.party.endpoints.values_list("identifier", "role", "url")
    assert (list(endpoints), credentials().inbound_kind) == ([("locations", "RECEIVER", url)], "C")


def test_the_inbound_token_is_stored_as_a_hash_and_the_outbound_one_encrypted():
    provisioned = add_party(**JED, token="inbound-secret", outbound_token="outbound-secret")
    stored = json.dumps(Credentials.objects.values().get(), default=str)
    assert "inbound-secret" not in stored
    assert "outbound-secret" not in stored
    assert credentials().outbound_token == "outbound-secret"
    assert "secret" not in repr(provisioned)


@pytest.mark.parametrize("token", ["", "a b", "x" * 65, "é", "a\n", "\x7f"])
@pytest.mark.parametrize("name", ["token", "token_a", "outbound_token"])
def test_tokens_are_1_to_64_visible_ascii_characters(name, token):
    with pytest.raises(ValidationError, match="1 to 64 characters"):
        add_party(**JED, **{name: token})
    assert not Party.objects.exists()


@pytest.mark.parametrize("token", ["!", "~" * 64])
def test_the_longest_and_shortest_token_are_taken(token):
    assert add_party(**JED, token=token).token == token


def test_two_parties_cannot_have_the_same_token():
    add_party(country_code="NL", party_id="ABC", token="same")
    with pytest.raises(ValidationError, match="another party has this token"):
        add_party(**JED, token_a="same")
    assert Party.objects.count() == 1


def test_without_urls_there_is_no_outbound_token():
    assert add_party(**JED).outbound_token is None
    assert credentials().outbound_token == ""


def test_with_urls_an_outbound_token_of_its_own_is_generated():
    provisioned = add_party(**JED, token="inbound", urls=PartyUrls(sessions=URLS.sessions))
    assert len(provisioned.outbound_token) == 43
    assert credentials().outbound_token == provisioned.outbound_token


def test_a_given_outbound_token_and_encoding_are_kept():
    add_party(**JED, urls=URLS, outbound_token="ours", outbound_encoding="raw")
    assert (credentials().outbound_token, credentials().outbound_encoding) == ("ours", "raw")


def test_urls_become_the_endpoints_we_call():
    add_party(**JED, urls=URLS)
    assert list(PartnerEndpoint.objects.values_list("identifier", "role", "url")) == [
        ("chargingprofiles", "SENDER", URLS.chargingprofiles),
        ("sessions", "RECEIVER", URLS.sessions),
    ]
    assert credentials().versions_url == URLS.versions
    assert Party.objects.get().allowed_hosts == []


@pytest.mark.parametrize(
    "url",
    ["scsp.example/x", "ftp://scsp.example", "https://", "https://u:p@scsp.example/", "https://scsp.example/#x",
     "https://scsp.example/" + "x" * 255, "https://scsp.example:0/", "https://a b/"],
)  # fmt: skip
def test_what_is_no_url_of_ours_to_call_is_refused(url):
    with pytest.raises(ValidationError):
        add_party(**JED, urls=PartyUrls(sessions=url))
    assert not Party.objects.exists()


def test_allowed_hosts_are_kept_in_lower_case_and_once():
    add_party(**JED, allowed_hosts=["Callback.Example", "callback.example", "b.example:8443", "[::1]:80", "10.0.0.1"])
    assert Party.objects.get().allowed_hosts == ["callback.example", "b.example:8443", "[::1]:80", "10.0.0.1"]


@pytest.mark.parametrize(
    "host", ["", "https://a.example", "a.example/x", "a b", "a.example?x", "u@a.example", "*", "a:x"]
)
def test_what_is_no_host_is_refused(host):
    with pytest.raises(ValidationError, match="is no host"):
        add_party(**JED, allowed_hosts=[host])
    assert not Party.objects.exists()


def test_only_the_evses_named_are_shared():
    first, second = add_charge_point(identity="CP1", evses=2).evses.all()
    party = add_party(**JED, share_evses=[second.uid]).party
    party.refresh_from_db()
    assert party.shares_all_evses is False
    assert list(party.shared_evses.all()) == [second]
    assert first.shared_with.count() == 0


def test_an_unknown_evse_is_refused():
    with pytest.raises(ValidationError, match="no EVSE nowhere"):
        add_party(**JED, share_evses=["nowhere"])
    assert not Party.objects.exists()


@pytest.mark.parametrize(
    "bad",
    [{"country_code": "NLD"}, {"country_code": "1A"}, {"party_id": "JEDL"}, {"party_id": "J*D"}, {"party_id": ""},
     {"role": "DRIVER"}, {"name": "x" * 101}, {"outbound_encoding": "rot13"}],
)  # fmt: skip
def test_bad_values_are_refused_with_nothing_written(bad):
    with pytest.raises(ValidationError):
        add_party(**JED | bad)
    assert not Party.objects.exists()


def test_an_existing_party_is_refused_and_keeps_its_token():
    add_party(**JED, token="theirs")
    with pytest.raises(ValidationError, match="exists already"):
        add_party(**JED, token="another", urls=URLS)
    assert credentials().inbound_hash == token_hash("theirs")
    assert not PartnerEndpoint.objects.exists()


def test_update_changes_only_what_is_given():
    add_party(**JED, role="EMSP", name="J", token="theirs", urls=URLS, outbound_token="ours", outbound_encoding="raw",
              allowed_hosts=["a.example"], allow_insecure=True)  # fmt: skip
    moved = "https://new.example/sessions"
    provisioned = add_party(**JED, urls=PartyUrls(sessions=moved), update=True)
    assert (provisioned.token, provisioned.outbound_token) == (None, None)
    party = Party.objects.get()
    assert (party.role, party.name, party.allowed_hosts, party.allow_insecure_urls) == (
        "EMSP",
        "J",
        ["a.example"],
        True,
    )
    assert (credentials().inbound_hash, credentials().inbound_kind) == (token_hash("theirs"), "C")
    assert (credentials().outbound_token, credentials().outbound_encoding) == ("ours", "raw")
    assert credentials().versions_url == URLS.versions
    assert dict(PartnerEndpoint.objects.values_list("identifier", "url")) == {
        "sessions": moved, "chargingprofiles": URLS.chargingprofiles,
    }  # fmt: skip


def test_update_replaces_the_tokens_that_are_given():
    add_party(**JED, token_a="first")
    add_party(**JED, token="second", outbound_token="ours", update=True)
    assert (credentials().inbound_hash, credentials().inbound_kind) == (token_hash("second"), "C")
    assert credentials().outbound_token == "ours"


@pytest.mark.parametrize(
    "url",
    [
        "http://scsp.example/x",
        "https://127.0.0.1/x",
        "https://localhost:9/x",
        "https://a.localhost/x",
        "https://[::1]/x",
    ],
)
def test_an_insecure_url_without_permission_is_taken_with_a_hint(url):
    provisioned = add_party(**JED, urls=PartyUrls(sessions=url))
    assert len(provisioned.hints) == 1
    assert url in provisioned.hints[0]
    assert "--allow-insecure" in provisioned.hints[0]
    assert Party.objects.get().allow_insecure_urls is False


def test_with_permission_the_hint_is_about_debug(settings):
    urls = PartyUrls(sessions="http://127.0.0.1/x")
    assert "only while DEBUG is on" in add_party(**JED, urls=urls, allow_insecure=True).hints[0]
    settings.DEBUG = True
    assert add_party(**JED, urls=urls, update=True).hints == ()
    assert Party.objects.get().allow_insecure_urls is True


def test_secure_urls_need_no_hint():
    assert add_party(**JED, urls=URLS).hints == ()


# --- the command ----------------------------------------------------------------------------------------------------


def test_add_party_prints_both_tokens_and_the_endpoints(run):
    printed = run(
        "--role=SCSP", "--token=theirs", f"--versions-url={URLS.versions}", f"--sessions-url={URLS.sessions}",
        f"--chargingprofiles-url={URLS.chargingprofiles}", "--outbound-token=ours",
    )  # fmt: skip
    assert printed == {
        "party": "NL*JED", "role": "SCSP", "token": "theirs", "token_kind": "C", "outbound_token": "ours",
        "outbound": "base64", "shares_all_evses": True,
        "endpoints": {"chargingprofiles SENDER": URLS.chargingprofiles, "sessions RECEIVER": URLS.sessions},
    }  # fmt: skip


def test_add_party_passes_every_option_on(run):
    uids = [evse.uid for evse in add_charge_point(identity="CP1", evses=3).evses.all()]
    run("--role=EMSP", "--name=J", "--token-a=first", "--allow-host=a.example", "--allow-host=b.example",
        "--outbound-encoding=raw", "--allow-insecure",
        f"--share-evse={uids[0]}", f"--share-evse={uids[2]}")  # fmt: skip
    party = Party.objects.get()
    assert (party.role, party.name, party.allow_insecure_urls) == ("EMSP", "J", True)
    assert party.allowed_hosts == ["a.example", "b.example"]
    assert {evse.uid for evse in party.shared_evses.all()} == {uids[0], uids[2]}
    assert (party.credentials.inbound_kind, party.credentials.outbound_encoding) == ("A", "raw")


def test_add_party_prints_a_generated_token_once(run):
    token = run()["token"]
    assert credentials().inbound_hash == token_hash(token)
    assert run("--update")["token"] is None


def test_add_party_puts_hints_on_stderr_only(capsys):
    call_command("add_party", "NL", "JED", "--sessions-url=http://127.0.0.1:9/sessions", "--json")
    captured = capsys.readouterr()
    assert json.loads(captured.out)["party"] == "NL*JED"
    assert "hint: http://127.0.0.1:9/sessions is plain http or loopback" in captured.err


def test_add_party_reads_for_people_too(capsys):
    call_command("add_party", "NL", "JED", "--token=theirs", "--outbound-token=ours")
    assert capsys.readouterr().out.splitlines() == [
        "party NL*JED (SCSP)",
        "  token C it calls us with, shown only now: theirs",
        "  token we call it with: ours",
        "  shares all EVSEs",
    ]


def test_add_party_with_bad_input_is_a_clear_error(capsys):
    for arguments in (["NLD", "JED"], ["NL", "JED", "--role=DRIVER"], ["NL", "JED", "--token=a b"], ["NL"]):
        with pytest.raises(CommandError):
            call_command("add_party", *arguments, "--json")
    assert capsys.readouterr().out == ""
    assert not Party.objects.exists()


# --- OAuth 2.0, API keys, networks ----------------------------------------------------------------------------------

PROOF = {
    "token_url": "https://id.example/oauth/token", "client_id": "us", "client_secret": "planted-secret",
    "audience": "https://ocpi.example", "api_key_header": "ApiKey", "api_key": "planted-key",
}  # fmt: skip


def test_a_token_url_chooses_oauth2_and_no_ocpi_token_is_made():
    provisioned = add_party(**JED, urls=URLS, proof=OutboundProof(**PROOF))
    found = credentials()
    assert (found.outbound_encoding, found.outbound_encrypted, provisioned.outbound_token) == ("oauth2", "", None)
    assert (found.oauth_token_url, found.oauth_client_id) == (PROOF["token_url"], "us")
    assert (found.oauth_audience, found.oauth_scope, found.oauth_client_style) == ("https://ocpi.example", "", "body")
    assert (found.oauth_secret, found.api_key_header, found.api_key) == ("planted-secret", "ApiKey", "planted-key")
    stored = json.dumps(Credentials.objects.values().get(), default=str)
    assert [text for text in ("planted-secret", "planted-key") if text in stored + repr(OutboundProof(**PROOF))] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_secret": None}, "need a client secret"), ({"client_id": None}, "need a client id"),
        ({"token_url": "ftp://id.example"}, "must be https"), ({"token_url": "https://u:p@id.example/"}, "userinfo"),
        ({"api_key": None}, "go together"), ({"api_key_header": None}, "go together"),
        ({"api_key_header": "Authorization"}, "no name for an API key's header"),
        ({"api_key": "two words"}, "U\\+0021 to U\\+007E"), ({"client_secret": "a\nb"}, "printable ASCII"),
        ({"client_style": "mtls"}, "not a valid choice"), ({"audience": "a\nb"}, "Printable ASCII"),
        ({"scope": "x" * 256}, "at most 255"),
    ],
)  # fmt: skip
def test_what_cannot_prove_us_is_refused_and_nothing_is_written(changes, words):
    with pytest.raises(ValidationError, match=words):
        add_party(**JED, urls=URLS, proof=OutboundProof(**(PROOF | changes)))
    assert not Party.objects.exists()


def test_oauth2_by_name_alone_is_not_enough():
    with pytest.raises(ValidationError, match="need a token URL"):
        add_party(**JED, urls=URLS, outbound_encoding="oauth2")


def test_what_is_not_said_of_it_stays():
    add_party(**JED, urls=URLS, proof=OutboundProof(**PROOF))
    add_party(**JED, proof=OutboundProof(client_secret="another", api_key_header="", api_key=""), update=True)
    found = credentials()
    assert (found.outbound_encoding, found.oauth_secret, found.oauth_client_id) == ("oauth2", "another", "us")
    assert (found.api_key_header, found.api_key) == ("", "")
    add_party(**JED, outbound_encoding="raw", outbound_token="ours", update=True)
    assert (credentials().outbound_encoding, credentials().oauth_secret) == ("raw", "another")


def test_networks_are_kept_and_a_wrong_one_is_refused():
    add_party(**JED, inbound_networks=["192.0.2.7"])
    assert Party.objects.get().inbound_networks == ["192.0.2.7/32"]
    with pytest.raises(ValidationError, match=r"'192\.0\.2\.1/24' is no network"):
        add_party(**JED, inbound_networks=["192.0.2.1/24"], update=True)
    add_party(**JED, name="J", update=True)
    assert Party.objects.get().inbound_networks == ["192.0.2.7/32"]


def test_add_party_takes_all_of_it_and_prints_no_secret(capsys):
    call_command(
        "add_party", "NL", "JED", f"--sessions-url={URLS.sessions}", "--oauth-token-url=https://id.example/oauth/token",
        "--oauth-client-id=us", "--oauth-client-secret=planted-secret", "--oauth-client-style=basic",
        "--oauth-audience=aud", "--oauth-scope=a b", "--api-key-header=ApiKey", "--api-key=planted-key",
        "--allow-network=192.0.2.0/24", "--allow-network=2001:db8::/48",
    )  # fmt: skip
    found, printed = credentials(), capsys.readouterr().out
    assert (found.outbound_encoding, found.oauth_client_style, found.oauth_scope) == ("oauth2", "basic", "a b")
    assert (found.oauth_secret, found.api_key, found.oauth_audience) == ("planted-secret", "planted-key", "aud")
    assert Party.objects.get().inbound_networks == ["192.0.2.0/24", "2001:db8::/48"]
    assert "planted" not in printed


# --- version and roles ----------------------------------------------------------------------------------------------


def test_a_version_and_the_roles_of_the_platform_are_kept_until_others_are_given():
    add_party(**JED, platform=Platform("2.2", [("emsp", "be", "abd")]))
    add_party(**JED, name="Jed", update=True)
    assert Party.objects.get().version == "2.2"
    assert credentials().roles == [{"role": "EMSP", "country_code": "BE", "party_id": "ABD", "name": ""}]


@pytest.mark.parametrize("wrong", [Platform("2.1.1"), Platform(roles=[("EMSP", "NLD", "ABC")])])
def test_another_version_or_no_role_is_refused_and_nothing_written(wrong):
    with pytest.raises(ValidationError):
        add_party(**JED, platform=wrong)
    assert not Party.objects.exists()
