"""The same sample with a charge point of OCPP 2.0.1: a whole session, frame by frame and body by body."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from chargepoints.models import ChargingProfile, ChargingSession
from tests.flows.test_exact_frames import assert_ours, put_sample, without
from tests.support.bay import CARD, FULL_W, Identity, Tokens
from tests.support.charger import RawCharger
from tests.support.processes import until
from tests.support.recorder import Recorder
from tests.support.server import Server

BOOT = {"reason": "PowerUp", "chargingStation": {"vendorName": "Vendor", "model": "Model"}}
VARIABLES = {"Enabled": "true", "RateUnit": "A,W", "PeriodsPerSchedule": "10", "ProfileStackLevel": "5"}
TRANSACTION_ID = "7f1c2a9e-tx"
CALLBACK = "/ocpi/2.2.1/chargingprofiles/response?request_id="
PLANS, SESSIONS = "/ocpi/2.2.1/chargingprofiles/", "/ocpi/2.2.1/sessions/"
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def charger(server: Server, identity: Identity, tokens: Tokens) -> Iterator[RawCharger]:
    with RawCharger(server.ocpp_url, identity.name, password=identity.password, version="2.0.1") as charger:
        yield charger


def now_text(*, ago_s: int = 0) -> str:
    return (datetime.now(UTC) - timedelta(seconds=ago_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


def boot(charger: RawCharger) -> list[Any]:
    answer = charger.call("BootNotification", BOOT)
    message_id, payload = charger.wait_call("GetVariables")
    assert {item["component"]["name"] for item in payload["getVariableData"]} == {"SmartChargingCtrlr"}
    results = [_result(item) for item in payload["getVariableData"]]
    charger.answer(message_id, {"getVariableResult": results})
    return answer


def _result(item: dict[str, Any]) -> dict[str, Any]:
    value = VARIABLES.get(item["variable"]["name"])
    status = {"attributeStatus": "UnknownVariable"} if value is None else {"attributeStatus": "Accepted"}
    return item | status | ({} if value is None else {"attributeValue": value})


def event(
    charger: RawCharger, kind: str, trigger: str, seq_no: int, wh: float, /, *, ago_s: int = 0, **fields: Any
) -> Any:
    """The answer to a TransactionEvent with a register in Wh."""
    at, info = now_text(ago_s=ago_s), {"transactionId": TRANSACTION_ID} | fields.pop("info", {})
    context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
    samples = [{"value": wh, "measurand": "Energy.Active.Import.Register", "context": context}]
    frame = charger.call("TransactionEvent", {
        "eventType": kind, "timestamp": at, "triggerReason": trigger, "seqNo": seq_no, "transactionInfo": info,
        "meterValue": [{"timestamp": at, "sampledValue": samples}],
    } | fields)  # fmt: skip
    assert frame[0] == 3
    return frame[2]


def plug_in(charger: RawCharger, identity: Identity) -> ChargingSession:
    """The cable is in, nobody has shown a token."""
    evse = {"id": 1, "connectorId": 1}
    info = {"chargingState": "EVConnected"}
    answer = event(charger, "Started", "CablePluggedIn", 0, 100, evse=evse, info=info, ago_s=60)
    assert answer == {}
    return ChargingSession.objects.get(charge_point__identity=identity.name, ocpp_transaction_id=TRANSACTION_ID)


def authorize(charger: RawCharger) -> Any:
    token = {"idToken": CARD, "type": "ISO14443"}
    return event(charger, "Updated", "Authorized", 1, 100, idToken=token, info={"chargingState": "Charging"}, ago_s=30)


def ask(server: Server, tokens: Tokens, method: str, session: ChargingSession, **params: Any) -> requests.Response:
    headers = {
        "Authorization": f"Token {tokens.theirs}", "X-Request-ID": method, "X-Correlation-ID": f"correlation-{method}"
    }  # fmt: skip
    with requests.Session() as http:
        http.trust_env = False
        url = f"{server.url}/ocpi/2.2.1/chargingprofiles/{session.uid}"
        return http.request(method, url, params=params, headers=headers, timeout=10)


def answer_composite(charger: RawCharger, duration_s: int, *limits: float) -> str:
    """Checks the question, answers half an hour of each limit, or no schedule. The start it gave."""
    message_id, payload = charger.wait_call("GetCompositeSchedule")
    assert payload == {"evseId": 1, "duration": duration_s, "chargingRateUnit": "W"}
    began = now_text()
    periods = [{"startPeriod": 1800 * at, "limit": limit} for at, limit in enumerate(limits)]
    schedule = {
        "evseId": 1, "duration": duration_s, "scheduleStart": began, "chargingRateUnit": "W",
        "chargingSchedulePeriod": periods,
    }  # fmt: skip
    charger.answer(message_id, ACCEPTED | ({"schedule": schedule} if limits else {}))
    return began


def plan(began: str, duration_s: int, limit: float) -> dict[str, Any]:
    return {
        "start_date_time": began,
        "charging_profile": {
            "start_date_time": began, "charging_rate_unit": "W", "duration": duration_s,
            "charging_profile_period": [{"start_period": 0, "limit": limit}],
        },
    }  # fmt: skip


def test_boot_is_answered_and_the_device_model_is_asked(charger: RawCharger, identity: Identity):
    answer = boot(charger)
    assert answer[0] == 3
    assert without(answer[2], "currentTime") == {"status": "Accepted", "interval": 300}
    assert abs(datetime.fromisoformat(answer[2]["currentTime"]) - datetime.now(UTC)) < timedelta(seconds=10)


def test_a_session_from_the_cable_to_its_end_with_all_that_a_partner_can_ask(
    server: Server, charger: RawCharger, identity: Identity, tokens: Tokens, partner: Recorder
):
    boot(charger)

    # The cable is in: the session is PENDING, and a profile for it is kept.
    session = plug_in(charger, identity)
    push = partner.wait("PUT", SESSIONS)
    assert (push.path, push.body["status"]) == (f"{SESSIONS}NL/CPO/{session.uid}", "PENDING")
    answer = put_sample(server, session, tokens, f"{partner.url}{CALLBACK}1")
    assert answer.json()["data"] == {"result": "ACCEPTED", "timeout": 30}
    assert (charger.call("Heartbeat", {})[0], charger.frames) == (3, [])

    # The driver is known: it is ACTIVE, and the profile goes out.
    assert authorize(charger) == {"idTokenInfo": ACCEPTED}
    message_id, payload = charger.wait_call("SetChargingProfile")
    profile_id = ChargingProfile.objects.get(session=session).pk
    assert payload == {
        "evseId": 1,
        "chargingProfile": {
            "id": profile_id,
            "transactionId": TRANSACTION_ID,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": [
                {
                    "id": profile_id,
                    "startSchedule": "2023-10-01T12:00:00Z",
                    "chargingRateUnit": "W",
                    "chargingSchedulePeriod": [
                        {"startPeriod": 0, "limit": 22000, "numberPhases": 3},
                        {"startPeriod": 1800, "limit": 0, "numberPhases": 3},
                        {"startPeriod": 3600, "limit": 10000, "numberPhases": 3},
                    ],
                }
            ],
        },
    }
    charger.answer(message_id, ACCEPTED)
    result = partner.wait("POST", f"{CALLBACK}1")
    assert (result.body, result.headers["X-Correlation-ID"]) == ({"result": "ACCEPTED"}, "correlation-1")
    assert_ours(result, tokens)
    session.refresh_from_db()
    patch = partner.wait("PATCH", f"{SESSIONS}NL/CPO/{session.uid}")
    assert (patch.body["status"], patch.body["cdr_token"]["uid"]) == ("ACTIVE", CARD)

    # What it plans is asked for and pushed.
    began = answer_composite(charger, 3600, 10000.0)
    push = partner.wait("PUT", PLANS)
    assert (push.path, push.body) == (f"{PLANS}{session.uid}", plan(began, 3600, 10000))
    assert_ours(push, tokens)

    # GET
    assert ask(server, tokens, "GET", session, duration=900, response_url=f"{partner.url}{CALLBACK}2").json()[
        "data"
    ] == {"result": "ACCEPTED", "timeout": 30}
    began = answer_composite(charger, 900, 9999.5)
    result = partner.wait("POST", f"{CALLBACK}2")
    assert result.body == {"result": "ACCEPTED", "profile": plan(began, 900, 9999.5)}

    # DELETE
    assert ask(server, tokens, "DELETE", session, response_url=f"{partner.url}{CALLBACK}3").json()["data"] == {
        "result": "ACCEPTED", "timeout": 30,
    }  # fmt: skip
    message_id, payload = charger.wait_call("ClearChargingProfile")
    assert payload == {"chargingProfileId": profile_id}
    charger.answer(message_id, ACCEPTED)
    assert partner.wait("POST", f"{CALLBACK}3").body == {"result": "ACCEPTED"}
    answer_composite(charger, 3600)
    push = until(lambda: _push_of(partner, FULL_W), what="the maximum of the EVSE")
    assert push["charging_profile"]["duration"] == 3600

    # The end
    pushes = len(partner.requests("PUT", PLANS))
    assert event(charger, "Ended", "EVDeparted", 2, 5100, info={"stoppedReason": "EVDisconnected"}) == {}
    session.refresh_from_db()
    patch = until(lambda: _patch_of(partner, "COMPLETED"), what="the end")
    (period,) = patch.pop("charging_periods")
    assert period["dimensions"][0] == {"type": "ENERGY", "volume": 5}
    assert patch == {
        "status": "COMPLETED", "kwh": 5, "end_date_time": session.ended_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "last_updated": session.last_updated.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
    }  # fmt: skip
    assert (session.kwh, session.stop_reason) == (5, "EVDisconnected")
    assert ChargingProfile.objects.get(pk=profile_id).state == "CLEARED"
    assert (len(partner.requests("POST")), len(partner.requests("PUT", PLANS))) == (3, pushes)
    assert charger.frames == []


def _push_of(partner: Recorder, limit: float) -> dict[str, Any] | None:
    """The newest plan, if it is this limit throughout."""
    body: dict[str, Any] = partner.requests("PUT", PLANS)[-1].body
    periods = body["charging_profile"]["charging_profile_period"]
    return body if periods == [{"start_period": 0, "limit": limit}] else None


def _patch_of(partner: Recorder, status: str) -> dict[str, Any] | None:
    bodies = [request.body for request in partner.requests("PATCH", SESSIONS)]
    return next((body for body in bodies if body.get("status") == status), None)
