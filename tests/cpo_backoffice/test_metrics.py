"""Prometheus figures, read from the rows (text format 0.0.4)."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from chargepoints.models import ChargePointCommand
from ocpi.models import OutboxMessage, ProfileRequest
from tests.support import ocpi_factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("recorded_queue")]


@pytest.fixture
def recorded_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    from ocpi.tasks import deliver_message

    monkeypatch.setattr(deliver_message, "enqueue", lambda *_: None)


def figures() -> dict[tuple[str, ...], float]:
    response = Client().get("/metrics")
    assert (response.status_code, response["Content-Type"].partition(";")[0]) == (200, "text/plain")
    families = text_string_to_metric_families(response.content.decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_an_empty_product_has_figures_too():
    assert figures() == {("cpo_charge_points_online",): 0, ("cpo_charge_points",): 0, ("cpo_sessions_active",): 0}


def test_charge_points_and_sessions_are_counted():
    make.session("CP1")
    make.session("CP2", online=False, ocpp_transaction_id="2", state="COMPLETED")
    now = figures()
    assert now[("cpo_charge_points_online",)] == 1
    assert now[("cpo_charge_points",)] == 2
    assert now[("cpo_sessions_active",)] == 1


def test_requests_commands_and_messages_of_the_last_hour_are_counted_by_what_became_of_them():
    party, session = make.party(), make.session()
    make.finish(make.accepted(party, session).command)
    old = timezone.now() - timedelta(hours=2)
    make.finish(make.accepted(party, session, limit=6900).command)
    newest = ProfileRequest.objects.latest("pk")
    ProfileRequest.objects.filter(pk=newest.pk).update(received_at=old)
    OutboxMessage.objects.filter(profile_request=newest).update(created_at=old)
    ChargePointCommand.objects.filter(kind="GET_COMPOSITE").delete()
    ChargePointCommand.objects.filter(pk=newest.command_id).update(created_at=old)
    now = figures()
    assert now[("cpo_profile_requests_last_hour", "ACCEPTED")] == 1
    assert now[("cpo_profile_results_last_hour", "ACCEPTED")] == 1
    assert now[("cpo_outbox_messages_last_hour", "PENDING")] == 1
    assert now[("cpo_commands_last_hour", "ACCEPTED")] == 1
    assert ("cpo_commands_last_hour", "QUEUED") not in now


def test_a_scrape_costs_the_same_number_of_queries_however_much_there_is(django_assert_num_queries):
    with django_assert_num_queries(7):
        figures()
    party, session = make.party(), make.session()
    for number in range(4):
        make.accepted(party, session, limit=6000 + number)
    with django_assert_num_queries(7):
        figures()


def test_nothing_of_a_partner_or_a_driver_is_in_the_figures():
    make.finish(make.accepted(make.party(), make.session()).command)
    text = Client().get("/metrics").content.decode()
    assert [word for word in ("JED", "CARD1", "CP1", "jed.example") if word in text] == []
