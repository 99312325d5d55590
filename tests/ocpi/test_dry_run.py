"""The dry run: what a partner would get and what would be sent, and that neither happens."""

import json
from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.urls import reverse
from django.utils import timezone

from chargepoints import commands
from chargepoints.models import ChargePoint, ChargePointCommand
from chargepoints.ocpp import registry
from ocpi import profile_requests
from ocpi.models import RequestBucket
from tests.support import factories as rows
from tests.support import ocpi_factories as factories
from tests.support.operators import HOSTILE, act, client_of, client_of_all

pytestmark = pytest.mark.django_db
_names = count()
RESPONSE_URL = "https://jed.example/result?id=1"


@pytest.fixture(autouse=True)
def nothing_leaves(settings, tmp_path, enqueued):
    settings.STATIC_ROOT = tmp_path
    return enqueued


@pytest.fixture
def party():
    return factories.party()


def a_session(version: str = "1.6", **of_charge_point: Any):
    session = factories.session()
    ChargePoint.objects.filter(pk=session.charge_point_id).update(ocpp_version=version, **of_charge_point)
    session.charge_point.refresh_from_db()
    return session


def body(*limits_w: float, unit: str = "W", **fields: Any) -> dict[str, Any]:
    periods = [{"start_period": 900 * i, "limit": limit} for i, limit in enumerate(limits_w)]
    return {"charging_rate_unit": unit, "charging_profile_period": periods, **fields}


def request_body(profile: Any, **fields: Any) -> dict[str, Any]:
    return {"charging_profile": profile, "response_url": RESPONSE_URL, **fields}


def run(target: Any, profile: Any, client: Any = None, **fields: Any) -> Any:
    text = profile if isinstance(profile, str) else json.dumps(profile)
    data = {"target": str(target), "profile": text, **fields}
    response = (client or client_of("view", name=f"noor-{next(_names)}")).post(reverse("admin:dry_run"), data)
    assert response.status_code == 200
    return response.context


def answer(context: Any) -> dict[str, Any]:
    return {key: value for key, value in json.loads(context["answer"]).items() if key != "timestamp"}


def everything() -> list[str]:
    """Every row of both apps, whole."""
    models = [*apps.get_app_config("chargepoints").get_models(), *apps.get_app_config("ocpi").get_models()]
    return [serializers.serialize("json", model._default_manager.order_by("pk")) for model in models]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_what_is_shown_is_what_a_request_then_sends_and_nothing_is_written(party, version, nothing_leaves):
    session = a_session(version, max_periods=4, rate_units="A")
    factories.finish(factories.accepted(party, session, limit=5000).command)  # so that the profile has its id
    ChargePointCommand.objects.filter(kind="GET_COMPOSITE").delete()
    nothing_leaves.clear()
    client, before = client_of_all(), everything()
    [(part, _, _)] = run(session.uid, request_body(body(10000, 0, 50000)), client)["parts"]
    assert (everything(), nothing_leaves) == (before, [])
    wish = factories.wish(session, schedule=rows.schedule(10000, 0, 50000, unit=factories.schedule().unit))
    asked = profile_requests.receive(party, wish, now=timezone.now())
    sent = registry.version_of(version).to_call(commands.to_request(asked.command))
    assert (part.action, part.payload) == sent
    assert list(part.notes) == asked.command.notes
    assert part.notes == (
        "10000 W -> 14.4 A: 3 phases, 230 V, rounded down",
        "50000 W -> 72.4 A: 3 phases, 230 V, rounded down",
        "72.4 A -> 32 A: the connector's maximum",
    )


def test_a_partner_gets_exactly_the_error_that_is_shown(party):
    context = run(a_session().uid, request_body(body(11000, unit="kW")))
    message = "charging_profile.charging_rate_unit: must be A or W"
    assert answer(context) == {"status_code": 2001, "status_message": message}
    assert (context["outcome"].http_status, context["parts"]) == (200, [])


def test_what_is_no_json_gets_http_400(party):
    context = run(a_session().uid, "{")
    assert (context["outcome"].http_status, answer(context)["status_code"]) == (400, 2000)


def test_a_body_needs_a_response_url_and_a_bare_profile_is_told_so(party):
    session = a_session()
    whole = run(session.uid, {"charging_profile": body(11000)})
    assert answer(whole) == {"status_code": 2001, "status_message": "response_url: is required"}
    bare = run(session.uid, body(11000))
    assert answer(bare)["data"] == {"result": "ACCEPTED", "timeout": 30}
    assert "No response_url: a partner must send one, else it gets 2001." in bare["remarks"]


def test_a_response_url_of_another_host_is_refused_as_the_partner_would_hear_it(party):
    context = run(a_session().uid, request_body(body(11000), response_url="https://elsewhere.example/"))
    assert answer(context)["status_code"] == 2001
    assert context["parts"] == []


def test_offline_is_said_and_what_would_be_sent_is_shown_all_the_same(party):
    context = run(a_session(connection_id="").uid, body(11000))
    assert answer(context)["data"]["result"] == "REJECTED"
    assert answer(context)["status_message"] == "charger_offline: the charge point is not connected"
    assert len(context["parts"]) == 1


def test_too_often_is_told_and_no_token_is_taken(party, settings):
    settings.OCPI_SESSION_BURST = 1
    session = a_session()
    assert answer(run(session.uid, body(11000)))["data"]["result"] == "ACCEPTED"
    assert RequestBucket.objects.count() == 0
    factories.accepted(party, session)
    again = run(session.uid, body(11000))
    assert answer(again)["data"]["result"] == "TOO_OFTEN"


def test_what_is_installed_already_is_not_sent_again(party):
    session = a_session()
    request = factories.accepted(party, session)
    factories.finish(request.command)
    ChargePointCommand.objects.exclude(pk=request.command.pk).delete()
    outcome = run(session.uid, body(11000))["outcome"]
    assert not outcome.rehearsal.is_sent
    assert "already installed exactly so" in outcome.verdict


def test_one_that_has_not_left_yet_is_said_to_be_superseded(party):
    session = a_session()
    waiting = factories.accepted(party, session).command
    context = run(session.uid, body(7000))
    superseded = f"{waiting} of NL*JED has not left: it would be superseded, and its request get REJECTED."
    assert superseded in context["remarks"]
    assert context["outcome"].verdict == "It would be sent after 1 command(s) that wait already."
    waiting.refresh_from_db()
    assert waiting.status == "QUEUED"


def test_the_rest_of_a_long_schedule_is_shown_with_its_time(party):
    start = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    context = run(a_session(max_periods=2).uid, body(11000, 10000, 9000, 8000, start_date_time=start))
    first, *rest = [part for part, _, _ in context["parts"]]
    assert [period.limit for period in first.schedule.periods] == [11000, 8000]
    assert [[int(period.limit) for period in part.schedule.periods] for part in rest] == [[10000, 8000], [9000, 8000]]
    assert first.at is None
    assert all(part.at for part in rest)
    assert ChargePointCommand.objects.count() == 0


def test_without_a_session_it_is_prepared_for_a_car_that_is_not_known(party):
    charge_point = rows.charge_point(identity="CP-9", ocpp_version="1.6")
    rows.evse(charge_point)
    rows.evse(charge_point, number=2)
    context = run("CP-9/2", body(11000))
    [(part, _, _)] = context["parts"]
    assert (part.payload["connectorId"], part.payload["csChargingProfiles"]["transactionId"]) == (2, 1)
    assert context["remarks"][1].startswith("No response_url")
    assert "with a car that is not known" in context["remarks"][2]


def test_one_that_never_connected_has_no_call_to_show(party):
    rows.evse(rows.charge_point(identity="CP-9", online=False))
    [(part, _, _)] = run("CP-9", body(11000))["parts"]
    assert (part.action, part.problem) == ("", "it has never connected, so its OCPP version is not known")


def test_a_hostile_profile_is_shown_as_text(party):
    client = client_of_all()
    data = {"target": a_session().uid, "profile": json.dumps(request_body(HOSTILE))}
    assert HOSTILE not in client.post(reverse("admin:dry_run"), data).content.decode()
    assert run(HOSTILE, body(1), client)["form"].errors == {
        "target": ["There is no such session, charge point or EVSE."]
    }


@pytest.mark.parametrize("kept", ["chargepoints.view_chargingsession", "chargepoints.view_chargepoint"])
def test_who_may_see_sessions_and_charge_points_may_use_it_and_nobody_else(kept):
    assert client_of(kept).get(reverse("admin:dry_run")).status_code == 403
    assert client_of("view", name="both").get(reverse("admin:dry_run")).status_code == 200


def test_the_page_of_a_session_leads_to_it():
    session = a_session()
    response = act(client_of("view"), "dry_run_of", session)
    assert response.redirect_chain[0][0] == f"{reverse('admin:dry_run')}?target={session.uid}"
    assert f'value="{session.uid}"' in response.content.decode()
