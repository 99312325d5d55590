"""Prometheus figures, read from the rows at the moment of the scrape: every process tells the same truth."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from chargepoints.models import ChargePoint, ChargePointCommand, ChargingSession
from ocpi.models import OutboxMessage, ProfileRequest

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Rows:
    """A collector over counts that indexes answer."""

    def collect(self) -> Iterator[Metric]:
        hour = timezone.now() - timedelta(hours=1)
        yield _gauge("cpo_charge_points_online", "Charge points connected", ChargePoint.objects.online().count())
        yield _gauge("cpo_charge_points", "Charge points known", ChargePoint.objects.count())
        active = ChargingSession.objects.filter(state=ChargingSession.State.ACTIVE).count()
        yield _gauge("cpo_sessions_active", "Sessions that are charging", active)
        commands = ChargePointCommand.objects.filter(created_at__gt=hour)
        yield _by("cpo_commands_last_hour", "Commands by status", commands, "status")
        requests = ProfileRequest.objects.filter(received_at__gt=hour)
        yield _by("cpo_profile_requests_last_hour", "Profile requests by response", requests, "response")
        yield _by("cpo_profile_results_last_hour", "Profile requests by result", requests.exclude(result=""), "result")
        messages = OutboxMessage.objects.filter(created_at__gt=hour)
        yield _by("cpo_outbox_messages_last_hour", "Messages to partners by status", messages, "status")


def _gauge(name: str, text: str, value: int) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _by(name: str, text: str, rows, field: str) -> Metric:  # type: ignore[no-untyped-def]
    family = GaugeMetricFamily(name, text, labels=[field])
    for row in rows.order_by().values(field).annotate(count=Count("pk")):
        family.add_metric([row[field]], row["count"])
    return family


def render() -> bytes:
    registry = CollectorRegistry()
    registry.register(Rows())
    return generate_latest(registry)
