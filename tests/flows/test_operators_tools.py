"""The self-test, the console and the message log, over real websockets and beside real partners."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chargepoints import self_tests
from chargepoints.admin import console
from chargepoints.models import ChargePointCommand, OcppMessage, SmartChargingTest
from tests.support.bay import Bay, MakeBay
from tests.support.charger import PATIENCE_S
from tests.support.processes import until

OPERATOR = "operator noor"


def finished(test: SmartChargingTest) -> SmartChargingTest | None:
    test.refresh_from_db()
    return test if test.ended_at else None


def told_w(b: Bay) -> list[float]:
    """The first limit of each plan that the partner was told."""
    bodies = [push.body["charging_profile"]["charging_profile_period"] for push in b.scsp.pushes]
    return [periods[0]["limit"] for periods in bodies]


@pytest.mark.once
def test_a_self_test_passes_and_leaves_the_partner_what_it_had_in_both_versions(bay: MakeBay):
    bays = [bay(version=version).plug_in() for version in ("1.6", "2.0.1")]
    for b in bays:
        assert b.result(b.put(11000)) == {"result": "ACCEPTED"}
        until(lambda b=b: told_w(b)[-1:] == [11000], timeout_s=PATIENCE_S, what="the plan at the partner")
    now = timezone.now()
    tests = [self_tests.start(b.session, requested_by=OPERATOR, now=now) for b in bays]
    for b, test in zip(bays, tests, strict=True):
        until(lambda test=test: finished(test), timeout_s=60, what="the end of the self-test")
        assert [(found["step"], found["tone"]) for found in test.findings] == [
            ("SETTING", "ok"), ("PLAN", "ok"), ("MEASURING", "ok"), ("CLEARING", "ok"), ("AFTERWARDS", "ok"),
        ], test.findings  # fmt: skip
        assert test.verdict == "PASSED"
        states = dict(b.session.profiles.values_list("owner", "state"))
        assert states == {b.party.owner: "INSTALLED", "self-test": "CLEARED"}
        assert len(b.charger.calls("SetChargingProfile")) == 2  # the partner's was not sent again
        until(lambda b=b: told_w(b)[-1:] == [11000], timeout_s=PATIENCE_S, what="the plan at the partner again")
        assert 4140 in told_w(b)


@pytest.mark.once
def test_a_call_from_the_console_is_answered_and_kept_in_the_message_log(bay: MakeBay, settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    b = bay().plug_in()
    client = Client()
    client.force_login(User.objects.create_superuser(f"noor-{b.identity.name}"))
    url = console.url_of(b.charge_point)
    asked = {"ocpp_action": "GetConfiguration", "key.0": "HeartbeatInterval", "count:key": "1", "check": "yes"}
    sent = client.post(url, asked)["Location"].rpartition("=")[2]

    def shown() -> str:
        return client.get(url, {"live": "1", "sent": sent}).content.decode()

    until(lambda: "ACCEPTED" in shown(), timeout_s=PATIENCE_S, what="the answer on the page")
    assert "&quot;HeartbeatInterval&quot;" in shown()
    answer = ChargePointCommand.objects.get(pk=sent).answer
    logged = OcppMessage.objects.filter(charge_point=b.charge_point)
    last = until(
        lambda: logged.filter(direction="OUT", payload__contains="HeartbeatInterval").first(), what="it in the log"
    )
    assert (last.action, last.answer_type, json.loads(last.answer)) == ("GetConfiguration", "CALLRESULT", answer)
    assert {"BootNotification", "Authorize", "StartTransaction"} <= set(logged.values_list("action", flat=True))
    assert not logged.filter(payload__contains="SIM-TAG").exists()
