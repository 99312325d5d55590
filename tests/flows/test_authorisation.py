"""A whole session with a partner behind OAuth 2.0, whose access tokens soon expire, and an API key."""

import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from chargepoints.models import ChargePoint, ChargingSession
from ocpi.models import DeliveryAttempt
from ocpi.provisioning import OutboundProof, PartyUrls, add_party
from tests.support.bay import CARD, Identity, Tokens, new_identity, new_tokens
from tests.support.charger import PATIENCE_S, Charger, LoopThread
from tests.support.jedlix import API_KEY_HEADER, AUDIENCE, Jedlix
from tests.support.processes import until
from tests.support.recorder import Recorded
from tests.support.server import Server

SESSIONS, PROFILES, RESPONSE = "/ocpi/2.2.1/sessions/", "/ocpi/2.2.1/chargingprofiles/", "/response"


@pytest.fixture
def jedlix() -> Iterator[Jedlix]:
    with Jedlix(lifetime_s=3) as partner:
        yield partner


@pytest.fixture
def identity(server: Server) -> Identity:
    return new_identity()


@pytest.fixture
def tokens(jedlix: Jedlix, identity: Identity) -> Tokens:
    tokens = new_tokens()
    urls = PartyUrls(sessions=f"{jedlix.url}{SESSIONS}", chargingprofiles=f"{jedlix.url}{PROFILES}")
    proof = OutboundProof(
        token_url=jedlix.token_url, client_id=jedlix.client_id, client_secret=jedlix.secret, audience=AUDIENCE,
        api_key_header=API_KEY_HEADER, api_key=jedlix.api_key,
    )  # fmt: skip
    add_party(
        country_code="NL", party_id=tokens.party_id, role="SCSP", token=tokens.theirs, urls=urls, proof=proof,
        allow_insecure=True, share_evses=identity.evse_uids, inbound_networks=["127.0.0.0/8"],
    )  # fmt: skip
    return tokens


@pytest.fixture
def charger(server: Server, loop: LoopThread, identity: Identity, tokens: Tokens) -> Iterator[Charger]:
    charger = Charger(loop, server.ocpp_url, identity.name, password=identity.password, unit="AW")
    charger.wait_booted(PATIENCE_S)
    yield charger
    charger.close()


def put_profile(server: Server, tokens: Tokens, session_id: str, *, response_url: str) -> dict[str, Any]:
    body = {
        "charging_profile": {
            "start_date_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "charging_rate_unit": "W",
            "charging_profile_period": [{"start_period": 0, "limit": 7000}],
        },
        "response_url": response_url,
    }
    token = base64.b64encode(tokens.theirs.encode()).decode()
    with requests.Session() as http:
        http.trust_env = False
        answer = http.put(
            f"{server.url}{PROFILES}{session_id}", json=body, timeout=10, headers={"Authorization": f"Token {token}"}
        )
    return answer.json()["data"]


def test_a_whole_session_with_expiring_access_tokens(
    server: Server, jedlix: Jedlix, identity: Identity, tokens: Tokens, charger: Charger
):
    charger.plug_in(1, id_tag=CARD)
    charger.start(1)
    began = jedlix.wait("PUT", SESSIONS)
    session = ChargingSession.objects.get(uid=began.body["id"])
    assert (began.body["status"], session.charge_point.identity) == ("ACTIVE", identity.name)
    until(lambda: ChargePoint.objects.get(pk=session.charge_point_id).capabilities_at, what="what it can do")

    answer = put_profile(server, tokens, session.uid, response_url=f"{jedlix.url}{RESPONSE}?id=1")
    assert answer == {"result": "ACCEPTED", "timeout": 30}
    assert jedlix.wait("POST", RESPONSE).body == {"result": "ACCEPTED"}
    pushed = jedlix.wait("PUT", PROFILES)
    assert pushed.path == f"{PROFILES}{session.uid}"
    assert pushed.body["charging_profile"]["charging_profile_period"][0]["limit"] == 7000

    jedlix.revoke_all()  # as when a partner changes its signing keys: no token of ours is good any more
    before = len(jedlix.issued)
    put_profile(server, tokens, session.uid, response_url=f"{jedlix.url}{RESPONSE}?id=2")
    assert jedlix.wait("POST", f"{RESPONSE}?id=2").body == {"result": "ACCEPTED"}
    assert len(jedlix.issued) > before

    until(lambda: time.monotonic() > max(jedlix.issued.values()), what="the end of the last access token")
    before = len(jedlix.issued)
    charger.unplug(1)
    until(lambda: completed(jedlix), timeout_s=PATIENCE_S, what="the end of the session")
    assert len(jedlix.issued) > before
    assert len(completed(jedlix)) == 1
    assert len(jedlix.requests("POST", RESPONSE)) == 2
    logged = server.log_text()
    stored = str(list(DeliveryAttempt.objects.values()))
    assert [text for text in (jedlix.secret, jedlix.api_key, *jedlix.issued) if text in logged + stored] == []


def test_from_elsewhere_the_token_of_a_party_is_unknown(server: Server, jedlix: Jedlix, tokens: Tokens):
    """Nobody trusts this proxy: what it claims counts for nothing, the socket does."""
    statuses = []
    for networks in (["192.0.2.0/24"], ["127.0.0.0/8"]):
        add_party(country_code="NL", party_id=tokens.party_id, inbound_networks=networks, update=True)
        headers = {"Authorization": f"Token {tokens.theirs}", "X-Forwarded-For": "192.0.2.1"}
        with requests.Session() as http:
            http.trust_env = False
            statuses.append(http.get(f"{server.url}/ocpi/2.2.1/sessions", headers=headers, timeout=10).status_code)
    assert statuses == [401, 200]


def completed(jedlix: Jedlix) -> list[Recorded]:
    pushes = jedlix.requests("PATCH", SESSIONS) + jedlix.requests("PUT", SESSIONS)
    return [push for push in pushes if push.body.get("status") == "COMPLETED"]
