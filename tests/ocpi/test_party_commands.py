"""connect, refresh, rotate, disconnect and test a party by command: told in words or JSON, non-zero on failure."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ocpi.models import Credentials
from tests.ocpi.registration_steps import TIMEOUT, VERSIONS, connected, found, new, theirs, versions
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names"), pytest.mark.once]
CONNECT = ("connect_party", "nl", "new", "--token-a", "secret-token-a", "--versions-url", VERSIONS)


def printed(capsys: Any, *command: str) -> str:
    call_command(*command)
    return capsys.readouterr().out


def failed(capsys: Any, *command: str) -> tuple[dict[str, Any], str]:
    with pytest.raises(CommandError) as caught:
        call_command(*command, "--json")
    return json.loads(capsys.readouterr().out), str(caught.value)


def test_connecting_tells_the_version_and_the_endpoints_and_no_token(partner: Partner, capsys):
    new()
    partner.answers = [*found(), theirs()]
    told = printed(capsys, *CONNECT)
    assert told.splitlines()[0] == "NL*NEW is connected: OCPI 2.2.1"
    assert "  sessions RECEIVER: https://new.example/ocpi/2.2.1/sessions" in told
    for secret in ("secret-token-a", "token-c", partner.bodies[2]["token"]):
        assert secret not in told


def test_a_failure_is_told_on_both_channels_and_says_what_to_do_instead(partner: Partner, capsys):
    new()
    partner.answers = [*found(), answered(405, ocpi=2000)]
    found_json, words = failed(capsys, *CONNECT)
    assert (found_json["ok"], found_json["in_doubt"], found_json["other_method"]) == (False, False, "PUT")
    assert found_json["error"] == words
    partner.answers = [*found(), theirs()]
    call_command(*CONNECT, "--renew")
    assert partner.calls[-1][0] == "PUT"


@pytest.mark.parametrize("command", ["refresh_party", "rotate_party", "disconnect_party", "test_party"])
def test_a_party_that_is_not_there_is_an_error(partner: Partner, capsys, command):
    found_json, words = failed(capsys, command, "NL", "NIX")
    assert (found_json["ok"], words) == (False, "there is no party NL*NIX: add_party adds it")


@pytest.mark.parametrize("command", ["refresh_party", "rotate_party"])
def test_refreshing_and_rotating_fail_with_the_reason(partner: Partner, capsys, command):
    connected()
    partner.answers = [TIMEOUT]
    assert "timeout" in failed(capsys, command, "NL", "NEW")[1]


def test_disconnecting_says_whether_they_were_told(partner: Partner, capsys):
    connected()
    partner.answers = [TIMEOUT]
    told = json.loads(printed(capsys, "disconnect_party", "NL", "NEW", "--json"))
    assert (told["ok"], told["told"], "timeout" in told["detail"]) == (True, False, True)
    assert Credentials.objects.get().inbound_hash is None


def test_a_test_lists_its_steps_and_fails_if_one_does(partner: Partner, capsys):
    connected()
    partner.answers = [versions("2.1.1")]
    found_json, words = failed(capsys, "test_party", "NL", "NEW")
    assert (found_json["ok"], words) == (False, "NL*NEW cannot be used as it is")
    assert [(step["step"], step["result"]) for step in found_json["steps"]] == [
        ("authorisation", "ok"), ("versions", "ok"), ("version", "failed")
    ]  # fmt: skip
    partner.answers = found()
    assert "ok     version: 2.2.1" in printed(capsys, "test_party", "NL", "NEW")


def test_a_command_for_one_party_touches_no_other(partner: Partner, capsys):
    connected()
    other = make.party("OTH")
    call_command("disconnect_party", "NL", "NEW")
    assert make.credentials(other).outbound_token == "outbound-OTH"
