"""DELETE and GET chargingprofiles."""

from datetime import UTC, datetime, timedelta

from chargepoints.simulator import Answer, Composite
from tests.flows.test_set_profile import ACCEPTED, REJECTED, both_versions, settled
from tests.support.bay import FULL_W, MakeBay

UNKNOWN = {"result": "UNKNOWN"}


def test_delete_with_nothing_set_is_accepted_then_unknown_and_asks_the_charge_point_nothing(bay: MakeBay):
    b = bay().plug_in()
    call = b.delete()
    assert (call.result, call.timeout_s) == ("ACCEPTED", 30)
    assert b.result(call) == UNKNOWN
    settled(b)
    assert b.charger.calls("ClearChargingProfile") == []
    assert b.results(call) == [UNKNOWN]


def test_delete_clears_our_profile_by_its_id_and_nothing_else(bay: MakeBay):
    """OCPP 1.6 errata 3.25: without criteria everything would go."""
    b = bay().plug_in()
    assert b.result(b.put(11000)) == ACCEPTED
    assert b.result(b.delete()) == ACCEPTED
    settled(b)
    assert b.charger.calls("ClearChargingProfile") == [{"id": b.profile.pk}]
    assert b.charger.profiles == ()
    assert b.profile.state == "CLEARED"
    assert b.result(b.delete()) == UNKNOWN
    assert len(b.charger.calls("ClearChargingProfile")) == 1


@both_versions
def test_after_a_delete_the_pushed_profile_is_the_maximum_of_the_evse(bay: MakeBay, version: str):
    b = bay(version=version).plug_in()
    assert b.result(b.put(11000)) == ACCEPTED
    assert b.scsp.wait_for(lambda: len(b.scsp.pushes) == 1)
    assert b.result(b.delete()) == ACCEPTED
    assert b.scsp.wait_for(lambda: len(b.scsp.pushes) == 2)
    settled(b)
    limits = [push.body["charging_profile"]["charging_profile_period"] for push in b.scsp.pushes]
    assert limits == [[{"start_period": 0, "limit": 11000}], [{"start_period": 0, "limit": FULL_W}]]


def test_get_brings_the_active_profile_of_the_time_asked_for(bay: MakeBay):
    b = bay().plug_in()
    assert b.result(b.put(11000, 0, start=datetime.now(UTC))) == ACCEPTED
    call = b.get(duration_s=900)
    assert (call.result, call.timeout_s) == ("ACCEPTED", 30)
    body = b.result(call)
    assert set(body) == {"result", "profile"}
    assert body["result"] == "ACCEPTED"
    profile = body["profile"]["charging_profile"]
    assert (profile["charging_rate_unit"], profile["duration"]) == ("W", 900)
    assert profile["charging_profile_period"] == [{"start_period": 0, "limit": 11000}]
    start = datetime.fromisoformat(body["profile"]["start_date_time"])
    assert abs(start - datetime.now(UTC)) < timedelta(seconds=10)
    assert {"connectorId": 1, "duration": 900, "chargingRateUnit": "W"} in b.charger.calls("GetCompositeSchedule")


def test_get_where_nothing_was_set_is_the_maximum_of_the_evse(bay: MakeBay):
    b = bay().plug_in()
    body = b.result(b.get())
    assert body["profile"]["charging_profile"]["charging_profile_period"] == [{"start_period": 0, "limit": FULL_W}]
    assert b.charger.calls("SetChargingProfile") == []
    assert b.scsp.pushes == []


def test_get_that_the_charge_point_refuses_is_rejected_without_a_profile(bay: MakeBay):
    b = bay().plug_in()
    b.charger.set_knobs(composite=Composite.REJECTED)
    assert b.result(b.get()) == REJECTED


def test_clear_that_the_charge_point_does_not_answer_well_is_rejected_and_the_profile_stays(bay: MakeBay):
    b = bay().plug_in()
    assert b.result(b.put(11000)) == ACCEPTED
    b.charger.set_knobs(answer=Answer.CALL_ERROR, actions=frozenset({"ClearChargingProfile"}))
    assert b.result(b.delete()) == REJECTED
    assert b.profile.state == "INSTALLED"
