"""The sample of the first partner, frame by frame and body by body."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from chargepoints.models import ChargingProfile, ChargingSession
from ocpi.simulator.strategies import DemoStrategy
from tests.support.bay import CARD, Identity, Tokens, new_scsp
from tests.support.charger import RawCharger
from tests.support.recorder import Recorded, Recorder
from tests.support.server import Server

SAMPLE = json.loads((Path(__file__).parents[1] / "fixtures/ocpi/jedlix_set_charging_profile.json").read_text())
CONFIGURATION = {
    "SupportedFeatureProfiles": "Core,SmartCharging",
    "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
    "ChargingScheduleMaxPeriods": "10",
    "ChargeProfileMaxStackLevel": "5",
}
BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model"}
OCPI_HEADERS = ("X-Correlation-ID", "OCPI-from-country-code", "OCPI-from-party-id", "OCPI-to-country-code")


@pytest.fixture
def charger(server: Server, identity: Identity, tokens: Tokens) -> Iterator[RawCharger]:
    """Connected, booted, asked what it can do, and on transaction with the session that `session` finds."""
    with RawCharger(server.ocpp_url, identity.name, password=identity.password) as charger:
        yield charger


def boot(charger: RawCharger) -> list[Any]:
    answer = charger.call("BootNotification", BOOT)
    message_id, _ = charger.wait_call("GetConfiguration")
    keys = [{"key": key, "readonly": True, "value": value} for key, value in CONFIGURATION.items()]
    charger.answer(message_id, {"configurationKey": keys, "unknownKey": []})
    return answer


def start(charger: RawCharger, identity: Identity) -> ChargingSession:
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = charger.call("StartTransaction", {"connectorId": 1, "idTag": CARD, "meterStart": 100, "timestamp": stamp})
    assert (answer[0], answer[2]["idTagInfo"]) == (3, {"status": "Accepted"})
    return ChargingSession.objects.get(
        charge_point__identity=identity.name, ocpp_transaction_id=str(answer[2]["transactionId"])
    )


def put_sample(server: Server, session: ChargingSession, tokens: Tokens, response_url: str) -> requests.Response:
    headers = {
        "Authorization": f"Token {tokens.theirs}", "X-Request-ID": "request-1", "X-Correlation-ID": "correlation-1",
        "OCPI-from-country-code": "NL", "OCPI-from-party-id": tokens.party_id,
        "OCPI-to-country-code": "NL", "OCPI-to-party-id": "CPO",
    }  # fmt: skip
    url = f"{server.url}/ocpi/2.2.1/chargingprofiles/{session.uid}"
    with requests.Session() as http:
        http.trust_env = False
        return http.put(url, json=SAMPLE | {"response_url": response_url}, headers=headers, timeout=10)


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def test_boot_is_answered_and_the_capabilities_are_asked_for(charger: RawCharger):
    answer = charger.call("BootNotification", BOOT)
    assert answer[0] == 3
    assert without(answer[2], "currentTime") == {"status": "Accepted", "interval": 300}
    assert abs(datetime.fromisoformat(answer[2]["currentTime"]) - datetime.now(UTC)) < timedelta(seconds=10)
    _, payload = charger.wait_call("GetConfiguration")
    assert set(CONFIGURATION) < set(payload["key"])
    assert set(payload) == {"key"}


def test_a_started_session_is_pushed_by_put_with_everything_required(
    charger: RawCharger, identity: Identity, tokens: Tokens, partner: Recorder
):
    boot(charger)
    session = start(charger, identity)
    push = partner.wait("PUT", "/ocpi/2.2.1/sessions/")
    assert push.path == f"/ocpi/2.2.1/sessions/NL/CPO/{session.uid}"
    assert push.body == {
        "country_code": "NL",
        "party_id": "CPO",
        "id": session.uid,
        "start_date_time": session.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kwh": 0,
        "cdr_token": {"country_code": "NL", "party_id": "CPO", "uid": CARD, "type": "RFID", "contract_id": CARD},
        "auth_method": "WHITELIST",
        "location_id": session.evse.charge_point.location.uid,
        "evse_uid": identity.evse_uids[0],
        "connector_id": "1",
        "currency": "EUR",
        "status": "ACTIVE",
        "last_updated": session.last_updated.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
    }
    assert_ours(push, tokens)


def test_the_sample_put_goes_out_as_one_set_charging_profile_and_comes_back_as_one_result(
    server: Server, charger: RawCharger, identity: Identity, tokens: Tokens, partner: Recorder
):
    boot(charger)
    session = start(charger, identity)
    response_url = f"{partner.url}/ocpi/2.2.1/chargingprofiles/response?request_id=123456"

    answer = put_sample(server, session, tokens, response_url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert without(answer.json(), "timestamp") == {"data": {"result": "ACCEPTED", "timeout": 30}, "status_code": 1000}
    echoed = {name: answer.headers.get(name) for name in ("X-Request-ID", *OCPI_HEADERS, "OCPI-to-party-id")}
    assert echoed == {
        "X-Request-ID": "request-1", "X-Correlation-ID": "correlation-1", "OCPI-from-country-code": "NL",
        "OCPI-from-party-id": "CPO", "OCPI-to-country-code": "NL", "OCPI-to-party-id": tokens.party_id,
    }  # fmt: skip

    message_id, payload = charger.wait_call("SetChargingProfile")
    assert payload == {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": ChargingProfile.objects.get(session=session).pk,
            "transactionId": int(session.ocpp_transaction_id),
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2023-10-01T12:00:00Z",
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 22000, "numberPhases": 3},
                    {"startPeriod": 1800, "limit": 0, "numberPhases": 3},
                    {"startPeriod": 3600, "limit": 10000, "numberPhases": 3},
                ],
            },
        },
    }
    charger.answer(message_id, {"status": "Accepted"})

    result = partner.wait("POST")
    assert result.path == "/ocpi/2.2.1/chargingprofiles/response?request_id=123456"
    assert result.body == {"result": "ACCEPTED"}
    assert result.headers["X-Correlation-ID"] == "correlation-1"
    assert_ours(result, tokens)

    message_id, payload = charger.wait_call("GetCompositeSchedule")
    assert payload == {"connectorId": 1, "duration": 3600, "chargingRateUnit": "W"}
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    schedule = {
        "duration": 3600, "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10000.0, "numberPhases": 3}],
    }  # fmt: skip
    charger.answer(
        message_id,
        {"status": "Accepted", "connectorId": 1, "scheduleStart": began, "chargingSchedule": schedule},
    )

    push = partner.wait("PUT", "/ocpi/2.2.1/chargingprofiles/")
    assert push.path == f"/ocpi/2.2.1/chargingprofiles/{session.uid}"
    assert push.body == {
        "start_date_time": began,
        "charging_profile": {
            "start_date_time": began,
            "charging_rate_unit": "W",
            "duration": 3600,
            "charging_profile_period": [{"start_period": 0, "limit": 10000}],
        },
    }
    assert_ours(push, tokens)
    assert len(partner.requests("POST")) == 1
    assert charger.frames == []


def test_the_start_of_a_transaction_is_answered_before_its_profile_is_sent(server: Server, identity: Identity):
    """OCPP 1.6: a TxProfile names a transaction id that the charge point must know, and this partner is quick."""
    scsp, _ = new_scsp(server.url, identity, strategy=DemoStrategy())
    try:
        with RawCharger(server.ocpp_url, identity.name, password=identity.password) as charger:
            boot(charger)
            stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            payload = {"connectorId": 1, "idTag": CARD, "meterStart": 0, "timestamp": stamp}
            charger.send(json.dumps([2, "start", "StartTransaction", payload]))
            first, second = (charger.receive(lambda frame: True) for _ in range(2))
    finally:
        scsp.stop()
    assert first[:2] == [3, "start"]
    assert second[2] == "SetChargingProfile"
    assert second[3]["csChargingProfiles"]["transactionId"] == first[2]["transactionId"]


def assert_ours(request: Recorded, tokens: Tokens) -> None:
    headers = request.headers
    assert headers["Content-Type"] == "application/json"
    assert uuid.UUID(headers["X-Request-ID"])
    routing = {name: headers[name] for name in headers if name.startswith("OCPI-")}
    assert routing == {
        "OCPI-from-country-code": "NL", "OCPI-from-party-id": "CPO",
        "OCPI-to-country-code": "NL", "OCPI-to-party-id": tokens.party_id,
    }  # fmt: skip
