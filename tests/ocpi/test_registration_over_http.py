"""A registration with a partner that calls us back over HTTP before it answers."""

import json

import pytest
from django.core.management import CommandError, call_command

from ocpi import registration
from ocpi.client import close_connections
from ocpi.models import Party
from ocpi.provisioning import add_party
from ocpi.simulator.scsp import SimulatedScsp
from tests.support import ocpi_factories as make

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN_A = "the-partners-token-a"


@pytest.fixture
def party(live_server, settings):
    settings.DEBUG, settings.PUBLIC_URL = True, live_server.url
    return add_party(country_code="NL", party_id="JED", role="SCSP", allow_insecure=True).party


@pytest.fixture
def scsp(party):
    with SimulatedScsp(token=TOKEN_A) as simulated:
        yield simulated
        close_connections()


def test_connect_test_rotate_and_disconnect(party, scsp, capsys):
    """By the commands, from beginning to end; at each step the partner uses the token it was given last."""

    def run(command: str, *arguments: str) -> dict:
        call_command(command, "NL", "JED", "--json", *arguments)
        return json.loads(capsys.readouterr().out)

    connected = run("connect_party", "--token-a", TOKEN_A, "--versions-url", scsp.versions_url)
    assert (connected["ok"], connected["version"], connected["notes"]) == (True, "2.2.1", [])
    assert sorted(connected["endpoints"]) == [
        "chargingprofiles SENDER", "credentials SENDER", "locations RECEIVER", "sessions RECEIVER",
    ]  # fmt: skip
    first = make.credentials(party)
    assert first.outbound_token not in {"", TOKEN_A}
    assert scsp.delete_profile("no-such-session").result == "UNKNOWN_SESSION"  # with our new token
    tested = run("test_party")
    assert (tested["ok"], {step["result"] for step in tested["steps"]}) == (True, {"ok"})
    assert run("refresh_party")["notes"] == ["nothing has changed"]
    assert run("rotate_party")["ok"]
    second = make.credentials(party)
    assert second.outbound_token != first.outbound_token
    assert second.inbound_hash != first.inbound_hash
    assert scsp.delete_profile("no-such-session").result == "UNKNOWN_SESSION"
    with pytest.raises(CommandError, match="HTTP 401"):  # token A is dead
        call_command("connect_party", "NL", "JED", "--token-a", TOKEN_A, "--versions-url", scsp.versions_url)
    assert make.credentials(party).inbound_hash == second.inbound_hash
    ended = run("disconnect_party")
    assert (ended["ok"], ended["told"]) == (True, True)
    assert (scsp.registered, make.credentials(party).inbound_hash) == (False, None)
    assert Party.objects.get().heard_at is not None


def test_a_partner_that_holds_a_registration_offers_put(party, scsp):
    registration.register(party, token=TOKEN_A, versions_url=scsp.versions_url)
    held = make.credentials(party).outbound_token
    with pytest.raises(registration.RegistrationFailed) as caught:
        registration.register(party, token=held, versions_url=scsp.versions_url)
    assert (caught.value.other_method, caught.value.in_doubt) == ("PUT", False)
    assert scsp.delete_profile("no-such-session").result == "UNKNOWN_SESSION"
    registration.register(party, token=held, versions_url=scsp.versions_url, renew=True)
    assert make.credentials(party).outbound_token not in {held, TOKEN_A}


def test_a_partner_that_cannot_reach_us_says_so_and_nothing_is_left(party, scsp, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    with pytest.raises(registration.RegistrationFailed, match=r"could not call us at http://127\.0\.0\.1:9") as caught:
        registration.register(party, token=TOKEN_A, versions_url=scsp.versions_url)
    assert not caught.value.in_doubt
    credentials = make.credentials(party)
    assert (credentials.pending_hash, credentials.outbound_token, party.endpoints.count()) == (None, "", 0)


def test_a_partner_that_is_down_is_disconnected_here_only(party, scsp):
    registration.register(party, token=TOKEN_A, versions_url=scsp.versions_url)
    scsp.stop()
    close_connections()
    ended = registration.disconnect(party)
    assert ended.told is False
    assert "connection refused" in ended.words
    assert make.credentials(party).inbound_hash is None
