"""Sessions on their way to the partner: what was said offline, what was missed, what comes from many at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from chargepoints.models import ChargingSession
from tests.flows.test_set_profile import ACCEPTED, both_versions, limits, settled
from tests.support.bay import CARD, MakeBay
from tests.support.charger import PATIENCE_S
from tests.support.processes import until


def test_figures_are_patched_and_the_end_of_the_session_goes_at_once(bay: MakeBay):
    b = bay(time_scale=600).plug_in()
    b.charger.send_meter_values()
    b.charger.stop_transaction()
    assert b.scsp.wait_for(lambda: b.scsp.sessions[b.session_id]["status"] == "COMPLETED", PATIENCE_S)
    settled(b)
    told, session = b.scsp.sessions[b.session_id], b.session
    assert Decimal(str(told["kwh"])) == session.kwh > 0
    assert abs(datetime.fromisoformat(told["end_date_time"]) - session.ended_at) < timedelta(milliseconds=1)
    methods = [r.method for r in b.scsp.requests_received if "/sessions/" in r.path]
    assert methods[0] == "PUT"
    assert set(methods[1:]) == {"PATCH"}


@pytest.mark.parametrize(
    ("version", "queued", "readings"),
    [("1.6", ("StartTransaction", "MeterValues", "StopTransaction"), 2), ("2.0.1", ("TransactionEvent",) * 5, 3)],
)
def test_a_transaction_started_and_ended_offline_is_kept_with_its_times_and_told(
    bay: MakeBay, version: str, queued: tuple[str, ...], readings: int
):
    b = bay(version=version)
    b.charger.wait_booted(PATIENCE_S)
    b.charger.drop(stay_away=True)
    until(lambda: not b.charge_point.is_online)
    began = datetime.now(UTC)
    b.charger.plug_in(id_tag=CARD)
    b.charger.start()
    b.charger.send_meter_values()
    b.charger.stop_transaction()
    ended = datetime.now(UTC)
    assert b.charger.queued == queued
    b.charger.come_back()
    session = until(lambda: ChargingSession.objects.filter(charge_point=b.charge_point, state="COMPLETED").first())
    assert abs(session.started_at - began) < timedelta(seconds=1)
    assert abs(session.ended_at - ended) < timedelta(seconds=1)
    assert session.meter_values.count() == readings
    until(lambda: b.scsp.sessions.get(session.uid, {}).get("status") == "COMPLETED", what="the end at the partner")
    assert b.charger.queued == ()


@both_versions
def test_a_session_that_outlived_a_lost_connection_is_the_same_session(bay: MakeBay, version: str):
    b = bay(version=version).plug_in()
    b.charger.drop(stay_away=True)
    until(lambda: not b.charge_point.is_online)
    b.charger.send_meter_values()
    b.charger.come_back()
    b.charger.wait_booted(PATIENCE_S)
    until(b.session.meter_values.exists)
    assert b.session.state == "ACTIVE"
    assert b.result(b.put(11000)) == ACCEPTED


def test_a_partner_that_was_away_gets_the_whole_session_as_it_is_now(bay: MakeBay):
    b = bay(time_scale=600).plug_in()
    settled(b)
    b.scsp.stop()
    b.charger.send_meter_values()
    (message,) = b.messages("SESSION")
    until(lambda: b.messages("SESSION")[0].failures, timeout_s=PATIENCE_S, what="a failed push")
    b.charger.send_meter_values()
    heard = len(b.scsp.requests_received)
    b.scsp.start()
    until(lambda: b.messages("SESSION")[0].delivered_revision > message.revision, timeout_s=PATIENCE_S)
    settled(b)
    later = [r for r in b.scsp.requests_received[heard:] if "/sessions/" in r.path]
    assert later[0].method == "PUT"
    told = b.scsp.sessions[b.session_id]
    assert Decimal(str(told["kwh"])) == b.session.kwh > 0
    assert b.messages("SESSION")[0].failures == 0


def test_many_charge_points_at_once_each_get_their_own_profile_and_each_request_its_own_result(bay: MakeBay):
    bays = [bay(evses=2) for _ in range(4)]
    sessions = [(b, connector, b.plug_in(connector).session_id) for b in bays for connector in (1, 2)]
    with ThreadPoolExecutor(len(sessions)) as pool:
        calls = list(
            pool.map(lambda job: job[1][0].scsp.put_profile(job[1][2], [(0, 5000 + job[0])]), enumerate(sessions))
        )
    for position, ((b, connector, session_id), call) in enumerate(zip(sessions, calls, strict=True)):
        assert b.result(call) == ACCEPTED
        transaction_id = ChargingSession.objects.get(uid=session_id).ocpp_transaction_id
        asked = [c for c in b.charger.calls("SetChargingProfile") if c["connectorId"] == connector]
        assert [(limits(c), c["csChargingProfiles"]["transactionId"]) for c in asked] == [
            ([5000 + position], int(transaction_id))
        ]
    for b in bays:
        settled(b)
        assert len(b.scsp.results) == 2
