"""What operators do beside a running server, registration, and what the log must never hold."""

import base64
import json
import secrets
import subprocess
import sys

from websockets.exceptions import InvalidStatus

from chargepoints.provisioning import add_token
from ocpi.models import DeliveryAttempt, Party
from ocpi.provisioning import add_party
from ocpi.simulator.scsp import SimulatedScsp
from tests.flows.test_set_profile import ACCEPTED
from tests.support.bay import MakeBay
from tests.support.charger import PATIENCE_S, RawCharger
from tests.support.processes import REPOSITORY, until
from tests.support.server import Server


def manage(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=REPOSITORY, env=server.env, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_a_command_beside_the_running_server_is_answered_by_the_charge_point(bay: MakeBay, server: Server):
    b = bay().plug_in()
    wanted = '{"key": ["HeartbeatInterval"]}'
    done = manage(server, "send_command", b.identity.name, "GetConfiguration", wanted, "--json", "--timeout", "20")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["status"] == "ACCEPTED"
    assert answer["answer"]["configurationKey"] == [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]
    assert b.charger.calls("GetConfiguration")[-1] == {"key": ["HeartbeatInterval"]}


def test_a_command_that_the_charge_point_refuses_ends_with_an_error(bay: MakeBay, server: Server):
    b = bay().plug_in()
    done = manage(server, "send_command", b.identity.name, "RemoteStopTransaction", '{"transactionId": 1}', "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["status"] == "REJECTED"
    assert b.session.state == "ACTIVE"


def test_a_partner_registers_by_the_handshake_and_can_steer_at_once(bay: MakeBay, server: Server):
    b = bay()
    party_id, token_a = "REG", secrets.token_urlsafe(24)
    add_party(
        country_code="NL", party_id=party_id, role="SCSP", token_a=token_a, allow_insecure=True,
        share_evses=b.identity.evse_uids,
    )  # fmt: skip
    with SimulatedScsp(token=secrets.token_urlsafe(24), party_id=party_id) as scsp:
        scsp.register(f"{server.url}/ocpi/versions", token_a)
        assert scsp.pull().keys() == {"locations", "sessions"}
        b.plug_in()
        assert scsp.wait_for(lambda: b.session_id in scsp.sessions, PATIENCE_S)
        call = scsp.put_profile(b.session_id, [(0, 11000)])
        assert scsp.wait_result(call.request_id, PATIENCE_S) == ACCEPTED
        assert scsp.wait_for(lambda: scsp.pushes, PATIENCE_S)
        assert scsp.violations == []
        party = Party.objects.get(party_id=party_id)
        assert party.credentials.registered_at is not None
        assert sorted(party.endpoints.values_list("identifier", "role")) == [
            ("chargingprofiles", "SENDER"), ("credentials", "SENDER"), ("locations", "RECEIVER"),
            ("sessions", "RECEIVER"),
        ]  # fmt: skip


def test_no_token_password_or_card_ever_appears_in_the_log(bay: MakeBay, server: Server):
    """Planted in everything that goes right and in everything that goes wrong."""
    card = f"CARD{secrets.token_hex(6)}".upper()
    add_token(uid=card)
    b = bay()
    b.charger.wait_booted(PATIENCE_S)
    b.charger.plug_in(id_tag=card)
    b.charger.start()
    b.charger.call("DataTransfer", {"vendorId": "V", "data": card})
    b.charger.send_text(f'[2,"x","StartTransaction",{{"idTag":"{card}"}}]')
    b.charger.send_text(f'[2,"y","Authorize",{{"idTag":"{card}{card}"}}]')
    b.charger.send_text(f'[2,"z","Authorize",{{"idTag":"{card}"')
    wrong = secrets.token_hex(8)
    try:
        with RawCharger(server.ocpp_url, b.identity.name, password=wrong):
            raise AssertionError("a wrong password got in")
    except InvalidStatus:
        pass
    session_id = until(lambda: next(iter(b.scsp.sessions), None))
    b.scsp.faults.fail_next(1, kind="result", fault="401")
    call = b.scsp.put_profile(session_id, [(0, 11000)])
    refused = DeliveryAttempt.objects.filter(message__profile_request__request_id=call.request_id, http_status=401)
    until(refused.exists, what="a refused callback")
    bad_token = secrets.token_urlsafe(24)
    stranger = SimulatedScsp(token=b.tokens.ours, cpo_token=bad_token, cpo_url=server.url)
    with stranger:
        assert stranger.put_profile(session_id, [(0, 11000)]).http_status == 401
    manage(server, "send_command", b.identity.name, "RemoteStartTransaction", json.dumps({"idTag": card}))
    log = server.log_text()
    assert b.identity.name in log
    secret = {
        "our token": b.tokens.ours, "their token": b.tokens.theirs, "password": b.identity.password, "card": card,
        "wrong password": wrong, "wrong token": bad_token,
    }  # fmt: skip
    basic = f"{b.identity.name}:{b.identity.password}"
    encoded = {f"{name} in Base64": base64.b64encode(value.encode()).decode() for name, value in secret.items()}
    secret |= encoded | {"Basic credentials": base64.b64encode(basic.encode()).decode()}
    assert [name for name, value in secret.items() if value in log] == []


def test_the_server_tells_that_it_lives_and_how_it_is(server: Server):
    assert server.get("/healthz").status_code == 200
    assert server.get("/readyz").json() == {
        "status": "ok", "database": "ok", "broker": "ok", "channel_layer": "ok"
    }  # fmt: skip
    assert "cpo_charge_points_online" in server.get("/metrics").text
